"""AlertProcessor: judges one event of the workflow `alerts`; every minute it wakes what has waited."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from ona.runtime.aws import client
from ona.runtime.clock import utc_now
from ona.runtime.observability import handler, logger
from operations.alert_processor import store
from operations.alerting import events, log, wording
from operations.alerting.documents import AlertRequest, AlertResult
from operations.alerting.faults import PATIENCE_S, Measured
from operations.config.alerting import alerting
from operations.config.catalogue import FILE as CATALOGUE
from operations.config.maintenance import maintenance


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """`AlertRequest` in; out what became of the event (`AlertResult`), or how many were woken.

    Raises InvalidPayload for an event that is none of ours, DependencyBusy.
    """
    request, now = AlertRequest.read(event, "event"), utc_now()
    if request.task == "due":
        return {"ended": log.end_windows(now), "woken": store.wake(log.due(now), now)}
    environment = os.environ.get("ONA_ENVIRONMENT", "dev")
    catalogue = CATALOGUE.read()
    happened = events.read(request.event, environment, catalogue, now)
    faults = Measured(partial(client, patience_s=PATIENCE_S), catalogue, environment)
    decision, alert = log.decide(happened, alerting(), maintenance(), environment, now, faults)
    logger.info(
        "judged", alarm=happened.name, outcome=decision.outcome, why=decision.why, alert=alert and alert.key
    )
    return AlertResult(
        outcome=decision.outcome,
        alert_id=alert.key if alert else "",
        why=decision.why,
        publish=wording.published(decision.outcome, alert) if alert else None,
    ).document()
