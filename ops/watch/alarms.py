"""Which alarms there must be: rules × what is watched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local.packaging import Template
from operations.config.alarms import AlarmRules, Measured, Rule, Severity
from ops.watch.read import Watched, about_of, family_of
from ops.watch.timers import rule_for

PAGES = "docs/operations/symptoms"
"""Where the runbook pages lie."""
_ARN = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"
_ENVIRONMENT = {"Ref": "Environment"}


@dataclass(frozen=True)
class Alarm:
    """One alarm, and what the catalogue says of it."""

    logical: str
    about: str
    kind: str
    of: str
    family: str
    severity: Severity
    page: str
    properties: dict[str, Any]
    """CloudFormation's properties; of an alarm that stands in another stack, those that stand there."""
    generated: bool = True
    causes: tuple[str, ...] = ()
    """Of a composite alarm: the names of those that keep it quiet."""
    children: tuple[str, ...] = ()
    """Of a composite alarm: the names of those that it rings for."""
    rings: bool = True
    told_by: str | None = None
    """The composite alarm that rings for it."""
    settle_s: int = 0
    lasts_s: int = 0

    @property
    def composite(self) -> bool:
        """Whether it is a composite alarm."""
        return bool(self.children)

    @property
    def name(self) -> str:
        """The deployed name; `{environment}` stands for the environment."""
        return f"ona-{self.about}-{{environment}}"


def all_alarms(templates: dict[str, Template], things: Iterable[Watched], rules: AlarmRules) -> list[Alarm]:
    """The alarms that stand in the stacks, and those that are missing there, by name.

    Raises ValueError for an alarm in a stack that neither a rule nor `written` knows.
    """
    seen = list(things)
    wanted = {alarm.about: alarm for alarm in _wanted(seen, rules)}
    there = {alarm.about: alarm for alarm in _there(templates, wanted, rules)}
    return sorted({**wanted, **there}.values(), key=lambda alarm: alarm.name.lower())


def _wanted(things: list[Watched], rules: AlarmRules) -> Iterator[Alarm]:
    for kind, rule in rules.rules.items():
        for thing in things:
            if thing.kind == rule.of:
                own = rule.for_(thing.about, on_timer=thing.on_timer)
                if thing.kind == "timer":
                    own = rule_for(
                        own, thing.about, thing.counted, thing.every_s, _beats(thing, things, rules)
                    )
                yield _alarm(kind, own, thing, rule.name.format(about=thing.about), rules.logical)
    functions = {thing.about: thing for thing in things if thing.kind == "function"}
    for name, rule in rules.measured.items():
        if rule.of in functions:
            kind = rule.kind or name.removeprefix("platform-").replace("-", "_")
            yield _alarm(kind, rule, functions[rule.of], name, rules.logical)


def _beats(thing: Watched, things: list[Watched], rules: AlarmRules) -> list[tuple[str, int]]:
    """The timers that one may be compared with: those that go on when it does."""
    every = {each.about: each.every_s for each in things if each.kind == "timer"}
    names = next((own for own in rules.beats if thing.about in own), rules.beats[-1])
    return [(name, every[name]) for name in names if name in every]


def _alarm(kind: str, rule: Rule, thing: Watched, about: str, logicals: dict[str, str]) -> Alarm:
    period = next(iter(_metrics(rule).values())).period_s
    threshold, comparison = _threshold(rule, thing)
    what = rule.what if rule.what.startswith("{about}") else rule.what[0].upper() + rule.what[1:]
    text = what.format(
        about=thing.about,
        threshold=f"{threshold:g}" if threshold < 1e5 else f"{threshold:.0f}",
        minutes=period // 60,
        periods=rule.periods,
        bad=rule.bad or rule.periods,
        timeout_s=thing.timeout_s,
    )
    properties = {
        "AlarmName": {"Fn::Sub": f"ona-{about}-${{Environment}}"},
        "AlarmDescription": f"{text}. {runbook(rule.page)}",
        **_measured(rule, thing),
        "EvaluationPeriods": rule.periods,
        **({"DatapointsToAlarm": rule.bad} if rule.bad else {}),
        "Threshold": int(threshold) if threshold == int(threshold) else threshold,
        "ComparisonOperator": comparison,
        "TreatMissingData": "notBreaching",
    }
    logical = logicals.get(about) or f"Watch{pascal(thing.about)}{pascal(kind.replace('_', '-'))}"
    return Alarm(logical, about, kind, thing.about, thing.family, rule.severity, rule.page, properties)


