"""`ona alerts` and `ona maintenance` on an alert log that has all kinds of items."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ona.store import tables
from operations.alerting.documents import Alert, Telling
from ops import alerts, cli, refused
from ops.cli import alerts as alert_commands
from ops.cli import maintenance as window_commands
from ops.target import OpsError, Target
from tests.fakes.on_moto import platform
from tests.fakes.tables import create_table

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)
BEFORE = {  # as LogAlert of the workflows has written it since the first edition
    "alert_id": "quarantine#observations/x.csv#v1",
    "alarm_name": "quarantine",
    "state": "no_rows",
    "severity": "medium",
    "timestamp": "2026-11-28T09:00:00Z",
    "reason": "the file has no readings",
    "escalation_level": 2,
}


def item(number: str, name: str = "ona-detect-errors", **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "key": f"alert#{number}", "name": name, "kind": "errors", "severity": "critical", "status": "open",
        "reason": "many", "opened_at": AT, "last_at": AT, "ttl": 1,
    }  # fmt: skip
    return Alert(**{**given, **more}).item()


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    with platform(monkeypatch, tmp_path, (alert_commands, window_commands)) as made:
        create_table("alert-log", "alert_id", {"due-index": ("lane", "next_at")})
        made.outputs["AlertLogTableName"] = "alert-log"
        yield made


def ona(*words: str) -> str:
    result = CliRunner().invoke(cli.app, list(words))
    return f"{result.exit_code} {result.output}"


def test_old_items_stay_and_are_counted_apart(target: Target) -> None:
    tables.put("alert-log", BEFORE)
    tables.put("alert-log", item("aaaa"))
    tables.put("alert-log", item("bbbb", status="resolved", opened_at=AT - timedelta(days=1)))
    tables.put("alert-log", {"alert_id": "alert#broken", "name": 7})
    said = ona("alerts", "list")
    assert "aaaa  open  critical  ona-detect-errors  since 2026-11-28T09:00:00Z" in said
    assert "1 alert; 1 more that are over: --all" in said
    assert "1 refused file: observations/x.csv; ona status" in said
    assert "unreadable table alert-log, alert#broken" in said
    assert alerts.log(target).rejected[0].reason == "the file has no readings"
    assert "bbbb" in ona("alerts", "list", "--all")


REFUSED = {"outcome": "quarantined", "rejection": {"reason": "no_rows", "message": "no readings"}}


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (REFUSED, None, True),
        ({"outcome": "found"}, None, False),
        ({**REFUSED, "dismissed_at": "2026-11-28T10:00:00Z"}, None, False),
        (REFUSED, {"outcome": "nothing_found"}, False),
        (REFUSED, REFUSED, True),
        (None, None, True),
    ],
    ids=["refused", "read again", "dismissed", "newer version done", "newer version refused", "unknown"],
)
def test_a_refused_file_is_named_until_it_is_mended(
    target: Target, first: dict[str, Any] | None, second: dict[str, Any] | None, left: bool
) -> None:
    s3, key = target.client("s3"), "observations/x.csv"
    s3.put_bucket_versioning(Bucket=target.input_bucket, VersioningConfiguration={"Status": "Enabled"})
    for place, outcome in enumerate((first, second)):
        if place and outcome is None:
            continue
        version = s3.put_object(Bucket=target.input_bucket, Key=key, Body=b"x")["VersionId"]
        if not place:
            tables.put("alert-log", {**BEFORE, "alert_id": f"quarantine#{key}#{version}"})
        if outcome is not None:
            number = hashlib.sha256(f"{target.input_bucket}/{key}@{version}".encode()).hexdigest()[:16]
            s3.put_object(
                Bucket=target.output_bucket, Key=f"outcomes/{number}.json", Body=json.dumps(outcome)
            )
    s3.put_object(Bucket=target.input_bucket, Key=f"{key}.csv", Body=b"a distractor: another key")
    assert ("1 refused file: observations/x.csv" in ona("alerts", "list")) is left


def test_of_thousands_of_refused_files_the_newest_are_looked_at_and_the_others_counted(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of five are looked at: the newer is refused still, the other was put aside."""
    monkeypatch.setattr(refused, "MOST", 2)
    for hour, name in enumerate("abcde"):
        key = f"observations/{name}.csv"
        again = {"alert_id": f"quarantine#{key}#", "timestamp": f"2026-11-28T0{hour}:00:00Z"}
        tables.put("alert-log", {**BEFORE, **again})
        number = hashlib.sha256(f"{target.input_bucket}/{key}@".encode()).hexdigest()[:16]
        outcome = {**REFUSED, **({"dismissed_at": "2026-11-28T10:00:00Z"} if name == "d" else {})}
        target.client("s3").put_object(
            Bucket=target.output_bucket, Key=f"outcomes/{number}.json", Body=json.dumps(outcome)
        )
    said = ona("alerts", "list")
    assert "1 refused file: observations/e.csv; ona status" in said
    assert "3 older refusals not looked at (only the newest 2 are): ona status" in said


