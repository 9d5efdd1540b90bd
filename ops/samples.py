"""The sample events of `events/`: each runs by one command, also on an empty embedded cloud.

An event names what it needs by its keys. What lies in `samples/` is put; what another function makes is
made by running the family's other sample events, as the workflow would. On AWS nothing is put or run but
the event itself.
"""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ona.runtime import errors
from ona.runtime.sentences import in_words
from ona.store.layout import ASSETS
from ops import asl, customers, identifiers, registry, seed
from ops.explain import failure
from ops.target import LIVE, TEMPLATE, OpsError, Target
from ops.target import start as start_workflow

EVENTS, SAMPLES = TEMPLATE.parent / "events", TEMPLATE.parent / "samples"
WORKFLOW_S = 120.0
"""Seconds until a workflow must have ended (ours)."""
_WORKFLOWS = frozenset(path.name.split(".")[0] for path in asl.sources())
"""Names of all workflows, also of those that stand under a condition of the template."""
_UNUSABLE = ("quarantined",)
"""Outcomes of a workflow that ended well and yet did not do its work."""


@dataclass(frozen=True)
class Answer:
    """What a function answered, or how a workflow ended.

    `error`: in one line, empty when it succeeded. `answered`: whether `document` says more than `error`.
    """

    document: Any
    log: str = ""
    error: str = ""
    answered: bool = True

    @property
    def expected(self) -> bool:
        """Whether the error is one that the platform raises on purpose: its text says all that there is."""
        kind = self.document.get("errorType", "") if isinstance(self.document, dict) else ""
        return hasattr(errors, str(kind))


def read(path: Path) -> Any:
    """An event. Raises OpsError for a file that is not there, or not JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OpsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise OpsError(f"{path} is not JSON: {error}") from error


def is_workflow(path: Path) -> bool:
    """Whether a sample event starts a workflow, deployed or not; the others are a function's."""
    return path.stem in _WORKFLOWS


def command(path: Path) -> str:
    """The command that runs a sample event."""
    verb = "start" if is_workflow(path) else "invoke"
    return f"ona {verb} {path.stem} -e {path.relative_to(TEMPLATE.parent)}"


def events() -> list[Path]:
    """Every sample event."""
    return sorted(EVENTS.glob("*/*.json"))


# ------------------------------------------------------------------ one event


def invoke(target: Target, function: str, event: Any) -> Answer:
    """Invoke a function. Raises OpsError when there is none."""
    client, name = target.client("lambda"), target.function(function)
    try:
        answer = client.invoke(
            FunctionName=name, Qualifier=LIVE, Payload=json.dumps(event).encode(), LogType="Tail"
        )
    except client.exceptions.ResourceNotFoundException as error:
        raise OpsError(_no_function(target, function)) from error
    log = base64.b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace").strip()
    document = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        text = f"{document.get('errorType')}: {in_words(str(document.get('errorMessage')))}"
        return Answer(document, log, text, answered=False)
    status = document.get("statusCode", 200) if isinstance(document, dict) else 200
    text = "" if status < 400 else f"HTTP {status}: {in_words(str(document.get('body', '')))}"
    return Answer(document, log, text, answered=not text)


def _no_function(target: Target, name: str) -> str:
    """That there is no such function, and which there are; a workflow's name is another command's."""
    if name in _WORKFLOWS:
        return f"{name} is a workflow, no function: `ona start {name} -e <file>` starts it"
    functions = sorted({item.stem for item in events() if not is_workflow(item)})
    told = identifiers.otherwise(name, "function")
    return f"no function {identifiers.shown(name)}; there are {', '.join(functions)}{told}"


