"""Routines: runs one routine of the day and stores its report; the workflow `daily_routine` calls it."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime

from ona.documents.base import Document
from ona.runtime.aws import translate
from ona.runtime.observability import handler
from operations.config.routines import Kind
from operations.reading.summary import Summary
from operations.routines import money, run, store


class RoutineRequest(Document):
    """Which routine, and when its execution began: the same for every try."""

    routine: Kind
    now: AwareDatetime


@handler
def lambda_handler(event: Any, _: Any) -> dict[str, Any]:
    """`RoutineRequest` in; out `RoutineResult`: the worst state, and where the report lies.

    A try after another writes the same report again. Raises DependencyBusy, NotDeployed, and botocore's
    other errors.
    """
    request = RoutineRequest.read(event, "event")
    try:
        report, day = run.routine(request.routine, request.now)
        if request.routine == "weekly":
            store.keep_performance(run.performance_of_week(request.now), day)
    except Exception as error:
        raise translate(error, f"routine {request.routine}") from error
    kept = store.keep(report, day)
    if request.routine == "closing" and isinstance(report, Summary):
        money.publish(report)
    return kept.document()
