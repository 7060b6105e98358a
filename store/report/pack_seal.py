"""Seal the content of an evidence pack: a hash of each section, and a signature over all hashes.

Hashes show which section was altered after the pack was written. Anyone can compute them anew, so only a signature
shows who wrote the pack.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store.files import sha256_of
from store.report.signature import InvalidKey, fingerprint, is_signature, public_pem, sign

FORMAT = 1
"""Version of the pack; a pack of a higher one is refused."""
SEAL = "seal"
"""Name of the section with the hashes; it covers all others."""


def seal_of(content: Mapping[str, Any], key: Ed25519PrivateKey | None) -> dict[str, Any]:
    """Return the seal of a pack's sections, signed if there is a key."""
    body: dict[str, Any] = {"format": FORMAT, "sections": {name: section_sha256(value) for name, value in
                                                           sorted(content.items())},
                            "public_key": public_pem(key) if key else None}
    return body | {"signature": sign(key, canonical(body)) if key else None}


def section_sha256(value: Any) -> str:
    """Return the SHA-256 of a section's canonical JSON."""
    return sha256_of(canonical(value))


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def seal_differences(pack: Mapping[str, Any], trusted: str | None) -> list[str]:
    """Return what contradicts the seal, a sentence each.

    Args:
        pack: the whole pack, with its seal.
        trusted: the public key that it has to be signed with, as PEM; None accepts any key, and no signature.
    """
    seal = pack[SEAL]
    listed = seal.get("sections")
    if not isinstance(listed, dict):
        return ["the seal lists no sections"]
    found = [f"section {name!r} is missing: the seal lists it" for name in listed if name not in pack]
    found += [f"section {name!r} is not in the seal" for name in pack if name != SEAL and name not in listed]
    found += [f"section {name!r} was altered: its SHA-256 is {digest[:12]}, and the seal says {str(listed[name])[:12]}"
              for name in listed if name in pack and (digest := section_sha256(pack[name])) != listed[name]]
    return [*found, *_signature_differences(seal, trusted)]


def signer_of(pack: Mapping[str, Any]) -> str | None:
    """Return the fingerprint of the key that a pack names; None if it is not signed."""
    public = pack[SEAL].get("public_key")
    return fingerprint(public) if public else None


def _signature_differences(seal: Mapping[str, Any], trusted: str | None) -> list[str]:
    public, signature = seal.get("public_key"), seal.get("signature")
    if public is None and signature is None:
        return [f"the pack is not signed, and a signature of {fingerprint(trusted)} was asked for"] if trusted else []
    if not isinstance(public, str) or not isinstance(signature, str):
        return [f"the seal has {'a signature but no public key' if signature else 'a public key but no signature'}"]
    try:
        signer = fingerprint(public)
        if trusted and fingerprint(trusted) != signer:
            return [f"the pack is signed with {signer}, and not with the key that was asked for, "
                    f"{fingerprint(trusted)}"]
        body = {name: value for name, value in seal.items() if name != "signature"}
        return [] if is_signature(public, signature, canonical(body)) else \
            [f"the signature does not belong to this seal and the key {signer}"]
    except InvalidKey as error:
        return [f"the seal's key cannot be used: {error}"]
