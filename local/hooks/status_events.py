"""Step Functions: what EventBridge is told of an execution, as AWS tells it, and once.

- FAILED, TIMED_OUT and ABORTED carry error and cause, and can be redriven.
- Input and output that are together, escaped, larger than 248 KiB: the input is left out; an output that is
  so large alone is left out too. `inputDetails` and `outputDetails` say so.
- What was told stands in the execution's record. An execution that a kill ended, or that ended in the
  moment of a kill, is told of when the server is up again: twice rather than never.

Source: AWS Step Functions Developer Guide, "Automating Step Functions event delivery with EventBridge".
"""

from __future__ import annotations

import contextvars
import json
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from local.hooks.base import private, replace

PAYLOAD_BYTES = 248 * 1024
"""Of input and output together, escaped (AWS, as above)."""
ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")
TOLD = "_told"
"""The field of a record with the status that was told last. Records of before 26 November 2026 lack it."""
Record = dict[str, Any]


def escaped_bytes(text: str | None) -> int:
    """How much of an event a payload takes, bytes.

    >>> escaped_bytes('{"a": 1}'), escaped_bytes(None)
    (12, 0)
    """
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")) if text else 0


def detail_of(execution: Record, milliseconds: Callable[[Any], Any]) -> Record:
    """The event's detail."""
    status = execution["status"]
    bad = status in ENDED_BADLY
    given, output = execution.get("input"), execution.get("output") if status == "SUCCEEDED" else None
    whole = escaped_bytes(given) + escaped_bytes(output) <= PAYLOAD_BYTES
    small = escaped_bytes(output) <= PAYLOAD_BYTES
    return {
        "executionArn": execution["executionArn"],
        "stateMachineArn": execution["stateMachineArn"],
        "name": execution["name"],
        "status": status,
        "startDate": milliseconds(execution.get("startDate")),
        "stopDate": milliseconds(execution.get("stopDate")),
        "input": given if whole else None,
        "inputDetails": {"included": whole},
        "output": output if small else None,
        "outputDetails": {"included": small} if status == "SUCCEEDED" else None,
        "stateMachineVersionArn": execution.get("stateMachineVersionArn"),
        "stateMachineAliasArn": execution.get("stateMachineAliasArn"),
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "REDRIVABLE" if bad else "NOT_REDRIVABLE",
        "redriveStatusReason": None if bad else f"Execution is {status} and cannot be redriven",
        "error": execution.get("error") if bad else None,
        "cause": execution.get("cause") if bad else None,
    }


def install() -> None:
    """Apply the hook, before that of executions."""
    from ministack.services import eventbridge, stepfunctions

    milliseconds = private(stepfunctions, "_iso_to_epoch_ms")

    def tell(execution: Record) -> None:
        if execution.get("sync"):
            return
        entry = {
            "Source": "aws.states",
            "DetailType": "Step Functions Execution Status Change",
            "Detail": json.dumps(detail_of(execution, milliseconds)),
            "Resources": [execution["executionArn"]],
        }
        try:
            private(eventbridge, "_put_events")({"Entries": [entry]}, allow_aws_source=True)
        except Exception:  # a rule's fault is none of the execution's
            traceback.print_exc(file=sys.stderr)
            return
        execution[TOLD] = execution["status"]

    replace(stepfunctions, "_emit_execution_status_event", tell)


def untold(record: Record) -> bool:
    """Whether an execution has ended badly, and nobody was told.

    >>> untold({"status": "FAILED", "_told": "RUNNING"}), untold({"status": "FAILED", "_told": "FAILED"})
    (True, False)
    >>> untold({"status": "FAILED"}), untold({"status": "RUNNING", "_told": "RUNNING"})
    (False, False)
    """
    return TOLD in record and record["status"] in ENDED_BADLY and record[TOLD] != record["status"]


def tell_late(records: Iterable[tuple[str, str, Record]]) -> None:
    """Tell of executions that a kill ended; each with its account and region."""
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import stepfunctions

    tell = private(stepfunctions, "_emit_execution_status_event")

    def one(account: str, region: str, record: Record) -> None:
        set_request_account_id(account)
        set_request_region(region)
        tell(record)

    for account, region, record in records:
        contextvars.Context().run(one, account, region, record)
