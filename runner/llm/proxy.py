"""Which proxy a call to an address goes through, by the environment variables that the HTTP client reads."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from runner.llm.redaction import redact_url


def proxy_for(address: str) -> str | None:
    """The proxy's address without user and password, None where the address is called directly."""
    parts = urlsplit(address)
    proxies = getproxies()
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    found = proxies.get(parts.scheme) or proxies.get("all")
    return redact_url(found) if found else None
