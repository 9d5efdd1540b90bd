"""Structured logs and metrics by Powertools for AWS Lambda; one logger for all functions.

The environment variables POWERTOOLS_SERVICE_NAME and POWERTOOLS_METRICS_NAMESPACE give the service's name
and the namespace of metrics, ONA_ENVIRONMENT the environment; the template sets all three. Each metric has
the environment as a dimension: two environments of one account must not ring each other's alarms.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

# an invocation need not publish a metric
warnings.filterwarnings("ignore", "No application metrics to publish")

logger = Logger()
metrics = Metrics()
ENVIRONMENT = {"environment": os.environ.get("ONA_ENVIRONMENT", "dev")}
"""The dimension that every metric has beside `service`."""
metrics.set_default_dimensions(**ENVIRONMENT)

__all__ = ["MetricUnit", "count", "handler", "logger", "metric_of", "metrics"]


def handler(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Decorate a Lambda handler: each log line carries the context, metrics are written at the end."""
    with_metrics = metrics.log_metrics(capture_cold_start_metric=True)(function)
    wrapped: Callable[[Any, Any], Any] = logger.inject_lambda_context(with_metrics, clear_state=True)
    return wrapped


def count(name: str, value: float, unit: MetricUnit = MetricUnit.Count) -> None:
    """Add a value to a metric of this invocation."""
    metrics.add_metric(name=name, unit=unit, value=value)


def metric_of(
    name: str, value: float, dimensions: dict[str, str], unit: MetricUnit = MetricUnit.Percent
) -> None:
    """Publish one value at once, under dimensions of its own (name → value)."""
    with single_metric(name=name, unit=unit, value=value, default_dimensions=ENVIRONMENT) as one:
        for dimension, text in dimensions.items():
            one.add_dimension(name=dimension, value=text)
