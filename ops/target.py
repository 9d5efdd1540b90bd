"""Where a command works: the embedded cloud, or an AWS account by profile."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from local import cloud, deploy
from local.hooks import front

PREFIXES = {
    "observations/": "ooda",
    "historical/": "forecast_upload",
    "nowcast/": "forecast_upload",
    "training/": "forecast_training",
}
"""Which workflow an object starts, by the beginning of its key."""
TAKEN = (
    "observations/*.csv",
    "observations/*.CSV",
    "historical/*.csv",
    "historical/*.CSV",
    "nowcast/*.csv",
    "nowcast/*.CSV",
    "training/*/hourly/*.parquet",
)
"""Keys that the rules in stacks/ take; * stands for any characters, and letters' case counts (Amazon
EventBridge User Guide, "Comparison operators": wildcard). EventBridge ignores case in a suffix only where
no prefix is asked for beside it, so `.Csv` starts nothing. tests/contract/test_workflows.py compares."""

CONFIGS = cloud.ROOT / "configs"
TEMPLATE = cloud.ROOT / "template.yaml"
EMBEDDED = {
    "PrivateHosts": "127.0.0.1,localhost",
    "ApiDomainName": "api.ona.localhost",
    "ApiCertificateArn": "arn:aws:acm:af-south-1:000000000000:certificate/embedded",
    "ReservedConcurrency": "1",
}
"""Parameters of the template on the embedded cloud.

Webhooks may point at this machine, and the APIs have one address; nobody looks at its certificate. Its
account has 1 000 concurrent executions, so that each function gets its share.
"""


OWN = "environment"
"""Stands for a profile: the credentials that the shell has, as a CI job gets them by OIDC."""
ENVIRONMENTS = ("dev", "staging", "prod")
"""Those that the template takes."""
LIVE = "live"
"""The alias of every function and workflow: the version that is in use (docs/decisions/0046-release.md)."""


LONGEST_S = 910
"""Seconds until an answer of Lambda must be there: a function runs for 900 at most ("Lambda quotas"). After
the usual 60 the client would ask again, and the function run twice."""


class OpsError(RuntimeError):
    """A command cannot do its work; the text says why and what to do."""


def use_configs() -> None:
    """Let the kernel read this checkout's `configs/` in this process."""
    os.environ.setdefault("ONA_CONFIG_DIR", str(CONFIGS))


@dataclass(frozen=True)
class Target:
    """A deployed platform."""

    name: str
    stack: str
    client: Callable[[str], Any]
    embedded: cloud.Cloud | None = None

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the root's stack. Raises OpsError when it is not deployed."""
        try:
            root = self._root()
            if root is None and self.embedded:  # another `ona up` may be deploying it
                cloud.wait_for_change(Path(self.embedded.home), lambda: self._root() is not None)
                root = self._root()
        except Exception as error:
            raise OpsError(f"{self.name}: cannot read stack {self.stack}: {error}") from error
        if root is None:
            hint = "ona up" if self.embedded else "sam deploy"
            raise OpsError(f"{self.name}: stack {self.stack} is not deployed; run `{hint}`")
        return {item["OutputKey"]: item["OutputValue"] for item in root.get("Outputs", [])}

    def _root(self) -> dict[str, Any] | None:
        return deploy.find(self.client("cloudformation"), self.stack)

    @property
    def input_bucket(self) -> str:
        """Where telemetry goes."""
        return self.outputs["InputBucketName"]

    @property
    def output_bucket(self) -> str:
        """Where documents lie."""
        return self.outputs["OutputBucketName"]

    @property
    def machine(self) -> str:
        """The loop's state machine."""
        return self.outputs["OodaStateMachineArn"]

    @property
    def api_url(self) -> str:
        """The one address of all APIs: the custom domain, or the embedded cloud's front.

        In an account without ApiDomainName it serves uploads and forecasts alone; see `api_urls`.
        """
        if self.embedded:
            return f"{self.embedded.endpoint}{front.PREFIX}{self.outputs['Environment']}"
        return self.outputs["ApiUrl"]

    @property
    def api_urls(self) -> dict[str, str]:
        """Every address that a customer needs, by the paths that it serves."""
        if self.embedded or "ApiDomainTarget" in self.outputs:
            return {"/": self.api_url}
        return {
            "/": self.api_url,
            "/ops": self.outputs["OpsApiUrl"],
            "/quota, /health": self.outputs["AccessApiUrl"],
        }

    @property
    def machines(self) -> dict[str, str]:
        """The workflows' state machines by name."""
        return {
            "ooda": self.outputs["OodaStateMachineArn"],
            "forecast_upload": self.outputs["ForecastUploadStateMachineArn"],
            "forecast_training": self.outputs["ForecastTrainingStateMachineArn"],
            "forecast_schedule": self.outputs["ForecastScheduleStateMachineArn"],
            "fleet_history": self.outputs["FleetHistoryStateMachineArn"],
            **{
                name: self.outputs[output]  # not in what was deployed before there were these workflows
                for name, output in {
                    "alerts": "AlertsStateMachineArn",
                    "daily_routine": "DailyRoutineStateMachineArn",
                }.items()
                if output in self.outputs
            },
        }

    def function(self, name: str) -> str:
        """A function's deployed name, from its folder's: data_ingestion → ona-dataIngestion-dev."""
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        return f"ona-{camel}-{self.outputs['Environment']}"

    def machine_of(self, key: str) -> str:
        """The state machine that an object's event starts."""
        return self.starts(key) or self.machine

    def starts(self, key: str) -> str | None:
        """The state machine that an object's event starts; None when it starts none."""
        if not is_taken(key):
            return None
        name = next((name for prefix, name in PREFIXES.items() if key.startswith(prefix)), None)
        return self.machines[name] if name else None


