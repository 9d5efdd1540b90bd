"""Step Functions: versions and aliases of state machines, and what an execution runs.

- An execution that is started by an alias runs one of its versions, by their weights, and says which
  (`stateMachineVersionArn`, `stateMachineAliasArn`). ministack took the heavier one, and ran the latest.
- An execution runs the definition and the role with which it was started, also when it waited meanwhile.
- CloudFormation makes versions and aliases; a version is made again when its workflow's revision changes.
- Deleting a workflow deletes its versions and aliases.

Sources: AWS Step Functions Developer Guide, "How Step Functions associates executions with a version or
alias", "State machine versions"; CloudFormation, AWS::StepFunctions::StateMachineVersion and …Alias.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from local.hooks.base import HookBroken, private, replace

Json = dict[str, Any]
KEPT = "_machine"
"""The field of a running execution's record with what its workflow was, once that has changed."""
_FROZEN = ("definition", "roleArn", "type", "loggingConfiguration")
_started_by: ContextVar[tuple[str, str | None] | None] = ContextVar("started_by", default=None)
_dice = random.Random(os.environ.get("ONA_LOCAL_SEED", "ona"))


def choose(routes: list[Json], between_0_and_1: float) -> str:
    """The version that an alias's weights (percent) give to one execution.

    >>> routes = [{"stateMachineVersionArn": f"m:{n}", "weight": w} for n, w in ((1, 90), (2, 10))]
    >>> choose(routes, 0.89), choose(routes, 0.91)
    ('m:1', 'm:2')
    """
    point = between_0_and_1 * sum(int(route["weight"]) for route in routes)
    for route in routes:
        point -= int(route["weight"])
        if point < 0:
            return str(route["stateMachineVersionArn"])
    return str(routes[-1]["stateMachineVersionArn"])


def machine_of(record: Json, machines: Any, versions: Any) -> Json | None:
    """The workflow as an execution runs it; None when it is gone."""
    base = machines.get(record["stateMachineArn"])
    if base is None:
        return None
    frozen = record.get(KEPT) or versions.get(record.get("stateMachineVersionArn") or "") or {}
    return {**base, **{field: frozen[field] for field in _FROZEN if field in frozen}}


def install() -> None:
    """Apply the hooks, after that of status events and before that of executions."""
    from ministack.services import stepfunctions

    executions = private(stepfunctions, "_executions")
    machines = private(stepfunctions, "_state_machines")
    versions = private(stepfunctions, "_state_machine_versions")
    aliases = private(stepfunctions, "_state_machine_aliases")
    start = private(stepfunctions, "_start_execution")
    tell = private(stepfunctions, "_emit_execution_status_event")
    describe = private(stepfunctions, "_describe_execution")

    def started(data: Json) -> Any:
        asked = str(data.get("stateMachineArn", ""))
        chosen: tuple[str, str | None] | None = None
        if alias := aliases.get(asked):
            version = choose(alias["routingConfiguration"], _dice.random())
            chosen, data = (version, asked), {**data, "stateMachineArn": version}
        elif asked in versions:
            chosen = asked, None
        token = _started_by.set(chosen)
        try:
            return start(data)
        finally:
            _started_by.reset(token)

    def told(record: Json) -> None:
        """ministack tells of the start between the record and the run."""
        if (chosen := _started_by.get()) and "stateMachineVersionArn" not in record:
            record["stateMachineVersionArn"], record["stateMachineAliasArn"] = chosen
            _started_by.set(None)  # not of what the execution starts in turn
        tell(record)

    def described(data: Json) -> Any:
        status, headers, body = describe(data)
        record = executions.get(data.get("executionArn")) or {}
        if status != 200 or "stateMachineVersionArn" not in record:
            return status, headers, body
        of_start = {name: record[name] for name in ("stateMachineVersionArn", "stateMachineAliasArn")}
        more = {name: value for name, value in of_start.items() if value}
        return status, headers, json.dumps({**json.loads(body), **more}).encode()

    def keep(runs: Iterable[Json], frozen: Json) -> None:
        for record in runs:
            if record["status"] == "RUNNING" and KEPT not in record:
                record[KEPT] = {field: frozen[field] for field in _FROZEN if field in frozen}

    def before(call: Callable[[Json], Any]) -> Callable[[Json], Any]:
        """Running executions keep what the workflow, or the version, is before the call."""

        def kept(data: Json) -> Any:
            version = data.get("stateMachineVersionArn")
            record = versions.get(version) if version else machines.get(data.get("stateMachineArn"))
            if record is not None:
                base = record["stateMachineArn"]
                of_it = (
                    run
                    for run in list(executions.values())
                    if run["stateMachineArn"] == base and run.get("stateMachineVersionArn") == version
                )
                keep(of_it, dict(record))
            return call(data)

        return kept

    def deleted(data: Json) -> Any:
        arn = str(data.get("stateMachineArn"))
        for store in (aliases, versions):
            for name in [name for name in store if str(name).startswith(f"{arn}:")]:
                del store[name]
        return delete(data)

    replace(stepfunctions, "_start_execution", started)
    replace(stepfunctions, "_emit_execution_status_event", told)
    replace(stepfunctions, "_describe_execution", described)
    update = before(private(stepfunctions, "_update_state_machine"))
    replace(stepfunctions, "_update_state_machine", update)
    drop = before(private(stepfunctions, "_delete_state_machine_version"))
    replace(stepfunctions, "_delete_state_machine_version", drop)
    delete = replace(stepfunctions, "_delete_state_machine", deleted)
    _cloudformation()


