"""Feature flags of a deployed platform: what holds now, setting one, taking the last change back.

A change is a new version of the whole document of its place (`ona.config.flags.place_of`) and a deployment
of it. AppConfig asks the validators first and has one deployment at a time in a place.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from ona.config.flags import FILE, FlagName, Place, flags_config, place_of
from ona.runtime.clock import iso
from ops import bus
from ops.flag_guards import Guards
from ops.flag_words import described
from ops.target import OpsError, Target

Json = dict[str, Any]
IN_PROGRESS = ("DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK")
"""States of a deployment that keeps others out (AppConfig API, DeploymentState)."""
IN_FORCE = ("COMPLETE", "BAKING")
"""States of a deployment that everybody has."""
KEPT_VERSIONS = 50
"""Versions of the document that are kept (ours)."""
CUSTOMERS = "customers"
"""The name of the rule that names customers."""
_ENDS_WITHIN_S = 60
"""So long a change that is everybody's at once may take until it is over, s (ours)."""


@dataclass(frozen=True)
class Deployment:
    """One change of a place; `percent`: of the functions' processes that have it."""

    number: int
    version: str
    state: str
    percent: float
    started_at: str
    description: str = ""
    why: str = ""

    @property
    def in_progress(self) -> bool:
        """Whether it keeps others out."""
        return self.state in IN_PROGRESS


@dataclass(frozen=True)
class Standing:
    """One flag as it stands; `now`: for everybody but the customers `other`, who have the opposite."""

    name: FlagName
    default: bool
    now: bool
    other: tuple[str, ...]
    switches: str


class Flags:
    """The flags of one platform."""

    def __init__(self, target: Target) -> None:
        self._target = target
        ids = target.outputs.get("Flags", "").split("/")
        if len(ids) != 4:
            raise OpsError(f"{target.name}: the stack has no output Flags; deploy this release first")
        self.not_told = ""  # why the bus did not take the last event
        self._application, features, maintenance, self._profile = ids
        self._places: dict[Place, str] = {"features": features, "maintenance": maintenance}

    @cached_property
    def _client(self) -> Any:
        return self._target.client("appconfig")

    def standings(self) -> list[Standing]:
        """Every flag of `configs/operations/flags.yaml`, in its order."""
        documents = {place: self.document(place) for place in get_args(Place)}
        made = []
        for name, flag in flags_config().items():
            given = documents[place_of(name)].get(name) or {"default": flag.default}
            other = _customers(given)
            made.append(Standing(name, flag.default, given["default"], other, flag.switches))
        return made

    def document(self, place: Place) -> Json:
        """The document that is in force in a place; empty where nobody has set anything."""
        found = next((one for one in self.deployments(place) if one.state in IN_FORCE), None)
        return self._version(found.version) if found else {}

    def deployments(self, place: Place) -> list[Deployment]:
        """The deployments of a place, the newest first."""
        ids = {"ApplicationId": self._application, "EnvironmentId": self._places[place]}
        found = [_deployment(item) for item in self._items("list_deployments", **ids)]
        return sorted(found, key=lambda one: -one.number)

    def newest(self, place: Place) -> Deployment | None:
        """The newest deployment of a place, with its description and, where it was taken back, why."""
        found = self.deployments(place)[:1]
        return self._look(place, found[0].number) if found else None

    def _look(self, place: Place, number: int) -> Deployment:
        given = self._client.get_deployment(
            ApplicationId=self._application, EnvironmentId=self._places[place], DeploymentNumber=number
        )
        return _deployment(given)

    def change(
        self,
        name: FlagName,
        on: bool,
        customers: Sequence[str] = (),
        *,
        gradually: bool,
        why: str,
        by: str,
        despite: Sequence[str] = (),
    ) -> Deployment:
        """Set a flag for everybody, or for some customers. `despite`: alarms that do not guard this change.

        Raises OpsError when another deployment goes on, when an alarm that guards the change is on, when a
        validator refuses, and for a reason that is too long.
        """
        place, told = place_of(name), described(name, on, customers, why, by)
        guards = Guards(self._target, self._application, self._places[place])
        going = next((one for one in self.deployments(place) if one.in_progress), None)
        if going:
            raise OpsError(
                f"deployment {going.number} of {place} goes on ({going.state}, {going.percent:g} %): "
                "wait for it (`ona flags watch`), or take it back (`ona flags rollback`)"
            )
        guards.check(despite)
        with guards.set_aside(despite):
            done = self._set(name, on, customers, gradually=gradually, told=told)
        self.tell(place, done, flag=name, on=on, customers=[*customers], by=by, why=why)
        return done

    def _set(
        self, name: FlagName, on: bool, customers: Sequence[str], *, gradually: bool, told: str
    ) -> Deployment:
        """Deploy the document of a flag's place with the flag changed. What is everybody's at once is over
        when this returns, or after a minute."""
        place = place_of(name)
        before = self.document(place)
        if not before:
            # what is taken back to must exist: else the first change could not be undone
            before = _defaults(place)
            why = f"the defaults of configs/{FILE.name}"
            self._ended(place, self._deploy(place, before, gradually=False, why=why))
        known: Json = {n: flag for n, flag in before.items() if n in flags_config()}
        given = known.get(name) or {"default": flags_config()[name].default}
        after = {**known, name: _changed(given, on, customers)}
        done = self._deploy(place, after, gradually=gradually, why=told)
        return done if gradually else self._ended(place, done)

    def _ended(self, place: Place, done: Deployment) -> Deployment:
        """A change once it is over: its alarms are set aside until then."""
        for _ in range(_ENDS_WITHIN_S):
            if not done.in_progress:
                break
            time.sleep(1)
            done = self._look(place, done.number)
        return done

    def tell(self, place: Place, done: Deployment, **detail: Any) -> None:
        """Tell the bus where a change stands; the same change in the same state is the same event."""
        made_of = f"{place}#{done.number}#{done.state}"
        told = {"place": place, "change": done.number, "state": done.state, "text": done.description}
        self.not_told = bus.tell(self._target, "Flag Changed", made_of, **told, **detail)

    def roll_back(self, place: Place, by: str = "") -> Deployment:
        """Take the last change of a place back: one that goes on is stopped, one that is over reverted.

        Raises OpsError when there is none; AppConfig reverts for 72 hours (StopDeployment).
        """
        standing = [one for one in self.deployments(place) if one.in_progress or one.state in IN_FORCE]
        if len(standing) < 2:
            raise OpsError(f"{place}: nobody has set a flag there, or all was taken back")
        taken = standing[0]
        self._client.stop_deployment(
            ApplicationId=self._application,
            EnvironmentId=self._places[place],
            DeploymentNumber=taken.number,
            AllowRevert=True,
        )
        done = self._look(place, taken.number)
        self.tell(place, done, by=by)
        return done

    def _deploy(self, place: Place, document: Json, *, gradually: bool, why: str) -> Deployment:
        ids = {"ApplicationId": self._application, "ConfigurationProfileId": self._profile}
        made = self._client.create_hosted_configuration_version(
            **ids,
            Content=json.dumps(document, indent=1, sort_keys=True).encode(),
            ContentType="application/json",
            Description=why,
        )
        version = str(made["VersionNumber"])
        try:
            self._client.validate_configuration(**ids, ConfigurationVersion=version)
            started = self._client.start_deployment(
                **ids,
                EnvironmentId=self._places[place],
                ConfigurationVersion=version,
                DeploymentStrategyId=self._strategy("gradual" if gradually else "at-once"),
                Description=why,
            )
        except self._client.exceptions.BadRequestException as error:
            self._client.delete_hosted_configuration_version(**ids, VersionNumber=int(version))
            raise OpsError(f"the flags were refused: {error.response['Error']['Message']}") from error
        self._forget(int(version))
        return self._look(place, started["DeploymentNumber"])

    def _strategy(self, speed: str) -> str:
        name = f"ona-flags-{speed}-{self._target.outputs['Environment']}"
        found = [one["Id"] for one in self._items("list_deployment_strategies") if one["Name"] == name]
        if not found:
            raise OpsError(f"there is no deployment strategy {name}; deploy this release first")
        return str(found[0])

    def _version(self, version: str) -> Json:
        given = self._client.get_hosted_configuration_version(
            ApplicationId=self._application,
            ConfigurationProfileId=self._profile,
            VersionNumber=int(version),
        )
        document: Json = json.loads(given["Content"].read())
        return document

    def _forget(self, newest: int) -> None:
        """Delete the versions that nobody can go back to."""
        ids = {"ApplicationId": self._application, "ConfigurationProfileId": self._profile}
        used = {one.version for place in get_args(Place) for one in self.deployments(place)[:KEPT_VERSIONS]}
        for item in list(self._items("list_hosted_configuration_versions", **ids)):
            number = item["VersionNumber"]
            if number <= newest - KEPT_VERSIONS and str(number) not in used:
                self._client.delete_hosted_configuration_version(**ids, VersionNumber=number)

    def _items(self, operation: str, **arguments: Any) -> Iterator[Json]:
        token: Json = {}
        while True:
            answer = getattr(self._client, operation)(**arguments, **token)
            yield from answer["Items"]
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}


