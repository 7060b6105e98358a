"""Check the base URL of an OpenAI-compatible endpoint, as people type it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_ENDPOINT_PATHS = ("/chat/completions", "/api/chat", "/api/generate", "/api/tags", "/messages", "/chat", "/completions",
                   "/responses", "/embeddings", "/models", "/batches", "/files", "/health", "/docs", "/openapi.json")
_SECRET = re.compile(r"(?:key|token|secret|password|passwd|pwd|auth|sig|signature|code|credential)=|\bsk-[\w-]{8,}",
                     re.IGNORECASE)
_NEVER_IN_ONE = re.compile(r"""[<>{}\\^`|"']|[,;.]$|://.*://""")
"""What placeholders and slips of copying leave in an address."""


def address_errors(field: str, address: str | None) -> list[str]:
    """Return what is wrong with an endpoint's address, with the setting's name; nothing for a missing address.

    It is stored and shown, so that nothing secret may be part of it; a secret itself is not repeated in the message.
    """
    if not address:
        return []
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        return [f"{field} {address!r} is no address ({error}): use one like http://localhost:8000/v1"]
    if "@" in parts.netloc or _SECRET.search(parts.path) or _SECRET.search(parts.query):
        return [f"{field} holds a password or key, and would be stored with the run: give the address alone, "
                "and the key in OPENAI_API_KEY"]
    if not address.lower().startswith(("http://", "https://")):
        return [f"{field} {address!r} does not begin with http:// or https://"]
    if not parts.hostname or parts.port == 0 or not address.isprintable() or " " in address or \
            _NEVER_IN_ONE.search(address):
        return [f"{field} {address!r} is no address: use one like http://localhost:8000/v1"]
    if parts.fragment:
        return [f"{field} {address!r} has a part after '#', which is never sent: leave it out"]
    if verb := re.search(r":\w+$", parts.path):
        return [f"{field} {address!r} ends in {verb[0]}, which is a call of another interface: use the base URL of the "
                "OpenAI-compatible one"]
    path = parts.path.rstrip("/")
    if ending := next((end for end in _ENDPOINT_PATHS if path.lower().endswith(end)), None):
        base = urlunsplit(parts._replace(path=path[:-len(ending)] + ("/v1" if ending.startswith("/api/") else "")))
        return [f"{field} {address!r} ends in {ending}, which the program adds itself: use {base!r}"]
    return []
