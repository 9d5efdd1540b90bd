"""Measures a function at several memory sizes, on a copy of its live version.

A copy, and not versions of the function itself: UpdateFunctionConfiguration changes $LATEST, and a
command that is killed would leave it so: the next version would be published with the size of a trial.
The copy runs the sample as a probe, which writes nothing (`ona.runtime.probe`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.runtime import probe
from operations.config.prices import MEGABYTES
from operations.deploy_hook.trial import verdict
from operations.reading.finding import code_of
from ops.means.tuning import Run, run_of
from ops.target import LIVE, OpsError, Target

SUFFIX = "-tune"
MARK = "made by `ona tune`; a copy of "
"""How the description of a copy begins; what has another is somebody else's, whatever its name is."""
SIZES = (512, 1024, 1769, 2048, 3008)
"""MB. 1 769 MB is one whole processor; an account has 3 008 MB at first ("Lambda quotas")."""
_KEPT = ("Runtime", "Role", "Handler", "Timeout", "Architectures", "KMSKeyArn", "LoggingConfig")
_ZIP_BYTES = 50 * 1024**2
"""So large a package may be that is sent in a call ("Lambda quotas", deployment package)."""
_WEEK = timedelta(days=7)
_WAIT = {"Delay": 1, "MaxAttempts": 120}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """A function to measure: its folder's name, its configuration when it is live, and its sample event."""

    name: str
    deployed: str
    configuration: dict[str, Any]
    event: Any

    @property
    def copy(self) -> str:
        """The copy's name, at most 64 letters."""
        return self.deployed[: 64 - len(SUFFIX)] + SUFFIX

    @property
    def memory_mb(self) -> int:
        """The size that it has now."""
        return int(self.configuration["MemorySize"])

    @property
    def architecture(self) -> str:
        """Its processor: arm64 or x86_64."""
        return str((self.configuration.get("Architectures") or ["x86_64"])[0])

    @property
    def layers(self) -> list[str]:
        """Its layers, by ARN."""
        return [str(layer["Arn"]) for layer in self.configuration.get("Layers") or []]

    def all_sizes(self, wanted: Sequence[int]) -> list[int]:
        """The sizes to measure: those that are wanted, and the one that it has."""
        return sorted({*wanted, self.memory_mb})


@dataclass
class Measured:
    """The invocations of one function. `notes`: what was not as it should be, in words; `early`: why the
    event says nothing of the function's work, empty where it does."""

    name: str
    architecture: str
    memory_mb: int
    runs: list[Run] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    early: str = ""


def subject(target: Target, name: str, event: Any) -> Subject:
    """A function as it is live. Raises OpsError when it is not there, or no zip file."""
    deployed = target.function(name)
    try:
        answer = target.client("lambda").get_function_configuration(FunctionName=deployed, Qualifier=LIVE)
    except Exception as error:
        if code_of(error) == "ResourceNotFoundException":
            raise OpsError(f"{deployed}: there is no such function with the alias {LIVE}") from error
        raise
    if answer.get("PackageType", "Zip") != "Zip":
        raise OpsError(f"{deployed}: it is an image; only functions from zip files are measured")
    return Subject(name, deployed, answer, event)


def mean_ms(target: Target, about: Subject) -> float | None:
    """The mean duration of its invocations in the last seven days, ms; None where there were none."""
    now = datetime.now(UTC)
    points = target.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Duration",
        Dimensions=[{"Name": "FunctionName", "Value": about.deployed}],
        StartTime=now - _WEEK,
        EndTime=now,
        Period=int(_WEEK.total_seconds()),
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    calls = sum(point["SampleCount"] for point in points)
    return sum(point["Sum"] for point in points) / calls if calls else None


def estimate(
    about: Subject, wanted: Sequence[int], times: int, mean: float | None, gb_second: float, request: float
) -> tuple[int, float | None, float]:
    """How many invocations there will be, what they cost as far as the mean duration holds at each size,
    and what they cost at most, USD: when each runs until its timeout."""
    measured = about.all_sizes(wanted)
    each = times + 1

    def usd(milliseconds: float) -> float:
        one = milliseconds / 1000 * gb_second / MEGABYTES  # USD of an invocation for each MB
        return each * sum(size * one + request for size in measured)

    most = usd(1000.0 * float(about.configuration["Timeout"]))
    return each * len(measured), None if mean is None else usd(mean), most


def measure(target: Target, about: Subject, wanted: Sequence[int], times: int, say: Say) -> Measured:
    """Invoke a copy at each size: once cold, then `times` times. The copy is removed, also after an error.

    Raises OpsError when there is a copy already, and botocore's errors.
    """
    client = target.client("lambda")
    found = Measured(about.name, about.architecture, about.memory_mb)
    _make(client, about)
    try:
        for size in about.all_sizes(wanted):
            if why := _resize(client, about.copy, size):
                found.notes.append(f"{size} MB: {why}")
                continue
            say(f"{about.name}: {size} MB")
            for _ in range(times + 1):
                _one(target, about, size, found)
    finally:
        try:
            client.delete_function(FunctionName=about.copy)
        except Exception as error:
            found.notes.append(f"its copy {about.copy} is left; remove it with `ona tune --clean`: {error}")
    return found