def start(states: Any, machine: str, **given: str) -> str:
    """Start a workflow as events start it, by its alias; returns the execution's ARN.

    `states` is a client of Step Functions. A platform that was deployed before there were aliases has none:
    there the workflow itself starts.
    """
    try:
        answer = states.start_execution(stateMachineArn=f"{machine}:{LIVE}", **given)
    except Exception as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") != "StateMachineDoesNotExist":
            raise
        answer = states.start_execution(stateMachineArn=machine, **given)
    return str(answer["executionArn"])


def is_taken(key: str) -> bool:
    """Whether a rule takes an object of this key.

    >>> is_taken("observations/a.csv"), is_taken("observations/a.CSV"), is_taken("observations/a.Csv")
    (True, True, False)
    >>> is_taken("observations/a.parquet"), is_taken("training/c/s/hourly/x.parquet")
    (False, True)
    """
    return any(
        re.fullmatch(re.escape(rule).replace(r"\*", ".*"), key, re.DOTALL) is not None for rule in TAKEN
    )


def embedded(running: cloud.Cloud, environment: str = "dev") -> Target:
    """The platform on an embedded cloud."""
    return Target("embedded cloud", f"ona-platform-{environment}", running.client, running)


def account(profile: str, region: str) -> Callable[[str], Any]:
    """Clients of the account that a profile names; the profile `embedded` is the embedded cloud of here.

    Raises OpsError when there is none.
    """
    if profile == "embedded":
        return _running().client
    return _profile(profile, region)


def _profile(profile: str, region: str | None = None) -> Callable[[str], Any]:
    import boto3
    from botocore.config import Config

    try:
        named = None if profile == OWN else profile
        session = boto3.Session(profile_name=named, region_name=region)
    except Exception as error:
        raise OpsError(f"AWS profile {profile}: {error}") from error
    clients: dict[str, Any] = {}
    patient = Config(read_timeout=LONGEST_S, tcp_keepalive=True)

    def client(service: str) -> Any:
        if service not in clients:
            own = patient if service == "lambda" else None
            clients[service] = session.client(service, config=own)
        return clients[service]

    return client


def _running() -> cloud.Cloud:
    try:
        return cloud.require()
    except cloud.NotRunning as error:
        raise OpsError(f"{error} (or name an AWS profile)") from error


def resolve(profile: str | None, environment: str) -> Target:
    """The target of a command. Raises OpsError when there is none.

    `environment` is one of ENVIRONMENTS. Without a profile it is the embedded cloud of this checkout, else
    the AWS profile of that name.
    """
    if environment not in ENVIRONMENTS:
        raise OpsError(f"--env {environment}: there are {', '.join(ENVIRONMENTS)}")
    if profile:
        client = _profile(profile)
        return Target(f"AWS profile {profile}", f"ona-platform-{environment}", client)
    return embedded(_running(), environment)
