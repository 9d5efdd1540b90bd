"""What a deployment did is on record: who, from what to what, how it ended, and no secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from operations.alerting import events
from operations.config.catalogue import FILE
from ops import cli
from ops.cli import deploying, recorded
from ops.deployment import records, running, under_way
from ops.deployment.versions import Published, Version, way_back
from ops.target import OpsError, Target
from tests.paths import ROOT

STACK, ME = "ona-platform-dev", "arn:aws:sts::123456789012:assumed-role/deploy/nia"
SECRETS = {
    "AlertEmail": "nia@example.com",
    "AlertEndpoint": "https://events.example.com/integration/0123456789abcdef/enqueue",
}


class Account:
    """What `ona deploy run` asks of an account. `there`: the stack, None before the first deployment."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.events: list[tuple[str, str, str]] = []
        """Of the stack: moment, what it is about, status; the newest first."""
        parameters = {"ApiRate": "200", "Release": "aaaaaaaaaaaa", "AuditRetentionDays": "30"}
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        outputs = [("OutputBucketName", "out"), ("Environment", "dev")]
        self.there: dict[str, Any] | None = {
            "StackName": STACK,
            "StackId": "arn:root",
            "StackStatus": "UPDATE_COMPLETE",
            "CreationTime": datetime(2026, 11, 1, tzinfo=UTC),
            "Parameters": given,
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs],
        }

    def __call__(self, service: str) -> Any:
        clients: dict[str, Callable[[], Any]] = {
            "cloudformation": lambda: SimpleNamespace(
                describe_stacks=self._stacks, get_paginator=self._pages
            ),
            "events": lambda: SimpleNamespace(put_events=self._told),
            "sts": lambda: SimpleNamespace(get_caller_identity=lambda: {"Arn": ME}),
        }
        return clients[service]() if service in clients else boto3.client(service, region_name="af-south-1")

    def _stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.there is None or StackName != STACK:
            raise RuntimeError(f"Stack with id {StackName} does not exist")
        return {"Stacks": [self.there]}

    def _pages(self, operation: str) -> Any:
        """There is the root and nothing below it, and it has no resources that are asked for."""
        there = {
            "describe_stacks": lambda: [{"Stacks": [self.there]}],
            "list_stack_resources": _no_resources,
        }
        return SimpleNamespace(paginate=there.get(operation, self._events))

    def _events(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        found = [
            {
                "StackId": "arn:root",
                "PhysicalResourceId": "arn:root" if what == StackName else "arn:other",
                "Timestamp": datetime.fromisoformat(moment),
                "ResourceStatus": status,
                **({"ResourceStatusReason": "User Initiated"} if "IN_PROGRESS" in status else {}),
            }
            for moment, what, status in self.events
        ]
        return [{"StackEvents": found[:2]}, {"StackEvents": found[2:]}]

    def _told(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.told += Entries
        return {"FailedEntryCount": 0}


def _no_resources(**_: Any) -> list[dict[str, Any]]:
    return [{"StackResourceSummaries": []}]


def show(target: Target, things: Sequence[Published] = ()) -> None:
    """What stands below the releases in `ona deploy history`."""
    recorded.show(target, list(things), *recorded.looked(target))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    monkeypatch.setenv("ONA_CONFIG_DIR", str(ROOT / "configs"))
    monkeypatch.setattr(running, "_path", lambda *_: tmp_path / "kept.toml")
    monkeypatch.setattr(running, "release_of", lambda *_: "bbbbbbbbbbbb")
    with mock_aws():
        found = Account()
        location = {"LocationConstraint": "af-south-1"}
        found("s3").create_bucket(Bucket="out", CreateBucketConfiguration=location)
        monkeypatch.setattr(deploying, "account", lambda *_: found)
        yield found


def deploy(monkeypatch: pytest.MonkeyPatch, fails: int | None) -> Any:
    """Run the command; one step fails: 0 build, 1 check, 2 sam, 3 validate."""
    done: list[Any] = []

    def call(words: list[str], **_: Any) -> int:
        done.append(words)
        return int(len(done) - 1 == fails)

    real = running.run
    monkeypatch.setattr(running, "run", lambda *given, **named: real(*given, **named, call=call))
    given = [
        word for name, value in {"ApiRate": "300", **SECRETS}.items() for word in ("-p", f"{name}={value}")
    ]
    return CliRunner().invoke(cli.app, ["deploy", "run", "--profile", "mine", *given])


def kept(account: Account) -> list[dict[str, Any]]:
    listed = account("s3").list_objects_v2(Bucket="out").get("Contents", [])
    bodies = [account("s3").get_object(Bucket="out", Key=item["Key"])["Body"].read() for item in listed]
    assert all(item["Key"].startswith("operations/deployments/") for item in listed)
    return [json.loads(body) for body in bodies]


def test_a_deployment_is_on_record_and_told_without_secrets(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = deploy(monkeypatch, None)
    assert done.exit_code == 0, done.output
    [record] = kept(account)
    assert (record["before"], record["release"]) == ("aaaaaaaaaaaa", "bbbbbbbbbbbb")
    assert (record["by"], record["outcome"], record["environment"]) == (ME, "succeeded", "dev")
    changed = {item["name"]: (item["before"], item["after"]) for item in record["changes"]}
    assert changed["ApiRate"] == ("200", "300")
    assert "AuditRetentionDays" not in changed, "it stayed"
    assert {"AlertEmail", "AlertEndpoint"} <= set(changed)
    for text in (json.dumps(record), json.dumps(account.told)):
        assert "nia@example.com" not in text
        assert "0123456789abcdef" not in text
    [event] = account.told
    assert (event["Source"], event["DetailType"]) == ("ona.platform", "Deployment Finished")


@pytest.mark.parametrize(("fails", "on_record"), [(0, False), (1, False), (2, True), (3, True)])
def test_one_that_failed_is_an_alert_and_one_that_changed_nothing_is_none(
    account: Account, monkeypatch: pytest.MonkeyPatch, fails: int, on_record: bool
) -> None:
    assert deploy(monkeypatch, fails).exit_code == 1
    assert [item["outcome"] for item in kept(account)] == ["failed"] * on_record
    for entry in account.told:
        detail = json.loads(entry["Detail"])
        event = {"source": "ona.platform", "detail-type": entry["DetailType"], "id": "b", "detail": detail}
        read = events.read(event, "dev", FILE.read(), datetime.now(UTC))
        assert (read.what, read.name) == ("alarm", "deployment-failed")
    assert len(account.told) == on_record


def test_a_first_deployment_that_failed_has_no_place_for_a_record(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.there = None
    done = deploy(monkeypatch, 2)
    assert done.exit_code == 1
    assert "the deployment is not on record" in done.output
    assert "`.venv-sam/bin/sam deploy --config-env` ended with status 1" in done.output, (
        "the cause is told, too"
    )


def test_history_shows_the_newest_first_and_names_what_it_cannot_read(
    account: Account, capsys: Any
) -> None:
    target = Target("test", STACK, account)
    show(target)
    for day in (3, 5, 4):
        began = datetime(2026, 11, day, 8, tzinfo=UTC)
        ends = {"outcome": "failed", "reason": "[sam]"} if day == 4 else {"outcome": "succeeded"}
        record = records.made("deployment", target, began, before=f"r{day}", release="x", by=ME, **ends)
        assert records.write(target, record) == ""
    key = "operations/deployments/2026/11/02/20261102T080000-abcdef.json"
    account("s3").put_object(Bucket="out", Key=key, Body=b"{")
    account("s3").put_object(Bucket="out", Key="operations/deployments/readme.txt", Body=b"")
    show(target)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "no deployment is on record"
    assert [line.split("→")[0].split()[-1] for line in said[1:] if "→" in line] == ["r5", "r4", "r3"]
    assert "    [sam]" in said
    assert said[-1] == "1 record cannot be read"


def test_a_deployment_without_a_record_is_told_from_the_stacks_events(
    account: Account, capsys: Any
) -> None:
    """DescribeStackEvents: the newest first, those of the resources among them."""
    target = Target("test", STACK, account)
    began = datetime(2026, 11, 3, 8, tzinfo=UTC)
    record = records.made(
        "deployment", target, began, before="a", release="kept", by=ME, outcome="succeeded"
    )
    record = record.model_copy(update={"ended_at": datetime(2026, 11, 3, 8, 6, tzinfo=UTC)})
    assert records.write(target, record) == ""
    account.events = [
        ("2026-11-05T09:30:00+00:00", STACK, "UPDATE_ROLLBACK_COMPLETE"),
        ("2026-11-05T09:10:00+00:00", "Base", "UPDATE_COMPLETE"),
        ("2026-11-05T09:00:00+00:00", STACK, "UPDATE_IN_PROGRESS"),
        ("2026-11-04T09:20:00+00:00", STACK, "UPDATE_COMPLETE"),
        ("2026-11-04T09:00:00+00:00", STACK, "UPDATE_IN_PROGRESS"),
        ("2026-11-03T08:05:00+00:00", STACK, "UPDATE_COMPLETE"),
        ("2026-11-03T08:01:00+00:00", STACK, "UPDATE_IN_PROGRESS"),
    ]
    version = Version(2, datetime(2026, 11, 4, 9, 5, tzinfo=UTC), "cccccccccccc")
    other = Version(1, datetime(2026, 11, 1, 9, 5, tzinfo=UTC), "too-early")
    things = [Published("function", "ona-detect-dev", "arn", 2, {}, (version, other))]
    show(target, things)
    said = capsys.readouterr().out.splitlines()
    rows = [line.split("  ")[:3] for line in said if not line.startswith("    ")]
    assert rows[0] == ["2026-11-05 09:00 UTC", "deployment failed", "no new version"]
    assert rows[1] == ["2026-11-04 09:00 UTC", "deployment succeeded", "cccccccccccc"]
    assert rows[2][2] == "a → kept", "what is on record is told once"
    assert len(rows) == 3
    assert sum("from the stack's events" in line for line in said) == 2


def test_no_way_back_leads_to_a_release_that_was_refused_unless_it_is_named(account: Account) -> None:
    """Its versions stay when it is taken back. One that was deployed at a second try is no refused one."""
    target = Target("test", STACK, account)
    ends = (("a", "succeeded"), ("bad", "failed"), ("twice", "failed"), ("twice", "succeeded"))
    for day, (release, outcome) in enumerate(ends, 1):
        began = datetime(2026, 11, day, 8, tzinfo=UTC)
        made = records.made("deployment", target, began, before="", release=release, by=ME, outcome=outcome)
        assert records.write(target, made) == ""
    book, stacks = recorded.looked(target)
    refused = book.refused(stacks, datetime(2026, 11, 20, tzinfo=UTC))
    assert refused == {"bad": "refused"}
    when = datetime(2026, 11, 4, 9, tzinfo=UTC)
    numbered = enumerate(("a", "bad", "twice", "new"), 1)
    there = tuple(reversed([Version(number, when, release) for number, release in numbered]))
    for live, goes_to in ((4, 3), (3, 1)):
        [step] = way_back(
            [Published("function", "ona-detect-dev", "arn", live, {}, there)], "all", "", refused
        )
        assert step.to == goes_to
    [named] = way_back(
        [Published("function", "ona-detect-dev", "arn", 4, {}, there)], "all", "bad", refused
    )
    assert (named.to, named.why.endswith("which was refused")) == (2, True)


def test_half_a_release_goes_back_to_where_the_other_half_is() -> None:
    """Detect got the new release before the kill; order did not, and has an older one too."""
    when = datetime(2026, 11, 4, 9, tzinfo=UTC)

    def thing(name: str, live: int, newest: int) -> Published:
        numbered = enumerate(("oldest", "old", "new")[:newest], 1)
        there = [Version(number, when.replace(hour=number), release) for number, release in numbered]
        return Published("function", f"ona-{name}-dev", "arn", live, {}, tuple(reversed(there)))

    half = way_back([thing("detect", 3, 3), thing("order", 2, 2)], "all")
    assert {step.thing.short: step.to for step in half} == {"detect": 2, "order": None}
    whole = way_back([thing("detect", 3, 3), thing("order", 3, 3)], "all")
    assert {step.thing.short: step.to for step in whole} == {"detect": 2, "order": 2}
    [alone] = way_back([thing("detect", 3, 3), thing("order", 2, 2)], "order")
    assert alone.to == 1, "who is asked for alone goes"
    early = way_back([thing("detect", 2, 3), thing("order", 2, 2)], "all", home="old")
    assert [step.to for step in early] == [None, None], "the new release reached no alias yet"
    asked = way_back([thing("detect", 2, 3), thing("order", 2, 2)], "all", shifting=["ona-detect-dev"])
    assert {step.thing.short: step.to for step in asked} == {"detect": 2, "order": None}, (
        "its hook is asked"
    )


def test_a_workflow_goes_to_its_version_of_the_release_to_which_the_functions_go() -> None:
    """Three releases; the second one alone changed the workflow `late`, the first two changed `early`."""
    hours = {"one": 1, "two": 2, "three": 3}

    def thing(kind: Any, name: str, live: str, *made_in: str) -> Published:
        there = [
            Version(
                number, datetime(2026, 11, 4, hours[release], 5 * (kind != "function"), tzinfo=UTC), release
            )
            for number, release in enumerate(made_in, 1)
        ]
        number = made_in.index(live) + 1
        return Published(kind, f"ona-{name}-dev", "arn", number, {}, tuple(reversed(there)))

    function = thing("function", "detect", "three", *hours)
    early = thing("workflow", "early", "two", "one", "two")
    changed = thing("workflow", "changed", "three", "one", "three")
    once = thing("workflow", "once", "one", "one")
    there = [function, early, changed, once]

    def goes(*asked: str, things: list[Published] = there) -> dict[str, int | None]:
        return {step.thing.short: step.to for step in way_back(things, *asked)}

    assert goes("all") == {"detect": 2, "early": None, "changed": 1, "once": None}
    assert goes("all", "one") == {"detect": 1, "early": 1, "changed": 1, "once": None}
    assert goes("all", "two") == goes("all")
    assert goes("early") == {"early": 1}, "who is asked for alone goes"
    back = [thing("function", "detect", "one", *hours), thing("workflow", "early", "one", "one", "two")]
    assert goes("all", "three", things=back) == {"detect": 3, "early": 2}, "and forth, to what it had then"


@pytest.mark.parametrize(
    ("status", "minutes", "refuses", "warns"),
    [
        ("UPDATE_IN_PROGRESS", 5, True, False),
        ("UPDATE_IN_PROGRESS", 300, True, False),
        ("UPDATE_COMPLETE", 5, False, True),
        ("UPDATE_COMPLETE", 300, False, False),
    ],
)
def test_nobody_goes_back_beneath_a_deployment_that_shifts_nothing(
    account: Account, status: str, minutes: int, refuses: bool, warns: bool
) -> None:
    """Its next stack would move on; what was cut short is under way no more, and may be taken back. One
    that uploads, or was killed just now, keeps nobody from going back."""
    target = Target("test", STACK, account)
    open_one = records.begun(
        "deployment", target, datetime(2026, 11, 3, tzinfo=UTC), before="", release="b", by=ME
    )
    assert records.keep(target, open_one) == ""
    assert account.there
    account.there["StackStatus"] = status
    now = datetime(2026, 11, 3, tzinfo=UTC) + timedelta(minutes=minutes)
    if refuses:
        with pytest.raises(OpsError, match=f"by {ME}.*cancel-update-stack --stack-name {STACK}"):
            under_way.refuse(target, *recorded.looked(target), now)
    else:
        told = under_way.refuse(target, *recorded.looked(target), now)
        assert (f"by {ME} since 2026-11-03 00:00 UTC" in told) is warns
        assert bool(told) is warns


def test_a_way_back_of_one_function_does_not_look_like_one_of_all(account: Account, capsys: Any) -> None:
    target = Target("test", STACK, account)
    for day, moved in ((1, ["detect"]), (2, [])):
        began = datetime(2026, 11, day, 8, tzinfo=UTC)
        given = {"before": "new", "release": "old", "by": ME, "outcome": "succeeded", "moved": moved}
        assert records.write(target, records.made("rollback", target, began, **given)) == ""
    show(target)
    of_all, of_one = capsys.readouterr().out.splitlines()
    assert "detect alone, new → old; the others stay" in of_one
    assert "alone" not in of_all
    assert [json.loads(entry["Detail"])["moved"] for entry in account.told] == [["detect"], []]