def _make(client: Any, about: Subject) -> None:
    import urllib3

    given = about.configuration
    where = client.get_function(FunctionName=about.deployed, Qualifier=LIVE)["Code"]["Location"]
    answer = urllib3.PoolManager().request("GET", where, timeout=60.0)
    if answer.status != 200:
        raise OpsError(f"{about.deployed}: its package cannot be fetched: status {answer.status}")
    if len(answer.data) > _ZIP_BYTES:
        size = len(answer.data) / 1024**2
        raise OpsError(f"{about.deployed}: its package has {size:.0f} MB; Lambda takes 50 MB in a call")
    more: dict[str, Any] = {name: given[name] for name in _KEPT if given.get(name)}
    more["Environment"] = {"Variables": (given.get("Environment") or {}).get("Variables") or {}}
    more["EphemeralStorage"] = {"Size": (given.get("EphemeralStorage") or {}).get("Size", 512)}
    if about.layers:
        more["Layers"] = about.layers
    if (network := given.get("VpcConfig") or {}).get("SubnetIds"):
        more["VpcConfig"] = {key: network[key] for key in ("SubnetIds", "SecurityGroupIds")}
    try:
        client.create_function(
            FunctionName=about.copy,
            Description=MARK + about.deployed,
            MemorySize=about.memory_mb,
            Code={"ZipFile": answer.data},
            **more,
        )
    except Exception as error:
        if code_of(error) == "ResourceConflictException":
            raise OpsError(
                f"{about.copy} is there already: another `ona tune` runs, or one was killed; when none "
                "runs, remove it with `ona tune --clean`"
            ) from error
        raise
    try:
        client.get_waiter("function_active_v2").wait(FunctionName=about.copy, WaiterConfig=_WAIT)
    except BaseException:
        client.delete_function(FunctionName=about.copy)
        raise


def _resize(client: Any, copy: str, size: int) -> str:
    """Give the copy a size; why AWS refuses it, empty when it does not."""
    try:
        client.update_function_configuration(FunctionName=copy, MemorySize=size)
    except Exception as error:
        if code_of(error) in ("InvalidParameterValueException", "ValidationException"):
            return str(error).partition(": ")[2]
        raise
    client.get_waiter("function_updated_v2").wait(FunctionName=copy, WaiterConfig=_WAIT)
    return ""


def _one(target: Target, about: Subject, size: int, found: Measured) -> None:
    payload = json.dumps(probe.asking(about.event)).encode()
    answer = target.client("lambda").invoke(FunctionName=about.copy, LogType="Tail", Payload=payload)
    run = _reported(target, about, answer)
    failed, early = _told(answer)
    if early:
        found.early = f"the event ends before the work, give another by --event: {early}"
    if run is None:
        note = f"{size} MB: an invocation without a REPORT line counts for nothing"
        found.notes += [note] if note not in found.notes else []
        return
    if failed and not run.failed:
        note = f"{size} MB: {failed}"
        found.notes += [note] if note not in found.notes else []
        run = Run(run.duration_ms, run.billed_ms, run.memory_mb, run.used_mb, run.start_ms, failed)
    found.runs.append(run)


def _told(answer: dict[str, Any]) -> tuple[str, str]:
    """Why an invocation failed, and with which answer it ended before its work; both may be empty."""
    document = json.loads(answer["Payload"].read() or b"null")
    found = verdict(document, "FunctionError" in answer)  # as the deployment's hook judges it
    if not found.ok:
        return found.text, ""
    return "", "" if found.text == probe.ANSWERED else found.text


def _reported(target: Target, about: Subject, answer: dict[str, Any]) -> Run | None:
    """The REPORT of an invocation, which ends its log. The embedded cloud leaves it out of LogResult, and
    has another id in it than in the answer: there it is the newest of $LATEST, which nobody else calls."""
    tail = base64.b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace")
    runs = [run for line in tail.splitlines() if (run := run_of(line))]
    if runs or not target.embedded:
        return runs[-1] if runs else None
    group = (about.configuration.get("LoggingConfig") or {}).get("LogGroup")
    pages = target.client("logs").get_paginator("filter_log_events")
    mine: set[str] = set()
    for page in pages.paginate(logGroupName=group or f"/aws/lambda/{about.copy}"):
        for event in page["events"]:
            words = event["message"].split()
            if words[:1] == ["START"] and words[-1] == "$LATEST":
                mine.add(words[2])
            elif words[:1] == ["REPORT"] and words[2] in mine and (run := run_of(event["message"])):
                runs.append(run)
    return runs[-1] if runs else None


def copies(target: Target) -> Iterator[tuple[str, bool]]:
    """Functions of this environment with a copy's name, and whether `ona tune` made them."""
    form = re.compile(rf"ona-[A-Za-z0-9-]+-{re.escape(target.outputs['Environment'])}{SUFFIX}")
    for page in target.client("lambda").get_paginator("list_functions").paginate():
        for item in page["Functions"]:
            if form.fullmatch(item["FunctionName"]):
                yield item["FunctionName"], item.get("Description", "").startswith(MARK)


def remove(target: Target, name: str) -> None:
    """Delete a copy."""
    target.client("lambda").delete_function(FunctionName=name)
