"""Stores that functions' threads change while they are copied: no request fails, and nothing is lost."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.hooks import alarm_states
from local.hooks.durable_stores import ColdService, ColdServices, steady
from local.state.keeper import Keeper


def failing(times: int, text: str) -> Any:
    """A copy that fails so often, and then gives a store."""
    left = [times]

    def read() -> dict[str, Any]:
        if left[0]:
            left[0] -= 1
            raise RuntimeError(text)
        return {"log_groups": {"a": {"name": "a"}}}

    return read


@pytest.mark.parametrize(
    "text",
    [
        "dictionary changed size during iteration",
        "dictionary keys changed during iteration",
        "OrderedDict mutated during iteration",
        "deque mutated during iteration",
    ],
)
def test_a_copy_that_another_thread_spoilt_is_made_anew(text: str) -> None:
    assert steady(failing(3, text))() == {"log_groups": {"a": {"name": "a"}}}


def test_any_other_error_is_an_error_at_once() -> None:
    with pytest.raises(RuntimeError, match="no such store"):
        steady(failing(1, "no such store"))()


def test_stores_that_grow_meanwhile_are_copied() -> None:
    lines: dict[int, deque[int]] = {}
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            lines[number % 500] = deque([number])
            lines.pop((number * 7) % 500, None)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(50):
            assert steady(lambda: {"lines": copy.deepcopy(lines)})() is not None
    finally:
        over.set()
        writer.join()


def service(read: Any) -> ColdService:
    """A service that was compared once, and may have changed since."""
    made = ColdService("cloudwatch_logs", dict)
    made._read = read
    made.suspect()
    return made


def test_a_comparison_that_failed_is_made_with_the_next_request() -> None:
    made = service(failing(1, "no such store"))
    with pytest.raises(RuntimeError):
        made.records()
    assert made.changed()
    assert len(made.records()) == 1
    assert made.records() == []


@pytest.fixture
def logs() -> Iterator[Any]:
    """ministack's logs with one group and one line in it, and a source that compared them once."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cloudwatch_logs

    for store in (cloudwatch_logs._log_groups, cloudwatch_logs._log_records):
        store._data = {}  # watched by nobody
    services = ColdServices({"cloudwatch_logs": "cloudwatch_logs"}, set(), lambda _source: None)
    services.discover()
    asyncio.run(told("CreateLogGroup", logGroupName="/a", tags={}))
    asyncio.run(told("CreateLogStream", logGroupName="/a", logStreamName="s"))
    source = services.found["cloudwatch_logs"]
    source.suspect()
    assert [json.loads(record)[3] for record in source.records()] == [
        repr((get_account_id(), get_region(), "/a"))
    ]
    yield source
    cloudwatch_logs.reset()


class Uncopied(dict[str, Any]):
    """What nobody may copy."""

    def __deepcopy__(self, memo: object) -> Any:
        raise AssertionError("copied")


def test_stacks_are_compared_where_they_lie() -> None:
    from ministack.services import cloudformation

    cloudformation._stacks._data = {}  # watched by nobody
    services = ColdServices({"cloudformation": "cloudformation"}, set(), lambda _source: None)
    services.discover()
    source = services.found["cloudformation"]
    stack = Uncopied(StackName="a", StackStatus="CREATE_IN_PROGRESS")
    cloudformation._stacks["a"] = stack
    try:
        assert source.changed()
        assert b"CREATE_IN_PROGRESS" in b"".join(source.records())
        stack["StackStatus"] = "CREATE_COMPLETE"
        source.suspect()
        (record,) = map(json.loads, source.records())
        assert (record[1], record[-1]["StackStatus"]) == ("stacks", "CREATE_COMPLETE")
        source.suspect()
        assert source.records() == [], "nothing changed"
    finally:
        cloudformation._stacks._data = {}


async def told(action: str, **body: Any) -> None:
    """One request to the logs, that is answered by 200."""
    from ministack.services import cloudwatch_logs

    headers = {"x-amz-target": f"Logs_20140328.{action}"}
    status, *_ = await cloudwatch_logs.handle_request("POST", "/", headers, json.dumps(body).encode(), {})
    assert status == 200


def test_a_line_of_a_log_is_no_reason_to_compare_and_is_not_copied(logs: ColdService) -> None:
    line = {"timestamp": int(time.time() * 1000), "message": "said"}
    asyncio.run(told("PutLogEvents", logGroupName="/a", logStreamName="s", logEvents=[line]))
    assert not logs.changed()
    logs.suspect()
    assert logs.records() == [], "a line is in no record"
    assert b"said" in b"".join(logs.pieces()), "a snapshot has it"


def test_a_data_point_is_no_reason_to_compare_and_an_alarm_that_it_sets_off_is() -> None:
    from ministack.services import cloudwatch

    for store in (cloudwatch._alarms, cloudwatch._metrics):
        store._data = {}  # watched by nobody
    services = ColdServices({"cloudwatch": "cloudwatch"}, set(), lambda _source: None)
    services.discover()
    source = services.found["cloudwatch"]
    now = 60.0 * (time.time() // 60)
    try:
        for name, limit in (("rings", 1.0), ("does-not", 9.0)):
            cloudwatch._alarms[name] = {
                "AlarmName": name, "Namespace": "N", "MetricName": "M", "Statistic": "Maximum",
                "Period": 60, "EvaluationPeriods": 1, "Threshold": limit,
                "ComparisonOperator": "GreaterThanThreshold", "StateValue": "OK", "StateReason": "",
                "Dimensions": [], "ActionsEnabled": False,
                "AlarmActions": [], "OKActions": [], "InsufficientDataActions": [],
            }  # fmt: skip
        assert len(source.records()) == 2
        cloudwatch._metrics["N", "M", cloudwatch._dims_key({})] = [
            {"Timestamp": now - 30, "Value": 5.0, "Unit": "None"}
        ]
        assert not source.changed()
        alarm_states.look(now)
        assert source.changed()
        (record,) = [one for one in map(json.loads, source.records()) if one[1] == "alarms"]
        assert (record[-1]["AlarmName"], record[-1]["StateValue"]) == ("rings", "ALARM")
        assert b'"Value": 5.0' in b"".join(source.pieces()).replace(b'":5.0', b'": 5.0'), "in a snapshot"
    finally:
        cloudwatch.reset()


def test_a_setting_of_a_group_is_a_record_and_so_is_its_removal(logs: ColdService) -> None:
    asyncio.run(told("PutRetentionPolicy", logGroupName="/a", retentionInDays=7))
    logs.suspect()
    (record,) = map(json.loads, logs.records())
    assert record[-1]["retentionInDays"] == 7
    assert "streams" not in record[-1]
    asyncio.run(told("DeleteLogGroup", logGroupName="/a"))
    assert logs.changed(), "the store lost an entry"
    assert [json.loads(record)[4:] for record in logs.records()] == [[[]]]


def test_a_service_that_could_not_be_read_costs_no_others_records_and_parts_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state" / "journal").mkdir(parents=True)
    keeper = Keeper(tmp_path)
    written: list[bytes] = []

    def append(records: list[bytes]) -> int:
        written.extend(records)
        return 1

    monkeypatch.setattr(keeper.journal, "append", append)
    keeper.sources += [
        service(failing(0, "")),
        service(failing(1, "no such store")),
        service(failing(0, "")),
    ]
    with pytest.raises(RuntimeError):
        keeper.publish()
    assert written == [], "an effect without the note that it is done would come twice after a kill"
    keeper.publish()
    assert len(written) == 3
