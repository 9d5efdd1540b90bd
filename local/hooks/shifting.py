"""How an alias comes to a new version: in steps, each at its minute, while alarms are watched.

The minutes are those of `local.clock`. CodeDeploy's configurations for Lambda: AWS CodeDeploy User Guide,
"Deployment configurations on an AWS Lambda compute platform". A workflow's alias: AWS CloudFormation,
AWS::StepFunctions::StateMachineAlias, DeploymentPreference. The first step is made at once.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local import clock
from local.hooks.base import private, replace

Json = dict[str, Any]
_CONFIGURATION = re.compile(
    r"CodeDeployDefault\.Lambda(?:(?P<whole>AllAtOnce)|Canary10Percent(?P<canary>5|10|15|30)Minutes"
    r"|Linear10PercentEvery(?P<linear>1Minute|(?:2|3|10)Minutes))"
)
"""Those that CodeDeploy has for Lambda by itself (as above)."""
MINUTE_S = 60.0
_LOOK_S = 0.02


@dataclass(frozen=True)
class Step:
    """So many minutes after the beginning the new version gets this share of the calls, from 0 to 1."""

    minute: float
    share: float


class GoneBack(Exception):
    """A new version does not get the calls: CodeDeploy's code for why, and words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class ServerEnds(BaseException):
    """The embedded cloud ends while a deployment waits: nothing more is done, a restart puts it back."""


def steps_of_configuration(name: str) -> list[Step]:
    """The steps of one of CodeDeploy's configurations; none for one that it does not have.

    >>> steps_of_configuration("CodeDeployDefault.LambdaCanary10Percent5Minutes")
    [Step(minute=0, share=0.1), Step(minute=5.0, share=1.0)]
    >>> steps_of_configuration("CodeDeployDefault.LambdaLinear10PercentEvery3Minutes")[-1]
    Step(minute=27.0, share=1.0)
    >>> steps_of_configuration("CodeDeployDefault.OneAtATime")
    []
    """
    found = _CONFIGURATION.fullmatch(name)
    if found is None:
        return []
    if found["whole"]:
        return [Step(0, 1.0)]
    if found["canary"]:
        return _canary(10, float(found["canary"]))
    return _linear(10, float(found["linear"].partition("M")[0]))


def steps_of_preference(preference: Json) -> list[Step]:
    """The steps of a workflow's DeploymentPreference.

    >>> steps_of_preference({"Type": "LINEAR", "Percentage": 40, "Interval": 2})
    [Step(minute=0.0, share=0.4), Step(minute=2.0, share=0.8), Step(minute=4.0, share=1.0)]
    """
    percent, minutes = int(preference.get("Percentage") or 0), float(preference.get("Interval") or 0)
    if preference.get("Type") == "CANARY":
        return _canary(percent, minutes)
    if preference.get("Type") == "LINEAR":
        return _linear(percent, minutes)
    return [Step(0, 1.0)]


def _canary(percent: int, minutes: float) -> list[Step]:
    return [Step(0, percent / 100), Step(minutes, 1.0)]


def _linear(percent: int, minutes: float) -> list[Step]:
    shares = [*range(percent, 100, percent), 100]
    return [Step(number * minutes, share / 100) for number, share in enumerate(shares)]


@dataclass
class Watch:
    """The alarms of one deployment, in one account and region; `rang`: the first that rang, and when."""

    names: frozenset[str]
    scope: tuple[str, str]
    rang: tuple[float, str] | None = None
    halted: GoneBack | None = field(default=None)
    """Why somebody ended the deployment from outside."""

    def heard(self, scope: tuple[str, str], name: str, now: float) -> None:
        """An alarm rings."""
        if self.rang is None and scope == self.scope and name in self.names:
            self.rang = (now, name)

    def demand(self, until: float) -> None:
        """Raises GoneBack when an alarm rang until then, or somebody ended the deployment."""
        if self.rang and self.rang[0] <= until:
            text = "One or more alarms have been activated according to the Amazon CloudWatch metrics you "
            text += "selected, and the affected deployments have been stopped. Activated alarms: "
            raise GoneBack("ALARM_ACTIVE", text + self.rang[1])
        if self.halted:
            raise self.halted


_watches: list[Watch] = []
_ending = threading.Event()


@contextmanager
def watching(names: list[str]) -> Iterator[Watch]:
    """Hear the alarms of these names from here on. One that is on already rings at once."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cloudwatch

    watch = Watch(frozenset(names), (get_account_id(), get_region()))
    _watches.append(watch)
    try:
        for name in names:
            alarm = private(cloudwatch, "_alarms").get(name)
            alarm = alarm or private(cloudwatch, "_composite_alarms").get(name)
            if alarm and alarm["StateValue"] == "ALARM":
                watch.heard(watch.scope, name, clock.now())
        yield watch
    finally:
        _watches.remove(watch)


def wait(watch: Watch, until: float, ended: Callable[[], bool] = lambda: False) -> bool:
    """Wait for a moment of the clock, or until `ended`; returns whether it was the latter.

    Raises GoneBack as `Watch.demand`, also when the moment has come: an alarm that rang before it counts.
    """
    while True:
        now = clock.now()
        if _ending.is_set():
            raise ServerEnds
        if ended():
            return True
        watch.demand(until)
        if now >= until:
            return False
        time.sleep(_LOOK_S)


def shift(steps: list[Step], watch: Watch, put: Callable[[float], None]) -> None:
    """Give the new version its shares, each at its minute. Raises GoneBack as `wait`, and as `put`."""
    began = clock.now()
    for step in steps:
        wait(watch, began + step.minute * MINUTE_S)
        put(step.share)


def install() -> None:
    """Hear every alarm that begins to ring, and when the server ends."""
    from ministack import app
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import cloudwatch

    def dispatched(alarm: Json, before: str, now: str, reason: str) -> Any:
        if now == "ALARM":
            for watch in list(_watches):
                watch.heard((get_account_id(), get_region()), str(alarm["AlarmName"]), clock.now())
        return original(alarm, before, now, reason)

    def stopped(at_start: bool = False) -> None:
        if at_start:  # the server would end the containers of every server: another may run beside it
            return
        _ending.set()
        stop()

    stop = private(app, "_stop_docker_containers")  # the end of the server calls it, after all is saved
    replace(app, "_stop_docker_containers", stopped)
    original = private(cloudwatch, "_dispatch_alarm_actions")
    replace(cloudwatch, "_dispatch_alarm_actions", dispatched)
