"""Throw-away state machines, functions and buckets: with them a test of a hook tries one thing."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

from tests.fakes.platform import Platform

ROLE = "arn:aws:iam::000000000000:role/test"


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Lab:
    """Throw-away machines and functions beside the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.states = platform.states
        self.functions = platform.target.client("lambda")

    def machine(self, definition: dict[str, Any]) -> str:
        answer = self.states.create_state_machine(
            name=unique("lab"), definition=json.dumps(definition), roleArn=ROLE
        )
        return str(answer["stateMachineArn"])

    def start(self, definition: dict[str, Any], given: Any = None) -> str:
        answer = self.states.start_execution(
            stateMachineArn=self.machine(definition), name=unique("run"), input=json.dumps(given or {})
        )
        return str(answer["executionArn"])

    def run(self, definition: dict[str, Any], given: Any = None, seconds: float = 60) -> dict[str, Any]:
        return self.platform.wait(self.start(definition, given), seconds)

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
            Role=ROLE,
            Code={"ZipFile": buffer.getvalue()},
            **settings,
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
