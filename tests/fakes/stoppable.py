"""An account with rules, timers, queues, machines and functions, in memory, for stops and resumes.

Written from AWS's API references, not from the commands. An event goes to each target of each rule that
takes it. `after_write` is called after each call that changes something: there a test may kill the command,
or let an event come.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import ClientError

from ops.target import Target

STATES = "arn:aws:states:af-south-1:123456789012:stateMachine:"
LAMBDA = "arn:aws:lambda:af-south-1:123456789012:function:"
QUEUE = "arn:aws:sqs:af-south-1:123456789012:"
Json = dict[str, Any]


class Killed(BaseException):
    """The command was killed here."""


class Missing(Exception):
    """ResourceNotFoundException."""


class Exists(Exception):
    """ExecutionAlreadyExists."""


class Cloud:
    """The account. `rules`: state, pattern or schedule, and targets, by name."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 28, 3, tzinfo=UTC)
        self.rules: dict[str, Json] = {}
        self.ours: list[str] = []
        self.schedules: dict[str, Json] = {}
        self.messages: list[Json] = []
        self.objects: dict[str, bytes] = {}
        self.executions: list[Json] = []
        self.invoked: list[tuple[str, Json]] = []
        self.events = 0
        self.queued = 0
        self.stages: dict[str, Json] = {}
        self.aliases = True
        self.told: list[Json] = []
        self.after_write: Callable[[str], None] = lambda _: None

    def rule(self, name: str, *targets: Json, ours: bool = True, **fields: Any) -> None:
        self.rules[name] = {"State": "ENABLED", **fields, "Targets": copy.deepcopy(list(targets))}
        if ours:
            self.ours.append(name)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # ------------------------------------------------------------- EventBridge

    def comes(self, source: str) -> str:
        """An event comes. Returns its id."""
        self.events += 1
        event = {"id": f"event-{self.events}", "source": source, "detail": {"number": self.events}}
        self.delivered(event)
        return str(event["id"])

    def delivered(self, event: Json) -> None:
        """EventBridge gives an event to all targets of all rules that take it."""
        for name, rule in self.rules.items():
            takes = rule["State"] == "ENABLED" and event["source"] in rule.get("Sources", [])
            for target in copy.deepcopy(rule["Targets"]) if takes else []:
                self._give(name, target, event)

    def _give(self, rule: str, target: Json, event: Json) -> None:
        text = target.get("Input") or json.dumps(event)
        if template := target.get("InputTransformer", {}).get("InputTemplate"):
            text = template.replace("<aws.events.rule-name>", rule)
            text = text.replace("<aws.events.event.json>", json.dumps(event))
        kind = target["Arn"].split(":")[2]
        if kind == "states":
            digest = hashlib.md5(f"{event['id']}{rule}{target['Id']}{len(self.executions)}".encode())
            self._begin(target["Arn"], digest.hexdigest(), text)
        elif kind == "lambda":
            self.invoked.append((target["Arn"], json.loads(text)))
        elif target["Arn"] == f"{QUEUE}ona-holding-dev":
            self.sent(text)

    def sent(self, text: str) -> None:
        self.queued += 1
        message = {"MessageId": f"m{self.queued}", "Body": text}
        self.messages.append({**message, "visible": self.now})

    def _begin(self, arn: str, name: str, text: str) -> str:
        machine = ":".join(arn.split(":")[:7])
        execution = machine.replace(":stateMachine:", ":execution:") + f":{name}"
        if any(item["executionArn"] == execution for item in self.executions):
            raise Exists(execution)
        self.executions.append(
            {
                "executionArn": execution,
                "stateMachineArn": machine,
                "name": name,
                "input": text,
                "startDate": self.now,
                "asked": arn,
                "status": "RUNNING",
                "looks": 0,
            }
        )
        return execution

    def ran_for(self, event_id: str) -> list[str]:
        """What was started with an event."""
        runs = [
            item["asked"] for item in self.executions if json.loads(item["input"]).get("id") == event_id
        ]
        return runs + [arn for arn, event in self.invoked if event.get("id") == event_id]

    # ------------------------------------------------------------- clients

    def target(self) -> Target:
        clients: dict[str, Any] = {
            name: _Client(self, getattr(self, f"_{name}")())
            for name in (
                "events",
                "scheduler",
                "sqs",
                "s3",
                "states",
                "cloudformation",
                "lambda",
                "apigateway",
            )
        }
        clients["stepfunctions"] = clients["states"]
        target = Target(
            "test", "ona-platform-dev", clients.__getitem__, cast(Any, SimpleNamespace(home=""))
        )
        target.__dict__["outputs"] = {
            "Environment": "dev",
            "OutputBucketName": "out",
            "InputBucketName": "in",
        }
        target.__dict__["outputs"] |= {
            f"{name}StateMachineArn": f"{STATES}ona-{name.lower()}-dev"
            for name in ("Ooda", "ForecastUpload", "ForecastTraining", "ForecastSchedule", "FleetHistory")
        }
        return target

    def _cloudformation(self) -> Json:
        stack = {"StackName": "ona-platform-dev", "StackId": "id", "StackStatus": "CREATE_COMPLETE"}
        queue = "http://sqs/123456789012/ona-holding-dev"

        def resources(StackName: str) -> list[Json]:  # noqa: N803
            found = [("AWS::Events::Rule", name) for name in self.ours if name in self.rules]
            found += [("AWS::Scheduler::Schedule", name) for name in self.schedules]
            found += [("AWS::SQS::Queue", queue)]
            found += [("AWS::ApiGateway::RestApi", name) for name in self.stages if name.startswith("ours")]
            told = [
                {"ResourceType": kind, "PhysicalResourceId": name, "ResourceStatus": "CREATE_COMPLETE"}
                for kind, name in found
            ]
            return [{"StackResourceSummaries": told}]

        return {"describe_stacks": lambda: [{"Stacks": [stack]}], "list_stack_resources": resources}

    def _events(self) -> Json:
        def found(name: str) -> Json:
            if name not in self.rules:
                raise Missing(name)
            return self.rules[name]

        def put(Rule: str, Targets: list[Json], **_: Any) -> Json:  # noqa: N803
            rule = found(Rule)
            fresh = {item["Id"] for item in Targets}
            kept = [item for item in rule["Targets"] if item["Id"] not in fresh]
            assert len(kept) + len(fresh) <= 5, "LimitExceededException"
            rule["Targets"] = kept + copy.deepcopy(Targets)
            return {"FailedEntryCount": 0}

        def told(Entries: list[Json]) -> Json:  # noqa: N803
            self.told += Entries
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in Entries]}

        def remove(Rule: str, Ids: list[str], **_: Any) -> Json:  # noqa: N803
            rule = found(Rule)
            rule["Targets"] = [item for item in rule["Targets"] if item["Id"] not in Ids]
            return {"FailedEntryCount": 0}

        def turn(state: str) -> Callable[..., Json]:
            return lambda **named: found(named["Name"]).update(State=state) or {}

        def described(Name: str, **_: Any) -> Json:  # noqa: N803
            return {key: value for key, value in found(Name).items() if key != "Targets"}

        return {
            "describe_rule": described,
            "list_targets_by_rule": lambda **n: {"Targets": copy.deepcopy(found(n["Rule"])["Targets"])},
            "put_targets": put,
            "put_events": told,
            "remove_targets": remove,
            "enable_rule": turn("ENABLED"),
            "disable_rule": turn("DISABLED"),
        }

    def _scheduler(self) -> Json:
        def update(**fields: Any) -> Json:
            self.schedules[fields["Name"]] = fields  # what is not given is gone, as on AWS
            return {}

        return {
            "get_schedule": lambda Name, **_: {  # noqa: N803
                **self.schedules[Name],
                "Arn": "arn",
                "CreationDate": self.now,
            },
            "update_schedule": update,
        }

    def _apigateway(self) -> Json:
        def update(restApiId: str, patchOperations: list[Json], **_: Any) -> Json:  # noqa: N803
            settings = self.stages[restApiId]["methodSettings"]["*/*"]
            names = {"rateLimit": "throttlingRateLimit", "burstLimit": "throttlingBurstLimit"}
            for patch in patchOperations:
                assert patch["path"].startswith("/*/*/throttling/")
                settings[names[patch["path"].rpartition("/")[2]]] = float(patch["value"])
            return {}

        return {
            "get_stages": lambda **n: {"item": [copy.deepcopy(self.stages[n["restApiId"]])]},
            "update_stage": update,
        }

    def _sqs(self) -> Json:
        def receive(VisibilityTimeout: int, MaxNumberOfMessages: int, **_: Any) -> Json:  # noqa: N803
            shown = [item for item in self.messages if item["visible"] <= self.now][:MaxNumberOfMessages]
            for item in shown:
                item["visible"] = self.now + timedelta(seconds=VisibilityTimeout)
                item["ReceiptHandle"] = f"{item['MessageId']}@{self.now.timestamp()}"
            return {"Messages": [dict(item) for item in shown]} if shown else {}

        def delete(Entries: list[Json], **_: Any) -> Json:  # noqa: N803
            receipts = {item["ReceiptHandle"] for item in Entries}
            self.messages = [item for item in self.messages if item.get("ReceiptHandle") not in receipts]
            return {"Successful": []}

        def attributes(AttributeNames: list[str], **_: Any) -> Json:  # noqa: N803
            told = dict.fromkeys(AttributeNames, "0")
            if "ApproximateNumberOfMessages" in told:
                told["ApproximateNumberOfMessages"] = str(len(self.messages))
            return {"Attributes": {**told, "QueueArn": f"{QUEUE}ona-holding-dev"}}

        return {
            "receive_message": receive,
            "delete_message_batch": delete,
            "get_queue_attributes": attributes,
        }

    def _s3(self) -> Json:
        def etag(body: bytes) -> str:
            return f'"{hashlib.md5(body).hexdigest()}"'

        def put(Key: str, Body: bytes, **condition: Any) -> Json:  # noqa: N803
            there = self.objects.get(Key)
            wrong = "IfNoneMatch" in condition and there is not None
            if wrong or ("IfMatch" in condition and (there is None or etag(there) != condition["IfMatch"])):
                raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
            self.objects[Key] = Body
            return {"ETag": etag(Body)}

        def get(Key: str, **_: Any) -> Json:  # noqa: N803
            if Key not in self.objects:
                raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
            body = self.objects[Key]
            return {"Body": io.BytesIO(body), "ETag": etag(body)}

        def listed(Prefix: str, **_: Any) -> list[Json]:  # noqa: N803
            keys = [key for key in sorted(self.objects) if key.startswith(Prefix)]
            return [{"Contents": [{"Key": key} for key in keys]}]

        return {"put_object": put, "get_object": get, "list_objects_v2": listed}

    def _states(self) -> Json:
        def start(stateMachineArn: str, name: str, input: str) -> Json:  # noqa: N803
            if not self.aliases and stateMachineArn.endswith(":live"):
                raise ClientError({"Error": {"Code": "StateMachineDoesNotExist"}}, "StartExecution")
            return {"executionArn": self._begin(stateMachineArn, name, input)}

        def listed(stateMachineArn: str, **_: Any) -> list[Json]:  # noqa: N803
            assert len(stateMachineArn.split(":")) == 7, "executions are listed by machine"
            found = [item for item in self.executions if item["stateMachineArn"] == stateMachineArn]
            return [{"executions": found[::-1]}]

        def describe(executionArn: str) -> Json:  # noqa: N803
            found = next(item for item in self.executions if item["executionArn"] == executionArn)
            found["looks"] += 1  # it ends at the third look
            if found["status"] == "RUNNING" and found["looks"] >= 3:
                found["status"] = "FAILED" if "/fails." in found["input"] else "SUCCEEDED"
            return found

        return {"start_execution": start, "list_executions": listed, "describe_execution": describe}

    def _lambda(self) -> Json:
        def invoke(FunctionName: str, Payload: bytes, **_: Any) -> Json:  # noqa: N803
            self.invoked.append((FunctionName, json.loads(Payload)))
            return {"StatusCode": 202}

        return {"invoke": invoke}


_READS = ("describe", "list", "get", "receive")


class _Client:
    """A client with some calls; after each that writes, the cloud's `after_write` is called."""

    exceptions = SimpleNamespace(
        ResourceNotFoundException=Missing, ExecutionAlreadyExists=Exists, NotFoundException=Missing
    )

    def __init__(self, cloud: Cloud, calls: Json) -> None:
        self._cloud, self._calls = cloud, calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = self._calls[name]

        def done(**named: Any) -> Any:
            named.pop("Bucket", None)
            answer = call(**named)
            if not name.startswith(_READS):
                self._cloud.after_write(name)
            return answer

        return done

    def get_paginator(self, name: str) -> Any:
        def paginate(**named: Any) -> Iterator[Json]:
            named.pop("Bucket", None)
            return iter(self._calls[name](**named))

        return SimpleNamespace(paginate=paginate)