def runbook(page: str) -> str:
    """How an alarm's text names its page.

    >>> runbook("letters-wait")
    'Runbook: docs/operations/symptoms/letters-wait.md'
    """
    return f"Runbook: {PAGES}/{page}.md"


def _threshold(rule: Rule, thing: Watched) -> tuple[float, str]:
    if rule.below is not None:
        return rule.below, "LessThanThreshold"
    if rule.above is not None:
        return rule.above, "GreaterThanThreshold"
    return rule.share_of_timeout * thing.timeout_s * 1000, "GreaterThanThreshold"  # type: ignore[operator]


def _metrics(rule: Rule) -> dict[str, Measured]:
    return rule.math.metrics if rule.math else {"": rule.metric}  # type: ignore[dict-item]


def _measured(rule: Rule, thing: Watched) -> dict[str, Any]:
    """The properties that say what is measured: one metric, or a sum over several."""
    if rule.math is None:
        [metric] = _metrics(rule).values()
        percentile = metric.statistic.startswith("p")
        return {
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": _dimensions(metric, thing),
            ("ExtendedStatistic" if percentile else "Statistic"): metric.statistic,
            **({"EvaluateLowSampleCountPercentile": "evaluate"} if percentile else {}),
            "Period": metric.period_s,
        }
    each = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": _dimensions(metric, thing),
                },
                "Period": metric.period_s,
                "Stat": metric.statistic,
            },
        }
        for name, metric in rule.math.metrics.items()
    ]
    whole = {"Id": "value", "Expression": rule.math.expression, "ReturnData": True}
    return {"Metrics": [whole, *each]}


def _dimensions(metric: Measured, thing: Watched) -> list[dict[str, Any]]:
    named = {"Fn::Sub": thing.name}
    if metric.namespace.startswith("Ona/"):
        pairs: list[tuple[str, Any]] = [("environment", _ENVIRONMENT), ("service", thing.about)]
    elif metric.namespace == "AWS/Lambda":
        pairs = [("FunctionName", named)]
    elif metric.namespace == "AWS/States":
        pairs = [("StateMachineArn", {"Fn::Sub": _ARN + thing.name})]
    elif thing.kind == "api":
        pairs = [("ApiName", named), ("Stage", _ENVIRONMENT)]
    elif metric.namespace == "AWS/Events":
        pairs = [("RuleName", named)]
    elif thing.kind == "table":
        pairs = [("TableName", named)]
    else:
        pairs = [("QueueName", named)]
    given = {
        name: {"Fn::Sub": value} if "${" in value else value for name, value in metric.dimensions.items()
    }
    return [{"Name": name, "Value": value} for name, value in (dict(pairs) | given).items()]


def _there(templates: dict[str, Template], wanted: dict[str, Alarm], rules: AlarmRules) -> Iterator[Alarm]:
    """The alarms that stand in the stacks, each named under `written`."""
    for stack, template in templates.items():
        for logical, item in template["Resources"].items():
            if item["Type"] != "AWS::CloudWatch::Alarm":
                continue
            about, entry = about_of(item["Properties"]["AlarmName"], logical), rules.written.get(logical)
            if about in wanted:
                raise ValueError(f"{stack}.yaml: {logical}: a rule writes ona-{about}; take it out here")
            if entry is None:
                raise ValueError(
                    f"{stack}.yaml: {logical}: no rule makes ona-{about}; name it under `written` "
                    "in configs/operations/alarms.yaml"
                )
            yield Alarm(
                logical,
                about,
                entry.kind,
                entry.of,
                family_of(stack, template),
                entry.severity,
                entry.page,
                item["Properties"],
                generated=False,
                rings=entry.rings,
            )


def pascal(text: str) -> str:
    """A name as a part of a logical id.

    >>> pascal("forecast-upload")
    'ForecastUpload'
    """
    return "".join(part[0].upper() + part[1:] for part in text.split("-"))
