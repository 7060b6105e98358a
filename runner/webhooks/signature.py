"""The headers of a delivery with its HMAC signature, by the Standard Webhooks scheme."""

from __future__ import annotations

import base64
import hashlib
import hmac

from runner.webhooks.payloads import Delivery


def headers_of(delivery: Delivery, body: bytes, now_seconds: int) -> dict[str, str]:
    """Return the headers with the delivery's id and signature (standardwebhooks.com, version 1)."""
    return {"Content-Type": "application/json", "User-Agent": "distill", "webhook-id": delivery.id,
            "webhook-timestamp": str(now_seconds),
            "webhook-signature": signature(delivery.secret, delivery.id, now_seconds, body)}


def signature(secret: str, identity: str, seconds: int, body: bytes) -> str:
    """Return `v1,` and the HMAC-SHA256, in base64, of `id.timestamp.body`, by the secret's bytes."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((identity.encode(), str(seconds).encode(), body))
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"
