"""Roles: every function and every state machine acts with its own role, and each call is checked.

ministack's own engine judges (`AUTH`). This module gives it callers, and what it lacks:

- The operator (the CLI, `ona env`, tests) is the account's root. Its signature is checked, too.
- A state machine's calls carry a session of its role; ministack gives functions theirs.
- `roles_requests` corrects the permissions that a request needs, and adds `iam:PassRole`.
- Reading an object that does not exist answers 403 to a role that may not list the bucket.
- A role's call for which no permission is known is refused: nothing passes unchecked.
- The answer names caller, action and resource in AWS's words.

Every decision is counted (`roles_ledger`). What the services do by themselves is in `roles_services`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.hooks import roles_operations, roles_policies, roles_requests, roles_stores
from local.hooks.base import private, replace
from local.hooks.roles_ledger import FILE, LEDGER, keep
from local.hooks.roles_requests import Need, Request

OPERATOR = "embedded"
"""Both halves of the operator's credentials. Whoever reaches the loopback port may know them."""
_secret = secrets.token_hex(32)


@dataclass
class _Call:
    """What is known of the request that is being judged."""

    request: Request
    completed: set[str] = field(default_factory=set)
    refused: Need | None = None


@dataclass
class _Allowing:
    """The statement of a role's policies that allowed a call."""

    pattern: str = ""
    within_resource_policy: bool = field(default=False)


_call: ContextVar[_Call | None] = ContextVar("ona_roles_call", default=None)
_allowing: ContextVar[_Allowing | None] = ContextVar("ona_roles_allowing", default=None)


def install() -> None:
    """Apply the hooks. They come first: modules read `AUTH` when they are imported."""
    os.environ.update(AUTH="true", AWS_ACCESS_KEY_ID=OPERATOR, AWS_SECRET_ACCESS_KEY=OPERATOR)
    from ministack import app
    from ministack.core import iam_actions, iam_evaluator

    replace(app, "AUTH", True)
    roles_policies.install()
    _know_the_operator(iam_evaluator)
    _keep_the_request(app, iam_actions, iam_evaluator)
    _notice_what_allows(iam_evaluator)
    _judge(iam_evaluator)
    _refuse_in_awss_words(iam_actions)
    if state := os.environ.get("STATE_DIR"):
        keep(Path(state).parent / FILE)


def role_name(arn: str) -> str:
    """The name of a role, from its ARN or from that of a session of it.

    >>> role_name("arn:aws:sts::000000000000:assumed-role/detect/ona-detect-dev")
    'detect'
    >>> role_name("arn:aws:iam::000000000000:role/service/detect")
    'detect'
    """
    return arn.split("/")[1] if ":assumed-role/" in arn else arn.rsplit("/", 1)[-1]


def session(role_arn: str, name: str) -> tuple[str, str, str]:
    """Credentials of a role under a session's name: key, secret and token. They hold until a restart."""
    from ministack.services import sts

    account, role = role_arn.split(":")[4], role_name(role_arn)
    digest = hashlib.sha256(f"{_secret}:{role_arn}:{name}".encode()).hexdigest()
    token = hashlib.sha256(f"token:{digest}".encode()).hexdigest()
    key = f"ASIA{digest[:16].upper()}"
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
    user = f"{role}:{name}"
    sts.register_session(
        key, {"Arn": arn, "UserId": user, "SecretAccessKey": digest, "SessionToken": token}
    )
    return key, digest, token


def _know_the_operator(evaluator: Any) -> None:
    """The operator's key is the account's root; ministack also trusts `test` and every account number."""
    from ministack.services import sts

    root = "arn:aws:iam::000000000000:root"
    sts.register_session(
        OPERATOR, {"Arn": root, "UserId": root, "SecretAccessKey": OPERATOR, "PrincipalType": "Root"}
    )

    def is_root(access_key_id: str) -> bool:
        return not access_key_id  # ministack's own calls; anonymous requests are refused elsewhere

    replace(evaluator, "is_root_access_key", is_root)
    replace(sts, "is_root_access_key", is_root)


def _keep_the_request(app: Any, actions: Any, evaluator: Any) -> None:
    """The evaluator gets an action and a resource only; the corrections need the request."""
    resource_of, action_of = (
        private(actions, "extract_resource_arn"),
        private(actions, "extract_iam_action"),
    )
    pin, check = private(evaluator, "pin_request_origin"), private(evaluator, "check_credentials")
    rest = {"s3", "lambda", *private(actions, "_BOTOCORE_SERVICE_MAP")} - roles_operations.SPEAK_TWO

    def begin(source_ip: str, secure: bool) -> None:
        _call.set(None)
        pin(source_ip, secure)

    def action(service: str, method: str, path: str, headers: Any, body: bytes, params: Any) -> Any:
        if service in rest:
            headers, params = roles_operations.without_names(headers, params)
        elif len(roles_operations.operations(path, headers, body, params)) > 1:
            return None  # it was judged by one name and did what the other says
        found = action_of(service, method, path, headers, body, params)
        if found is None and (operation := roles_operations.CBOR_CALL.match(path)):
            namespace = private(actions, "SERVICE_TO_IAM_NAMESPACE").get(service)
            return f"{namespace}:{operation[1]}" if namespace else None
        return roles_operations.by_method(found, method, path)

    def resource(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        params: Any,
        region: str,
        account: str,
    ) -> str:
        _call.set(_Call(Request(service, path, headers, body, params, region, account)))
        return str(resource_of(service, method, path, headers, body, params, region, account))

    def only_known_actions(access_key_id: str, service: str | None = None) -> Any:
        failure = check(access_key_id, service)
        if failure is not None or service is None:
            return failure
        caller = evaluator.resolve_caller_identity(access_key_id) or {}
        arn = str(caller.get("userArn", ""))
        if not access_key_id and service != "s3":
            return evaluator.AuthError("MissingAuthenticationToken", "Missing Authentication Token")
        if ":assumed-role/" not in arn:
            return None
        LEDGER.record(role_name(arn), f"{service}:?", "*", allowed=False)
        return evaluator.AuthError(
            "AccessDenied",
            f"User: {arn} is not authorized: the embedded cloud knows no permission for this call",
        )

    replace(evaluator, "pin_request_origin", begin)
    replace(app, "pin_request_origin", begin)
    replace(actions, "extract_iam_action", action)
    replace(actions, "extract_resource_arn", resource)
    replace(evaluator, "check_credentials", only_known_actions)


