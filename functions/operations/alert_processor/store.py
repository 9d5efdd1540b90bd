"""How alertProcessor starts the workflow for alerts whose time has come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from ona.runtime.aws import client, environment, translate
from ona.runtime.identity import digest
from ona.runtime.observability import logger


def wake(alert_ids: Sequence[str], now: datetime) -> int:
    """Start the workflow for each alert; how many. One that cannot be started is woken by the next minute.

    Two runs of one minute start one execution: its name is the alert's and the minute's.
    Raises DependencyBusy where none could be started.
    """
    states, woken = client("stepfunctions"), 0
    problem: Exception | None = None
    for alert_id in alert_ids:
        try:
            states.start_execution(
                stateMachineArn=environment("ALERTS_MACHINE_ARN"),
                name=f"due-{digest(alert_id)}-{now:%Y%m%dT%H%M}",
                input=json.dumps({"due": alert_id}),
            )
            woken += 1
        except states.exceptions.ExecutionAlreadyExists:
            woken += 1
        except Exception as error:
            logger.exception("not woken", alert=alert_id)
            problem = error
    if problem is not None and not woken:
        raise translate(problem, "workflow alerts") from problem
    return woken
