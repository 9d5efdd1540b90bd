"""Every metric that the platform publishes: namespaces, unit, dimensions, and how many values these take.

What is not in this table cannot be published. `python -m ops.metrics` writes docs/metrics.md from it.
Each metric has the dimensions `environment` and `service` too. Each set of dimension values is a custom
metric of its own, and CloudWatch charges each: so no dimension holds an asset's id (decision 47).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["Count", "Percent", "Milliseconds", "None"]

PLATFORM, DETECTION = "Ona/Platform", "Ona/Detection"
PERFORMANCE, DATA_QUALITY = "Ona/Performance", "Ona/DataQuality"
COMMON = ("environment", "service")
"""The dimensions that every metric has."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    `of` says in words what one value is. `services` are the values of the dimension `service`. `dimensions`
    are sets of further dimension names: a value is published once under each set. `values` bounds how many
    different values the further dimensions take together, in one service and environment.
    """

    name: str
    unit: Unit
    of: str
    services: tuple[str, ...]
    namespaces: tuple[str, ...] = (PLATFORM,)
    dimensions: tuple[tuple[str, ...], ...] = field(default=((),))
    values: str = "1"


ANY = ("every function",)

DETECTION_LATENCY = Metric(
    "DetectionLatency",
    "Milliseconds",
    "the time in which Detect judged one file",
    ("detect",),
    (PLATFORM, DETECTION),
)
OBSERVATION_LATENCY = Metric(
    "ObservationLatency",
    "Milliseconds",
    "from one file's arrival in the bucket to its detection record",
    ("detect",),
    (DETECTION,),
)
DETECTION_SEVERITY = Metric(
    "DetectionSeverity", "None", "the severity of one incident of a file, 0 to 1", ("detect",)
)
DATA_COMPLETENESS = Metric(
    "DataCompleteness",
    "Percent",
    "readings that came over those due, of the worst asset of one file",
    ("detect",),
    (DATA_QUALITY,),
)
DATA_ACCURACY = Metric(
    "DataAccuracy",
    "Percent",
    "valid readings over those that came, of the worst asset of one file",
    ("detect",),
    (DATA_QUALITY,),
)
ENERGY_AT_RISK = Metric(
    "EnergyAtRisk",
    "None",
    "the loss of one finding, USD a day",
    ("diagnose",),
    dimensions=(("RiskCategory",),),
    values="4: critical, major, minor, negligible",
)
FORECAST_ACCURACY = Metric(
    "ForecastAccuracy",
    "Percent",
    "accuracy of one site's day-ahead forecast over one UTC day",
    ("forecastingApi",),
    dimensions=(("HorizonHours",), ("HorizonHours", "CustomerId")),
    values="1, and the number of customers",
)
EXECUTION_TIME = Metric(
    "FunctionExecutionTime",
    "Milliseconds",
    "the time of one invocation; an answer of 500 or more is an Error too",
    ANY,
    (PERFORMANCE,),
    (("FunctionName", "Status"),),
    "2: Success, Error",
)
MEMORY = Metric(
    "MemoryUtilization",
    "Percent",
    "the most memory that the function's process has held, over the memory size",
    ANY,
    (PERFORMANCE,),
    (("FunctionName",),),
)

_COUNTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "AlertsUndeliverable": ("alerts that a place was not told, or perhaps not", ("deliver",)),
    "DeliveriesDead": ("messages that were given up", ("deliver",)),
    "DeliveriesFailed": ("messages that will be tried again", ("deliver",)),
    "Delivered": ("messages that were told", ("deliver",)),
    "EntriesUnreadable": ("stored entries that could not be read and were left out", ANY),
    "ForecastCacheHit": ("forecasts that were answered from the store", ("forecastingApi",)),
    "ForecastsDegraded": ("forecasts that something was missing for", ("forecastingApi",)),
    "ForecastsGenerated": ("forecasts that were made", ("forecastingApi",)),
    "IncidentsDetected": ("incidents of one file", ("detect",)),
    "IncidentsSuperseded": ("incidents that the site layer withdrew or merged", ("detect",)),
    "InvitationsRefused": ("subscriptions that were asked for too often", ("operationsApi",)),
    "JobsAlreadyOrdered": ("findings with an open work order", ("schedule",)),
    "JobsDeferred": ("jobs that can wait", ("schedule",)),
    "JobsMoved": ("jobs whose crew or time changed", ("schedule",)),
    "JobsScheduled": ("jobs with a crew and a time", ("schedule",)),
    "JobsUnschedulable": ("jobs that no crew can do", ("schedule",)),
    "ModelsPromoted": ("models that serve now", ("globalTrainingService",)),
    "OrdersRefused": ("work orders that were refused", ("order",)),
    "OrdersWithdrawn": ("work orders that the site layer cancelled", ("order",)),
    "QuotaExceeded": ("requests beyond the quota", ("forecastingApi", "operationsApi", "accountApi")),
    "ReconcileMended": ("slips that were mended", ("reconcile",)),
    "ReconcileMendsFailed": ("mends that failed", ("reconcile",)),
    "ReconcileToDecide": ("slips that a person has to decide", ("reconcile",)),
    "RegionsWithoutPlan": ("planning regions that the simple rules planned", ("schedule",)),
    "RepairsFailed": ("repairs after which the fault is still there", ("operationsApi",)),
    "RepairsVerified": ("repairs that the telemetry confirms", ("operationsApi",)),
    "RowsIngested": ("rows of one uploaded file", ("dataIngestion",)),
    "SiteDaysAsked": ("sites for which the site layer was asked", ("detect", "order")),
    "SiteDaysJudged": ("days that the site layer judged", ("detect",)),
    "WeatherRefreshed": ("places whose weather was renewed", ("weatherCache",)),
    "WeatherStale": ("places that got no new weather", ("weatherCache",)),
    "WeatherUnanswered": ("the same, where the provider answered for no place at all", ("weatherCache",)),
    "WorkOrdersChanged": ("work orders that a person changed", ("operationsApi",)),
    "WorkOrdersCreated": ("work orders that were made", ("order",)),
}
ESTIMATED_COST = Metric(
    "EstimatedCostUsd",
    "None",
    "what a whole day cost by list prices, USD",
    ("routines",),
    dimensions=(("Family",),),
    values="the number of families, and all",
)
COST_OF_KIND = Metric(
    "EstimatedCostOfKindUsd",
    "None",
    "the same, by what is paid for",
    ("routines",),
    dimensions=(("Kind",),),
    values="9: functions, workflows, tables, …",
)
COST_OF_MONTH = Metric(
    "EstimatedCostMonthUsd", "None", "what the month cost until a day, by list prices, USD", ("routines",)
)
BUDGET_USED = Metric(
    "BudgetUsedPercent", "Percent", "the same, of MonthlyBudgetUsd; nothing without a budget", ("routines",)
)
FILLED_VALUES = Metric(
    "FilledValues", "Percent", "values of one upload that were filled in", ("interpolationService",)
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in sorted(
        (
            *(Metric(name, "Count", of, services) for name, (of, services) in _COUNTED.items()),
            DETECTION_LATENCY,
            OBSERVATION_LATENCY,
            DETECTION_SEVERITY,
            DATA_COMPLETENESS,
            DATA_ACCURACY,
            ENERGY_AT_RISK,
            FORECAST_ACCURACY,
            EXECUTION_TIME,
            MEMORY,
            FILLED_VALUES,
            ESTIMATED_COST,
            COST_OF_KIND,
            COST_OF_MONTH,
            BUDGET_USED,
        ),
        key=lambda metric: metric.name,
    )
}
"""All metrics, by name."""
