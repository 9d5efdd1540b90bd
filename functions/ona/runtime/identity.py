"""Deterministic ids: the same work always gets the same id, so that doing it twice is harmless.

>>> digest("a", "bc") != digest("ab", "c")
True
>>> len(file_id("bucket", "observations/x.csv", "version-1"))
16
"""

from __future__ import annotations

import hashlib


def digest(*parts: str, length: int = 12) -> str:
    """The first hexadecimal digits of a SHA-256 of the parts; 12 digits are 48 bits."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:length]


def file_id(bucket: str, key: str, version_id: str) -> str:
    """The id of one version of one object, 16 hexadecimal digits; state machines compute the same one."""
    return hashlib.sha256(f"{bucket}/{key}@{version_id}".encode()).hexdigest()[:16]
