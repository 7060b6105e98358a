"""Decode bytes to text, detecting the encoding."""

from __future__ import annotations

import codecs
import contextlib
import re
import unicodedata

from charset_normalizer import from_bytes

from knowledge.documents.document import Unreadable

# Number of bytes used to detect an encoding.
_SAMPLE_BYTES = 200_000
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NO_TEXT = frozenset(("Cc", "Cn", "Co", "Cs", "So"))
_MIN_TEXT_SHARE = 0.98
_CLEAR_COHERENCE, _OTHER_LETTERS = 0.5, 0.9
"""How well a detected encoding must fit a language, and the share of letters outside ASCII that are not Latin."""
_NOT_WESTERN = re.compile("[\xc0-\xff]{5}")
"""Letters of Western languages outside ASCII, more in a row than any word of them has."""
_DECLARED = re.compile(rb"<meta[^>]+charset=[\"']?([\w-]+)", re.I)


def decode(data: bytes) -> tuple[str, str]:
    """The text, and a remark on its encoding, which is empty for UTF-8.

    Raises:
        Unreadable: binary data, or text in an encoding that is not recognised.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _lines(data.decode(encoding, errors="replace")), ""
    if encoding := _without_mark(data):
        return _lines(data.decode(encoding, errors="replace")), f"not UTF-8: read as {encoding}"
    if _is_binary(data):
        raise Unreadable("binary data, not text")
    try:
        return _lines(data.decode("utf-8")), ""
    except UnicodeDecodeError:
        return _not_utf8(data)


def _not_utf8(data: bytes) -> tuple[str, str]:
    """Replace a few invalid bytes in UTF-8; otherwise use the declared or detected encoding."""
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = sum(char > "\x7f" for char in text) - bad
    if good > bad:
        return _lines(text), f"invalid UTF-8: {bad} bytes replaced"
    for encoding in (*_declared(data), *_detected(data)):
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            return _lines(data.decode(encoding)), f"not UTF-8: read as {encoding}"
    if _NOT_WESTERN.search(data[:_SAMPLE_BYTES].decode("latin-1")):
        raise Unreadable("text in an encoding that is not recognised, so save it as UTF-8")
    with contextlib.suppress(UnicodeDecodeError):
        return _lines(data.decode("cp1252")), "not UTF-8: read as cp1252"
    return _lines(text), f"invalid UTF-8: {bad} bytes replaced"


def _declared(data: bytes) -> list[str]:
    found = _DECLARED.search(data[:2048])
    return [found[1].decode("ascii")] if found and found[1].lower() != b"utf-8" else []


def _detected(data: bytes) -> list[str]:
    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    # Western text is most likely, and detection errs on short texts: accept only clear evidence of another alphabet.
    return [best.encoding] if best and (best.multi_byte_usage > 0.1 or (
        best.coherence >= _CLEAR_COHERENCE and _is_another_alphabet(str(best)))) else []


def _is_another_alphabet(text: str) -> bool:
    letters = [char for char in text if char > "\x7f" and char.isalpha()]
    return sum(not unicodedata.name(char, "").startswith("LATIN") for char in letters) > _OTHER_LETTERS * len(letters)


def _without_mark(data: bytes) -> str:
    """The encoding of UTF-16 without its mark; empty for anything else. Such text has zeros on one side, and almost
    only characters that stand for something."""
    sample = data[:8192 // 2 * 2]
    zeros = sample[1::2].count(0) - sample[::2].count(0)
    if b"\0" not in sample or len(data) % 2:
        return ""
    encoding = "utf-16-le" if zeros >= 0 else "utf-16-be"
    text = sample.decode(encoding, errors="replace")
    fit = sum(char in "\n\r\t" or unicodedata.category(char) not in _NO_TEXT for char in text)
    return encoding if fit >= _MIN_TEXT_SHARE * len(text) and any(map(str.isalpha, text)) else ""


def _is_binary(data: bytes) -> bool:
    sample = data[:8192]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    return b"\0" in sample or control > len(sample) / 50


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
