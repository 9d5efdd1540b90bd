"""Which versions there are of each function and workflow, which one is live, and going back.

A function's version names its release itself (`ONA_RELEASE`). A workflow's does not: it belongs to the
release whose functions were published last before it, or with it; one that was deployed twice counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from operations.reading.released import VARIABLE, short
from ops.target import LIVE, OpsError

Ask = Callable[[str], Any]
"""Makes the boto3 client of a service."""
Kind = Literal["function", "workflow"]
_NEVER = datetime.min.replace(tzinfo=UTC)
UNNAMED = ""
"""The release of a version that was published without one."""


@dataclass(frozen=True)
class Version:
    """One published version."""

    number: int
    published: datetime
    release: str


@dataclass(frozen=True)
class Published:
    """A function or workflow with an alias, and its versions, the newest first."""

    kind: Kind
    name: str
    arn: str
    live: int
    others: dict[int, float]
    """Versions that get a share of the calls beside the live one, each with its share from 0 to 1."""
    versions: tuple[Version, ...]

    @property
    def short(self) -> str:
        """The name without `ona-` and environment."""
        return short(self.name)

    @property
    def release(self) -> str:
        """The release that is live."""
        return next((item.release for item in self.versions if item.number == self.live), UNNAMED)

    @property
    def released(self) -> datetime:
        """When the live version was published."""
        return next((one.published for one in self.versions if one.number == self.live), _NEVER)


def published(client: Ask, environment: str) -> list[Published]:
    """Every function and workflow of an environment with the alias, by name. Raises OpsError for none."""
    functions = list(_functions(client("lambda"), environment))
    begun = _begun(functions)
    found = [*functions, *_workflows(client("stepfunctions"), environment, begun)]
    if not found:
        raise OpsError(f"no function or workflow of {environment} has the alias {LIVE}; deploy first")
    return sorted(found, key=lambda item: (item.kind, item.name))


def _is_ours(name: str, environment: str) -> bool:
    """Whether a name is that of a function or workflow of this environment, and of no other.

    >>> _is_ours("ona-detect-dev", "dev"), _is_ours("ona-detect-dev-2", "dev"), _is_ours("my-dev", "dev")
    (True, False, False)
    """
    return re.fullmatch(rf"ona-[A-Za-z0-9-]+-{re.escape(environment)}", name) is not None


def _functions(client: Any, environment: str) -> Iterator[Published]:
    for page in client.get_paginator("list_functions").paginate():
        for item in page["Functions"]:
            name = item["FunctionName"]
            if not _is_ours(name, environment):
                continue
            aliases = client.list_aliases(FunctionName=name)["Aliases"]
            alias = next((found for found in aliases if found["Name"] == LIVE), None)
            if alias is None or not alias["FunctionVersion"].isdigit():
                continue
            pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
            versions = [_version(found) for page in pages for found in page["Versions"]]
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            yield Published(
                "function",
                name,
                item["FunctionArn"],
                int(alias["FunctionVersion"]),
                {int(version): float(weight) for version, weight in weights.items()},
                tuple(sorted(filter(None, versions), key=lambda one: -one.number)),
            )


def _version(item: dict[str, Any]) -> Version | None:
    if not item["Version"].isdigit():
        return None  # $LATEST
    variables = (item.get("Environment") or {}).get("Variables") or {}
    return Version(int(item["Version"]), _time(item["LastModified"]), variables.get(VARIABLE, UNNAMED))


def _time(value: Any) -> datetime:
    """A time of Lambda, which is a text, or of Step Functions.

    >>> _time("2026-11-28T10:00:00.000+0000").isoformat()
    '2026-11-28T10:00:00+00:00'
    """
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC)


def _begun(functions: list[Published]) -> list[tuple[datetime, str]]:
    """When each deployment published its first function, and of which release it was, oldest first.

    A release that was deployed again after another one stands there twice.
    """
    made = sorted((one.published, one.release) for item in functions for one in item.versions)
    return [
        (moment, release)
        for (moment, release), before in zip(made, [("", None), *made], strict=False)
        if release != before[1]
    ]


def _workflows(client: Any, environment: str, begun: list[tuple[datetime, str]]) -> Iterator[Published]:
    def release_at(moment: datetime) -> str:
        return next((release for start, release in reversed(begun) if start <= moment), UNNAMED)

    for page in client.get_paginator("list_state_machines").paginate():
        for item in page["stateMachines"]:
            arn = item["stateMachineArn"]
            if not _is_ours(item["name"], environment):
                continue
            try:
                alias = client.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:{LIVE}")
            except client.exceptions.ResourceNotFound:
                continue
            routes = {
                int(route["stateMachineVersionArn"].rsplit(":", 1)[-1]): route["weight"] / 100
                for route in alias["routingConfiguration"]
            }
            live = max(routes, key=lambda number: routes[number])
            versions = client.list_state_machine_versions(stateMachineArn=arn, maxResults=1000)
            found = [
                Version(int(one["stateMachineVersionArn"].rsplit(":", 1)[-1]), moment, release_at(moment))
                for one in versions["stateMachineVersions"]
                for moment in [_time(one["creationDate"])]
            ]
            others = {number: share for number, share in routes.items() if number != live and share}
            ordered = tuple(sorted(found, key=lambda one: -one.number))
            yield Published("workflow", item["name"], arn, live, others, ordered)


@dataclass(frozen=True)
class Step:
    """One alias that moves back: to a version, or to none because there is none."""

    thing: Published
    to: int | None
    why: str
    stack: str = ""
    """The stack whose update moves the alias now, and has to be cancelled first."""

    @property
    def release(self) -> str:
        """The release that it goes to."""
        return next((one.release for one in self.thing.versions if one.number == self.to), UNNAMED)


def way_back(
    things: list[Published],
    which: str,
    release: str = "",
    refused: Collection[str] = (),
    shifting: Collection[str] = (),
    home: str = "",
) -> list[Step]:
    """What a roll-back does: `which` is `all` or the name of a function or workflow.

    Each goes to the newest version before the live release, or to that of `release`; never by itself to a
    release that was `refused`: its versions stay when its deployment is taken back. A canary that is under
    way ends with it, and so does a deployment that asks its hook: `shifting` has the functions.
    `home`: the release from which a deployment began that has not ended; all go back to it and no further.
    Raises OpsError for a name that nothing has, and for a release that no version is of.
    """
    chosen = [item for item in things if which in ("all", item.short, item.name)]
    if not chosen:
        names = ", ".join(item.short for item in things)
        raise OpsError(f"no function or workflow {which}; there are {names}")
    if release and not any(one.release == release for item in things for one in item.versions):
        raise OpsError(f"no version is of release {release}; `ona deploy history` lists them")
    begun = _begun([item for item in things if item.kind == "function"])
    end = _followed(begun, release)
    steps = [_step(item, release, refused, item.name in shifting, end) for item in chosen]
    if release or which != "all":
        return steps if release else _together(steps, set())
    return _with_functions(_together(steps, {home}), begun, refused, shifting)


def _followed(begun: list[tuple[datetime, str]], release: str) -> datetime | None:
    """When the deployment after a release's last one published its first function; None where none did."""
    at = max((at for at, (_, name) in enumerate(begun) if name == release), default=len(begun))
    return begun[at + 1][0] if at + 1 < len(begun) else None


