"""Real data of other people, which lies beside the checkout and not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared_data(folder: str) -> Path:
    """A folder of real data, or a skip with its reason."""
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"../shared/data/{folder} is not here")
    return path
