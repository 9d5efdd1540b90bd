"""Files that are done again: the right ones, some at a time, none twice, also after a kill."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ona.runtime.identity import file_id
from ops.accounting import FileAccount, State
from ops.emergency import holding, reprocess, restart, running
from ops.target import OpsError, Target
from tests.fakes import own_clock
from tests.fakes.stoppable import STATES, Cloud, Killed
from tests.paths import ROOT

WHEN = datetime(2026, 11, 28, 8, tzinfo=UTC)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    monkeypatch.setenv("ONA_CONFIG_DIR", str(ROOT / "configs"))
    own_clock.give(
        monkeypatch, reprocess, restart, running, sleep=cloud.sleep, monotonic=lambda: cloud.now.timestamp()
    )
    monkeypatch.setattr(reprocess, "utc_now", lambda: cloud.now)
    return cloud


def account(key: str, version: str = "1", state: State = "done", minutes: int = 0) -> FileAccount:
    return FileAccount(f"observations/{key}.csv", version, 10, state, at=WHEN + timedelta(minutes=minutes))


def started(cloud: Cloud) -> Counter[str]:
    return Counter(json.loads(item["input"])["detail"]["object"]["key"] for item in cloud.executions)


def test_each_file_is_done_once_and_few_at_a_time(cloud: Cloud) -> None:
    files = [account(f"{place:02}") for place in range(12)] + [account("fails")]
    most = 0

    def look(_: str) -> None:
        nonlocal most
        most = max(most, sum(item["status"] == "RUNNING" for item in cloud.executions))

    cloud.after_write = look
    told: list[str] = []
    plan = reprocess.planned(cloud.target(), "all", files)
    ends = reprocess.run(cloud.target(), plan, "thandi", told.append)
    assert ends == {"SUCCEEDED": 12, "FAILED": 1}
    assert started(cloud) == {item.key: 1 for item in files}
    assert most == 5
    assert told[-1] == "13 of 13 done"
    assert {item["asked"] for item in cloud.executions} == {f"{STATES}ona-ooda-dev:live"}


@pytest.mark.parametrize("writes", range(1, 10))
def test_killed_after_any_write_it_goes_on_with_the_same_list(cloud: Cloud, writes: int) -> None:
    files = [account(f"{place:02}") for place in range(6)]
    target, left = cloud.target(), writes

    def kill(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    cloud.after_write = kill
    with suppress(Killed):
        reprocess.run(target, reprocess.planned(target, "all", files), "thandi", lambda _: None)
    cloud.after_write = lambda _: None
    cloud.sleep(60)
    more = [*files, account("later")]  # it came after the first command: the list stays as it was
    plan = reprocess.planned(target, "all", more)
    assert (plan.goes_on is None) == (writes >= 8)  # the eighth write said that it had ended
    reprocess.run(target, plan, "sipho", lambda _: None)
    twice = 2 if plan.goes_on is None else 1
    assert {started(cloud)[item.key] for item in files} == {twice}
    assert reprocess.planned(target, "all", files).goes_on is None


def test_other_words_are_another_run(cloud: Cloud) -> None:
    target = cloud.target()
    cloud.after_write = lambda name: (_ for _ in ()).throw(Killed())
    with pytest.raises(Killed):
        reprocess.run(target, reprocess.planned(target, "a", [account("1")]), "thandi", print)
    cloud.after_write = lambda _: None
    assert reprocess.planned(target, "b", [account("1")]).goes_on is None
    assert reprocess.planned(target, "a", [account("1")]).goes_on is not None


def test_nothing_is_done_again_while_the_platform_is_stopped(cloud: Cloud) -> None:
    holding.hold(cloud.target(), "a bad release", "thandi")
    plan = reprocess.planned(cloud.target(), "all", [account("1")])
    with pytest.raises(OpsError, match=r"stopped since .* by thandi: a bad release"):
        reprocess.run(cloud.target(), plan, "sipho", print)
    assert cloud.executions == []


def test_a_time_takes_the_newest_version_of_what_came_in_it() -> None:
    files = [
        account("before", minutes=-1),
        account("first", minutes=0),
        account("twice", "1", "replaced", minutes=1),
        account("twice", "2", minutes=2),
        account("newer-outside", "1", minutes=3),
        account("newer-outside", "2", minutes=90),
        account("bad", state="quarantined", minutes=4),
        account("runs", state="running", minutes=5),
        account("no-csv", state="ignored", minutes=6),
        account("removed", state="dismissed", minutes=7),
        account("end", minutes=60),
    ]
    found = reprocess.came_between(files, WHEN, WHEN + timedelta(hours=1))
    names = [(item.key.split("/")[1], item.version_id) for item in found]
    assert names == [("first.csv", "1"), ("twice.csv", "2"), ("bad.csv", "1")]


def test_an_asset_is_found_by_its_detections(cloud: Cloud) -> None:
    """A file of several assets counts for each; the file's name says nothing."""
    files = [account("fleet"), account("INV-2"), account("fixed", "1", "replaced"), account("fixed", "2")]
    day = date(2025, 6, 10)

    def detected(key: str, version: str, when: date, *assets: str) -> None:
        source = {"bucket": "in", "key": f"observations/{key}.csv", "version_id": version}
        body = {"source": source, "assets": [{"asset_id": name} for name in assets], "more": 1}
        made = file_id("in", source["key"], version)
        cloud.objects[f"detections/{when:%Y/%m/%d}/det-{made}.json"] = json.dumps(body).encode()

    detected("fleet", "1", day, "INV-1", "INV-2")
    detected("INV-2", "1", date(2025, 7, 1), "INV-1")  # another month
    detected("fixed", "1", day, "INV-1")  # a version that was corrected since
    detected("gone", "1", day, "INV-1")  # its file was deleted
    cloud.objects["detections/readme.json"] = b"{}"
    found = reprocess.of_asset(cloud.target(), files, "INV-1", date(2025, 6, 1), date(2025, 6, 30))
    assert [(item.key, item.version_id) for item in found] == [
        ("observations/fleet.csv", "1"),
        ("observations/fixed.csv", "2"),
    ]
    assert reprocess.of_asset(cloud.target(), files, "INV-3", day, day) == []


