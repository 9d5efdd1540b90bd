"""The collector rests while modules are imported, and works as before afterwards."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from ona.runtime import collector

ABSENT, PRESENT = "no.such.module", "json"


class Ring:
    """Garbage that only the collector finds: it refers to itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_it_rests_while_a_module_is_imported_and_never_looks_at_what_was_made_then() -> None:
    before = gc.get_freeze_count()
    with collector.importing(ABSENT):
        assert not gc.isenabled()
        made = [Ring() for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(made)
    later = weakref.ref(Ring())
    gc.collect()
    assert later() is None, "what is made later is collected"


def test_a_module_that_is_there_changes_nothing() -> None:
    before = gc.get_freeze_count()
    with collector.importing(PRESENT):
        assert gc.isenabled()
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, before)


def test_an_import_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), collector.importing(ABSENT):
        raise ImportError
    assert gc.isenabled()


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with collector.importing(ABSENT):
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