def _defaults(place: Place) -> Json:
    """What holds in a place as long as nobody has set anything."""
    return {
        name: {"default": flag.default} for name, flag in flags_config().items() if place_of(name) == place
    }


def _deployment(given: Json) -> Deployment:
    events = given.get("EventLog") or []
    return Deployment(
        number=given["DeploymentNumber"],
        version=str(given["ConfigurationVersion"]),
        state=given["State"],
        percent=float(given["PercentageComplete"]),
        started_at=iso(given["StartedAt"]),
        description=given.get("Description", ""),
        why=next(
            (event["Description"] for event in events if event["EventType"] == "ROLLBACK_STARTED"), ""
        ),
    )


def _customers(flag: Json) -> tuple[str, ...]:
    """The customers for whom a flag is the other way than for the rest.

    >>> _customers(_changed({"default": True}, False, ["acme"]))
    ('acme',)
    """
    return tuple(
        customer
        for rule in (flag.get("rules") or {}).values()
        if rule["when_match"] != flag["default"]
        for condition in rule["conditions"]
        for customer in condition["value"]
    )


def _changed(flag: Json, on: bool, customers: Sequence[str]) -> Json:
    """A flag's entry after a change. For everybody: exceptions are gone.

    >>> _changed({"default": False}, True, [])
    {'default': True}
    >>> one = _changed({"default": False}, True, ["acme"])
    >>> one["rules"]["customers"]["conditions"][0]["value"], one["default"]
    (['acme'], False)
    >>> _changed(one, False, ["acme"])
    {'default': False}
    """
    if not customers:
        return {"default": on}
    other = set(_customers(flag))
    other = other | set(customers) if on != flag["default"] else other - set(customers)
    if not other:
        return {"default": flag["default"]}
    condition = {"action": "KEY_IN_VALUE", "key": "customer_id", "value": sorted(other)}
    rule = {"when_match": not flag["default"], "conditions": [condition]}
    return {"default": flag["default"], "rules": {CUSTOMERS: rule}}
