"""Step Functions: the events of an execution, written to the log group that its state machine names."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from local.hooks.service_calls import ClientFor

_EVENTS_A_CALL = 500
"""So many log events are put in one call; CloudWatch Logs takes at most 10 000."""


def write(machine: dict[str, Any], record: dict[str, Any], client_for: ClientFor) -> None:
    """Write the events of an execution's record, all or only failures, as the machine's log level says.

    A log that cannot be written is reported on standard error; the execution is not affected.
    """
    config = machine.get("loggingConfiguration") or {}
    level, destinations = config.get("level", "OFF"), config.get("destinations") or []
    if level == "OFF" or not destinations:
        return
    group_arn = destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    group = group_arn.split(":log-group:")[1].split(":")[0]
    wanted = [
        event
        for event in record["events"]
        if level == "ALL" or event["type"].endswith(("Failed", "TimedOut", "Aborted"))
    ]
    stream = f"states/{machine['name']}/{record['name']}"
    logs = client_for(record["executionArn"].split(":")[3], "logs")
    stamp = int(time.time() * 1000)
    try:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        for first in range(0, len(wanted), _EVENTS_A_CALL):
            logs.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[
                    {
                        "timestamp": stamp,
                        "message": json.dumps({"execution_arn": record["executionArn"], **event}),
                    }
                    for event in wanted[first : first + _EVENTS_A_CALL]
                ],
            )
    except Exception as error:
        print(f"embedded cloud: execution log {group} not written: {error}", file=sys.stderr)
