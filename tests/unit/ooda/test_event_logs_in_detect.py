"""What event logs change of what Detect says: an explained loss is no fault, a fault has its code."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from ona.documents.base import S3Pointer
from ona.runtime.aws import client
from ona.runtime.errors import InvalidTelemetry
from ona.store.s3 import list_keys, read_json, write_bytes, write_json
from ooda.detect import event_log
from ooda.detect.context import Context
from ooda.detect.handler import lambda_handler as detect
from ooda.detect.judge import judge_assets
from ooda.detect.logged import Logged
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import Incident
from ooda.documents.event_logs import StoredEvent
from tests.builders.assets import make_registry
from tests.builders.detection import between, histories_of, telemetry_file, week
from tests.builders.telemetry import DAY, dead_from, sunny_day, to_csv
from tests.fakes.lambda_wsgi import Context as LambdaContext
from tests.fakes.tables import IN, OUT, create_table

NAME = "INV-001"
REGISTRY = make_registry(1)
BEFORE = histories_of(week(), REGISTRY)
Said = Sequence[tuple[float, float | None, str]]
"""Events of the day: from which hour to which, and the text."""


def stopped(start: str = "09:00", end: str = "12:00", share: float = 0.0) -> pd.DataFrame:
    day = sunny_day(NAME)
    day.loc[between(day, start, end), "power_kw"] *= share
    return day


def events(said: Said) -> list[StoredEvent]:
    return [
        StoredEvent(
            start=DAY + timedelta(hours=start),
            end=None if end is None else DAY + timedelta(hours=end),
            code="309",
            text=text,
            seen=DAY + timedelta(hours=20),
        )
        for start, end, text in said
    ]


def judged(frame: pd.DataFrame, said: Said) -> tuple[list[Incident], AssetHistory]:
    log = Logged.of(events(said), REGISTRY.require(NAME, "a test"))
    (verdict,) = judge_assets(telemetry_file(frame, REGISTRY), Context(BEFORE, logs={NAME: log}))
    return verdict.history.incidents, verdict.history


CASES: dict[str, tuple[pd.DataFrame, Said, list[tuple[str, bool, str]]]] = {
    # the day, what was logged -> kind of each incident, whether somebody is sent, class of its first event
    "no log": (stopped(), [], [("outage", True, "")]),
    "stopped by the operator": (stopped(), [(9, 12, "Manual stop")], [("operation", False, "operator")]),
    "planned work": (stopped(), [(8.9, 12.1, "Maintenance")], [("operation", False, "planned")]),
    "the grid was gone": (stopped(), [(9, 12, "Grid outage")], [("curtailment", False, "grid")]),
    "limited": (stopped(share=0.4), [(9, 12, "Power limit")], [("curtailment", False, "curtailment")]),
    "a storm": (stopped(), [(9, 12, "Storm shutdown")], [("operation", False, "environment")]),
    "still stopped": (dead_from(9), [(9, None, "Manual stop")], [("operation", False, "operator")]),
    "a fault": (stopped(), [(9, 12, "Fan failure")], [("outage", True, "fault")]),
    "a fault that was gone at once": (stopped(), [(9, 9.01, "Fan failure")], [("outage", True, "fault")]),
    "alarms of planned work": (
        stopped(),
        [(8.9, 12, "Service mode"), (9.2, 11, "Fan failure")],
        [("operation", False, "planned")],
    ),
    "a warning of weeks, then the operator": (
        stopped(),
        [(-400, 300, "Fan failure"), (9, 12, "Manual stop")],
        [("operation", False, "operator")],
    ),
    # distractors
    "the operator came after the fault": (
        stopped(),
        [(9, 12, "Fan failure"), (9.2, 12, "Manual stop")],
        [("outage", True, "fault")],
    ),
    "a limit beside a fault": (
        stopped(),
        [(5, 15, "Power limit"), (9, 12, "Fan failure")],
        [("outage", True, "fault")],
    ),
    "stopped for half of it": (
        stopped(),
        [(9, 10.5, "Manual stop")],
        [("operation", False, "operator"), ("outage", True, "")],
    ),
    "of another time": (stopped(), [(13, 15, "Manual stop")], [("outage", True, "")]),
    "information": (stopped(), [(9, 12, "Turbine in operation")], [("outage", True, "")]),
    "communication": (stopped(), [(9, 12, "Connection lost")], [("outage", True, "communication")]),
    "a word that nothing knows": (stopped(), [(9, 12, "Xyzzy")], [("outage", True, "information")]),
    "planned, and it worked": (sunny_day(NAME), [(9, 12, "Maintenance")], []),
    "a fault that cost nothing": (sunny_day(NAME), [(9, 12, "Fan failure")], []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_log_explains_is_no_fault(case: str) -> None:
    frame, said, wanted = CASES[case]
    found, _ = judged(frame, said)
    got = [(i.kind, i.actionable, i.events[0].event_class if i.events else "") for i in found]
    assert sorted(got) == sorted(wanted)


def test_the_loss_is_the_same_under_its_other_name() -> None:
    (fault,), _ = judged(stopped(), [])
    (explained,), _ = judged(stopped(), [(9, 12, "Manual stop")])
    assert explained.lost_energy_kwh == pytest.approx(fault.lost_energy_kwh)


def test_an_explained_day_is_no_good_day_of_an_open_fault() -> None:
    """A machine that is switched off for two days has not shown that it is well."""
    _, history = judged(stopped(end="24:00"), [(0, 24, "Maintenance")])
    (day,) = (by_file["file"] for name, by_file in history.days.items() if name == f"{DAY:%Y-%m-%d}")
    (bare,) = (
        by["file"] for name, by in judged(sunny_day(NAME), [])[1].days.items() if name == f"{DAY:%Y-%m-%d}"
    )
    assert day.judged_hours < 0.6 * bare.judged_hours
    assert day.expected_kwh == pytest.approx(bare.expected_kwh, rel=1e-3), "what was due stays"


def test_the_code_stands_in_the_evidence() -> None:
    (incident,), _ = judged(stopped(), [(9, 12, "Fan failure")])
    assert incident.events[0].cause == "fan_failure"
    said = [item.statement for item in incident.evidence if item.detector == "event_log"]
    assert said == ['event log: fault 309 "Fan failure", 10 Jun 09:00 to 10 Jun 12:00 UTC, 92% of its time']


def test_a_strangers_text_is_no_tag_wherever_it_is_shown() -> None:
    (incident,), _ = judged(stopped(), [(9, 12, 'Fan failure <!channel> "<script>"')])
    (said,) = [item.statement for item in incident.evidence if item.detector == "event_log"]
    assert """Fan failure ‹!channel› '‹script›'""" in said


# ------------------------------------------------------------------ files

TELEMETRY = f"observations/{DAY:%Y/%m/%d}/{NAME}_{DAY:%Y%m%d}.csv"
LOG = f"observations/{DAY:%Y/%m/%d}/log_{DAY:%Y%m%d}.csv"
HEAD = "start,end,asset,code,text\n"


def row(start: int, end: int | None, text: str, code: str = "7") -> str:
    times = [
        f"{DAY + timedelta(hours=h):%Y-%m-%dT%H:%M:%SZ}" if h is not None else "" for h in (start, end)
    ]
    return f"{times[0]},{times[1]},{NAME},{code},{text}\n"


@pytest.fixture
def bucket(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    create_table("weather", "location_timestamp")
    monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather")
    write_json(IN, "assets.json", REGISTRY.model_dump(mode="json", exclude_none=True))


def put(key: str, body: bytes | str, number: int = 0) -> dict[str, Any]:
    write_bytes(IN, key, body.encode() if isinstance(body, str) else body, "text/csv")
    source = {"bucket": IN, "key": key, "version_id": ""}
    answer: dict[str, Any] = detect(
        {"source": source, "file_id": f"{number:016x}", "execution_id": "execution-1"}, LambdaContext()
    )
    return answer


def incidents() -> list[dict[str, Any]]:
    """The incidents without their ids: an id stays what the first file made it."""
    document = read_json(S3Pointer(bucket=OUT, key=f"incidents/site/{NAME}.json"))
    return [
        {name: value for name, value in item.items() if name != "incident_id"}
        for item in document["incidents"]
    ]


FILES: dict[str, bytes | str] = {
    TELEMETRY: to_csv(stopped()),
    LOG: HEAD + row(9, None, "Manual stop") + row(5, 6, "Xyzzy", "99"),
    LOG.replace("log", "later"): HEAD + row(9, 12, "Manual stop"),
}


@pytest.mark.parametrize("order", list(itertools.permutations(FILES)))
def test_the_order_of_files_does_not_matter(order: Iterable[str], bucket: None) -> None:
    for number, key in enumerate([*order, *order]):  # each comes twice
        put(key, FILES[key], number)
    (incident,) = incidents()
    assert (incident["kind"], incident["actionable"]) == ("operation", False)
    assert [event["text"] for event in incident["events"]] == ["Manual stop"]


def test_a_late_log_judges_its_days_again_and_says_so(bucket: None) -> None:
    assert put(TELEMETRY, FILES[TELEMETRY], 1)["status"] == "found"
    answer = put(LOG, FILES[LOG], 2)
    assert (answer["status"], answer["incidents"], answer["actionable"]) == ("nothing_found", 1, 0)
    assert answer["event_log"] == (
        "event log: 2 events (1 information, 1 operator); 1 unknown code: 99; 1 file judged again"
    )


def test_a_corrected_log_takes_back_what_it_said(bucket: None) -> None:
    put(LOG, FILES[LOG], 1)
    put(TELEMETRY, FILES[TELEMETRY], 2)
    assert incidents()[0]["kind"] == "operation"
    answer = put(LOG, HEAD + row(9, 12, "Fan failure"), 3)
    assert (answer["status"], answer["actionable"]) == ("found", 1)
    (incident,) = incidents()
    assert (incident["kind"], incident["events"][0]["cause"]) == ("outage", "fan_failure")


def test_a_log_that_moves_to_another_month_leaves_nothing_in_this_one(bucket: None) -> None:
    put(LOG, FILES[LOG], 1)
    put(TELEMETRY, FILES[TELEMETRY], 2)
    put(LOG, HEAD + row(9 - 60 * 24, 12 - 60 * 24, "Manual stop"), 3)
    (incident,) = incidents()
    assert (incident["kind"], incident["events"]) == ("outage", [])


def test_a_log_that_comes_while_its_day_is_judged_is_not_missed(
    bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored after Detect looked for logs, and looks for days before Detect has stored this one."""
    from ooda.detect import store

    plain, crossed = store.save_batch, []

    def crossing(*arguments: Any) -> Any:
        if not crossed:
            crossed.append(put(LOG, FILES[LOG], 7))
        return plain(*arguments)

    monkeypatch.setattr(store, "save_batch", crossing)
    put(TELEMETRY, FILES[TELEMETRY], 1)
    assert "judged again" not in crossed[0]["event_log"]
    assert [incident["kind"] for incident in incidents()] == ["operation"]


def test_a_log_of_more_days_than_can_be_judged_says_so(
    bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "MOST_AGAIN", 0)
    put(TELEMETRY, FILES[TELEMETRY], 1)
    assert put(LOG, FILES[LOG], 2)["event_log"].endswith("; 1 file left: put them again")


def test_telemetry_that_is_gone_does_not_hold_up_a_log(bucket: None) -> None:
    put(TELEMETRY, FILES[TELEMETRY], 1)
    client("s3").delete_object(Bucket=IN, Key=TELEMETRY)
    assert put(LOG, FILES[LOG], 2)["assets"] == 0
    assert incidents()[0]["kind"] == "outage"


def test_a_wrong_log_leaves_nothing_behind(bucket: None) -> None:
    with pytest.raises(InvalidTelemetry, match="time_without_zone"):
        put(LOG, str(FILES[LOG]).replace("Z,", ","), 1)
    assert list(list_keys(OUT, "events/")) == []