def test_what_hangs_is_told_from_what_is_slow(cloud: Cloud) -> None:
    """95 % of the like took 100 s or less, so nothing may be still for more than 300 s."""
    now, machine = cloud.now, f"{STATES}ona-ooda-dev"
    histories: dict[str, list[dict[str, Any]]] = {}

    def ran(name: str, seconds: float, of: str = machine, last_event: float | None = None) -> None:
        begun = now - timedelta(seconds=seconds)
        arn = f"{of}:{name}"
        cloud.executions.append(
            {"executionArn": arn, "stateMachineArn": of, "startDate": begun, "status": "RUNNING"}
        )
        if last_event is not None:
            histories[arn] = [{"timestamp": now - timedelta(seconds=last_event)}]

    took = [60.0] * 40 + [100.0] * 56 + [2000.0] * 4
    done = [{"startDate": now, "stopDate": now + timedelta(seconds=seconds)} for seconds in took]
    ran("still", 4000, last_event=3000)
    ran("slow-but-at-work", 4000, last_event=20)
    ran("young", 299)
    ran("old-without-history", 301)
    ran("nothing-to-compare", 9000, of=f"{STATES}ona-fleet-history-dev")
    pages = SimpleNamespace(
        paginate=lambda **n: [
            {"executions": [e for e in cloud.executions if e["stateMachineArn"] == n["stateMachineArn"]]}
        ]
    )
    states = SimpleNamespace(
        get_paginator=lambda _: pages,
        list_executions=lambda **n: {"executions": done if n["stateMachineArn"] == machine else []},
        get_execution_history=lambda **n: {"events": histories.get(n["executionArn"], [])},
    )
    target = Target("test", "ona-platform-dev", lambda _: states)
    machines = [machine, f"{STATES}ona-fleet-history-dev"]
    found = restart.hanging(target, machines, now)
    assert [item.running.name for item in found] == ["still", "old-without-history"]
    assert (found[0].still_s, found[0].limit_s) == (3000, 300)


@pytest.mark.parametrize("version", ["", ":7"])
def test_what_is_restarted_runs_what_is_live_and_begins_once(cloud: Cloud, version: str) -> None:
    """Also where the old one was started at the workflow itself, or with a version that is old by now."""
    target = cloud.target()
    old = f"{STATES}ona-ooda-dev{version}"
    ended = {"executionArn": f"{STATES}ona-ooda-dev:old", "stateMachineArn": old, "input": '{"id": "1"}'}
    begun = running.again(target, ended)
    assert running.again(target, ended) == begun
    [item] = cloud.executions
    assert (item["asked"], item["input"]) == (f"{STATES}ona-ooda-dev:live", '{"id": "1"}')
    assert item["executionArn"] == begun


def test_a_platform_of_before_there_were_aliases_is_restarted_as_it_is(cloud: Cloud) -> None:
    cloud.aliases = False
    ended = {"executionArn": f"{STATES}x:old", "stateMachineArn": f"{STATES}ona-ooda-dev", "input": "{}"}
    running.again(cloud.target(), ended)
    assert [item["asked"] for item in cloud.executions] == [f"{STATES}ona-ooda-dev"]