def _with_functions(
    steps: list[Step],
    begun: list[tuple[datetime, str]],
    refused: Collection[str],
    shifting: Collection[str],
) -> list[Step]:
    """The workflows go to the release to which the functions go, where these are of one then.

    A release publishes a version of those workflows only that it changes: one that stood as it was has the
    version of an earlier release, and must not go back behind it.
    """
    aims = {
        step.thing.release if step.to is None else step.release
        for step in steps
        if step.thing.kind == "function"
    }
    if len(aims) != 1 or UNNAMED in aims:
        return steps
    (aim,) = aims
    end = _followed(begun, aim)
    return [
        step
        if step.thing.kind == "function" or step.thing.others or step.thing.name in shifting
        else _step(step.thing, aim, refused, asked=False, end=end)
        for step in steps
    ]


def _together(steps: list[Step], homes: set[str]) -> list[Step]:
    """Half a release goes back to where the other half is: what is at that release already stays.

    Otherwise each would go one release back, and the halves would be as far apart as before.
    """
    going = [step for step in steps if step.to is not None]
    newest = max(going, key=lambda step: step.thing.released, default=None)
    aims = homes | {one.release for one in going if newest and one.thing.release == newest.thing.release}
    return [
        Step(step.thing, None, f"stays at version {step.thing.live}: it is of release {step.thing.release}")
        if step.to not in (None, step.thing.live) and step.thing.release in aims - {UNNAMED}
        else step
        for step in steps
    ]


def _step(
    item: Published, release: str, refused: Collection[str], asked: bool, end: datetime | None = None
) -> Step:
    """`end`: when the release after `release` began; a workflow's newest one before it is its."""
    if item.others and not release:
        shares = ", ".join(f"version {number}: {share:.0%}" for number, share in item.others.items())
        return Step(item, item.live, f"ends the canary ({shares})")
    if asked and not release:
        return Step(item, item.live, f"stays at version {item.live}: its deployment asks its hook")
    if release:
        right = [one for one in item.versions if one.release == release]
        if item.kind == "workflow" and not right:
            there = [one for one in item.versions if end is None or one.published < end]
            right = [one for one in there if one.release not in refused]
    else:
        before = [one for one in item.versions if one.number < item.live]
        others = [one for one in before if one.release != item.release or not one.release]
        right = [one for one in others if one.release not in refused]
    if not right or (len(item.versions) == 1 and not item.others):
        return Step(item, None, f"stays at version {item.live}: there is no version to go to")
    to = right[0]
    if to.number == item.live and not item.others:
        return Step(item, None, f"stays at version {item.live}: that release has it too")
    why = f"version {item.live} → {to.number}, release {to.release or 'unnamed'}"
    return Step(item, to.number, f"{why}, which was refused" if to.release in refused else why)


def take(client: Ask, step: Step) -> None:
    """Let an alias name one version, and no other."""
    if step.to is None:
        return
    if step.thing.kind == "function":
        client("lambda").update_alias(
            FunctionName=step.thing.name,
            Name=LIVE,
            FunctionVersion=str(step.to),
            RoutingConfig={"AdditionalVersionWeights": {}},
        )
        return
    route = {"stateMachineVersionArn": f"{step.thing.arn}:{step.to}", "weight": 100}
    alias = f"{step.thing.arn}:{LIVE}"
    client("stepfunctions").update_state_machine_alias(
        stateMachineAliasArn=alias, routingConfiguration=[route]
    )


def surplus(item: Published, keep: int) -> list[Version]:
    """The versions to remove: all but the `keep` newest and those that the alias names."""
    named = {item.live, *item.others}
    return [one for one in item.versions[keep:] if one.number not in named]


def remove(client: Ask, item: Published, version: Version) -> None:
    """Delete one version. AWS refuses one that an alias names."""
    if item.kind == "function":
        client("lambda").delete_function(FunctionName=item.name, Qualifier=str(version.number))
    else:
        arn = f"{item.arn}:{version.number}"
        client("stepfunctions").delete_state_machine_version(stateMachineVersionArn=arn)
