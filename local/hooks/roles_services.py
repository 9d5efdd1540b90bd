"""Roles: what AWS's services do by themselves needs permission too.

- A rule or a schedule acts with its target's role, or by the policy of the function, queue or topic that it
  calls. What is refused goes to the target's dead-letter queue, when that queue's policy admits the rule.
- An API invokes functions and authorizers by the function's policy, or with the integration's credentials.
- Topics and buckets invoke functions by the function's policy. A bucket that may not takes no such
  notification (`PutBucketNotificationConfiguration`, CloudFormation).

A refusal is reported in the embedded cloud's log and counted like any other.
Sources: EventBridge user guide, "Using resource-based policies for Amazon EventBridge" and "Using
dead-letter queues"; Lambda developer guide, "Working with resource-based IAM policies in Lambda".
"""

from __future__ import annotations

import json
from typing import Any

from local.hooks.base import private, replace
from local.hooks.roles_demands import BY_ROLE, Denied, demand_policy, demand_role, report
from local.hooks.roles_ledger import LEDGER
from local.hooks.roles_operations import unqualified

Json = dict[str, Any]
_BY_POLICY = ("lambda", "sqs", "sns")
"""Services whose resources have a policy of their own that can admit a rule."""


def install() -> None:
    """Apply the hooks."""
    _count_deliveries()
    _rules_and_schedules()
    _apis()
    _topics_and_buckets()


def _count_deliveries() -> None:
    """ministack asks queues and topics itself when topics and buckets deliver; the answers are counted."""
    from ministack.services import sns, sqs

    def counted(module: Any, name: str, action: str) -> None:
        allows = private(module, name)

        def asked(arn: str, service: str, source_arn: str, source_account: str) -> bool:
            allowed = bool(allows(arn, service, source_arn, source_account))
            LEDGER.record(service, action, arn, allowed=allowed)
            return allowed

        replace(module, name, asked)

    counted(sqs, "queue_policy_allows", "sqs:SendMessage")
    counted(sns, "topic_policy_allows", "sns:Publish")


