"""List prices as the commands take them: those of this checkout's `configs/`."""

from __future__ import annotations

from pathlib import Path

from operations.config.prices import FOLDER as IN_CONFIGS
from operations.config.prices import Price, Prices, kind_of
from operations.config.prices import newest as newest_of
from ops.target import CONFIGS

FOLDER = CONFIGS / IN_CONFIGS
"""The folder of the lists."""
__all__ = ["FOLDER", "IN_CONFIGS", "Price", "Prices", "kind_of", "newest"]


def newest(base: Path = CONFIGS) -> Prices:
    """The newest list. Raises InvalidConfiguration where there is none, or it is wrong."""
    return newest_of(base)
