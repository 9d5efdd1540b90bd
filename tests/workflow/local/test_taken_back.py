"""What one nested stack refuses is taken back from all: each service is asked what it has then.

AWS CloudFormation User Guide, "Embed stacks within other stacks using nested stacks".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import deploy
from tests.fakes.lab import ROLE, Lab
from tests.fakes.platform import Platform
from tests.workflow.local.test_deploy import Tree

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

REFUSED = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "no good name, with blanks"}}


class Killed(BaseException):
    """Ends the command at once, as SIGKILL does: nothing is taken back."""


class Shelf:
    """A tree whose base holds a function with an alias, and queues; its top may refuse."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        Lab(platform)
        self.tree, self.client = Tree(platform, folder), platform.target.client
        self.sqs, self.functions, self.stacks = (
            self.client(name) for name in ("sqs", "lambda", "cloudformation")
        )

    def put(self, number: int, top: dict[str, Any], killed: str = "", **queues: Any) -> None:
        """Deploy; `killed`: the application before which the command is killed."""
        code = f"def handler(event, context):\n    return {number}\n"
        name = f"{self.tree.name}-answers"
        function = {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": ROLE,
            "Code": {"ZipFile": code},
        }
        version = f"Version{number}"
        self.tree.stacks = {
            "Base": {
                "Answers": {"Type": "AWS::Lambda::Function", "Properties": function},
                version: {
                    "Type": "AWS::Lambda::Version",
                    "DeletionPolicy": "Retain",
                    "Properties": {"FunctionName": {"Ref": "Answers"}},
                },
                "Live": {
                    "Type": "AWS::Lambda::Alias",
                    "Properties": {
                        "FunctionName": {"Ref": "Answers"},
                        "Name": "live",
                        "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
                    },
                },
                **queues,
            },
            "Middle": {"Steady": self.tree.queue("steady")},
            "Top": {"Last": top},
        }

        def say(text: str) -> None:
            if killed and text.endswith(f"-{killed}"):
                raise Killed

        self.tree.deploy(say)

    def answer(self) -> bytes:
        name = f"{self.tree.name}-answers"
        found: bytes = self.functions.invoke(FunctionName=name, Qualifier="live")["Payload"].read()
        return found

    def queues(self) -> set[str]:
        found = self.sqs.list_queues(QueueNamePrefix=self.tree.name).get("QueueUrls", [])
        return {url.rsplit(f"{self.tree.name}-", 1)[1] for url in found}

    def timeout(self) -> str:
        """The kept queue's visibility timeout, in seconds."""
        url = self.sqs.get_queue_url(QueueName=f"{self.tree.name}-kept")["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        return str(found["Attributes"]["VisibilityTimeout"])

    def status(self, application: str = "") -> str:
        stack = f"{self.tree.name}-{application}" if application else self.tree.name
        return str(self.stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    def events(self, application: str = "") -> list[tuple[str, str]]:
        stack = f"{self.tree.name}-{application}" if application else self.tree.name
        pages = self.stacks.get_paginator("describe_stack_events").paginate(StackName=stack)
        found = [one for page in pages for one in page["StackEvents"]]
        return [(one["LogicalResourceId"], one["ResourceStatus"]) for one in reversed(found)]


@pytest.fixture
def shelf(_platform: Platform, tmp_path: Path) -> Shelf:
    return Shelf(_platform, tmp_path)


def test_a_refused_update_leaves_every_stack_as_it_was(shelf: Shelf) -> None:
    queue = shelf.tree.queue
    shelf.put(1, queue("last"), Kept=queue("kept", VisibilityTimeout=11), Old=queue("old"))
    [old] = [url for url in shelf.sqs.list_queues()["QueueUrls"] if url.endswith(f"{shelf.tree.name}-old")]
    shelf.sqs.send_message(QueueUrl=old, MessageBody="still here")
    steady, root = shelf.events("middle"), shelf.events()
    with pytest.raises(deploy.DeployError) as told:
        shelf.put(2, REFUSED, Kept=queue("kept", VisibilityTimeout=22), New=queue("new"))
    assert shelf.answer() == b"1", "code, version and alias"
    assert shelf.queues() == {"kept", "old", "steady", "last"}, "what it removed is there, what it made not"
    assert shelf.timeout() == "11"
    assert [one["Body"] for one in shelf.sqs.receive_message(QueueUrl=old)["Messages"]] == ["still here"]
    assert {shelf.status(), shelf.status("base")} == {"UPDATE_ROLLBACK_COMPLETE"}
    assert shelf.events("middle") == steady, "what did not change is left alone"
    more = shelf.events()[len(root) :]
    assert (more[0][1], more[-1][1]) == ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")
    assert ("Top", "UPDATE_FAILED") in more
    for words in (f"{shelf.tree.name}-top refused", f"before: {shelf.tree.name}-base", "ona up` again"):
        assert words in str(told.value)
    shelf.put(3, queue("last"), Kept=queue("kept", VisibilityTimeout=33), New=queue("new"))
    assert shelf.answer() == b"3"
    assert shelf.queues() == {"kept", "new", "steady", "last"}, "what is no longer wanted goes at the end"
    with pytest.raises(ClientError, match="current stack status"):
        shelf.stacks.rollback_stack(StackName=f"{shelf.tree.name}-base")
    assert shelf.answer() == b"3", "a deployment that is over is no longer taken back"


def test_what_a_killed_deployment_left_goes_back_when_the_next_is_refused(shelf: Shelf) -> None:
    """To CloudFormation's mind the root has not ended: all that belongs to it goes back."""
    queue = shelf.tree.queue
    shelf.put(1, queue("last"), Kept=queue("kept"), Old=queue("old"))
    steady = shelf.events("middle")
    with pytest.raises(Killed):
        shelf.put(2, queue("last", VisibilityTimeout=5), killed="top", Kept=queue("kept"), New=queue("new"))
    assert (shelf.answer(), shelf.status("base")) == (b"2", "UPDATE_COMPLETE"), "half of it is there"
    with pytest.raises(deploy.DeployError) as told:
        shelf.put(2, REFUSED, Kept=queue("kept"), New=queue("new"))
    assert f"before: {shelf.tree.name}-base" in str(told.value)
    assert told.value.summary.endswith("; all of it was taken back")
    assert shelf.answer() == b"1"
    assert shelf.queues() == {"kept", "old", "steady", "last"}
    assert shelf.events("middle") == steady, "what neither of them changed is left alone"


def test_a_killed_deployment_is_not_gone_back_to_once_the_old_one_is_there_again(shelf: Shelf) -> None:
    """The root is the same as before, and has its end all the same: what was open is not any more."""
    queue = shelf.tree.queue
    shelf.put(1, queue("last"), Kept=queue("kept", VisibilityTimeout=11))
    root = len(shelf.events())
    with pytest.raises(Killed):
        shelf.put(1, queue("last", DelaySeconds=2), killed="top", Kept=queue("kept", VisibilityTimeout=22))
    assert shelf.timeout() == "22"
    shelf.put(1, queue("last"), Kept=queue("kept", VisibilityTimeout=11))
    assert shelf.timeout() == "11"
    assert "UPDATE_COMPLETE" in [status for _, status in shelf.events()[root:]], "the root's end"
    with pytest.raises(deploy.DeployError) as told:
        shelf.put(1, REFUSED, Kept=queue("kept", VisibilityTimeout=11))
    assert "no other stack was changed yet" in str(told.value)
    assert shelf.timeout() == "11"


def test_what_two_killed_deployments_left_goes_back_to_what_was_whole(shelf: Shelf) -> None:
    """The second is of something else: it takes back the first before it changes anything."""
    queue = shelf.tree.queue
    shelf.put(1, queue("last"), Kept=queue("kept", VisibilityTimeout=11), Old=queue("old"))
    for number, new in ((2, "new"), (3, "newer")):
        kept = queue("kept", VisibilityTimeout=11 * number)
        with pytest.raises(Killed):
            shelf.put(number, queue("last", DelaySeconds=number), killed="top", Kept=kept, New=queue(new))
        assert shelf.answer() == str(number).encode()
    with pytest.raises(deploy.DeployError):
        shelf.put(4, REFUSED, Kept=queue("kept", VisibilityTimeout=44), New=queue("newest"))
    assert (shelf.answer(), shelf.queues()) == (b"1", {"kept", "old", "steady", "last"})
    shelf.put(5, queue("last"), Kept=queue("kept"))
    assert (shelf.answer(), shelf.queues()) == (b"5", {"kept", "steady", "last"})


def test_a_refused_first_deployment_leaves_no_stack(shelf: Shelf) -> None:
    """Also of what a killed one of something else had made: the first deployment has not ended."""
    queue = shelf.tree.queue
    with pytest.raises(Killed):
        shelf.put(
            1, queue("last"), killed="top", Kept=queue("kept", VisibilityTimeout=9), Gone=queue("gone")
        )
    with pytest.raises(deploy.DeployError, match="deleted again"):
        shelf.put(1, REFUSED, Kept=queue("kept"))
    assert shelf.queues() == set()
    names = [one["StackName"] for one in shelf.stacks.describe_stacks()["Stacks"]]
    assert not [name for name in names if name.startswith(shelf.tree.name)]
    assert any(name.startswith("ona-platform") for name in names), "the platform beside it stands"
    shelf.put(2, queue("last"), Kept=queue("kept"))
    assert shelf.answer() == b"2"
    assert shelf.status() == "CREATE_COMPLETE"
