"""Whatever is unsolved has a letter, one: random schedules of put, mend, redrive and kill.

The workflows are our own definitions, walked state by state; the redrive is `ona dlq redrive`'s code; the
rule of unfinished executions is the stack's, matched as the embedded cloud matches it. The oracle is a
model: a file is solved when its last execution came to its end while its asset was registered.
"""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.services import eventbridge

from local.hooks.status_events import detail_of
from ops import asl, deadletters
from tests.builders import deployed
from tests.fakes.walker import Failed, Killed, Walk, after

MACHINE = "arn:aws:states:r:1:stateMachine:{}"
RULES = {"ooda": "OodaUnfinished", "forecast_upload": "ForecastingUnfinished"}
KEYS = {"ooda": "observations/{}.csv", "forecast_upload": "historical/customer-a/{}.csv"}
SOLVED: dict[str, dict[str, Any]] = {
    "ooda": {"status": "nothing_found"},
    "forecast_upload": {"kind": "historical", "sites": []},
}
ENDS = ("FAILED", "ABORTED", "TIMED_OUT")
PLACES = 30
"""More than a workflow has effects, times two."""


WHAT = ["put", "put", "again", "mend", "redrive", "redrive", "killed redrive", "queue"]


def asset_of(key: str) -> str:
    """The made-up asset of a file."""
    return key.rsplit("/", 1)[-1].split("-")[0]


