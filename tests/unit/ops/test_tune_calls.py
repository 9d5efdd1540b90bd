"""What `ona tune` asks Lambda for: a copy that goes again, and never a change of the function itself.

The account is a fake that was written from the API reference of Lambda; botocore's model of the service
looks at each request.
"""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from typer.testing import CliRunner

from ops import cli
from ops.cli import tune as command
from ops.means import tuner
from ops.target import OpsError, Target

MODEL = boto3.client("lambda", region_name="eu-central-1").meta.service_model
OWN = {
    "FunctionName": "ona-diagnose-dev", "Runtime": "python3.13", "Role": "arn:aws:iam::123456789012:role/r",
    "Handler": "h.h", "Timeout": 60, "MemorySize": 1024, "Architectures": ["arm64"], "PackageType": "Zip",
    "Layers": [{"Arn": "arn:aws:lambda:eu-central-1:123456789012:layer:l:1", "CodeSize": 1}],
    "Environment": {"Variables": {"ONA_RELEASE": "r1"}}, "EphemeralStorage": {"Size": 1024},
    "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/aws/lambda/ona-diagnose-dev"},
    "TracingConfig": {"Mode": "PassThrough"}, "Description": "what it does",
}  # fmt: skip
THEIRS = {"FunctionName": "ona-other-dev-tune", "Description": "somebody's own"}
OPERATIONS = {
    "get_function_configuration": "GetFunctionConfiguration", "get_function": "GetFunction",
    "create_function": "CreateFunction", "update_function_configuration": "UpdateFunctionConfiguration",
    "invoke": "Invoke", "delete_function": "DeleteFunction",
}  # fmt: skip


class Killed(BaseException):
    """The process is gone: nothing that stands in a `finally` reaches AWS any more."""


def error(code: str, text: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": text}}, "any")


class Account:
    """Lambda with one function, and somebody's function that is called like a copy."""

    class meta:  # noqa: N801
        region_name = "eu-central-1"

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Any]] = {
            "ona-diagnose-dev": dict(OWN), "ona-other-dev-tune": dict(THEIRS),
        }  # fmt: skip
        self.asked: list[tuple[str, str]] = []
        self.fails_at: int | None = None
        self.kind: Any = None
        self.probe: dict[str, Any] = {"ok": True, "answer": "answered", "error": ""}
        self.payloads: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        if name not in OPERATIONS:
            raise AttributeError(name)

        def call(**given: Any) -> Any:
            shape = MODEL.operation_model(OPERATIONS[name]).input_shape
            validate_parameters({k: v for k, v in given.items() if k != "Payload"}, shape)
            if self.kind is Killed and self.fails_at is not None and len(self.asked) > self.fails_at:
                raise Killed
            self.asked.append((name, given["FunctionName"]))
            if self.fails_at == len(self.asked) - 1:
                raise self.kind if self.kind is Killed else error("ServiceException")
            return getattr(self, f"_{name}")(**given)

        return call

    def _of(self, name: str) -> dict[str, Any]:
        if name not in self.functions:
            raise error("ResourceNotFoundException")
        return self.functions[name]

    def _get_function_configuration(self, FunctionName: str, Qualifier: str = "") -> Any:  # noqa: N803
        return dict(self._of(FunctionName))

    def _get_function(self, FunctionName: str, Qualifier: str = "") -> Any:  # noqa: N803
        return {"Configuration": dict(self._of(FunctionName)), "Code": {"Location": "https://code"}}

    def _create_function(self, **given: Any) -> Any:
        if given["FunctionName"] in self.functions:
            raise error("ResourceConflictException")
        assert given.pop("Code") == {"ZipFile": b"the package"}
        self.functions[given["FunctionName"]] = {**given, "cold": True}

    def _update_function_configuration(self, FunctionName: str, MemorySize: int) -> Any:  # noqa: N803
        if MemorySize > 3008:
            raise error("InvalidParameterValueException", "'MemorySize' value failed: at most 3008")
        self._of(FunctionName).update(MemorySize=MemorySize, cold=True)

    def _invoke(self, FunctionName: str, LogType: str, Payload: bytes) -> Any:  # noqa: N803
        function = self._of(FunctionName)
        self.payloads.append(json.loads(Payload))
        cold, function["cold"] = function["cold"], False
        memory = function["MemorySize"]
        took = 50 + 1.0e7 / memory**2
        line = f"REPORT RequestId: 1\tDuration: {took} ms\tBilled Duration: {int(took) + 1} ms\t"
        line += f"Memory Size: {memory} MB\tMax Memory Used: 80 MB\t" + "Init Duration: 7 ms\t" * cold
        tail = base64.b64encode(f"START\nhello\nEND\n{line}\n".encode()).decode()
        return {"Payload": io.BytesIO(json.dumps({"probe": self.probe}).encode()), "LogResult": tail}

    def _delete_function(self, FunctionName: str) -> Any:  # noqa: N803
        self._of(FunctionName)
        del self.functions[FunctionName]

    def get_waiter(self, _: str) -> Any:
        class Waiter:
            wait = staticmethod(lambda **_: None)

        return Waiter

    def get_paginator(self, name: str) -> Any:
        class Pages:
            paginate = staticmethod(lambda **_: [{"Functions": list(self.functions.values())}])

        assert name == "list_functions"
        return Pages

    @property
    def copies(self) -> list[str]:
        return [name for name in self.functions if name not in ("ona-diagnose-dev", "ona-other-dev-tune")]


