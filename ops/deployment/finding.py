"""What one check before or after a deployment found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong", "not asked"]
"""A note is for a person to read; it stops nothing."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    state: State
    about: str
    text: str