class World:
    """What the workflow and the redrive use of S3, SQS, DynamoDB, EventBridge and Step Functions."""

    def __init__(self, workflow: str, definition: dict[str, Any], chance: random.Random) -> None:
        self.workflow, self.definition, self.chance = workflow, definition, chance
        self.machine = MACHINE.format(workflow)
        detail = deployed.RESOURCES[RULES[workflow]]["Properties"]["EventPattern"]
        self.pattern = json.dumps(
            {**detail, "detail": {**detail["detail"], "stateMachineArn": [self.machine]}}
        )
        self.queue: dict[str, str] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, Any] = {}
        self.executions: dict[str, dict[str, Any]] = {}
        self.assets: set[str] = set()
        self.solved: dict[str, bool] = {}
        self.queue_is_up = True
        self.redrive_place: int | None = None
        """Where a redriven execution is killed; None: anywhere, or nowhere."""
        self.calls_left = -1
        """After so many calls the redrive's process is killed; a negative number: never."""

    # ---------------------------------------------------------------- what the workflow does

    def effect(self, resource: str, arguments: dict[str, Any]) -> Any:
        kind = resource.split(":::")[1]
        if kind == "lambda:invoke":
            asset = asset_of(arguments["Payload"]["source"]["key"])
            if asset in self.assets:
                return {
                    "Payload": {
                        **SOLVED[self.workflow],
                        "detection": {},
                        "rows_used": 1,
                        "rows_rejected": 0,
                    }
                }
            told = {"reason": "unknown_asset", "message": asset, "where": "", "remedy": "add it"}
            raise Failed("InvalidTelemetry", json.dumps({"errorMessage": json.dumps(told)}))
        if kind == "sqs:sendMessage":
            if not self.queue_is_up:
                raise Failed("SQS.AmazonSQSException", "down")
            self.send(json.dumps(arguments["MessageBody"]))
        elif kind == "dynamodb:putItem":
            table = self.tables.setdefault(arguments["TableName"], {})
            key = next(iter(arguments["Item"].values()))["S"]
            if "ConditionExpression" in arguments and key in table:
                raise Failed("DynamoDB.ConditionalCheckFailedException", "the conditional request failed")
            table[key] = arguments["Item"]
        else:
            assert kind.startswith("aws-sdk:s3:"), kind
            self.objects[arguments["Key"]] = arguments.get("Body")
        return {}

    def send(self, body: str) -> None:
        self.queue[f"m{len(self.queue) + self.chance.randrange(1, 10**9)}"] = body

    def execute(self, event: dict[str, Any], name: str, place: int) -> None:
        """Run an execution to its end, or to its kill."""
        arn = f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"
        record = {"executionArn": arn, "stateMachineArn": self.machine, "name": name, "status": "RUNNING"}
        self.executions[arn] = record | {"input": json.dumps(event)}
        context = {
            "Execution": {"Id": arn, "Name": name, "StartTime": ""},
            "StateMachine": {"Id": self.machine},
        }
        key = event["detail"]["object"]["key"]
        ended: dict[str, Any] = {"status": "SUCCEEDED", "output": "{}"}
        try:
            Walk(self.definition, context, self.effect, after(place)).run(event)
        except Failed as failure:
            ended = {"status": "FAILED", "error": failure.error, "cause": failure.cause}
        except Killed:
            ended = {"status": self.chance.choice(ENDS)}
        self.executions[arn] |= ended
        self.solved[key] = ended["status"] == "SUCCEEDED" and asset_of(key) in self.assets
        told = detail_of(self.executions[arn], lambda _: 0)
        change = {
            "Source": "aws.states",
            "DetailType": "Step Functions Execution Status Change",
            "Detail": json.dumps(told),
        }
        if eventbridge._matches_pattern(self.pattern, change):
            whole = {
                "source": "aws.states",
                "detail-type": change["DetailType"],
                "time": "2026-11-26T00:00:00Z",
            }
            self.send(json.dumps({**whole, "detail": told}))  # a rule tries for a day: an outage passes

    # ---------------------------------------------------------------- what the redrive calls

    class AlreadyExists(Exception):
        pass

    def call(self) -> None:
        if self.calls_left == 0:
            raise KeyboardInterrupt  # what no `except Exception` holds up, as a kill
        self.calls_left -= 1

    def target(self) -> Any:
        shown: set[str] = set()

        def receive_message(**_: Any) -> Any:
            self.call()
            fresh = [name for name in self.queue if name not in shown][:10]
            shown.update(fresh)
            return {
                "Messages": [{"MessageId": n, "ReceiptHandle": n, "Body": self.queue[n]} for n in fresh]
            }

        def get_queue_attributes(**asked: Any) -> Any:
            names = asked["AttributeNames"]
            return {"Attributes": {**dict.fromkeys(names, "0"), names[0]: str(len(self.queue))}}

        def delete_message(**asked: Any) -> None:
            self.call()
            self.queue.pop(asked["ReceiptHandle"], None)

        def start_execution(name: str, input: str, **_: Any) -> Any:
            self.call()
            arn = f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"
            if arn in self.executions:
                raise World.AlreadyExists
            place = self.chance.randrange(PLACES) if self.chance.random() < 0.3 else -1
            place = place if self.redrive_place is None else self.redrive_place
            self.execute(json.loads(input), name, place)
            return {"executionArn": arn}

        sqs = SimpleNamespace(
            receive_message=receive_message,
            get_queue_attributes=get_queue_attributes,
            delete_message=delete_message,
            change_message_visibility_batch=lambda **_: self.call(),
        )
        states = SimpleNamespace(
            start_execution=start_execution,
            describe_execution=lambda **asked: self.executions[asked["executionArn"]],
            exceptions=SimpleNamespace(ExecutionAlreadyExists=World.AlreadyExists),
        )
        clients = {"sqs": sqs, "stepfunctions": states}
        return SimpleNamespace(
            client=clients.__getitem__,
            outputs={deadletters.WORKFLOWS: "url"},
            embedded=True,
            machine=self.machine,
            machines={self.workflow: self.machine},
        )

    def files_with_letters(self) -> list[str]:
        """One entry a letter."""
        self.calls_left = -1
        letters = deadletters.look(self.target()).letters
        return sorted(letter.body["input"]["detail"]["object"]["key"] for letter in letters)


def event_of(key: str) -> dict[str, Any]:
    described = {"key": key, "version-id": "v1", "size": 3}
    return {
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "${InputBucket}"}, "object": described},
    }


def definition_of(workflow: str) -> dict[str, Any]:
    return asl.expanded(next(path for path in asl.sources() if path.name == f"{workflow}.asl.yaml"))