class Metrics:
    """CloudWatch: 4 calls of 500 ms each in the last week."""

    def get_metric_statistics(self, **_: Any) -> Any:
        return {"Datapoints": [{"Sum": 2000.0, "SampleCount": 4.0, "Timestamp": datetime.now(UTC)}]}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account()

    class Web:
        def request(self, *_: Any, **__: Any) -> Any:
            class Answer:
                status, data = 200, b"the package"

            return Answer

    monkeypatch.setattr(urllib3, "PoolManager", Web)
    return made


@pytest.fixture
def target(account: Account, monkeypatch: pytest.MonkeyPatch) -> Target:
    clients = {"lambda": account, "cloudwatch": Metrics()}
    made = Target("test", "ona-platform-dev", clients.__getitem__)
    made.__dict__["outputs"] = {
        "Environment": "dev", "InputBucketName": "ona-dev-input-1", "OutputBucketName": "ona-dev-output-1",
    }  # fmt: skip
    monkeypatch.setattr(command, "resolve", lambda *_: made)
    return made


def measured(target: Target, *sizes: int) -> tuner.Measured:
    about = tuner.subject(target, "diagnose", {"a": 1})
    return tuner.measure(target, about, sizes, 5, lambda _: None)


def test_the_copy_is_as_the_live_function_is_and_goes_again(account: Account, target: Target) -> None:
    made: list[dict[str, Any]] = []
    create = account._create_function
    account._create_function = lambda **given: made.append(dict(given)) or create(**given)  # type: ignore
    found = measured(target, 512, 3008)
    assert {run.memory_mb for run in found.runs} == {512, 1024, 3008}
    assert [bool(run.start_ms) for run in found.runs] == [True, *[False] * 5] * 3
    assert (account.copies, account.functions["ona-diagnose-dev"]) == ([], OWN)
    [copy] = made
    alike = ("Runtime", "Role", "Handler", "Timeout", "Architectures", "Environment", "EphemeralStorage")
    assert {key: copy[key] for key in alike} == {key: OWN[key] for key in alike}
    assert copy["Layers"] == ["arn:aws:lambda:eu-central-1:123456789012:layer:l:1"]
    assert {name for name, of in account.asked if of == "ona-diagnose-dev"} == {
        "get_function_configuration", "get_function",
    }  # fmt: skip
    assert all(payload == {"$probe": {"input": {"a": 1}}} for payload in account.payloads)


def calls_of_a_whole_run() -> int:
    return 2 + 1 + 2 * (1 + 6) + 1