def start(target: Target, workflow: str, event: Any) -> Answer:
    """Start a workflow and wait for its end. Raises OpsError when there is none, or it takes too long."""
    if workflow in _WORKFLOWS - set(target.machines):
        raise OpsError(
            f"workflow {workflow} is not deployed here; docs/operations/events.md says what it needs"
        )
    if workflow not in target.machines:
        raise identifiers.no_workflow(target, workflow)
    states = target.client("stepfunctions")
    arn = start_workflow(states, target.machines[workflow], input=json.dumps(event))
    deadline = time.monotonic() + WORKFLOW_S
    while (done := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            raise OpsError(f"{workflow} still runs after {WORKFLOW_S:g} s; follow it: ona explain {arn}")
        time.sleep(0.1)
    output = json.loads(done.get("output") or "{}")
    if done["status"] != "SUCCEEDED":
        text = f"{done['status']}: {failure(done)}"
        return Answer(output, error=text, answered=False)
    outcome = output.get("outcome", "") if isinstance(output, dict) else ""
    return Answer(output, error=outcome if outcome in _UNUSABLE else "")


# ------------------------------------------------------------------ with what it needs


def run(target: Target, path: Path, say: Callable[[str], None] = lambda _: None) -> Answer:
    """Run a sample event; on the embedded cloud with what it needs. `say`: each command that went first."""
    answer = _attempt(target, path)
    pending = [item for item in events() if item.parent == path.parent and item != path]
    pending = [item for item in pending if not is_workflow(item)]
    while answer.error and target.embedded and pending:
        done = next((item for item in pending if not _attempt(target, item).error), None)
        if done is None:
            break
        say(command(done))
        pending.remove(done)
        answer = _attempt(target, path)
    return answer


def _attempt(target: Target, path: Path) -> Answer:
    event = read(path)
    if target.embedded:
        _provide(target, event)
    if is_workflow(path):
        return start(target, path.stem, event)
    with_door = through_its_api(target, path.stem, event)
    if target.embedded and "X-API-Key" in (with_door.get("headers") or {}):
        return _with_a_key(target, path.stem, with_door)
    return invoke(target, path.stem, with_door)


def through_its_api(target: Target, function: str, event: Any) -> Any:
    """An API's event with the id of the function's own API: it takes no other."""
    if not isinstance(event, dict) or "apiId" not in event.get("requestContext", {}):
        return event
    configuration = target.client("lambda").get_function_configuration(
        FunctionName=target.function(function)
    )
    own = configuration.get("Environment", {}).get("Variables", {}).get("API_ID")
    filled = copy.deepcopy(event)
    if own:
        filled["requestContext"]["apiId"] = own
    return filled


def _with_a_key(target: Target, function: str, event: dict[str, Any]) -> Answer:
    """Invoke with a key that is valid for this one call: what a file names opens nothing."""
    key = customers.add_key(target, event["queryStringParameters"]["customer_id"], "standard")
    try:
        return invoke(target, function, {**event, "headers": {**event["headers"], "X-API-Key": key}})
    finally:
        customers.remove_key(target, key)


def _provide(target: Target, event: Any) -> None:
    """Put the samples that an event names and that are not there, and wait for what they start."""
    s3, bucket = target.client("s3"), target.input_bucket

    def missing(key: str) -> bool:
        return s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"] == 0

    keys = [ASSETS, *_keys(event, bucket)]
    for key in keys:
        name = "INV-001_20250115.csv" if key.endswith("/") else Path(key).name
        sample, where = SAMPLES / name, f"{key}{name}" if key.endswith("/") else key
        if sample.is_file() and missing(key):
            s3.put_object(Bucket=bucket, Key=where, Body=sample.read_bytes())
            _wait_for(target, where)
    with suppress(OpsError):  # a registry that cannot be read is the function's to name
        seed.put_sample_crews(target, registry.read(target))


def _keys(node: Any, bucket: str) -> Iterator[str]:
    """Keys of the input bucket in an event: of pointers, of S3's own events, and prefixes."""
    if isinstance(node, list):
        for item in node:
            yield from _keys(item, bucket)
    elif isinstance(node, dict):
        if node.get("bucket") == bucket and isinstance(node.get("key"), str):
            yield node["key"]
        if isinstance(node.get("object"), dict) and node.get("bucket") == {"name": bucket}:
            yield node["object"]["key"]
        if isinstance(node.get("prefix"), str) and node["prefix"].endswith("/"):
            yield node["prefix"]
        for value in node.values():
            yield from _keys(value, bucket)


def _wait_for(target: Target, key: str) -> None:
    """Wait until the workflow that an object starts has ended: two at once are in each other's way."""
    if target.starts(key) is None:
        return
    states, deadline = target.client("stepfunctions"), time.monotonic() + WORKFLOW_S
    while time.monotonic() < deadline:
        listed = states.list_executions(stateMachineArn=target.starts(key), maxResults=20)["executions"]
        mine = [item for item in listed if item["status"] == "RUNNING" or _is_of(states, item, key)]
        if mine and all(item["status"] != "RUNNING" for item in mine):
            return
        time.sleep(0.1)


def _is_of(states: Any, item: dict[str, Any], key: str) -> bool:
    return key in states.describe_execution(executionArn=item["executionArn"]).get("input", "")


# ------------------------------------------------------------------ the page


PAGE = TEMPLATE.parent / "docs" / "operations" / "events.md"
_TABLE = "| event | command |\n| --- | --- |\n"


def table() -> str:
    """The page's table: every sample event and its command."""
    rows = [f"| `{path.relative_to(EVENTS)}` | `./{command(path)}` |\n" for path in events()]
    return _TABLE + "".join(rows)


def page() -> str:
    """The page with its table as it should be."""
    before, _, rest = PAGE.read_text("utf-8").partition(_TABLE)
    _, _, after = rest.partition("\n\n")
    return f"{before}{table()}\n{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