def one_schedule(workflow: str, definition: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    world = World(workflow, definition, chance)
    stale: set[str] = set()
    history: list[str] = []
    for number in range(25):
        what = chance.choice(WHAT)
        place = chance.randrange(PLACES) if chance.random() < 0.4 else -1
        history.append(f"{what} {place}")
        if what == "put":
            asset = chance.choice("ABCD")
            world.execute(event_of(KEYS[workflow].format(f"{asset}-{number}")), f"put-{number}", place)
        elif what == "again" and world.solved:
            key = chance.choice(sorted(world.solved))
            stale |= set() if world.solved[key] else {key}  # a late event may solve it: its letter stays
            world.execute(event_of(key), f"again-{number}", place)
        elif what == "mend":
            world.assets.add(chance.choice("ABCD"))
        elif what == "queue":
            world.queue_is_up = not world.queue_is_up
        elif what.endswith("redrive"):
            world.calls_left = chance.randrange(12) if what.startswith("killed") else -1
            before = {key for key, solved in world.solved.items() if not solved} | stale
            try:
                deadletters.redrive(world.target())
                stale = set()
            except KeyboardInterrupt:
                stale |= before  # solved by what was started; its letter stays until the next one
        unsolved = {key for key, solved in world.solved.items() if not solved}
        having = world.files_with_letters()
        assert len(having) == len(set(having)), (seed, history, "a file has two letters")
        assert unsolved <= set(having), (seed, history, unsolved - set(having), "without a letter")
        assert set(having) <= unsolved | stale, (seed, history, set(having) - unsolved, "a letter too many")


@pytest.mark.parametrize("workflow", RULES)
def test_the_unsolved_files_are_the_files_with_one_letter(workflow: str) -> None:
    for seed in range(20):
        one_schedule(workflow, definition_of(workflow), seed)


@pytest.mark.soak
@pytest.mark.parametrize("workflow", RULES)
def test_the_unsolved_files_are_the_files_with_one_letter_in_many_schedules(workflow: str) -> None:
    for seed in range(20, 200):
        one_schedule(workflow, definition_of(workflow), seed)


def _as_it_was(definition: dict[str, Any]) -> None:
    """The alert before the letter, and no letter where the alert stands."""
    states = definition["States"]
    states["LogAlert"]["Catch"][0]["Next"] = "RecordQuarantined"
    states["WriteReason"]["Next"] = "LogAlert"
    states["LogAlert"]["Next"], states["RecordRejection"]["Next"] = "RecordRejection", "TellOperator"
    states["TellOperator"]["Next"] = "RecordQuarantined"


def _always_marked(definition: dict[str, Any]) -> None:
    """A letter that could not be written counts as written."""
    for rule in definition["States"]["SendToDeadLetterQueue"]["Catch"]:
        rule["Assign"]["written"] = "dead letter written: "


@pytest.mark.parametrize("workflow", RULES)
@pytest.mark.parametrize("damage", [_as_it_was, _always_marked])
def test_the_schedules_find_a_workflow_that_loses_letters(workflow: str, damage: Any) -> None:
    definition = definition_of(workflow)
    damage(definition)

    def schedules() -> None:
        for seed in range(40):
            one_schedule(workflow, definition, seed)

    with pytest.raises(AssertionError, match="without a letter"):
        schedules()


def test_an_execution_of_that_name_that_was_killed_is_not_taken_for_done() -> None:
    """The redrive is killed before it deletes the letter, its execution too; that event is lost."""
    world = World("ooda", definition_of("ooda"), random.Random(1))
    world.execute(event_of("observations/A-1.csv"), "put", -1)
    world.pattern = json.dumps({"source": ["nobody"]})
    world.redrive_place, world.calls_left = 0, 3
    with pytest.raises(KeyboardInterrupt):
        deadletters.redrive(world.target())
    world.redrive_place, world.calls_left = -1, -1
    deadletters.redrive(world.target())
    assert world.files_with_letters() == ["observations/A-1.csv"]
    assert len(world.executions) == 3
    world.assets.add("A")
    deadletters.redrive(world.target())
    assert (world.files_with_letters(), world.solved) == ([], {"observations/A-1.csv": True})