def _rules_and_schedules() -> None:
    from ministack.services import eventbridge

    deliver = private(eventbridge, "_invoke_target")

    def checked(
        target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> Any:
        source = str(rule.get("Arn") or "")
        try:
            _demand_target(target, source)
        except Denied as denied:
            report(f"rule {rule.get('Name')}", denied)
            _letter(target, event, source, denied, view)
            return None
        return deliver(target, event, rule, view)

    replace(eventbridge, "_invoke_target", checked)


def _demand_target(target: Json, source: str) -> None:
    """Raises Denied when a rule or schedule may not call its target."""
    arn, role = str(target.get("Arn") or ""), str(target.get("RoleArn") or "")
    parts = arn.split(":")
    kind = parts[2] if len(parts) > 5 else ""
    if kind not in BY_ROLE:
        return
    schedule = ":scheduler:" in source
    service = "scheduler.amazonaws.com" if schedule else "events.amazonaws.com"
    if kind == "states":
        arn = unqualified(arn)
    for action in ("events:InvokeApiDestination",) if ":api-destination/" in arn else BY_ROLE[kind]:
        if kind in _BY_POLICY and not schedule:
            demand_policy(service, action, arn, source, parts[4])
        elif role:
            demand_role(role, service, action, arn)
        else:
            raise Denied(f"RoleArn is required for target {arn}")


def _letter(target: Json, event: Json, source: str, denied: Denied, view: Any) -> None:
    """Put an event that was refused into the target's dead-letter queue, as EventBridge does at once."""
    from ministack.services import eventbridge, sqs

    queue = str((target.get("DeadLetterConfig") or {}).get("Arn") or "")
    if not queue:
        return
    service = "scheduler.amazonaws.com" if ":scheduler:" in source else "events.amazonaws.com"
    try:
        if service == "scheduler.amazonaws.com":
            demand_role(str(target.get("RoleArn")), service, "sqs:SendMessage", queue)
        else:
            demand_policy(service, "sqs:SendMessage", queue, source, queue.split(":")[4])
    except Denied as closed:
        report(f"dead letter of {source}", closed)
        return
    seen = view or private(eventbridge, "_pattern_event_view")(event)
    told = {
        "RULE_ARN": source,
        "TARGET_ARN": str(target.get("Arn")),
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": str(denied),
    }
    from ministack.core.arn import parse_arn

    private(eventbridge, "_dispatch_to_sqs")(parse_arn(queue), json.dumps(seen.event_with_detail()))
    found = private(sqs, "_queue_by_arn")(queue)
    if found and found["messages"]:
        found["messages"][-1]["message_attributes"] = {
            name: {"DataType": "String", "StringValue": text} for name, text in told.items()
        }


def _apis() -> None:
    from ministack.services import apigateway_v1 as gateway

    function_of = private(gateway, "_extract_lambda_ref_from_integration_uri")
    misconfigured = private(gateway, "_gw_error")

    def guarded(name: str) -> None:
        invoke = private(gateway, name)

        async def invoked(
            integration: dict[str, Any],
            api_id: str,
            stage_name: str,
            stage: Any,
            resource: dict[str, Any],
            request_path: str,
            method: str,
            headers: dict[str, str],
            body: bytes,
            query_params: dict[str, Any],
            path_params: Any,
            **named: Any,
        ) -> Any:
            function = function_of(integration.get("uri", ""))
            account, region = named.get("owner_account_id") or "", named.get("owner_region") or ""
            source = (
                f"arn:aws:execute-api:{region}:{account}:{api_id}/{stage_name}/{method}{resource['path']}"
            )
            try:
                credentials = str(integration.get("credentials") or "")
                _demand_invocation(credentials, function, source, account, (headers, query_params))
            except Denied as denied:
                report(f"API {api_id}", denied)
                return misconfigured("API_CONFIGURATION_ERROR", "Internal server error")
            return await invoke(
                integration,
                api_id,
                stage_name,
                stage,
                resource,
                request_path,
                method,
                headers,
                body,
                query_params,
                path_params,
                **named,
            )

        replace(gateway, name, invoked)

    guarded("_invoke_lambda_proxy_v1")
    guarded("_invoke_lambda_custom_v1")
    ask = private(gateway, "_invoke_authorizer_lambda")

    async def authorized(
        authorizer: dict[str, Any], event: dict[str, Any], account: str, region: str
    ) -> Any:
        function = function_of(authorizer.get("authorizerUri", ""))
        # the path in it is the caller's and may hold colons
        api = str(event.get("methodArn") or "").split(":", 5)[-1].split("/")[0]
        source = f"arn:aws:execute-api:{region}:{account}:{api}/authorizers/{authorizer.get('id')}"
        try:
            _demand_invocation(
                str(authorizer.get("authorizerCredentials") or ""), function, source, account
            )
        except Denied as denied:
            report(f"authorizer of API {api}", denied)
            return None
        return await ask(authorizer, event, account, region)

    replace(gateway, "_invoke_authorizer_lambda", authorized)


def _demand_invocation(
    credentials: str, function: str, source: str, account: str, caller: tuple[Any, Any] | None = None
) -> None:
    """Raises Denied when an API may not invoke a function: with a role, its caller's, or by its policy."""
    from ministack.core import iam_evaluator as evaluator
    from ministack.core.router import extract_access_key_id

    action = "lambda:InvokeFunction"
    if not function.startswith("arn:"):
        return  # found by name, or not at all
    if credentials.startswith("arn:aws:iam::*:user/") and caller is not None:
        key = extract_access_key_id(*caller) or ""
        if evaluator.enforce(key, action, "lambda", function.split(":")[3], resource_arn=function):
            raise Denied(f"the caller may not {action} on {function}")
    elif credentials:
        demand_role(credentials, "apigateway.amazonaws.com", action, function)
    else:
        demand_policy("apigateway.amazonaws.com", action, function, source, account)


def _topics_and_buckets() -> None:
    from ministack.services import s3, sns

    to_function = private(sns, "_deliver_to_lambda")

    def from_topic(endpoint: str, envelope: str, topic_arn: str, *rest: Any) -> Any:
        try:
            demand_policy(
                "sns.amazonaws.com", "lambda:InvokeFunction", endpoint, topic_arn, endpoint.split(":")[4]
            )
        except Denied as denied:
            return report(f"topic {topic_arn}", denied)
        return to_function(endpoint, envelope, topic_arn, *rest)

    from_s3 = private(s3, "_deliver_event_to_lambda")

    def from_bucket(arn: str, payload: dict[str, Any], region: str) -> Any:
        bucket = payload["Records"][0]["s3"]["bucket"]["arn"]
        try:
            demand_policy("s3.amazonaws.com", "lambda:InvokeFunction", arn, bucket, arn.split(":")[4])
        except Denied as denied:
            return report(f"bucket {bucket}", denied)
        return from_s3(arn, payload, region)

    validate = private(s3, "_validate_notification_configs")
    invalid = private(s3, "_invalid_notification_config")

    def validated(
        configs: list[Json], region: str, bucket: str = "", skip_destination_validation: bool = False
    ) -> Any:
        """ministack asks queues and topics; S3 asks functions, too."""
        refused = validate(configs, region, bucket, skip_destination_validation)
        if refused or skip_destination_validation:
            return refused
        functions = [config["arn"] for config in configs if config["type"] == "lambda"]
        unreachable = [arn for arn in functions if not _bucket_may_invoke(bucket, arn)]
        if not unreachable:
            return None
        return invalid(
            f"Unable to validate the following destination configurations: {', '.join(unreachable)}"
        )

    replace(sns, "_deliver_to_lambda", from_topic)
    replace(s3, "_deliver_event_to_lambda", from_bucket)
    replace(s3, "_validate_notification_configs", validated)


def _bucket_may_invoke(bucket: str, function: str) -> bool:
    source, account = f"arn:aws:s3:::{bucket}", function.split(":")[4]
    try:
        demand_policy("s3.amazonaws.com", "lambda:InvokeFunction", function, source, account)
    except Denied:
        return False
    return True