def test_an_alert_is_found_by_id_or_by_the_alarm_that_is_not_over(target: Target) -> None:
    for number, status in (("a111", "resolved"), ("a222", "open"), ("b333", "resolved")):
        tables.put("alert-log", item(number, status=status))
    tables.put("alert-log", item("c444", "ona-order-errors", status="acknowledged"))
    assert alerts.find(target, "ona-detect-errors").key == "alert#a222"
    assert alerts.find(target, "alert#b3").key == "alert#b333"
    assert alerts.find(target, "a").key == "alert#a222"
    with pytest.raises(OpsError, match="the beginning of 2 alerts"):
        alerts.find(target, "ona-")
    for none in ("", "x9"):
        with pytest.raises(OpsError, match="no alert"):
            alerts.find(target, none)


def test_what_became_of_each_telling_is_read_from_the_outbox(target: Target) -> None:
    told = [
        Telling(place=place, channel="slack", action="trigger", level=1, at=AT,
                delivery_id=f"alert#a@{place}")
        for place in ("well", "waits", "gone", "lost")
    ]  # fmt: skip
    nobody = Telling(place="nobody", action="trigger", at=AT, delivery_id="x", outcome="undeliverable")
    tables.put("alert-log", item("a", told=[*told, nobody]))
    base = {
        "kind": "alert", "channel": "slack", "action": "trigger", "alert_id": "alert#a", "name": "n",
        "at": "2026-11-28T09:00:00Z", "environment": "dev", "event": "e", "priority": "critical",
        "subject": "s", "text": "t", "ttl": 1,
    }  # fmt: skip
    for place, more in (
        ("well", {"told_at": "2026-11-28T09:01:00Z"}),
        ("waits", {"lane": "send", "last_error": "Busy: slow"}),
        ("gone", {"lane": "dead", "last_error": "undeliverable: HTTP 410"}),
    ):
        tables.put("outbox", {**base, "delivery_id": f"alert#a@{place}", "place": place, **more})
    said = ona("alerts", "show", "a")
    assert "well  told 2026-11-28T09:01:00Z" in said
    assert "waits  to be sent (Busy: slow)" in said
    assert "gone  undeliverable: HTTP 410" in said
    assert "lost  queued" in said
    assert "nobody  undeliverable: nobody is on call" in said


def test_windows_are_opened_listed_and_ended(target: Target) -> None:
    assert "0 window" in ona("maintenance", "start", "--for", "2h", "--only", "ooda", "--why", "new portal")
    assert "1 nothing" not in ona("maintenance", "list")
    assert "ooda  new portal" in ona("maintenance", "list")
    ona("maintenance", "start", "--for", "30m", "--why", "another")
    assert "2 windows are open; name one" in ona("maintenance", "end")
    first = alerts.log(target).windows[0].key.partition("#")[2]
    assert f"window {first} has ended" in ona("maintenance", "end", first)
    assert "1 no window" in ona("maintenance", "end", first)
    assert "0 window" in ona("maintenance", "end")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ooda", "ooda"),  # a family
        ("function_unwell", "function_unwell"),  # a kind
        ("ona-detect-unwell", "ona-detect-unwell"),
        ("ona-detect-unwell-dev", "ona-detect-unwell"),  # as CloudWatch has it
        ("detect", "detect"),
        ("Deployment Finished", "deployment-failed"),
        ("routine-health", "routine-health"),
    ],
)
def test_a_window_is_about_names_that_alerts_have(target: Target, given: str, kept: str) -> None:
    assert "0 window" in ona("maintenance", "start", "--for", "2h", "--only", given, "--why", "w")
    assert alerts.log(target).windows[0].only == [kept]


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("odaa", "ooda"),
        ("ona-detect-unwel-dev", "ona-detect-unwell"),
        ("detect-unwell", "ona-detect-unwell"),
        ("ona-detect-unwell-prod", "ona-detect-unwell"),  # of another environment
        ("deployment finished", "Deployment Finished"),
    ],
)
def test_a_name_that_no_alert_has_is_refused_with_near_ones(target: Target, given: str, near: str) -> None:
    said = ona("maintenance", "start", "--for", "2h", "--only", "ooda", "--only", given, "--why", "w")
    assert said.startswith("1 ")
    assert f"--only {given}: no alert has this name" in " ".join(said.split())
    assert near in said.partition("near it:")[2]
    assert not alerts.log(target).windows


@pytest.mark.parametrize("span", ["", "2", "h", "-2h", "0h", "8d", "2 weeks"])
def test_a_window_has_a_length_that_makes_sense(target: Target, span: str) -> None:
    assert ona("maintenance", "start", "--for", span, "--why", "w").startswith(("1 ", "2 "))
    assert not alerts.log(target).windows


def test_what_was_deployed_before_there_were_alerts_says_so(target: Target) -> None:
    del target.outputs["AlertLogTableName"]
    assert "has no alert log yet" in ona("alerts", "list")
    assert "is not deployed" in ona("alerts", "test")
