"""Find the API key: in the environment, or in a `.env` file."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from runner.llm.errors import InvalidKey, MissingKey
from runner.llm.redaction import NO_KEY, redact_url

VARIABLE = "OPENAI_API_KEY"
OPENAI_ADDRESS = "https://api.openai.com/v1"


def key_for(address: str, environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env"),
            alternative: str = "choose the teacher 'knowledge-base', which needs none") -> str:
    """The key from the environment, or else from a `.env` file, which is only read.

    Raises:
        MissingKey: there is none, and the address is that of the OpenAI API (others may not need one).
        InvalidKey: it holds characters that no header can carry.
    """
    key = (environ.get(VARIABLE) or _dotenv(dotenv).get(VARIABLE) or "").strip()
    if not key and urlsplit(address).hostname == urlsplit(OPENAI_ADDRESS).hostname:
        raise MissingKey(f"no API key for {redact_url(address)}: set {VARIABLE} in the environment or in "
                         f"{dotenv.absolute()}, or {alternative}")
    if not (key.isascii() and key.isprintable()) or set(" '\"\\") & set(key) or key.startswith(("$", f"{VARIABLE}=")):
        raise InvalidKey(f"{VARIABLE} holds a space, a line break, a quote or a character that no key has: copy the "
                         "key again")
    return key or NO_KEY


def further_key_headers(address: str, key: str) -> dict[str, str]:
    """Headers that carry the key beside `Authorization`: Azure takes a key in one of its own only."""
    parts = urlsplit(address)
    is_azure = (parts.hostname or "").endswith(".azure.com") or "api-version=" in parts.query
    return {"api-key": key} if is_azure and key != NO_KEY else {}


def _dotenv(file: Path) -> Mapping[str, str | None]:
    """The variables of a `.env` file, in whatever encoding an editor saved it; none where there is no file.

    Raises:
        InvalidKey: the file cannot be read, or is no text.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidKey(f"{file.absolute()} cannot be read ({error.strerror}): give permission, or set {VARIABLE} in "
                         "the environment") from error
    encodings = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
                 codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in encodings.items() if content.startswith(mark)), "utf-8")
    first, second = content[0::2].count(0), content[1::2].count(0)
    if encoding == "utf-8" and 4 * max(first, second) > len(content):  # UTF-16 without its mark, mostly ASCII
        encoding = "utf-16-be" if first > second else "utf-16-le"
    try:
        return dotenv_values(stream=io.StringIO(content.decode(encoding)))
    except UnicodeDecodeError as error:
        raise InvalidKey(f"{file.absolute()} is no UTF-8 text: save it as UTF-8, or set {VARIABLE} in the environment"
                         ) from error
