"""Secrets of webhook subscriptions: derived from the platform's signing key, told once, stored nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac

SIGNING_KEY = "webhook-signing-key"
"""Name of the SecureString under `/ona-platform/<env>/`."""


def secret_of(key: str, subscription_id: str) -> str:
    """A subscription's secret, `whsec_…`, from the signing key: HMAC-SHA256 over its id."""
    derived = hmac.new(key.encode(), subscription_id.encode(), hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(derived).decode()}"
