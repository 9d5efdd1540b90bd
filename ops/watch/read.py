"""What the stacks have that must be watched: functions, workflows, APIs, queues, tables and timers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.packaging import Template, read_template
from ops.watch.timers import RULES, SCHEDULES, timers_of

GENERATED = "watch"
"""The stack that this package writes; it is not read."""
_BEFORE, _AFTER = "ona-", "-${Environment}"
_TABLES = "${ResourcePrefix}-"
"""How the name of a table begins."""
_NAMED_BY = {
    "AWS::Serverless::Function": ("function", "FunctionName"),
    "AWS::Serverless::StateMachine": ("workflow", "Name"),
    "AWS::Serverless::Api": ("api", "Name"),
    "AWS::SQS::Queue": ("queue", "QueueName"),
    "AWS::Events::Rule": ("ends", "Name"),
    "AWS::DynamoDB::Table": ("table", "TableName"),
}
_ENDS = "-executions-unfinished"
"""How a rule's name ends that hears of executions which wrote no letter; other rules are not watched."""
_TIMERS = (RULES, SCHEDULES)


class NotWatchable(ValueError):
    """A resource has no fixed name, so no alarm can name it; the text says which."""


@dataclass(frozen=True)
class Watched:
    """One thing that is watched."""

    kind: str
    """function, workflow, api, queue, letters (a queue for what failed), ends (`_ENDS`), table, timer."""
    about: str
    """Its name without `ona-` and the environment; of a table `table-` and its name without the prefix."""
    logical: str
    family: str
    timeout_s: int = 0
    """A function's time limit, seconds; 0 of other kinds."""
    on_timer: bool = False
    """Whether a timer calls it."""
    every_s: int = 0
    """Of a timer: seconds from one time to the next."""
    counted: str = ""
    """Of a timer: what is counted (`rule`), or the kind of what it starts."""

    @property
    def name(self) -> str:
        """The deployed name, with its parameters as substitutions."""
        if self.kind == "table":
            return _TABLES + self.about.removeprefix("table-")
        if self.counted in ("function", "workflow"):  # what its schedules start
            return f"{_BEFORE}{self.about.removesuffix('-timers')}{_AFTER}"
        return f"{_BEFORE}{self.about}{_AFTER}"


def stacks(folder: Path) -> dict[str, Template]:
    """Every stack that people write, by its file's name without ending."""
    paths = sorted(path for path in folder.glob("*.yaml") if path.stem != GENERATED)
    return {path.stem: read_template(path) for path in paths}


def about_of(name: Any, logical: str) -> str:
    """A name without `ona-` and the environment. Raises NotWatchable for a name of another form.

    >>> about_of({"Fn::Sub": "ona-api-ops-${Environment}"}, "OpsApi")
    'api-ops'
    """
    text = str(name.get("Fn::Sub", "")) if isinstance(name, dict) else ""
    if not (text.startswith(_BEFORE) and text.endswith(_AFTER)):
        raise NotWatchable(f"{logical} needs a name of the form {_BEFORE}<what>{_AFTER}, has {name!r}")
    return text.removeprefix(_BEFORE).removesuffix(_AFTER)


def family_of(stack: str, template: Template) -> str:
    """The family of a stack: the folder of its functions' handlers; without functions its name's beginning.

    >>> family_of("operations_holding", {"Resources": {}})
    'operations'
    """
    for item in template["Resources"].values():
        if item["Type"] == "AWS::Serverless::Function":
            return str(item["Properties"]["Handler"]).partition(".")[0]
    return stack.partition("_")[0]


def watched(templates: dict[str, Template]) -> Iterator[Watched]:
    """All that is watched, in the order of the stacks. Raises NotWatchable."""
    for stack, template in templates.items():
        family = family_of(stack, template)
        common = template.get("Globals", {}).get("Function", {})
        for logical, item in template["Resources"].items():
            if item["Type"] not in _NAMED_BY:
                continue
            kind, named_by = _NAMED_BY[item["Type"]]
            properties = item.get("Properties", {})
            if kind == "table":
                yield Watched(kind, _table(properties.get(named_by), logical), logical, family)
                continue
            if kind == "ends" and _ENDS not in str(properties.get(named_by)):
                continue
            about = about_of(properties.get(named_by), logical)
            if kind in ("function", "workflow"):
                yield from _timers(logical, item, about, family)
            if kind == "function":
                timeout = int(properties.get("Timeout", common.get("Timeout", 3)))
                timers = [event["Type"] in _TIMERS for event in properties.get("Events", {}).values()]
                yield Watched(kind, about, logical, family, timeout, any(timers))
            elif kind == "queue" and "dead-letters" in about:
                yield Watched("letters", about, logical, family)
            else:
                yield Watched(kind, about, logical, family)


def _table(name: Any, logical: str) -> str:
    """What a table is called. Raises NotWatchable for a name of another form."""
    text = str(name.get("Fn::Sub", "")) if isinstance(name, dict) else ""
    if not text.startswith(_TABLES):
        raise NotWatchable(f"{logical} needs a name of the form {_TABLES}<what>, has {name!r}")
    return f"table-{text.removeprefix(_TABLES)}"


def _timers(logical: str, item: dict[str, Any], about: str, family: str) -> Iterator[Watched]:
    """The timers of a function or workflow; the name of a timer that is a rule is its own."""
    for own, counted, name, every in timers_of(logical, item):
        named = about_of(name, own) if counted == "rule" else f"{about}-timers"
        yield Watched("timer", named, own, family, every_s=every, counted=counted)
