"""Deterministic names: the same work always has the same name, so that doing it twice is harmless."""

from __future__ import annotations

import hashlib


def digest(*parts: str, length: int = 12) -> str:
    """A short hash of the parts; parts are kept apart."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:length]


def file_id(bucket: str, key: str, version_id: str) -> str:
    """Id of one version of one object; the state machine computes the same in its state `Name`."""
    return hashlib.sha256(f"{bucket}/{key}@{version_id}".encode()).hexdigest()[:16]
