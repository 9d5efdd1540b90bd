"""What ends badly leaves a letter: stopped, timed out, failed without a Catch, quarantined again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest

from ona.runtime.identity import file_id
from ops import accounting, deadletters, ingest
from ops.messages import DeadLetter
from ops.target import PREFIXES
from tests.builders.assets import make_asset, make_registry
from tests.builders.telemetry import sunny_day, to_csv
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

DAY = "observations/2025/06/10/"


def messages(platform: Platform) -> list[DeadLetter]:
    """Every message of the queue, those of the same work too."""
    return [message for letter in platform.letters() for message in letter.messages]


def one_letter(platform: Platform) -> DeadLetter:
    """The only letter, which has one message; the rule's may come a moment after the execution's end."""
    deadline = time.monotonic() + 20
    while not (found := messages(platform)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == 1, [item.body for item in found]
    return found[0]


@contextmanager
def changed(platform: Platform, workflow: str, change: Callable[[Any], None]) -> Iterator[None]:
    """A workflow with another definition for a while."""
    machine = platform.target.machines[workflow]
    before = platform.states.describe_state_machine(stateMachineArn=machine)["definition"]
    definition = json.loads(before)
    change(definition)
    back = platform.redefine(workflow, json.dumps(definition))
    try:
        yield
    finally:
        back()


def waiting(definition: Any) -> None:
    """The first state waits: 300 s, which are 6 s here."""
    definition["States"]["Sleep"] = {"Type": "Wait", "Seconds": 300, "Next": definition["StartAt"]}
    definition["StartAt"] = "Sleep"


def too_slow(definition: Any) -> None:
    waiting(definition)
    definition["TimeoutSeconds"] = 1


def broken_pass(definition: Any) -> None:
    definition["States"]["Locate"]["Assign"] = {"source": "{% $error('no such thing') %}"}


def broken_choice(definition: Any) -> None:
    definition["States"]["Judge"]["Choices"][0]["Condition"] = "{% $problem + 1 > 0 %}"


# ------------------------------------------------------------------ 8: a redrive before the mend


@pytest.mark.parametrize(
    ("workflow", "key"),
    [("ooda", f"{DAY}INV-404_20250610.csv"), ("forecast_upload", "historical/customer-a/site/INV-404.csv")],
)
def test_a_redrive_before_the_mend_leaves_the_letter(platform: Platform, workflow: str, key: str) -> None:
    """Unknown asset, letter; sent again, quarantined again, letter again; registered, sent again, done."""
    platform.put(to_csv(sunny_day("INV-404")), key=key)
    assert json.loads(platform.ended(workflow, key)["output"])["outcome"] == "quarantined"
    first = one_letter(platform)
    told = len(platform.messages())
    for _ in range(2):
        [(_, arn)] = deadletters.redrive(platform.target)
        assert json.loads(platform.wait(arn)["output"])["outcome"] == "quarantined"
        again = one_letter(platform)
        assert again.body["input"] == first.body["input"]
        assert again.message_id != first.message_id
    assert (told, platform.messages()) == (1, []), "people are told once"
    if workflow != "ooda":
        return  # what an upload needs besides is another test's; the letters are the same states
    assets = [*make_registry().assets, make_asset("INV-404")]
    ingest.put_registry(platform.target, make_registry().model_copy(update={"assets": assets}))
    [(_, arn)] = deadletters.redrive(platform.target)
    assert platform.wait(arn)["status"] == "SUCCEEDED"
    assert platform.letters() == []
    assert [item.state for item in accounting.account(platform.target)] == ["done"]


# ------------------------------------------------------------------ 10: executions that end without a word


@pytest.mark.parametrize("workflow", ["ooda", "forecast_upload", "forecast_training"])
def test_a_stopped_execution_leaves_one_letter_and_a_redrive_does_its_work(
    platform: Platform, workflow: str
) -> None:
    key = {"ooda": f"{DAY}x.csv", "forecast_upload": "nowcast/x.csv"}.get(workflow, "training/x.parquet")
    platform.s3.put_object(Bucket=platform.target.input_bucket, Key=f"backfill/{key}", Body=b"x")
    event = platform.event(f"backfill/{key}")  # no rule takes it: this execution is the only one
    with changed(platform, workflow, waiting):
        arn = platform.start(event, workflow)
        platform.states.stop_execution(executionArn=arn, error="Enough", cause="by hand")
        assert platform.wait(arn)["status"] == "ABORTED"
    letter = one_letter(platform)
    body = letter.body
    assert (body["kind"], body["state"], body["error"], body["cause"]) == (
        "execution",
        "ABORTED",
        "Enough",
        "by hand",
    )
    assert (body["execution"], body["input"]) == (arn, event)
    [(_, again)] = deadletters.redrive(platform.target)
    assert platform.wait(again)["status"] in ("SUCCEEDED", "FAILED")
    assert {item.body["execution"] for item in messages(platform)} <= {again}


@pytest.mark.parametrize("workflow", ["ooda", "forecast_upload", "forecast_schedule", "fleet_history"])
def test_an_execution_that_runs_into_its_limit_leaves_one_letter(platform: Platform, workflow: str) -> None:
    event = {"task": "forecast", "prefix": "backfill/none/"}
    with changed(platform, workflow, too_slow):
        arn = platform.start(event, workflow)
        assert platform.wait(arn)["status"] == "TIMED_OUT"
    body = one_letter(platform).body
    assert (body["state"], body["error"], body["execution"]) == ("TIMED_OUT", "ExecutionTimedOut", arn)
    assert (body["input"], body["state_machine"]) == (event, platform.target.machines[workflow])


@pytest.mark.parametrize("damage", [broken_pass, broken_choice])
def test_what_fails_where_no_catch_may_stand_leaves_one_letter(platform: Platform, damage: Any) -> None:
    key = platform.put(sunny_day(), key="backfill/x.csv")
    with changed(platform, "ooda", damage):
        done = platform.run(platform.event(key), "ooda")
    assert (done["status"], done["error"]) == ("FAILED", "States.QueryEvaluationError"), done
    letter = one_letter(platform)
    assert letter.body["error"] == "States.QueryEvaluationError"
    assert letter.reason


def test_an_execution_that_wrote_its_letter_has_no_second_and_a_good_one_has_none(
    platform: Platform,
) -> None:
    platform.inject("detect", {"error": "InvalidConfiguration", "text": "thresholds"})
    failed = platform.put_and_wait(sunny_day())
    assert failed["cause"].startswith("dead letter written: Detect: "), failed
    letter = one_letter(platform)
    assert letter.body["state"] == "Detect"
    deadletters.remove(platform.target, letter.message_id)
    assert platform.put_and_wait(sunny_day(), key=f"{DAY}other.csv")["status"] == "SUCCEEDED"
    assert platform.letters() == []


def test_an_input_that_is_too_large_for_the_event_is_asked_for(platform: Platform) -> None:
    """Together, escaped, 248 KiB: the event of the end comes without its input."""
    event = {**platform.event(platform.put(sunny_day(), key="backfill/x.csv")), "note": "x" * 254_000}
    with changed(platform, "ooda", waiting):
        arn = platform.start(event)
        platform.states.stop_execution(executionArn=arn)
    assert one_letter(platform).body["input"] is None
    [(_, again)] = deadletters.redrive(platform.target)
    assert json.loads(platform.wait(again)["input"]) == event


# ------------------------------------------------------------------ 9: keys of all kinds


KEYS = {
    "emoji": "a😀b.csv",
    "emoji of several characters": "👩🏽‍🔧-wind.csv",
    "old script beyond the basic plane": "𒀀𐎠.csv",
    "combining": "cafe\u0301 n\u0303.csv",
    "right to left": "تقرير-שלום.csv",
    "direction marks": "a\u202eb\u200fc.csv",
    "quotes": 'it\'s "quoted" `so`.csv',
    "percent": "100%25 %zz%.csv",
    "plus and ampersand": "a+b&c=d?e#f.csv",
    "expression": "{% $error('x') %} ${x} $y.csv",
    "backslash": "a\\b\\u0041\\n.csv",
    "braces and angle brackets": "<a>{b}[c]|d^~.csv",
    "no-break space and full width": "a\u00a0b\uff0ecsv\u3000.csv",
    "very long": "y" * 960 + ".csv",
    "odd but plain": "INV-001 (1)_final,v2!.csv",
}


@pytest.mark.parametrize("name", KEYS)
def test_a_file_of_any_name_is_judged_or_quarantined_with_a_letter(platform: Platform, name: str) -> None:
    key = DAY + KEYS[name]
    done = platform.put_and_wait(b"no telemetry", key=key)
    assert done["status"] == "SUCCEEDED", done
    assert platform.keys("quarantine/") == [f"quarantine/{key}", f"quarantine/{key}.reason.json"]
    assert one_letter(platform).body["input"]["detail"]["object"]["key"] == key
    assert [(item.key, item.state) for item in accounting.account(platform.target)] == [
        (key, "quarantined")
    ]
    good = platform.put_and_wait(sunny_day(), key=key)
    assert json.loads(good["output"])["outcome"] == "nothing_found"
    assert platform.read(platform.keys("outcomes/")[0])["source"]["key"] == key


@pytest.mark.parametrize("name", ["a\nb.csv", "a\tb.csv"], ids=["newline", "tab"])
def test_a_file_whose_name_cannot_be_kept_has_a_letter(platform: Platform, name: str) -> None:
    """Control characters are refused."""
    platform.put_and_wait(b"no telemetry", key=DAY + name)
    assert "control characters" in one_letter(platform).reason
    assert [item.state for item in accounting.account(platform.target)] == ["dead letter"]


LONG_KEYS = {
    "a reason beside it still fits": (DAY + "z" * 973 + ".csv", True),
    "one byte more": (DAY + "z" * 974 + ".csv", False),
    "as long as S3 takes": (DAY + "z" * 996 + ".csv", False),
    "as long as S3 takes, of letters of four bytes": (DAY + "😀" * 249 + ".csv", False),
    "as many characters, two bytes each, which fit": (DAY + "ü" * 486 + ".csv", True),
    "as long as S3 takes, for a forecast": ("historical/customer-001/" + "z" * 996 + ".csv", False),
}
"""A key, and whether its copy stands under `quarantine/` by itself."""


@pytest.mark.parametrize("name", LONG_KEYS)
def test_a_bad_file_of_a_long_key_is_quarantined_and_told_by_its_own_key(
    platform: Platform, name: str
) -> None:
    key, whole = LONG_KEYS[name]
    workflow = PREFIXES[key.split("/")[0] + "/"]
    done = platform.ended(workflow, platform.put(b"no telemetry", key=key))
    output = json.loads(done["output"])
    assert (done["status"], output["outcome"]) == ("SUCCEEDED", "quarantined"), done
    where = platform.target.input_bucket
    [version] = platform.s3.list_object_versions(Bucket=where, Prefix=key)["Versions"]
    file = file_id(where, key, version["VersionId"])
    kept = key if whole else f"long-keys/{file}.csv"
    assert platform.keys("quarantine/") == [f"quarantine/{kept}", f"quarantine/{kept}.reason.json"]
    assert platform.read(f"quarantine/{kept}.reason.json")["source"]["key"] == key
    assert one_letter(platform).what == key
    [told] = accounting.account(platform.target)
    assert (told.key, told.state) == (key, "quarantined")
    [(letter, _)] = deadletters.redrive(platform.target)
    assert letter.what == key


def test_a_good_file_of_several_assets_and_the_longest_key_is_kept(platform: Platform) -> None:
    """Distractor. Its object in the telemetry store has the file's name too."""
    both = pd.concat([sunny_day("INV-001"), sunny_day("INV-002")])
    keys = [f"{DAY}{'z' * 995}{last}.csv" for last in "ab"]
    for key in keys:
        done = platform.put_and_wait(both, key=key)
        assert json.loads(done["output"])["outcome"] == "nothing_found", done
    assert len(platform.keys("telemetry/")) == 2, "names that differ at their end are two objects"
    assert platform.letters() == []


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (f"{DAY}a.csv", "done"),
        (f"{DAY}a.CSV", "done"),
        (f"{DAY}a.Csv", "ignored"),
        (f"{DAY}a.csV", "ignored"),
        (f"{DAY}a.parquet", "ignored"),
        ("historical/customer-a/a.Csv", "ignored"),
        ("nowcast/a.PARQUET", "ignored"),
        ("training/c/s/hourly/a.Parquet", "ignored"),
        (f"{DAY}a.csv.gz", "ignored"),
    ],
)
def test_accounting_and_rules_agree(platform: Platform, key: str, state: str) -> None:
    """What no rule takes is no lost file: it is told as ignored, with the names that are taken."""
    platform.put(sunny_day(), key=key)
    if state == "done":
        platform.ended("ooda", key)
    time.sleep(0.3)
    started = [item for item in platform.executions() if key in json.dumps(item, default=str)]
    assert not started or state == "done"
    fresh = accounting.EVENT_DELAY_EMBEDDED
    try:
        accounting.EVENT_DELAY_EMBEDDED = fresh * 0
        [item] = accounting.account(platform.target)
    finally:
        accounting.EVENT_DELAY_EMBEDDED = fresh
    assert item.state == state, item
