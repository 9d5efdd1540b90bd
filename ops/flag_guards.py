"""The alarms that guard a change of a flag: the monitors of AppConfig's environment, at most five.

AppConfig takes a change back while one of them is in ALARM, and does not ask whether the change is the
cause (AWS AppConfig User Guide, "Monitoring deployments for automatic rollback"). An alarm that is on
already would so take back each change. A person who knows better sets it aside for one change: it leaves
the monitors, and comes back after the change, in an update each (API reference, UpdateEnvironment). The
same update writes into the description what was taken out, so that the next change puts it back where
this one was killed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from operations.reading.ringing import described
from ops.target import OpsError, Target

_ASIDE = re.compile(
    r"(?P<said>.*) \[set aside: (?P<names>\S+(?:, \S+)*) of (?P<of>\S+) by (?P<role>\S+)\]", re.DOTALL
)
"""How a description ends while alarms are set aside; one has at most 1 024 characters (API reference)."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Guard:
    """An alarm that is on and guards changes of flags."""

    name: str
    what: str
    page: str


class Guards:
    """The monitors of one environment of AppConfig."""

    def __init__(self, target: Target, application: str, environment: str) -> None:
        self._target = target
        self._client = target.client("appconfig")
        self._ids = {"ApplicationId": application, "EnvironmentId": environment}

    def on(self) -> list[Guard]:
        """The guards that are on now; alarms that guard no change are not asked."""
        names = [_name(monitor["AlarmArn"]) for monitor in self._whole()["Monitors"]]
        if not names:
            return []
        kinds = ["MetricAlarm", "CompositeAlarm"]
        answer = self._target.client("cloudwatch").describe_alarms(
            AlarmNames=names, AlarmTypes=kinds, StateValue="ALARM"
        )
        alarms = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
        return [_guard(alarm) for alarm in alarms]

    def check(self, despite: Sequence[str] = ()) -> None:
        """Raises OpsError for guards that are on and not named in `despite`, and for a name there that is
        none of the guards."""
        known = [_name(monitor["AlarmArn"]) for monitor in self._whole()["Monitors"]]
        if strange := [name for name in despite if name not in known]:
            raise OpsError(
                f"--despite {strange[0]}: it guards no change of a flag; these do: {', '.join(known)}"
            )
        if on := [guard for guard in self.on() if guard.name not in despite]:
            told = "; ".join(f"{one.name} ({one.what}; what to do: {one.page})" for one in on)
            named = " ".join(f"--despite {one.name}" for one in on)
            raise OpsError(
                f"AppConfig would take the change back, because an alarm that guards it is on: {told}. "
                "Mend that first, and give the command again when the alarm is off (`ona alarms` says "
                "when); "
                f'or set the flag all the same: {named} --why "…"'
            )

    @contextmanager
    def set_aside(self, despite: Sequence[str]) -> Iterator[None]:
        """Guard changes without these alarms, as long as it lasts."""
        if not despite:
            yield
            return
        whole = self._whole()
        out = [one for one in whole["Monitors"] if _name(one["AlarmArn"]) in despite]
        names, of = ", ".join(_name(one["AlarmArn"]) for one in out), out[0]["AlarmArn"].rsplit(":", 1)[0]
        said = f"{whole['Description']} [set aside: {names} of {of} by {out[0]['AlarmRoleArn']}]"
        self._update([one for one in whole["Monitors"] if one not in out], said)
        try:
            yield
        finally:
            self._update(whole["Monitors"], whole["Description"])

    def _whole(self) -> Json:
        """The environment, with the monitors that a change which was killed has left out."""
        given = self._client.get_environment(**self._ids)
        monitors, said = [*(given.get("Monitors") or [])], str(given.get("Description") or "")
        found = _ASIDE.fullmatch(said)
        if found is None:
            return {"Monitors": monitors, "Description": said}
        monitors += [
            {"AlarmArn": f"{found['of']}:{name}", "AlarmRoleArn": found["role"]}
            for name in found["names"].split(", ")
        ]
        self._update(monitors, found["said"])
        return {"Monitors": monitors, "Description": found["said"]}

    def _update(self, monitors: list[Json], description: str) -> None:
        self._client.update_environment(**self._ids, Monitors=monitors, Description=description)


def _name(arn: str) -> str:
    return arn.split(":", 6)[-1]


def _guard(alarm: Json) -> Guard:
    what, page = described(alarm)
    return Guard(alarm["AlarmName"], what or "it gives no reason", page or "docs/operations/alarms.md")
