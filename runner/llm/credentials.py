"""The API key: where it is found, and how it is kept out of every text."""

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
"""What servers of one's own are told; the library will not send a request without any key."""

# Servers quote keys back, in part or whole ("Incorrect API key provided: sk-abc***xyz").
_KEY_LIKE = re.compile(r"\bsk-[\w*.-]{4,}|(?<=Bearer )\S+")


def key_for(address: str, environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env"),
            instead: str = "choose the teacher 'knowledge-base', which needs none") -> str:
    """The key from the environment or else from a `.env` file, which is read and changes nothing.

    Raises:
        MissingKey: there is none, and the address is the OpenAI API's (others may not need one).
        InvalidKey: it holds characters that no header can carry.
    """
    key = (environ.get(VARIABLE) or dotenv_values(dotenv).get(VARIABLE) or "").strip()
    if not key and urlsplit(address).hostname == urlsplit(OPENAI_ADDRESS).hostname:
        raise MissingKey(f"no API key for {redact_url(address)}: set {VARIABLE} in the environment or in "
                         f"{dotenv.absolute()}, or {instead}")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidKey(f"{VARIABLE} holds a space or a character that no key has: copy the key again")
    return key or NO_KEY


def redact(text: str, key: str) -> str:
    """A text without the key, nor anything that looks like one."""
    return _KEY_LIKE.sub("[key]", text.replace(key, "[key]") if key != NO_KEY else text)


def redact_url(address: str) -> str:
    """An address as it may be shown: without user, password and query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
