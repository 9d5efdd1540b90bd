"""Another clock for a module under test, and for nothing else.

`monkeypatch.setattr(module.time, "sleep", …)` changes the module `time` itself, for every thread of the
process: a server of an earlier test that goes on in the background then moves the clock of this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def give(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType, **functions: Callable[..., Any]) -> None:
    """Let these modules' `time` have other functions, as `sleep=…`; what is not given stays."""
    for module in modules:
        monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), **functions}))
