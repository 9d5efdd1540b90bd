"""Structured logs and metrics by Powertools for AWS Lambda; one logger for all functions.

The environment variable POWERTOOLS_SERVICE_NAME gives the service's name, ONA_ENVIRONMENT the environment;
the template sets both. Each metric has the environment as a dimension: two environments of one account must
not ring each other's alarms. Which metrics there are is written in `metric_table.py`, and nowhere else.
"""

from __future__ import annotations

import functools
import os
import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import EphemeralMetrics

from ona.runtime import correlation, probe
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.log_lines import Lines
from ona.runtime.metric_table import EXECUTION_TIME, MEMORY, METRICS, PLATFORM, Metric
from ona.runtime.redaction import redacted
from ona.runtime.uncaught import without_secrets

# an invocation need not publish a metric
warnings.filterwarnings("ignore", "No application metrics to publish")

logger = Logger(logger_formatter=Lines())
metrics = Metrics(namespace=PLATFORM)
ENVIRONMENT = {"environment": os.environ.get("ONA_ENVIRONMENT", "dev")}
"""The dimension that every metric has beside `service`."""
metrics.set_default_dimensions(**ENVIRONMENT)

_Series = tuple[str, tuple[tuple[str, str], ...]]
_open: dict[_Series, EphemeralMetrics] = {}
"""What this invocation measured, by namespace and further dimensions. One line of the log a series."""

__all__ = ["count", "handler", "logger", "measure", "metrics"]


def handler(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Decorate a Lambda handler: each log line carries the context, metrics are written at the end.

    It takes the correlation id from the event (`ona.runtime.correlation`); each line, also each of metrics,
    has it. It measures each invocation: its time, and the memory that its process has held at most.
    An error that leaves it names no secret and no address of a person (`ona.runtime.uncaught`).
    """
    with_metrics = metrics.log_metrics(capture_cold_start_metric=True)(function)

    @functools.wraps(function)
    def measured(event: Any, context: Any) -> Any:
        if isinstance(event, dict) and probe.KEY in event:
            return redacted(_probed(function, event[probe.KEY], context))
        begun, failed = time.perf_counter(), True
        _open.clear()
        event = correlation.begin(event, str(getattr(context, "aws_request_id", "")))
        metrics.add_metadata(correlation.KEY, correlation.current())
        try:
            answer = with_metrics(event, context)
            failed = isinstance(answer, dict) and _is_failure(answer.get("statusCode"))
            return answer
        except Exception as error:
            told = without_secrets(error)
            if told is error:
                raise
            logger.exception("failed; secrets and addresses are taken out of what is told of it")
        finally:
            _measure_invocation(context, 1000 * (time.perf_counter() - begun), failed)
            _flush()
            correlation.end()
        raise told  # outside `except`: nothing that was said before is chained to it

    wrapped: Callable[[Any, Any], Any] = logger.inject_lambda_context(measured, clear_state=True)
    return wrapped


def _probed(function: Callable[[Any, Any], Any], given: Any, context: Any) -> dict[str, Any]:
    """Run a probe: its lines say so, and nothing that it measures is published."""
    logger.append_keys(probe=True)
    try:
        return probe.run(function, given, context)
    finally:
        metrics.clear_metrics()
        metrics.set_default_dimensions(**ENVIRONMENT)
        _open.clear()


def count(name: str, value: float) -> None:
    """Add a value to a metric of METRICS that has no dimensions of its own.

    Raises InvalidConfiguration for a name that METRICS does not have.
    """
    metric = METRICS.get(name)
    if metric is None:
        raise InvalidConfiguration(f"metric {name} is not in ona/runtime/metric_table.py")
    measure(metric, value)


def measure(metric: Metric, value: float, **dimensions: str) -> None:
    """Add one value to a metric, in its unit, under each of its sets of dimensions.

    It is published when the invocation ends. Raises InvalidConfiguration for other dimensions than
    the metric has.
    """
    wanted = {name for names in metric.dimensions for name in names}
    if wanted != set(dimensions):
        raise InvalidConfiguration(
            f"metric {metric.name} has the dimensions {sorted(wanted)}, not {sorted(dimensions)}"
        )
    for namespace in metric.namespaces:
        for names in metric.dimensions:
            _series(namespace, {name: dimensions[name] for name in names}).add_metric(
                name=metric.name, unit=metric.unit, value=value
            )


def _series(namespace: str, dimensions: dict[str, str]) -> Any:
    """Where values of a namespace under these dimensions are gathered."""
    if namespace == PLATFORM and not dimensions:
        return metrics
    key = namespace, tuple(sorted(dimensions.items()))
    if key not in _open:
        _open[key] = EphemeralMetrics(namespace=namespace, default_dimensions={**ENVIRONMENT, **dimensions})
    return _open[key]


def _flush() -> None:
    for series in _open.values():
        series.add_metadata(correlation.KEY, correlation.current())
        series.flush_metrics()
    _open.clear()


def _is_failure(status: Any) -> bool:
    return isinstance(status, int) and status >= 500


def _measure_invocation(context: Any, milliseconds: float, failed: bool) -> None:
    name = str(getattr(context, "function_name", "") or "unknown")
    measure(EXECUTION_TIME, milliseconds, FunctionName=name, Status="Error" if failed else "Success")
    size_mb = float(getattr(context, "memory_limit_in_mb", 0) or 0)
    if size_mb:
        measure(MEMORY, 100 * _held_mb() / size_mb, FunctionName=name)


def _held_mb() -> float:
    """The memory that this process has held at most, in MiB.

    Linux hands ru_maxrss on from the process that started this one, also through exec; the high-water mark
    of the process' own memory begins anew. Other systems have no such file.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return float(status.split("VmHWM:", 1)[1].split(None, 1)[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes
