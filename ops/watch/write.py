"""The files that are written: the stack of alarms, and the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from ona.config.files import read_yaml, validated
from ona.runtime.words import counted
from operations.config.alarms import AlarmRules
from operations.config.catalogue import Catalogue, CataloguedAlarm, CataloguedThing
from ops.watch import read
from ops.watch.alarms import PAGES, Alarm, all_alarms
from ops.watch.composites import grouped
from ops.watch.relations import needs

_HEAD = """# Written by `make watch` from the other stacks and configs/operations/alarms.yaml.
# Do not edit: change the rules.
"""
_PARAMETERS = {
    "Environment": {"Type": "String", "Description": "dev, staging or prod; part of the names of alarms"},
    "AlertsTopic": {"Type": "String", "Description": "ARN of the topic that alarms go to"},
}
MOST_RESOURCES = 500
"""Of one template (AWS CloudFormation User Guide, "CloudFormation quotas")."""


@dataclass(frozen=True)
class Plan:
    """All alarms, and all that they watch."""

    alarms: list[Alarm]
    watched: list[read.Watched]


def plan(root: Path) -> Plan:
    """What stacks and rules ask for. Raises NotWatchable, ValueError, InvalidConfiguration."""
    templates = read.stacks(root / "stacks")
    things = list(read.watched(templates))
    path = root / "configs" / "operations" / "alarms.yaml"
    given = validated(AlarmRules, read_yaml(path), path.name)
    single = all_alarms(templates, things, given)
    return Plan(grouped(single, things, needs(templates, things), given), things)


def outputs(root: Path) -> dict[Path, str]:
    """What has to stand where: each file's text. Raises as `plan`; ValueError for a missing page."""
    made = plan(root)
    for alarm in made.alarms:
        if not (root / PAGES / f"{alarm.page}.md").is_file():
            raise ValueError(f"{alarm.name}: its runbook page {PAGES}/{alarm.page}.md is missing")
    return {
        root / "stacks" / f"{read.GENERATED}.yaml": _stack(made.alarms),
        root / "configs" / "operations" / "catalogue.yaml": _catalogue(made),
    }


def _stack(alarms: list[Alarm]) -> str:
    resources = {
        alarm.logical: {
            "Type": f"AWS::CloudWatch::{'CompositeAlarm' if alarm.composite else 'Alarm'}",
            "Properties": alarm.properties,
        }
        for alarm in alarms
        if alarm.generated
    }
    if len(resources) > MOST_RESOURCES:
        alarms_in_words = counted(len(resources), "alarm")
        raise ValueError(f"{alarms_in_words} for one stack, which takes {MOST_RESOURCES} at most")
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Ona Platform, watch - an alarm for every function, workflow, API and queue",
        "Parameters": _PARAMETERS,
        "Resources": resources,
    }
    return _text(document)


def _catalogue(made: Plan) -> str:
    document = Catalogue(
        alarms=[
            CataloguedAlarm(
                name=alarm.name,
                kind=alarm.kind,
                about=alarm.of,
                family=alarm.family,
                severity=alarm.severity,
                composite=alarm.composite,
                rings=alarm.rings and alarm.told_by is None,
                told_by=alarm.told_by,
                page=alarm.page,
                causes=list(alarm.causes),
                children=list(alarm.children),
                settle_s=alarm.settle_s,
                lasts_s=alarm.lasts_s,
            )
            for alarm in made.alarms
        ],
        watched=[
            CataloguedThing(kind=thing.kind, about=thing.about, family=thing.family)
            for thing in made.watched
        ],
        dashboards=[],
    )
    return _text(document.model_dump())


class _Plain(yaml.SafeDumper):
    """YAML without aliases: CloudFormation reads none."""

    def ignore_aliases(self, data: object) -> bool:
        """Write out what stands in two places twice."""
        return True


def _text(document: object) -> str:
    return _HEAD + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=1000, default_flow_style=None)
