"""CloudWatch Logs: a line in the embedded metric format is a metric too.

Every writer of log lines is heard: functions, and PutLogEvents. A line that is not a valid document stays
a line of the log, and is counted in `AWS/Logs` as CloudWatch does. Source: Amazon CloudWatch User Guide,
"Specification: Embedded metric format"; Amazon CloudWatch Logs User Guide, "Monitoring with CloudWatch
metrics" (EMFParsingErrors, EMFValidationErrors).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.hooks import metrics
from local.hooks.base import private, replace

MOST_METRICS, MOST_DIMENSIONS, MOST_VALUES, LONGEST = 100, 30, 100, 255
"""Metrics of a directive, dimensions of a set, values of a metric, letters of a name."""
UNITS = frozenset(
    {"Microseconds", "Milliseconds", "Percent", "None"}
    | {"Seconds", "Count", "Count/Second"}
    | {
        f"{size}{thing}{rate}"
        for size, thing in (
            *(("", thing) for thing in ("Bytes", "Bits")),
            *((size, thing) for size in ("Kilo", "Mega", "Giga", "Tera") for thing in ("bytes", "bits")),
        )
        for rate in ("", "/Second")
    }
)
MARK = '"_aws"'


class NotEmbedded(ValueError):
    """A line that claims to have metrics and is not as the specification wants it."""


@dataclass(frozen=True)
class Datum:
    """One value. `at`: seconds since 1970."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    value: float
    unit: str
    at: float


def values(message: str) -> list[Datum]:
    """The values of a log line; none for a line without metrics. Raises NotEmbedded.

    A document is taken as a whole or not at all.
    """
    if MARK not in message or not message.lstrip().startswith("{"):
        return []
    try:
        root = json.loads(message)
    except ValueError:
        return []  # a line that only looks like one
    about = root.get("_aws") if isinstance(root, dict) else None
    if not isinstance(about, dict) or "CloudWatchMetrics" not in about:
        return []
    at = _number(about.get("Timestamp"), "_aws.Timestamp") / 1000
    directives = about["CloudWatchMetrics"]
    if not isinstance(directives, list):
        raise NotEmbedded("_aws.CloudWatchMetrics is no array")
    return [datum for directive in directives for datum in _of_directive(directive, root, at)]


def _of_directive(directive: Any, root: dict[str, Any], at: float) -> Iterator[Datum]:
    if not isinstance(directive, dict):
        raise NotEmbedded("a directive is no object")
    namespace = _name(directive.get("Namespace"), "Namespace")
    sets, defined = directive.get("Dimensions"), directive.get("Metrics")
    if not isinstance(sets, list) or not sets or not all(isinstance(one, list) for one in sets):
        raise NotEmbedded("Dimensions is no array of arrays")
    if not isinstance(defined, list) or len(defined) > MOST_METRICS:
        raise NotEmbedded(f"Metrics is no array of at most {MOST_METRICS}")
    dimensions = [_dimensions(names, root) for names in sets]
    for definition in defined:
        if not isinstance(definition, dict):
            raise NotEmbedded("a metric is no object")
        name, unit = _name(definition.get("Name"), "Name"), definition.get("Unit", "None")
        if unit not in UNITS:
            raise NotEmbedded(f"{name} has the unit {unit!r}")
        found = root.get(name)
        many = found if isinstance(found, list) else [found]
        if len(many) > MOST_VALUES:
            raise NotEmbedded(f"{name} has more values than {MOST_VALUES}")
        for value in many:
            number = _number(value, name)
            yield from (Datum(namespace, name, own, number, unit, at) for own in dimensions)


def _dimensions(names: list[Any], root: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    if len(names) > MOST_DIMENSIONS:
        raise NotEmbedded(f"a set has more dimensions than {MOST_DIMENSIONS}")
    own = [(_name(name, "a dimension"), root.get(name)) for name in names]
    for name, value in own:
        if not isinstance(value, str) or not value:
            raise NotEmbedded(f"dimension {name} has no text")
    return tuple((name, str(value)) for name, value in own)


def _name(given: Any, what: str) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= LONGEST:
        raise NotEmbedded(f"{what} is no text, or is empty or longer than {LONGEST}")
    return given


def _number(given: Any, what: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise NotEmbedded(f"{what} is no number")
    return float(given)


def hear(messages: Iterator[str]) -> None:
    """Record what is in these lines of a log."""
    for message in messages:
        try:
            found = values(message)
        except NotEmbedded:
            metrics.record("AWS/Logs", "EMFValidationErrors", {}, 1, "Count")
            continue
        for one in found:
            metrics.record(one.namespace, one.name, dict(one.dimensions), one.value, one.unit, one.at)


def install() -> None:
    """Apply the hook. Raises HookBroken when a private name has moved."""
    from ministack.services import cloudwatch_logs

    appended = private(cloudwatch_logs, "_append_log_events")

    def append(stream: Any, events: list[dict[str, Any]]) -> None:
        appended(stream, events)
        hear(str(event["message"]) for event in events)

    replace(cloudwatch_logs, "_append_log_events", append)
