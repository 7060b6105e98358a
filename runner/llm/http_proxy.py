"""Which proxy a call to an address goes through, by the environment variables that the HTTP client reads."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from runner.llm.redaction import redact_url

_SCHEMES = ("http", "https", "socks5", "socks5h")


def proxy_errors() -> list[str]:
    """A sentence for each proxy of the environment that the HTTP client cannot use, whichever address is called."""
    proxies = getproxies()
    return [f"{scheme.upper()}_PROXY {redact_url(proxies[scheme]) or 'without a host'!r} is no proxy that can be used: "
            "write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, or unset it"
            for scheme in ("http", "https", "all") if proxies.get(scheme) and not _is_usable(proxies[scheme])]


def _is_usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.hostname)


def proxy_for(address: str) -> str | None:
    """The proxy's address without user and password, None where the address is called directly."""
    parts = urlsplit(address)
    proxies = getproxies()
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    found = proxies.get(parts.scheme) or proxies.get("all")
    return redact_url(found) if found else None
