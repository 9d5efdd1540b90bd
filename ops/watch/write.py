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
from ops.watch.dashboards import Dashboard, all_dashboards
from ops.watch.relations import needs

_HEAD = """# Written by `make watch` from the other stacks and configs/operations/alarms.yaml.
# Do not edit: change the rules.
"""
_PARAMETERS = {
    "Environment": {"Type": "String", "Description": "dev, staging or prod; part of the names of alarms"},
    "AlertsTopic": {"Type": "String", "Description": "ARN of the topic that alarms go to"},
    "ResourcePrefix": {"Type": "String", "Description": "Begins the names of tables"},
}
MOST_RESOURCES = 500
"""Of one template (AWS CloudFormation User Guide, "CloudFormation quotas")."""


@dataclass(frozen=True)
class Plan:
    """All alarms, all that they watch, and the dashboards."""

    alarms: list[Alarm]
    watched: list[read.Watched]
    dashboards: list[Dashboard]


def plan(root: Path) -> Plan:
    """What stacks and rules ask for. Raises NotWatchable, ValueError, InvalidConfiguration."""
    templates = read.stacks(root / "stacks")
    things = list(read.watched(templates))
    path = root / "configs" / "operations" / "alarms.yaml"
    given = validated(AlarmRules, read_yaml(path), path.name)
    single = all_alarms(templates, things, given)
    alarms = grouped(single, things, needs(templates, things), given)
    return Plan(alarms, things, all_dashboards(templates, things, alarms))


def outputs(root: Path) -> dict[Path, str]:
    """What has to stand where: each file's text. Raises as `plan`; ValueError for a missing page."""
    made = plan(root)
    for alarm in made.alarms:
        if not (root / PAGES / f"{alarm.page}.md").is_file():
            raise ValueError(f"{alarm.name}: its runbook page {PAGES}/{alarm.page}.md is missing")
    return {
        root / "stacks" / f"{read.GENERATED}.yaml": _stack(made),
        root / "configs" / "operations" / "catalogue.yaml": _catalogue(made),
    }


def _stack(made: Plan) -> str:
    resources = {
        alarm.logical: {
            "Type": f"AWS::CloudWatch::{'CompositeAlarm' if alarm.composite else 'Alarm'}",
            "Properties": alarm.properties,
        }
        for alarm in made.alarms
        if alarm.generated
    }
    for board in made.dashboards:
        resources[board.logical] = {"Type": "AWS::CloudWatch::Dashboard", "Properties": board.properties}
    if len(resources) > MOST_RESOURCES:
        in_words = counted(len(resources), "resource")
        raise ValueError(f"{in_words} for one stack, which takes {MOST_RESOURCES} at most")
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Ona Platform, watch - alarms for all that runs, and dashboards",
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
        dashboards=[board.name for board in made.dashboards],
    )
    return _text(document.model_dump())


class _Plain(yaml.SafeDumper):
    """YAML without aliases: CloudFormation reads none."""

    def ignore_aliases(self, data: object) -> bool:
        """Write out what stands in two places twice."""
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Text of several lines as a block, so that a change of one line is seen as that."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _string)


def _text(document: object) -> str:
    return _HEAD + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=1000, default_flow_style=None)
