"""Structured logs, metrics and traces by AWS Lambda Powertools; one logger for all functions.

The service's name comes from POWERTOOLS_SERVICE_NAME, the namespace of metrics from
POWERTOOLS_METRICS_NAMESPACE; template.yaml sets both.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

# an invocation without a number of its own is no mistake
warnings.filterwarnings("ignore", "No application metrics to publish")

logger = Logger()
metrics = Metrics()

__all__ = ["MetricUnit", "count", "handler", "logger", "metric_of", "metrics"]


def handler(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Decorate a Lambda handler: the context in each log line, metrics flushed at the end."""
    with_metrics = metrics.log_metrics(capture_cold_start_metric=True)(function)
    wrapped: Callable[[Any, Any], Any] = logger.inject_lambda_context(with_metrics, clear_state=True)
    return wrapped


def count(name: str, value: float, unit: MetricUnit = MetricUnit.Count) -> None:
    """Publish one number of this invocation as a metric."""
    metrics.add_metric(name=name, unit=unit, value=value)


def metric_of(
    name: str, value: float, dimensions: dict[str, str], unit: MetricUnit = MetricUnit.Percent
) -> None:
    """Publish one number under dimensions of its own, at once."""
    with single_metric(name=name, unit=unit, value=value) as one:
        for dimension, text in dimensions.items():
            one.add_dimension(name=dimension, value=text)
