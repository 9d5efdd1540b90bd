"""A day's cost as metrics, for the alarms of docs/operations/cost.md."""

from __future__ import annotations

from ona.runtime.aws import environment
from ona.runtime.metric_table import BUDGET_USED, COST_OF_KIND, COST_OF_MONTH, ESTIMATED_COST
from ona.runtime.observability import measure
from operations.reading.summary import Summary

ALL = "all"
"""The value of the dimension Family for the sum of all."""


def publish(report: Summary) -> None:
    """Measure the cost of a whole day. A try after another measures the same again: the alarms look at the
    highest value of a day, so that nothing counts twice. Nothing where no cost is known."""
    cost = report.figures.cost
    if cost is None or report.month_usd is None:
        return
    for family, usd in {ALL: cost.usd, **cost.by_family}.items():
        measure(ESTIMATED_COST, usd, Family=family)
    for kind, usd in cost.by_kind.items():
        measure(COST_OF_KIND, usd, Kind=kind)
    measure(COST_OF_MONTH, report.month_usd)
    if budget := float(environment("MONTHLY_BUDGET_USD")):
        measure(BUDGET_USED, 100.0 * report.month_usd / budget)
