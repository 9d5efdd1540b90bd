"""The state of an alarm, beside the tables of AWS's own guide and beside a second reckoning.

Tables: Amazon CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data".
`X`: beyond the threshold, `0`: within, `-`: missing; the oldest stands left.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from local.alarms.evaluate import Metric, judged, metric_of, verdict
from local.alarms.expressions import BadExpression, Values, evaluated
from tests.fakes import cloudwatch

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEPT = "as before"
THREE_OF_THREE = [
    ("0 - X - X", ("OK", "OK", "OK", "OK")),
    ("- - - - 0", ("OK", "OK", "OK", "OK")),
    ("- - - - -", ("INSUFFICIENT_DATA", KEPT, "ALARM", "OK")),
    ("0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("- - X - -", ("ALARM", KEPT, "ALARM", "OK")),
]
TWO_OF_THREE = [
    ("0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 - X - -", ("OK", "OK", "ALARM", "OK")),
    ("- - - - 0", ("OK", "OK", "ALARM", "OK")),
    ("- - - X -", ("ALARM", KEPT, "ALARM", "OK")),
]
ROWS = [
    (bad, row, treatment, states[place])
    for bad, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row, states in table
    for place, treatment in enumerate(TREATMENTS)
]


@pytest.mark.parametrize(("bad", "row", "treatment", "wanted"), ROWS)
def test_the_tables_of_the_guide(bad: int, row: str, treatment: str, wanted: str) -> None:
    alarm = {
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": bad,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": treatment,
    }
    newest_first = [{"X": 3.0, "0": 2.9, "-": None}[sign] for sign in reversed(row.split())]
    for before in ("OK", "ALARM", "INSUFFICIENT_DATA"):
        assert judged(alarm, newest_first, before).state == (before if wanted == KEPT else wanted)


# ------------------------------------------------------------------ beside tests/fakes/cloudwatch.py


MINUTES, FILLED = 180, 106
"""So long each series is, and from when on all periods that are looked at have values: 7 of 15 minutes."""


def seeded(seed: int) -> tuple[dict[str, Any], dict[int, float]]:
    """An alarm, and a metric with a value in each minute."""
    chance = random.Random(seed)
    count = chance.randint(1, 5)
    statistic = chance.choice(["Sum", "Average", "Minimum", "Maximum"])
    length = chance.choice([1, 1, 5, 15])
    most = 10 * (length if statistic == "Sum" else 1)
    alarm = {
        "Namespace": "N",
        "MetricName": "M",
        "Statistic": statistic,
        "Period": 60 * length,
        "EvaluationPeriods": count,
        "DatapointsToAlarm": chance.randint(1, count),
        "Threshold": round(chance.uniform(0.3, 0.7) * most),
        "ComparisonOperator": chance.choice(
            [
                "GreaterThanThreshold",
                "GreaterThanOrEqualToThreshold",
                "LessThanThreshold",
                "LessThanOrEqualToThreshold",
            ]
        ),
        "TreatMissingData": chance.choice(TREATMENTS),
    }
    return alarm, {minute: float(chance.randint(0, 10)) for minute in range(MINUTES)}


def windows(values: dict[int, float]) -> Any:
    """A metric's periods by minutes, reckoned anew for each window."""
    reckon = {"Sum": sum, "Minimum": min, "Maximum": max, "Average": lambda v: sum(v) / len(v)}

    def series(metric: Metric, end: float, count: int) -> Values:
        length, last = metric.period_s // 60, int(end // 60)
        made: Values = []
        for place in reversed(range(count)):
            stop = last - place * length
            found = [values[m] for m in range(stop - length, stop) if m in values]
            made.append(float(reckon[metric.statistic](found)) if found else None)
        return made

    return series


SEEDS = [seed if seed % 10 == 0 else pytest.param(seed, marks=pytest.mark.soak) for seed in range(300)]
"""A tenth of them in `make test`."""


def judged_each_minute(alarm: dict[str, Any], values: dict[int, float]) -> list[str]:
    """The state after each minute's end, by the embedded cloud."""
    states = ["INSUFFICIENT_DATA"]
    for minute in range(MINUTES):
        states.append(verdict(alarm, windows(values), (minute + 1) * 60 + 7, states[-1]).state)
    return states[1:]


@pytest.mark.parametrize("seed", SEEDS)
def test_it_rings_when_the_second_reckoning_rings(seed: int) -> None:
    """The fake was written before, from the documentation."""
    alarm, values = seeded(seed)
    states = ["INSUFFICIENT_DATA", *judged_each_minute(alarm, values)]
    rung = [at for at, (before, now) in enumerate(itertools.pairwise(states)) if now == "ALARM" != before]
    judged_too = cloudwatch.rings(alarm, values, MINUTES - 1)
    assert [m for m in rung if m > FILLED] == [m for m in judged_too if m > FILLED], alarm


