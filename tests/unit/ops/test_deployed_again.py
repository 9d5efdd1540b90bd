"""A release that is deployed again after another one: its way back leads to that other one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deployment.versions import published, way_back

FUNCTIONS, FLOWS = ("detect", "order", "deliver"), ("loop", "alerts")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Account:
    """Lambda and Step Functions, as far as aliases and versions go. A deployment is an hour after the last;
    each of its things takes a minute, the functions of the first stacks before the workflows."""

    def __init__(self, *deployments: tuple[str, int]) -> None:
        """Each: the release's name, and how many of its five things it reached before it was killed."""
        self.versions: dict[str, list[tuple[str, datetime]]] = {name: [] for name in (*FUNCTIONS, *FLOWS)}
        order = ("detect", "loop", "order", "deliver", "alerts")
        for hour, (release, reached) in enumerate(deployments):
            for minute, name in enumerate(order[:reached]):
                self.versions[name].append((release, NOON + timedelta(hours=hour, minutes=minute)))

    def __call__(self, service: str) -> Any:
        if service == "lambda":
            return SimpleNamespace(get_paginator=self._pages, list_aliases=self._aliases)
        flows = [{"stateMachineArn": f"arn:a:states:r:1:stateMachine:ona-{name}-dev", "name": f"ona-{name}-dev"} for name in FLOWS]  # fmt: skip  # noqa: E501
        return SimpleNamespace(
            exceptions=SimpleNamespace(ResourceNotFound=KeyError),
            get_paginator=lambda _: SimpleNamespace(paginate=lambda: [{"stateMachines": flows}]),
            describe_state_machine_alias=self._route,
            list_state_machine_versions=self._flow_versions,
        )

    def _pages(self, operation: str) -> Any:
        if operation == "list_functions":
            there = [{"FunctionName": f"ona-{name}-dev", "FunctionArn": name} for name in FUNCTIONS]
            return SimpleNamespace(paginate=lambda: [{"Functions": there}])
        return SimpleNamespace(paginate=self._function_versions)

    def _of(self, name: str) -> list[tuple[str, datetime]]:
        return self.versions[name.rpartition(":")[2].removeprefix("ona-").removesuffix("-dev")]

    def _function_versions(self, FunctionName: str) -> Any:  # noqa: N803
        found = [
            {"Version": str(number), "LastModified": at.isoformat(), "Environment": {"Variables": {"ONA_RELEASE": release}}}  # noqa: E501
            for number, (release, at) in enumerate(self._of(FunctionName), 1)
        ]  # fmt: skip
        return [{"Versions": [{"Version": "$LATEST"}, *found]}]

    def _aliases(self, FunctionName: str) -> Any:  # noqa: N803
        return {"Aliases": [{"Name": "live", "FunctionVersion": str(len(self._of(FunctionName)))}]}

    def _route(self, stateMachineAliasArn: str) -> Any:  # noqa: N803
        machine = stateMachineAliasArn.removesuffix(":live")
        newest = f"{machine}:{len(self._of(machine))}"
        return {"routingConfiguration": [{"stateMachineVersionArn": newest, "weight": 100}]}

    def _flow_versions(self, stateMachineArn: str, maxResults: int) -> Any:  # noqa: N803
        found = [
            {"stateMachineVersionArn": f"{stateMachineArn}:{number}", "creationDate": at}
            for number, (_, at) in enumerate(self._of(stateMachineArn), 1)
        ]
        return {"stateMachineVersions": found[-maxResults:]}


@pytest.mark.parametrize(
    ("deployments", "to"),
    [
        ([("a", 5), ("b", 5)], dict.fromkeys((*FUNCTIONS, *FLOWS), 1)),
        ([("a", 5), ("b", 5), ("a", 5)], dict.fromkeys((*FUNCTIONS, *FLOWS), 2)),
        ([("a", 5), ("b", 5), ("a", 5), ("c", 5), ("a", 5)], dict.fromkeys((*FUNCTIONS, *FLOWS), 4)),
        ([("a", 5), ("b", 5), ("a", 2)], {"detect": 2, "loop": 2}),
        ([("a", 5), ("b", 5), ("a", 3)], {"detect": 2, "loop": 2, "order": 2}),
        ([("a", 5), ("b", 5), ("c", 2)], {"detect": 2, "loop": 2}),
        ([("a", 5), ("a", 5)], {}),
    ],
    ids=["once", "again", "twice again", "again, killed", "killed later", "another, killed", "the same"],
)
def test_all_goes_to_what_was_live_before(deployments: list[tuple[str, int]], to: dict[str, int]) -> None:
    steps = way_back(published(Account(*deployments), "dev"), "all")
    assert {step.thing.short: step.to for step in steps if step.to is not None} == to


def test_a_workflow_has_the_release_of_the_deployment_that_made_its_version() -> None:
    things = published(Account(("a", 5), ("b", 5), ("a", 5)), "dev")
    assert {tuple(one.release for one in thing.versions) for thing in things} == {("a", "b", "a")}


def test_one_release_is_gone_back_to_as_it_was_deployed_last() -> None:
    things = published(Account(("a", 5), ("b", 5), ("a", 5), ("c", 5)), "dev")
    assert {step.to for step in way_back(things, "all", "a")} == {3}
    assert {step.to for step in way_back(things, "all", "b")} == {2}
