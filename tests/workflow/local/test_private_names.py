"""A hook that finds no private name to hold on to says which."""

from __future__ import annotations

import types

import pytest

from local.hooks.base import HookBroken, private, replace


def test_a_private_name_that_is_gone_is_named() -> None:
    module = types.ModuleType("somewhere")
    with pytest.raises(HookBroken, match=r"somewhere\._gone"):
        private(module, "_gone")
    with pytest.raises(HookBroken, match=r"somewhere\._gone"):
        replace(module, "_gone", 1)
