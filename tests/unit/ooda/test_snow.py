"""Snow explains a stop that it made, not one that was there before it fell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ooda.detect import no_fault
from ooda.detect.logged import NOTHING_LOGGED
from ooda.detect.stretches import Stretch

A_DAY = 10


def case(days: int) -> Any:
    """A machine without neighbours, of so many days of ten judged readings."""
    n = days * A_DAY
    nothing = np.full(n, np.nan)
    return SimpleNamespace(
        site=None,
        res=SimpleNamespace(judged=np.ones(n, dtype=bool)),
        beside=SimpleNamespace(held=nothing, off=nothing),
        log=NOTHING_LOGGED,
        track=SimpleNamespace(share=np.zeros(n), asset=SimpleNamespace(is_wind=False)),
    )


def stop(day: int, first: int = 0) -> Stretch:
    return Stretch("outage", np.arange(day * A_DAY + first, (day + 1) * A_DAY), day)


@pytest.mark.parametrize(
    ("stops", "stood", "kinds"),
    [
        ([stop(0), stop(1), stop(2)], False, ["outage", "outage", "outage"]),
        ([stop(2)], False, ["snow"]),
        ([stop(0), stop(2)], False, ["outage", "snow"]),  # it worked on the day between
        ([stop(0, 4), stop(1), stop(2)], True, ["outage", "outage", "outage"]),
    ],
)
def test_a_dead_machine_on_which_snow_falls_stays_dead(
    monkeypatch: pytest.MonkeyPatch, stops: list[Stretch], stood: bool, kinds: list[str]
) -> None:
    monkeypatch.setattr(no_fault, "_snowed", lambda _, members: members[0] >= 2 * A_DAY)
    said = [stretch.kind for stretch in no_fault.recognised_all(case(3), stops, stood)]
    assert said == kinds


@pytest.mark.parametrize(("stood", "kind"), [(True, "outage"), (False, "snow")])
def test_the_day_before_the_file_counts(monkeypatch: pytest.MonkeyPatch, stood: bool, kind: str) -> None:
    monkeypatch.setattr(no_fault, "_snowed", lambda *_: True)
    assert [s.kind for s in no_fault.recognised_all(case(1), [stop(0)], stood)] == [kind]
