"""Throw-away state machines, functions and buckets: with them a test of a hook tries one thing."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

from local.cloud import REGION
from tests.fakes import roles
from tests.fakes.platform import Platform

ROLE = "arn:aws:iam::000000000000:role/test"
"""What a test of a hook does not ask for permission: it may do everything."""


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Lab:
    """Throw-away machines and functions beside the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.states = platform.states
        self.functions = platform.target.client("lambda")
        self.iam = platform.target.client("iam")
        if not platform.has_lab:
            roles.almighty(self.iam, "test")
            platform.has_lab = True

    def role(self, statements: list[dict[str, Any]], name: str = "", *services: str) -> str:
        """A role with these statements, which the services may assume; returns its ARN."""
        return roles.make(self.iam, name or unique("lab"), statements, *services)

    def grant(self, role: str, statements: list[dict[str, Any]]) -> None:
        """Give a role these statements, instead of those that it has from here."""
        roles.grant(self.iam, role, statements)

    def acting_as(self, role: str, service: str) -> Any:
        """A client that acts with a role."""
        import boto3
        from botocore.config import Config

        given = self.platform.target.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
        embedded = self.platform.target.embedded
        assert embedded is not None
        return boto3.client(
            service,
            endpoint_url=embedded.endpoint,
            region_name=REGION,
            aws_access_key_id=given["Credentials"]["AccessKeyId"],
            aws_secret_access_key=given["Credentials"]["SecretAccessKey"],
            aws_session_token=given["Credentials"]["SessionToken"],
            config=Config(
                inject_host_prefix=False, s3={"addressing_style": "path"}, retries={"max_attempts": 0}
            ),
        )

    def machine(self, definition: dict[str, Any], role: str = ROLE) -> str:
        answer = self.states.create_state_machine(
            name=unique("lab"), definition=json.dumps(definition), roleArn=role
        )
        return str(answer["stateMachineArn"])

    def start(self, definition: dict[str, Any], given: Any = None, role: str = ROLE) -> str:
        answer = self.states.start_execution(
            stateMachineArn=self.machine(definition, role),
            name=unique("run"),
            input=json.dumps(given or {}),
        )
        return str(answer["executionArn"])

    def run(
        self, definition: dict[str, Any], given: Any = None, seconds: float = 60, role: str = ROLE
    ) -> dict[str, Any]:
        return self.platform.wait(self.start(definition, given, role), seconds)

    def jsonata(self, output: Any, given: Any = None, assign: dict[str, Any] | None = None) -> Any:
        first = {"Type": "Pass", "Assign": assign or {}, "Next": "B"}
        done = self.run(
            {
                "QueryLanguage": "JSONata",
                "StartAt": "A",
                "States": {"A": first, "B": {"Type": "Pass", "Output": output, "End": True}},
            },
            given,
        )
        return json.loads(done["output"]) if done["status"] == "SUCCEEDED" else done

    def function(self, source: str, **settings: Any) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("app.py", source)
        answer = self.functions.create_function(
            FunctionName=unique("fn"),
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": buffer.getvalue()},
            **{"Role": ROLE, **settings},
        )
        return str(answer["FunctionArn"])

    def bucket(self, **objects: bytes) -> str:
        name = unique("lab")
        self.platform.s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
        )
        for key, body in objects.items():
            self.platform.s3.put_object(Bucket=name, Key=key, Body=body)
        return name


def task(resource: str, arguments: Any, **more: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}
    return {"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": state}}
