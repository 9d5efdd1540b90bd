"""Step Functions: Task states call AWS services with AWS's shapes, through one client a service and role.

A state machine's calls carry a session of its role, so that each is checked against the role's policies.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from local.hooks import roles
from local.hooks.base import private, replace

ClientFor = Callable[..., Any]
"""The boto3 client of a region and a service: `client_for(region, service, state_credentials)`.

Without credentials of a state it acts as the service itself, which no role limits.
"""
_SESSION_NAME = "states"
"""AWS gives each execution's session a random name."""


def install() -> ClientFor:
    """Apply the hooks; returns the function that gives clients."""
    import moto.stepfunctions.parser.models  # noqa: F401 - brings in every module patched below

    clients = _one_client_a_service()
    _shape_requests(clients)
    _name_refusals()
    return clients


def _one_client_a_service() -> ClientFor:
    """Keep one boto3 client a service, region and role: moto builds one a task, 40 ms each."""
    from moto.stepfunctions.parser.asl.utils import boto_client

    build = private(boto_client, "boto_client_for")
    cache: dict[tuple[str, str, str], Any] = {}
    lock = threading.Lock()

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        role = str(getattr(state_credentials, "role_arn", None) or "")
        with lock:
            if (service, region, role) not in cache:
                cache[(service, region, role)] = _build(region, service, role)
            return cache[(service, region, role)]

    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is build:
            module.boto_client_for = client_for  # type: ignore[attr-defined]
    return client_for


def _build(region: str, service: str, role: str) -> Any:
    import boto3
    from botocore.config import Config
    from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds

    operator = (roles.OPERATOR, roles.OPERATOR, None)
    key, secret, token = roles.session(role, _SESSION_NAME) if role else operator
    longest = private(TimeoutSeconds, "DEFAULT_TIMEOUT_SECONDS")
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            parameter_validation=False,
            retries={"max_attempts": 0, "total_max_attempts": 1},
            connect_timeout=longest,
            read_timeout=longest,
            inject_host_prefix=False,
            s3={"addressing_style": "path"},
        ),
    )


def _shape_requests(client_for: ClientFor) -> None:
    """Shape requests and responses by botocore's models; moto has left these two methods empty."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service,
    )

    task = state_task_service.StateTaskService
    to_boto, from_boto = private(task, "_to_boto_request"), private(task, "_from_boto_response")

    def operation(self: Any, service: str | None, action: str | None) -> Any:
        client = client_for("us-east-1", self._get_boto_service_name(service))
        name = client.meta.method_to_api_mapping.get(self._get_boto_service_action(action))
        return client.meta.service_model.operation_model(name) if name else None

    def parameters(
        self: Any,
        parameters: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        model = operation(self, boto_service_name, service_action_name)
        if model is not None and model.input_shape is not None:
            to_boto(self, parameters, model.input_shape)
        if model is not None and model.name == "CopyObject":
            # AWS wants it URL-encoded; boto3 encodes it once more.
            parameters["CopySource"] = unquote(parameters["CopySource"])

    def response(
        self: Any,
        response: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        model = operation(self, boto_service_name, service_action_name)
        if model is not None and model.output_shape is not None:
            from_boto(self, response, model.output_shape)

    replace(task, "_normalise_parameters", parameters)
    replace(task, "_normalise_response", response)


_SERVICE_NAMES = {"events": "EventBridge", "ecs": "ECS", "apigateway": "ApiGateway"}
"""Services whose refusals moto turns into States.Runtime, which no Catch can name, as errors name them."""

_SDK_NAMES = {
    "athena": "Athena",
    "ecs": "Ecs",
    "eventbridge": "EventBridge",
    "glue": "Glue",
    "lambda": "Lambda",
    "s3": "S3",
    "scheduler": "Scheduler",
    "sns": "Sns",
    "sqs": "Sqs",
    "ssm": "Ssm",
}
"""How errors of `aws-sdk` integrations begin: the client's name in the AWS SDK for Java 2.x."""


def _name_refusals() -> None:
    """A service's error is the Task's error, with its code; moto has no name for some services' errors."""
    from botocore.exceptions import ClientError
    from moto.stepfunctions.parser.api import HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service,
        state_task_service_aws_sdk,
    )

    private(state_task_service_aws_sdk, "_SERVICE_ERROR_NAMES").update(_SDK_NAMES)
    task = state_task_service.StateTaskService
    otherwise = private(task, "_from_error")

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        kind = self._get_sfn_resource_type()
        if not isinstance(ex, ClientError) or kind not in _SERVICE_NAMES:
            return otherwise(self, env=env, ex=ex)
        code, about = ex.response["Error"]["Code"], ex.response["ResponseMetadata"]
        error = f"{_SERVICE_NAMES[kind]}.{code}"
        cause = (
            f"{ex.response['Error']['Message']} (Service: {_SERVICE_NAMES[kind]}; "
            f"Status Code: {about['HTTPStatusCode']}; Error Code: {code}; "
            f"Request ID: {about.get('RequestId', '')}; Proxy: null)"
        )
        details = {
            "error": error,
            "cause": cause,
            "resource": self._get_sfn_resource(),
            "resourceType": kind,
        }
        return FailureEvent(
            env=env,
            error_name=CustomErrorName(error),
            event_type=HistoryEventType.TaskFailed,
            event_details={"taskFailedEventDetails": details},
        )

    task._from_error = from_error
