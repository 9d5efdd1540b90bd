"""When the fault of an alarm began, and whether one alarm can follow from another.

An alarm goes on minutes after its fault began, and alarms are not equally slow: one failed execution is
seen at once, few errors of a function after ten minutes. So the times at which two alarms went on do not
say which fault was first. The values of their metrics do. Sources: see `alarm_values`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.reading.alarm_values import Measured, breaches, counts, looks_back_s, measured, period_s


def began(cloudwatch: Any, alarms: Iterable[Mapping[str, Any]], on_at: datetime) -> datetime | None:
    """The first minute of the fault that put alarms on (metric alarms as DescribeAlarms gives them, which
    ring as one); None where no value tells it. `on_at`: when they went on, UTC. Raises botocore's errors.

    A single error which a retry mended is no fault: the values of a period from there must put the alarm
    on. What failed before it, with no more than a period between, belongs to it.
    """
    found = []
    for alarm in alarms:
        back = timedelta(seconds=looks_back_s(alarm) + period_s(alarm))
        first = _first(alarm, measured(cloudwatch, alarm, on_at - back, on_at))
        if first is not None:
            found.append(datetime.fromtimestamp(first, UTC))
    return min(found, default=None)


def follows(symptom: datetime | None, cause: datetime | None) -> bool:
    """Whether a fault may come from another, by the times at which both began.

    Where one of the times is not known, nothing speaks against it.

    >>> early, late = datetime(2026, 11, 28, 3, 0), datetime(2026, 11, 28, 3, 8)
    >>> follows(late, early), follows(early, early), follows(early, late), follows(early, None)
    (True, True, False, True)
    """
    return symptom is None or cause is None or symptom >= cause


def _first(alarm: Mapping[str, Any], seen: Measured) -> float | None:
    bad, length = breaches(alarm), period_s(alarm)
    if not counts(alarm):
        return next((at for at, value in seen.points if bad(value)), None)
    failed = [(at, value) for at, value in seen.points if value > 0]
    for place, (start, _) in enumerate(failed):
        if not bad(sum(value for at, value in failed[place:] if at < start + length)):
            continue
        while place and failed[place][0] - failed[place - 1][0] <= length:
            place -= 1
        return failed[place][0]
    return None