def _done(answer: Any) -> Json:
    """The body of an answer. Raises ValueError with the service's words when it is a refusal."""
    status, _, body = answer
    given: Json = json.loads(body)
    if status >= 400:
        code = str(given.get("__type", "")).rsplit("#", 1)[-1]
        raise ValueError(f'Resource handler returned message: "{given.get("message")}" ({code})')
    return given


def routing(properties: Json) -> list[Json]:
    """The routes that a template gives an alias: its list, or all to the version to deploy.

    >>> routing({"DeploymentPreference": {"StateMachineVersionArn": "m:2", "Type": "CANARY"}})
    [{'stateMachineVersionArn': 'm:2', 'weight': 100}]
    """
    if preference := properties.get("DeploymentPreference"):
        return [{"stateMachineVersionArn": preference["StateMachineVersionArn"], "weight": 100}]
    return [
        {"stateMachineVersionArn": item["StateMachineVersionArn"], "weight": int(item["Weight"])}
        for item in properties.get("RoutingConfiguration", [])
    ]


def _cloudformation() -> None:
    from ministack.services import stepfunctions
    from ministack.services.cloudformation import provisioners

    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    if "AWS::StepFunctions::StateMachine" not in handlers:
        raise HookBroken("ministack no longer provisions AWS::StepFunctions::StateMachine")

    def call(action: str, **data: Any) -> Json:
        return _done(private(stepfunctions, action)(data))

    def publish(_logical: str, properties: Json, _stack: str) -> Any:
        given = {"description": properties.get("Description", "")}
        if revision := properties.get("StateMachineRevisionId"):
            given["revisionId"] = revision
        arn = properties["StateMachineArn"]
        made = call("_publish_state_machine_version", stateMachineArn=arn, **given)
        return made["stateMachineVersionArn"], {"Arn": made["stateMachineVersionArn"]}

    def republish(physical: str, old: Json, new: Json, stack: str, logical: str | None = None) -> Any:
        changed = any(
            old.get(name) != new.get(name)
            for name in ("StateMachineArn", "StateMachineRevisionId", "Description")
        )
        return publish(logical or physical, new, stack) if changed else (physical, {"Arn": physical})

    def drop(physical: str, _properties: Json) -> None:
        call("_delete_state_machine_version", stateMachineVersionArn=physical)

    def make(logical: str, properties: Json, stack: str) -> Any:
        made = call(
            "_create_state_machine_alias",
            name=properties.get("Name") or f"{stack}-{logical}"[:80],
            description=properties.get("Description", ""),
            routingConfiguration=routing(properties),
        )
        return made["stateMachineAliasArn"], {"Arn": made["stateMachineAliasArn"]}

    def shift(physical: str, _old: Json, new: Json, _stack: str, _logical: str | None = None) -> Any:
        given = {"description": new.get("Description", ""), "routingConfiguration": routing(new)}
        call("_update_state_machine_alias", stateMachineAliasArn=physical, **given)
        return physical, {"Arn": physical}

    def remove(physical: str, _properties: Json) -> None:
        call("_delete_state_machine_alias", stateMachineAliasArn=physical)

    handlers["AWS::StepFunctions::StateMachineVersion"] = {
        "create": publish,
        "update": republish,
        "delete": drop,
    }
    handlers["AWS::StepFunctions::StateMachineAlias"] = {"create": make, "update": shift, "delete": remove}
