"""Find the API key, and redact it from every text."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from dotenv import dotenv_values

from runner.llm.errors import InvalidKey, MissingKey

VARIABLE = "OPENAI_API_KEY"
OPENAI_ADDRESS = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"
"""Sent to servers that need no key; the library refuses to send a request without one."""

# Servers quote keys back, in part or whole ("Incorrect API key provided: sk-abc***xyz").
_KEY_LIKE = re.compile(r"\bsk-[\w*.-]{4,}|(?<=Bearer )\S+")


def key_for(address: str, environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env"),
            alternative: str = "choose the teacher 'knowledge-base', which needs none") -> str:
    """The key from the environment, or else from a `.env` file, which is only read.

    Raises:
        MissingKey: there is none, and the address is that of the OpenAI API (others may not need one).
        InvalidKey: it holds characters that no header can carry.
    """
    key = (environ.get(VARIABLE) or dotenv_values(dotenv).get(VARIABLE) or "").strip()
    if not key and urlsplit(address).hostname == urlsplit(OPENAI_ADDRESS).hostname:
        raise MissingKey(f"no API key for {redact_url(address)}: set {VARIABLE} in the environment or in "
                         f"{dotenv.absolute()}, or {alternative}")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidKey(f"{VARIABLE} holds a space or a character that no key has: copy the key again")
    return key or NO_KEY


def redact(text: str, key: str) -> str:
    """Replace the key, and anything that looks like one, in a text."""
    return _KEY_LIKE.sub("[key]", text.replace(key, "[key]") if key != NO_KEY else text)


def redact_url(address: str) -> str:
    """An address without user, password and query, as it may be shown."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