@pytest.mark.parametrize("seed", SEEDS)
def test_its_states_are_those_of_the_second_reckoning_where_values_are_missing(seed: int) -> None:
    """In each minute; runs of minutes, long and short, have no value."""
    alarm, values = seeded(seed)
    chance = random.Random(-seed)
    at, holes = 0, set()
    while at < MINUTES:
        there, gone = chance.choice([(3, 1), (20, 8), (1, 30), (40, 25)])
        holes |= set(range(at + there, at + there + gone))
        at += chance.randint(1, there + 1) + gone
    left = {minute: value for minute, value in values.items() if minute not in holes}
    assert judged_each_minute(alarm, left) == cloudwatch.states(alarm, left, MINUTES - 1, further=2), alarm


def test_the_values_that_are_missing_matter() -> None:
    """Else the test above would say nothing: without the look further back many states are others."""
    differ = 0
    for seed in range(20):
        alarm, values = seeded(seed)
        left = {minute: value for minute, value in values.items() if minute % 40 < 12}
        both = [cloudwatch.states(alarm, left, MINUTES - 1, further=n) for n in (0, 2)]
        differ += both[0] != both[1]
    assert differ >= 10


def test_those_specifications_ring_often() -> None:
    rung = [cloudwatch.rings(*seeded(seed), MINUTES - 1) for seed in range(20)]
    assert sum(any(minute > FILLED for minute in minutes) for minutes in rung) >= 10


def test_at_the_end_of_minute_six_a_period_is_minutes_two_to_six() -> None:
    """The guide's own example; the seventh minute has begun and does not count yet."""
    asked = []

    def series(metric: Metric, end: float, count: int) -> Values:
        asked.append((end - metric.period_s, end))
        return [None] * count

    alarm = {
        "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 1,
        "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    verdict(alarm, series, 6 * 60 + 59, "OK")
    assert asked == [(60, 360)]


def test_dimensions_are_a_set() -> None:
    one = {"Namespace": "N", "MetricName": "M", "Period": 60, "Statistic": "Sum"}
    pairs = [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]
    assert metric_of({**one, "Dimensions": pairs}) == metric_of({**one, "Dimensions": pairs[::-1]})
    assert metric_of({**one, "Dimensions": pairs}) != metric_of({**one, "Dimensions": pairs[:1]})


# ------------------------------------------------------------------ sums over metrics

REFUSED: dict[str, Any] = {
    "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 20,
    "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
    "Metrics": [
        {"Id": "value", "Expression": "IF(requests >= 50, 100 * refused / requests, 0)"},
        *(
            {"Id": name, "ReturnData": False, "MetricStat": {
                "Metric": {"Namespace": "AWS/ApiGateway", "MetricName": name, "Dimensions": []},
                "Period": 300, "Stat": "Sum"}}
            for name in ("requests", "refused")
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("requests", "refused", "state"),
    [
        (100, 21, "ALARM"),
        (100, 20, "OK"),  # at the threshold
        (49, 49, "OK"),  # few requests say nothing
        (50, 11, "ALARM"),
        (None, None, "OK"),  # nobody called
        (0, 0, "OK"),
    ],
)
def test_a_share_of_requests(requests: float | None, refused: float | None, state: str) -> None:
    given = {"requests": requests, "refused": refused}
    assert verdict(REFUSED, lambda m, _end, n: [given[m.name]] * n, 3600, "OK").state == state


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("a + b * 2", [21.0, None, 43.0]),
        ("(a + b) * 2", [22.0, None, 46.0]),
        ("-a", [-1.0, -2.0, -3.0]),
        ("a / (a - 1)", [None, 2.0, 1.5]),  # by zero: nothing
        ("a > 1 AND b > 10", [0.0, None, 1.0]),
        ("a > 1 || b > 10", [0.0, None, 1.0]),
        ("FILL(b, 0)", [10.0, 0.0, 20.0]),
        ("FILL(b, REPEAT)", [10.0, 10.0, 20.0]),
        ("SUM(METRICS())", [11.0, 2.0, 23.0]),
        ("MAX([a, b])", [10.0, 2.0, 20.0]),
        ("MIN([a, 2])", [1.0, 2.0, 2.0]),
        ("AVG([a, b])", [5.5, 2.0, 11.5]),
        ("IF(a >= 2, a)", [None, 2.0, 3.0]),
        ("ABS(a - 2)", [1.0, 0.0, 1.0]),
        ("a ^ 2", [1.0, 4.0, 9.0]),
    ],
)
def test_expressions(expression: str, wanted: Values) -> None:
    assert evaluated(expression, {"a": [1.0, 2.0, 3.0], "b": [10.0, None, 20.0]}) == wanted


@pytest.mark.parametrize(
    "expression", ["a +", "c", "SEARCH('{N}', 'Sum')", "a.b", "SUM(a)", "__import__('os')", "a if b else 1"]
)
def test_an_expression_that_is_not_known_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression):
        evaluated(expression, {"a": [1.0], "b": [2.0]})
