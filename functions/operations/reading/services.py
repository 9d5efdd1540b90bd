"""Functions, tables, buckets and workflows: is each there, and may it be used?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operations.reading.changes import NO_CALLS, Changes
from operations.reading.finding import Client, Finding, code_of, each
from operations.reading.inventory import Inventory

_GONE = "it is gone: its stack names it, and the service does not know it"
SHUT = "its reserved concurrency is 0"
"""How it begins what is said of a function that somebody stopped so."""
_NOT_THERE = {
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
    "NotFoundException",
    "404",
    "NoSuchBucket",
}
"""How the services say that there is no such thing."""


def functions(client: Client, found: Inventory) -> Iterator[Finding]:
    """State and last update of each function (AWS Lambda Developer Guide, "Lambda function states").

    Callers name its alias: the state is that of the version behind it. What is updated is the newest code.
    """
    lambdas, changes = client("lambda"), Changes(client)
    aliases = dict(arn.split(":")[-2:] for arn in found.of("AWS::Lambda::Alias"))

    def by(seen: Finding, limit: int | None) -> Finding:
        shut = limit == 0 and seen.state == "critical"
        return changes.told(seen, NO_CALLS, seen.about) if shut else seen

    def look(name: str) -> Finding:
        try:
            newest = lambdas.get_function_configuration(FunctionName=name)
            limit = lambdas.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        except Exception as error:
            return _missing("functions", name, error)
        alias = aliases.get(name)
        if alias is None:
            return by(_function(name, newest, newest, limit), limit)
        try:
            called = lambdas.get_function_configuration(FunctionName=name, Qualifier=alias)
        except Exception as error:
            if code_of(error) in _NOT_THERE:
                return Finding.critical("functions", name, f"its alias {alias} is gone: no call is let in")
            raise
        return by(_function(name, called, newest, limit), limit)

    return each("functions", found.of("AWS::Lambda::Function"), look)


def _function(name: str, called: dict[str, Any], newest: dict[str, Any], limit: int | None) -> Finding:
    state, update = called.get("State", "Active"), newest.get("LastUpdateStatus", "Successful")
    why = called.get("StateReason") or newest.get("LastUpdateStatusReason") or "no reason is given"
    if state == "Failed":
        return Finding.critical("functions", name, f"state Failed: {why}")
    if limit == 0:
        return Finding.critical("functions", name, f"{SHUT}: no call is let in")
    if update == "Failed":
        return Finding.critical("functions", name, f"its last update failed, older code runs: {why}")
    if state == "Pending":
        return Finding.warning("functions", name, "state Pending: calls fail until it is Active")
    if update == "InProgress":
        return Finding.warning("functions", name, "it is being updated just now")
    version = called.get("Version", "$LATEST")
    of = "" if version == "$LATEST" else f", version {version}"
    return Finding.ok("functions", name, f"{state}{of}")  # Inactive: idle for long, the next call wakes it


def tables(client: Client, found: Inventory) -> Iterator[Finding]:
    """The status of each table and of its indexes (API reference of DynamoDB, TableDescription)."""
    dynamodb = client("dynamodb")

    def look(name: str) -> Finding:
        try:
            table = dynamodb.describe_table(TableName=name)["Table"]
        except Exception as error:
            return _missing("tables", name, error)
        if table["TableStatus"] not in ("ACTIVE", "UPDATING"):
            return Finding.critical("tables", name, f"status {table['TableStatus']}")
        indexes = table.get("GlobalSecondaryIndexes", [])
        building = [item["IndexName"] for item in indexes if item.get("IndexStatus", "ACTIVE") != "ACTIVE"]
        if building:
            return Finding.warning("tables", name, f"index {', '.join(building)} cannot be used yet")
        return Finding.ok("tables", name, table["TableStatus"])

    return each("tables", found.of("AWS::DynamoDB::Table"), look)


def buckets(client: Client, found: Inventory) -> Iterator[Finding]:
    """Is each bucket there, and may we read it?"""
    s3 = client("s3")

    def look(name: str) -> Finding:
        try:
            s3.head_bucket(Bucket=name)
        except Exception as error:
            if code_of(error) in ("403", "AccessDenied"):
                return Finding.critical("buckets", name, "access is denied: a policy shuts it")
            return _missing("buckets", name, error)
        return Finding.ok("buckets", name, "there")

    return each("buckets", found.of("AWS::S3::Bucket"), look)


def workflows(client: Client, found: Inventory) -> Iterator[Finding]:
    """Is each state machine there?"""
    states = client("stepfunctions")

    def look(arn: str) -> Finding:
        name = arn.rpartition(":")[2]
        try:
            status = states.describe_state_machine(stateMachineArn=arn)["status"]
        except Exception as error:
            return _missing("workflows", name, error)
        if status != "ACTIVE":
            return Finding.critical("workflows", name, f"status {status}")
        return Finding.ok("workflows", name, status)

    return each("workflows", found.of("AWS::StepFunctions::StateMachine"), look)


def _missing(check: str, name: str, error: Exception) -> Finding:
    """A thing that is gone; any other error is raised again."""
    if code_of(error) in _NOT_THERE:
        return Finding.critical(check, name, _GONE)
    raise error
