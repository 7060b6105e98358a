"""Sign bytes with a team's Ed25519 key, and check signatures. Keys are PEM files; nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_SUFFIX = ".pub"


class InvalidKey(ValueError):
    """A key cannot be read, or is not an Ed25519 key; the message is one sentence."""


def make_key(path: Path) -> Path:
    """Write a new private key, readable by its owner only, and its public key beside it; return the public one's path.

    Raises:
        FileExistsError: a file of this name exists; it is never overwritten.
    """
    public = path.with_name(path.name + PUBLIC_SUFFIX)
    if public.exists():
        raise FileExistsError(public)
    key = Ed25519PrivateKey.generate()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    public.write_text(public_pem(key), encoding="ascii")
    return public


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key that `make_key` or another program wrote as PEM.

    Raises:
        InvalidKey: no such file, not PEM, protected by a password, or of another kind.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise InvalidKey(f"key {path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"key {path} is not an unprotected private key in PEM: make one with 'make-key'") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey(f"key {path} is not an Ed25519 key: make one with 'make-key'")
    return key


def read_public_key(text: str) -> Ed25519PublicKey:
    """Read a public key in PEM.

    Raises:
        InvalidKey: not PEM, or of another kind.
    """
    try:
        key = serialization.load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey("the public key is not in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidKey("the public key is not an Ed25519 key")
    return key


def public_pem(key: Ed25519PrivateKey) -> str:
    """Return the public key of a private one as PEM."""
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(public: str) -> str:
    """Return the SHA-256 of a public key's 32 bytes, as people compare it; raises InvalidKey."""
    raw = read_public_key(public).public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"SHA256:{hashlib.sha256(raw).hexdigest()}"


def sign(key: Ed25519PrivateKey, data: bytes) -> str:
    """Return the signature as base64."""
    return base64.b64encode(key.sign(data)).decode()


def is_signature(public: str, signature: str, data: bytes) -> bool:
    """Return whether the signature is that of the holder of this public key over these bytes; raises InvalidKey."""
    try:
        read_public_key(public).verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError) as error:
        if isinstance(error, InvalidKey):
            raise
        return False
    return True
