"""What commands do to the platform is heard on its bus, on the embedded cloud."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ops.emergency import holding
from ops.flags import Flags
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.flags import forget

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]


@pytest.fixture
def heard(platform: Platform) -> Iterator[Any]:
    """A listener of the account: a queue behind a rule for the platform's events of dev."""
    events, sqs = platform.target.client("events"), platform.target.client("sqs")
    url = sqs.create_queue(QueueName="a-listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
    }
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    pattern = {"source": ["ona.platform"], "detail": {"environment": ["dev"]}}
    events.put_rule(Name="a-listener", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="a-listener", Targets=[{"Id": "Queue", "Arn": arn}])

    def listen(*kinds: str) -> list[Any]:
        found: list[Any] = []
        end = time.monotonic() + 20
        while len(found) < len(kinds) and time.monotonic() < end:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                event = json.loads(message["Body"])
                found += [event] if event["detail-type"] in kinds else []
        return sorted(found, key=lambda event: event["detail"]["time"])

    yield listen
    events.remove_targets(Rule="a-listener", Ids=["Queue"])
    events.delete_rule(Name="a-listener")
    sqs.delete_queue(QueueUrl=url)


def test_a_stop_and_a_flag_are_heard(platform: Platform, heard: Any) -> None:
    forget(platform)
    holding.hold(platform.target, "a test", "thandi")
    holding.release(platform.target, by="nia")
    change = Flags(platform.target).change("webhooks", False, gradually=False, why="a test", by="thandi")
    forget(platform)
    stopped, resumed, flag = heard("Platform Stopped", "Platform Resumed", "Flag Changed")
    assert (stopped["detail"]["by"], resumed["detail"]["by"]) == ("thandi", "nia")
    given = flag["detail"]
    assert (given["flag"], given["on"], given["change"]) == ("webhooks", False, change.number)
    platform.idle()
