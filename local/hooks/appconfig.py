"""AppConfig: validators are asked, monitors take a deployment back, its minutes are those of `local.clock`.

ministack 1.5.33 stores validators and asks none, deploys versions that do not exist, and looks at a
monitor's alarm when somebody asks for the deployment. A deployment is refused, as the profile says, by its
JSON schema (draft-04) or by its function, which raises; ValidateConfiguration does the same and no more.
Sources: AWS AppConfig User Guide, "Understanding validators", "Configure permissions for automatic
rollback"; API reference, StartDeployment, ValidateConfiguration. That a monitor without its role's
permission watches nothing is ours: the guide does not say what happens.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from types import SimpleNamespace
from typing import Any

from local import clock
from local.hooks.base import private, replace
from local.hooks.roles_demands import Denied, demand_policy, demand_role, report

Json = dict[str, Any]
SERVICE = "appconfig.amazonaws.com"
_DEPLOYMENTS = re.compile(r"/applications/([^/]+)/environments/([^/]+)/deployments")
_READING = {
    "/configurationsessions": "appconfig:StartConfigurationSession",
    "/configuration": "appconfig:GetLatestConfiguration",
}
_VALIDATORS = re.compile(r"/applications/([^/]+)/configurationprofiles/([^/]+)/validators")


def by_schema(schema: str, content: bytes) -> str:
    """Why a configuration does not fit a JSON schema of draft-04; empty when it does.

    >>> by_schema('{"type": "object", "required": ["a"]}', b'{"a": 1}')
    ''
    >>> by_schema('{"type": "object", "required": ["a"]}', b'{}')
    "$: 'a' is a required property"
    >>> by_schema('{}', b'a: 1')
    'it is no JSON'
    """
    from jsonschema import Draft4Validator

    try:
        document = json.loads(content)
    except ValueError:
        return "it is no JSON"
    first = next(iter(Draft4Validator(json.loads(schema)).iter_errors(document)), None)
    return f"{first.json_path}: {first.message}" if first else ""


class Validators:
    """The validators of a profile, asked about one version."""

    def __init__(self, application: str, profile: str, version: str) -> None:
        from ministack.services import appconfig

        self._service = appconfig
        self._ids, self._version = (application, profile), version
        key = f"{application}/{profile}"
        self.profile: Json | None = private(appconfig, "_config_profiles").get(key)
        self.hosted: Json | None = private(appconfig, "_hosted_versions").get(f"{key}/{version}")

    def refusal(self) -> Any:
        """The answer of a call whose version may not be deployed; None when it may."""
        refused = private(self._service, "_error")
        if self.profile is None:
            return refused(404, "ResourceNotFoundException", f"Profile {self._ids[1]} could not be found.")
        if self.hosted is None:
            return refused(404, "ResourceNotFoundException", f"Version {self._version} could not be found.")
        content = self.hosted["Content"]
        body = content if isinstance(content, bytes) else content.encode()
        for validator in self.profile.get("Validators") or []:
            said = validator["Content"]
            lambdas = validator["Type"] == "LAMBDA"
            why = self._by_function(said, body) if lambdas else by_schema(said, body)
            if why:
                return refused(
                    400, "BadRequestException", f"Error invoking {validator['Type']} validator: {why}"
                )
        return None

    def _by_function(self, arn: str, content: bytes) -> str:
        from ministack.services import lambda_svc

        application, profile = self._ids
        source = private(self._service, "_profile_arn")(application, profile)
        try:
            demand_policy(SERVICE, "lambda:InvokeFunction", arn, source, source.split(":")[4])
        except Denied as denied:
            report(f"validator of {source}", denied)
            return str(denied)
        record, settings, _ = private(lambda_svc, "_get_func_record_for_ref")(arn)
        if record is None:
            return f"{arn} could not be found"
        event = {
            "applicationId": application,
            "configurationProfileId": profile,
            "configurationVersion": self._version,
            "content": base64.b64encode(content).decode(),
            "uri": "hosted",
        }
        answer: Json = private(lambda_svc, "_execute_function_with_config_scope")(
            {**record, "config": settings}, event
        )
        body = answer.get("body")
        return (
            str(body.get("errorMessage") if isinstance(body, dict) else body) if answer.get("error") else ""
        )


def first_alarm(application: str, environment: str, start: float, end: float) -> tuple[str, float] | None:
    """The ARN of the first monitor that is in ALARM, and since when, not before `start`; else None."""
    from ministack.services import appconfig, cloudwatch

    record = private(appconfig, "_environments").get(f"{application}/{environment}") or {}
    on = []
    for monitor in record.get("Monitors") or []:
        arn = monitor["AlarmArn"]
        name = arn.split(":", 6)[-1]
        alarm = private(cloudwatch, "_alarms").get(name) or private(cloudwatch, "_composite_alarms").get(
            name
        )
        if not alarm or alarm["StateValue"] != "ALARM":
            continue
        try:
            if monitor.get("AlarmRoleArn"):
                demand_role(monitor["AlarmRoleArn"], SERVICE, "cloudwatch:DescribeAlarms", arn)
        except Denied as denied:
            report(f"monitor {name}", denied)
            continue
        on.append((max(start, min(end, float(alarm["StateUpdatedTimestamp"]))), arn))
    return (min(on)[1], min(on)[0]) if on else None


def configuration(token: str, fields: Json) -> str:
    """What a session reads, as policies name it: by its first call's `fields`, else by a call's token."""
    from ministack.services import appconfig

    of = private(appconfig, "_sessions").get(token) or fields
    named = {kind: of.get(f"{kind}Identifier", "") for kind in ("Application", "Environment")}
    profile = of.get("ConfigurationProfileIdentifier", "")
    return f"application/{named['Application']}/environment/{named['Environment']}/configuration/{profile}"


def _permissions() -> None:
    """What a reading of flags needs: both APIs sign as `appconfig`, where ministack knows no such calls."""
    from ministack.core import iam_actions

    action_of = private(iam_actions, "extract_iam_action")
    resource_of = private(iam_actions, "extract_resource_arn")

    def action(service: str, method: str, path: str, *rest: Any) -> Any:
        return _READING.get(path) or action_of(service, method, path, *rest)

    def resource(service: str, method: str, path: str, *rest: Any) -> str:
        found = str(resource_of(service, method, path, *rest))
        if path not in _READING:
            return found
        _, body, query, region, account = rest
        token = (query.get("configuration_token") or [""])[0]
        return f"arn:aws:appconfig:{region}:{account}:{configuration(token, json.loads(body or b'{}'))}"

    replace(iam_actions, "extract_iam_action", action)
    replace(iam_actions, "extract_resource_arn", resource)


def install() -> None:
    """Apply the hooks."""
    from ministack.services import appconfig, cloudwatch

    replace(appconfig, "time", SimpleNamespace(time=clock.now, strftime=time.strftime, gmtime=time.gmtime))
    replace(appconfig, "_first_monitor_alarm", first_alarm)
    handle = private(appconfig, "handle_request")
    original = private(cloudwatch, "_dispatch_alarm_actions")

    async def handled(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        refusal, validates = None, False
        if method == "POST" and (found := _DEPLOYMENTS.fullmatch(path)):
            asked = json.loads(body or b"{}")
            profile, version = (
                asked.get("ConfigurationProfileId", ""),
                asked.get("ConfigurationVersion", ""),
            )
            refusal = await asyncio.to_thread(Validators(found[1], profile, str(version)).refusal)
        elif method == "POST" and (found := _VALIDATORS.fullmatch(path)):
            given = query.get("configuration_version") or [""]
            version = given[0] if isinstance(given, list) else given
            refusal, validates = (
                await asyncio.to_thread(Validators(found[1], found[2], version).refusal),
                True,
            )
        if refusal is not None:
            return refusal
        return (204, {}, b"") if validates else await handle(method, path, headers, body, query)

    def dispatched(alarm: Json, before: str, now: str, reason: str) -> Any:
        if now == "ALARM":  # not only when somebody asks: by then it may be over
            for key in list(private(appconfig, "_environments")):
                private(appconfig, "_refresh_environment")(*key.split("/"))
        return original(alarm, before, now, reason)

    _permissions()
    replace(appconfig, "handle_request", handled)
    replace(cloudwatch, "_dispatch_alarm_actions", dispatched)
