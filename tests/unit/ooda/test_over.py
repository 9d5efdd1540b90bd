"""A fault that began and ended within a file is told, although nobody is sent to it."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from ooda.detect.record import over
from tests.builders.detection import THRESHOLD, judge, week
from tests.builders.telemetry import DAY, dead_from, sunny_day


def days(first: pd.DataFrame, good: int) -> pd.DataFrame:
    """A day, and good ones after it."""
    later = [sunny_day(day=DAY + timedelta(days=n), seed=n) for n in range(1, good + 1)]
    return pd.concat([first, *later])


def told(first: pd.DataFrame, good: int) -> str:
    return over([*judge(days(first, good), history=week()).values()], THRESHOLD)


def test_a_stop_that_is_over_is_told_with_its_energy() -> None:
    text = told(dead_from(9), 3)
    assert text.startswith("1 fault already over (INV-001 outage ")
    assert text.endswith(" kWh): nobody is sent")
    assert float(text.split()[-5]) > 100.0


def test_what_goes_on_and_what_never_was_is_not() -> None:
    """One good day only: still told as actionable. A sound file. A severity below the threshold."""
    assert told(dead_from(9), 1) == ""
    assert told(sunny_day(), 3) == ""
    stopped = judge(days(dead_from(9), 3), history=week())
    assert over([*stopped.values()], 1.0) == ""


def test_what_began_in_an_earlier_file_was_told_then() -> None:
    [one] = judge(days(dead_from(9), 3), history=week()).values()
    later = one.model_copy(update={"window": one.window.model_copy(update={"start": one.window.end})})
    assert over([one], THRESHOLD)
    assert over([later], THRESHOLD) == ""
    no_fault = [item.model_copy(update={"kind": "curtailment"}) for item in one.incidents]
    assert over([one.model_copy(update={"incidents": no_fault})], THRESHOLD) == ""