@pytest.mark.parametrize("at", range(calls_of_a_whole_run()))
@pytest.mark.parametrize("kind", ["failure", "kill"])
def test_whatever_stops_it_the_function_is_unchanged_and_a_copy_can_be_removed(
    account: Account, target: Target, at: int, kind: str
) -> None:
    account.fails_at, account.kind = at, Killed if kind == "kill" else error
    last = at == calls_of_a_whole_run() - 1
    if last and kind == "failure":
        assert "its copy ona-diagnose-dev-tune is left" in measured(target, 512).notes[0]
    else:
        with pytest.raises((ClientError, Killed)):
            measured(target, 512)
    assert account.functions["ona-diagnose-dev"] == OWN
    assert not account.copies or kind == "kill" or last, "only a kill, or a refused removal, leaves a copy"
    left = list(account.copies)
    account.fails_at = None
    if left:
        with pytest.raises(OpsError, match="ona tune --clean"):
            measured(target, 512)
    done = CliRunner().invoke(cli.app, ["tune", "--clean"])
    assert done.exit_code == 0, done.output
    assert set(account.functions) == {"ona-diagnose-dev", "ona-other-dev-tune"}
    assert "ona-other-dev-tune: stays" in done.output
    assert measured(target, 512).runs


def test_a_size_that_the_account_has_not_is_said_and_the_others_are_measured(
    account: Account, target: Target
) -> None:
    found = measured(target, 4096)
    assert {run.memory_mb for run in found.runs} == {1024}
    assert found.notes == ["4096 MB: 'MemorySize' value failed: at most 3008"]
    assert account.copies == []


def test_an_event_that_ends_early_and_one_that_fails_propose_nothing(
    account: Account, target: Target
) -> None:
    account.probe = {"ok": True, "answer": "ObjectMissing: no such object", "error": ""}
    done = CliRunner().invoke(
        cli.app, ["tune", "diagnose", "--yes", "--times", "5"], env={"COLUMNS": "200"}
    )
    assert "no size is proposed: the event ends before the work" in done.output
    account.probe = {"ok": False, "answer": "", "error": "AccessDenied: s3"}
    done = CliRunner().invoke(
        cli.app, ["tune", "diagnose", "--yes", "--times", "5"], env={"COLUMNS": "200"}
    )
    assert "512 MB: AccessDenied: s3" in done.output
    assert "no size is proposed: the last column says why" in done.output


def test_a_dry_run_tells_calls_and_cost_and_makes_nothing(account: Account, target: Target) -> None:
    """Two sizes of 11 invocations, 500 ms: (0.5 + 1) GB × 0.5 s × 11 = 8.25 GB-seconds, 0.00011 USD; at
    most 60 s: 990 GB-seconds, 0.0132 USD; 22 requests cost 0.0000044 USD."""
    done = CliRunner().invoke(cli.app, ["tune", "diagnose", "--memory", "512", "--dry-run"])
    said = " ".join(done.output.split())
    assert done.exit_code == 0, said
    assert "512, 1024 MB, 22 invocations; about 0.0001 USD, as its mean was 500 ms in 7 days" in said
    assert "at most 0.01 USD, as its timeout is 60 s" in said
    assert {name for name, _ in account.asked} == {"get_function_configuration"}
    asked = CliRunner().invoke(cli.app, ["tune", "diagnose"], input="n\n")
    assert (asked.exit_code, account.copies) == (1, [])
    assert {name for name, _ in account.asked} == {"get_function_configuration"}


def test_one_function_that_cannot_be_measured_does_not_stop_the_others(
    account: Account, target: Target
) -> None:
    account.functions["ona-order-dev"] = {**OWN, "FunctionName": "ona-order-dev"}
    account.functions["ona-diagnose-dev-tune"] = {"FunctionName": "ona-diagnose-dev-tune"}
    words = ["tune", "diagnose", "order", "--yes", "--memory", "512", "--json"]
    done = CliRunner().invoke(cli.app, words)
    first, second = json.loads(done.stdout)["functions"]
    assert done.exit_code == 1
    assert "is there already" in first["notes"][0]
    assert (second["function"], second["proposal"]["fastest"]) == ("order", 1024)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "name functions, or all; there are"),
        (["diagnos"], "no function 'diagnos'"),
        (["diagnose", "--memory", "64"], "from 128 to 10240 MB"),
        (["diagnose", "--memory", "1024,"], "from 128 to 10240 MB"),
        (["all", "--event", "e.json"], "--event is of one function"),
        (["detect"], "no such function with the alias live"),
    ],
)
def test_what_cannot_be_measured_is_refused(target: Target, words: list[str], why: str) -> None:
    done = CliRunner().invoke(cli.app, ["tune", *words])
    assert (done.exit_code, why in " ".join(done.output.split())) == (1, True), done.output
