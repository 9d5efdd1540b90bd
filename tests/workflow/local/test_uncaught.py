"""What a function dies of: in its log, its execution's history and its dead letter no secret stands."""

from __future__ import annotations

import json

import pytest

from tests.fakes.lab import Lab, task, unique
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
SECRETS = ("ana.souza@example.com", "9f86d081884c7d65", "ona_8Zr0vTqXyP3mWc5Kd7Lh2Nb9Js4Gf6Ra1UeYoIx")
HARMLESS = ("INV-001@north", "email_export.csv", "0a1b2c3d4e5f60718293a4b5c6d7e8f9")
SOURCE = f"""
import os, sys
os.environ["POWERTOOLS_SERVICE_NAME"] = "dying"
sys.path.insert(0, {str(ROOT / "functions")!r})
from ona.runtime.errors import OnaError
{{decorated}}
def handler(event, context):
    mail, bearer, key, *harmless = event["texts"]
    try:
        raise ValueError("told " + mail)
    except ValueError as error:
        raise OnaError(" ".join([mail, "Bearer", bearer, key, *harmless])) from error
"""


def everywhere(lab: Lab, source: str) -> dict[str, str]:
    """Lets a function die in an execution; all that is written of it: log, history, cause, letter."""
    arn = lab.function(source)
    letters = lab.platform.target.client("sqs")
    queue = letters.create_queue(QueueName=unique("letters"))["QueueUrl"]
    texts = {"texts": [*SECRETS, *HARMLESS]}
    machine = task("arn:aws:states:::lambda:invoke", {"FunctionName": arn, "Payload": texts})
    machine["States"]["T"] |= {
        "Catch": [{"ErrorEquals": ["OnaError"], "Output": "{% $states.errorOutput %}", "Next": "Letter"}]
    }
    letter = {"QueueUrl": queue, "MessageBody": "{% $states.input %}"}
    machine["States"]["Letter"] = {
        **task("arn:aws:states:::sqs:sendMessage", letter)["States"]["T"],
        "Output": "{% $states.input %}",
        "End": False,
        "Next": "End",
    }
    del machine["States"]["Letter"]["End"]
    machine["States"]["End"] = {"Type": "Fail", "Error": "Dead", "Cause": "{% $states.input.Cause %}"}
    done = lab.run(machine)
    assert done["error"] == "Dead", done
    events = lab.states.get_execution_history(executionArn=done["executionArn"], maxResults=1000)["events"]
    failed = [event for event in events if event["type"] in ("TaskFailed", "ExecutionFailed")]
    logs = lab.platform.target.client("logs")
    lines = logs.filter_log_events(logGroupName=f"/aws/lambda/{arn.rpartition(':')[2]}")["events"]
    [message] = letters.receive_message(QueueUrl=queue, WaitTimeSeconds=1)["Messages"]
    return {
        "history": json.dumps(failed, default=str),
        "cause": done["cause"],
        "log": "\n".join(line["message"] for line in lines),
        "letter": message["Body"],
    }


def test_no_secret_stands_in_what_is_told_of_an_error(lab: Lab) -> None:
    decorated = "from ona.runtime.observability import handler as shared\n@shared"
    written = everywhere(lab, SOURCE.format(decorated=decorated))
    for place, text in written.items():
        assert not [secret for secret in SECRETS if secret in text], place
        assert [look for look in HARMLESS if look not in text] == [], f"{place} cannot be read"
        assert "OnaError" in text or place == "cause"


def test_this_test_sees_what_a_handler_without_the_decorator_tells(lab: Lab) -> None:
    written = everywhere(lab, SOURCE.format(decorated=""))
    assert all(SECRETS[0] in text for text in written.values())