def _notice_what_allows(evaluator: Any) -> None:
    """Remember the resource pattern of the first statement of a role that allows what is judged."""
    find, judge = private(evaluator, "_first_match"), private(evaluator, "evaluate_resource_policy")
    matches = private(evaluator, "fnmatch_iam_cs")

    def first_match(context: Any, statements: list[Any], effect: str) -> Any:
        found = find(context, statements, effect)
        noticed = _allowing.get()
        if found is not None and noticed is not None and effect == "Allow" and not noticed.pattern:
            patterns = [item for item in found.resources if matches(context.resource_arn, item)]
            from_resource = noticed.within_resource_policy
            noticed.pattern = "the resource's own policy" if from_resource else (patterns or ["*"])[0]
        return found

    def of_resource(*arguments: Any, **named: Any) -> Any:
        noticed = _allowing.get()
        if noticed is None:
            return judge(*arguments, **named)
        noticed.within_resource_policy = True
        try:
            return judge(*arguments, **named)
        finally:
            noticed.within_resource_policy = False

    replace(evaluator, "_first_match", first_match)
    replace(evaluator, "evaluate_resource_policy", of_resource)


def _judge(evaluator: Any) -> None:
    enforce = private(evaluator, "enforce")

    def one(key: str, service: str, region: str, need: Need, given: dict[str, Any], who: str) -> Any:
        token = _allowing.set(_Allowing())
        started = time.perf_counter()
        try:
            context = {
                **given,
                **{name: value for name, value in need.context.items() if value is not None},
            }
            denied = enforce(
                key, need.action, service, region, resource_arn=need.resource, service_context=context
            )
            noticed = _allowing.get()
        finally:
            _allowing.reset(token)
        ms = (time.perf_counter() - started) * 1000
        if not isinstance(denied, evaluator.AuthError):
            pattern = noticed.pattern if noticed and denied is None else ""
            given_as = {"allowed": denied is None, "beside": need.beside}
            LEDGER.record(who, need.action, pattern or need.resource, **given_as, ms=ms)
        return denied

    def judged(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        caller = evaluator.resolve_caller_identity(access_key_id) or {}
        arn = str(caller.get("userArn", ""))
        if ":assumed-role/" not in arn:
            return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        call = _call.get()
        wanted = (
            [Need(iam_action, resource_arn)] if call is None else _needs(call, iam_action, resource_arn)
        )
        for need in wanted:
            denied = one(access_key_id, service, region, need, service_context or {}, role_name(arn))
            if denied is not None:
                if call is not None:
                    call.refused = need
                return denied
        return None

    replace(evaluator, "enforce", judged)


def _needs(call: _Call, action: str, resource: str) -> list[Need]:
    """All that a request needs; what goes beyond the action itself is asked once a request."""
    again = action in call.completed
    if again and action == "events:PutEvents":
        return []  # ministack asks once an event bus; all entries were judged the first time
    wanted = roles_requests.needs(action, resource, call.request, roles_stores.partition_key)
    if again:
        return wanted
    call.completed.add(action)
    wanted += roles_requests.passed_roles(action, call.request.fields, roles_stores.task_roles)
    if action == "s3:PutObject":
        wanted += roles_requests.with_object(resource, call.request, roles_stores.has_tags)
    if action in ("s3:GetObject", "s3:GetObjectVersion"):
        bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
        if not roles_stores.exists(bucket, key, roles_requests.version_read(call.request)):
            wanted.append(Need("s3:ListBucket", f"arn:aws:s3:::{bucket}", beside=True))
    return wanted


def _refuse_in_awss_words(actions: Any) -> None:
    respond = private(actions, "access_denied_response")
    words = private(actions, "identity_denial_message")
    names: dict[str, str] = private(actions, "_DENIED_CODES")

    def denied(service: str, action: str, principal_arn: str, request_id: str, **named: Any) -> Any:
        call = _call.get()
        explicit = bool(named.get("explicit_deny"))
        if call is not None and call.refused and not named.get("error_code"):
            action, resource = call.refused.action, call.refused.resource
            if not (explicit and named.get("resource_policy_arn")):
                spelled = f"sqs:{action[4:].lower()}" if service == "sqs" else action
                spelled = f"SNS:{action[4:]}" if service == "sns" else spelled
                shown = f'"{resource}"' if service == "s3" else resource
                named["message"] = words(spelled, principal_arn, shown, explicit)
            named["resource_arn"] = resource
        status, headers, body = respond(service, action, principal_arn, request_id, **named)
        if service in _BAD_REQUEST and status == 403 and not named.get("error_code"):
            status = 400
        headers = {**headers, "x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
        return status, headers, body

    names.setdefault("sns", "AuthorizationError")
    replace(actions, "access_denied_response", denied)


_BAD_REQUEST = frozenset(
    {"dynamodb", "states", "events", "ecs", "kinesis", "athena", "glue", "logs", "ssm"}
)
"""Services that answer AccessDeniedException with status 400: JSON 1.0 and 1.1 (their API references)."""
