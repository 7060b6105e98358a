"""The address of an artifact store: `file:///folder`, or `s3://bucket/prefix` with options in its query.

Options are `region`, `endpoint_override` (another service that speaks S3) and `scheme`. An address may hold no secret,
because it is shown: credentials come from the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from runner.artifact_store.credentials import credentials_source
from runner.artifact_store.errors import InvalidAddress
from runner.artifact_store.folder_objects import FolderObjects
from runner.artifact_store.objects import Objects

OPTIONS = ("region", "endpoint_override", "scheme")
_USE = "use file:///absolute/folder or s3://bucket/prefix"


def open_objects(address: str, environment: Mapping[str, str] = os.environ) -> Objects:
    """Open what an address names; nothing is written.

    Raises:
        InvalidAddress: it cannot be used, or there are no credentials for it.
    """
    parts = _split(address)
    if parts.scheme == "file":
        if parts.netloc or parts.query or parts.fragment or not parts.path.strip("/"):
            raise InvalidAddress(f"ARTIFACTS={address}: {_USE}, with nothing between the second and the third slash")
        return FolderObjects(Path(unquote(parts.path)), address)
    if parts.scheme == "s3":
        return _bucket(address, parts, environment)
    raise InvalidAddress(f"ARTIFACTS={address}: {_USE}")


def _split(address: str) -> SplitResult:
    """Split an address; one with a user, a password or a key in it is refused without repeating it."""
    try:
        parts = urlsplit(address)
        holds_secret = "@" in parts.netloc or any(
            name.lower() in ("access_key", "secret_key", "session_token") for name, _ in parse_qsl(parts.query))
    except ValueError as error:
        raise InvalidAddress(f"ARTIFACTS is no address ({error}): {_USE}") from error
    if holds_secret:
        raise InvalidAddress("ARTIFACTS holds a user, a password or a key: give credentials by AWS_ACCESS_KEY_ID and "
                             "AWS_SECRET_ACCESS_KEY, or by a profile, because the address is shown")
    return parts


def _bucket(address: str, parts: SplitResult, environment: Mapping[str, str]) -> Objects:
    options = dict(parse_qsl(parts.query))
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise InvalidAddress(f"ARTIFACTS={address}: unknown option {unknown[0]!r}: use {', '.join(OPTIONS)}")
    if not parts.netloc:
        raise InvalidAddress(f"ARTIFACTS={address} names no bucket: {_USE}")
    if credentials_source(environment) is None:
        raise InvalidAddress(f"ARTIFACTS={address}: there are no credentials: set AWS_ACCESS_KEY_ID and "
                             "AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws; nothing is ever written without")
    from runner.artifact_store.bucket_objects import BucketObjects  # late: imports pyarrow

    scheme, _, endpoint = options.get("endpoint_override", "").rpartition("://")
    return BucketObjects(address, parts.netloc, unquote(parts.path).strip("/"), options.get("region"), endpoint or None,
                         options.get("scheme") or scheme or None)
