"""Deterministic names: the same work always has the same name, so that doing it twice is harmless."""

from __future__ import annotations

import hashlib
import re
from datetime import date

_KEY_DATE = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/")


def digest(*parts: str, length: int = 12) -> str:
    """A short hash of the parts; parts are kept apart."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:length]


def file_id(bucket: str, key: str, version_id: str) -> str:
    """Id of one version of one object; the state machine computes the same in its state `Name`."""
    return hashlib.sha256(f"{bucket}/{key}@{version_id}".encode()).hexdigest()[:16]


def date_folder(key: str, fallback: date) -> str:
    """`YYYY/MM/DD` of an observation's key, or of `fallback` where the key carries no real date."""
    found = _KEY_DATE.search(key)
    if found:
        try:
            return f"{date(*(int(part) for part in found.groups())):%Y/%m/%d}"
        except ValueError:
            pass
    return f"{fallback:%Y/%m/%d}"


def order_key(work_order_id: str) -> str:
    """Where a work order's document lies in the output bucket: `work-orders/YYYY/MM/DD/wo-….json`."""
    day = work_order_id.split("-")[1]
    return f"work-orders/{day[:4]}/{day[4:6]}/{day[6:]}/{work_order_id}.json"
