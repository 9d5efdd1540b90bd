"""DeployHook: whom it tries, what it tells CodeDeploy, and when it tells nothing.

Shapes are those of the API references: CodeDeploy's GetDeployment, Lambda's Invoke.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ona.runtime.errors import DependencyBusy, InvalidPayload
from operations.deploy_hook import store
from operations.deploy_hook.handler import lambda_handler
from tests.builders.orders import Context
from tests.paths import ROOT

EVENT = {"DeploymentId": "d-ABCDEFGH1", "LifecycleEventHookExecutionId": "abc"}
YAML_SPEC = """
version: 0.0
Resources:
  - any:
      Type: AWS::Lambda::Function
      Properties: {Name: ona-dataIngestion-dev, Alias: live, CurrentVersion: "6", TargetVersion: "7"}
"""


class Missing(Exception):
    """Stands for both of CodeDeploy's errors of a deployment that is not there."""


class Aws:
    """CodeDeploy and Lambda in one, which note what they are asked."""

    class exceptions:  # noqa: N801 - botocore's word
        DeploymentDoesNotExistException = Missing
        InvalidDeploymentIdException = Missing

    def __init__(self, answer: Any, failed: bool = False, code: str = "") -> None:
        self.answer, self.failed, self.code = answer, failed, code
        self.revision: Any = {"revisionType": "AppSpecContent", "appSpecContent": {"content": YAML_SPEC}}
        self.invoked: list[dict[str, Any]] = []
        self.told: list[dict[str, str]] = []

    def get_deployment(self, deploymentId: str) -> Any:  # noqa: N803 - botocore's word
        if self.revision is None:
            raise Missing
        return {"deploymentInfo": {"deploymentId": deploymentId, "revision": self.revision}}

    def invoke(self, **given: Any) -> Any:
        self.invoked.append(given)
        if self.code:
            raise ClientError({"Error": {"Code": self.code}}, "Invoke")
        body = io.BytesIO(json.dumps(self.answer).encode())
        return {"Payload": body, **({"FunctionError": "Unhandled"} if self.failed else {})}

    def put_lifecycle_event_hook_execution_status(self, **given: str) -> None:
        self.told.append(given)


def ask(monkeypatch: pytest.MonkeyPatch, aws: Aws, event: Any = EVENT) -> Any:
    monkeypatch.setattr(store, "client", lambda *_: aws)
    for name, value in (("INPUT_BUCKET", "mine-in"), ("OUTPUT_BUCKET", "mine-out")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OWN_SAMPLE", str(ROOT / "events" / "operations" / "deploy_hook.json"))
    return lambda_handler(event, Context())


def probed(ok: bool, error: str = "") -> Any:
    return {"probe": {"ok": ok, "answer": "" if error else "answered", "error": error}}


@pytest.mark.parametrize(
    ("answer", "failed", "status"),
    [
        (probed(True), False, "Succeeded"),
        (probed(False, "KeyError: 'x'"), False, "Failed"),
        ({"errorType": "Runtime.ImportModuleError", "errorMessage": "no x"}, True, "Failed"),
        ({"statusCode": 200}, False, "Failed"),
        (None, False, "Failed"),
    ],
)
def test_the_new_version_is_tried_with_its_sample(
    monkeypatch: pytest.MonkeyPatch, answer: Any, failed: bool, status: str
) -> None:
    aws = Aws(answer, failed)
    assert ask(monkeypatch, aws)["status"] == status
    [call] = aws.invoked
    assert (call["FunctionName"], call["Qualifier"]) == ("ona-dataIngestion-dev", "7")
    given = json.loads(call["Payload"])
    text = Path(ROOT / "events" / "forecasting" / "data_ingestion.json").read_text()
    assert given == {"$probe": {"input": json.loads(text.replace("ona-dev-input-000000000000", "mine-in"))}}
    named = {"deploymentId": "d-ABCDEFGH1", "lifecycleEventHookExecutionId": "abc"}
    assert aws.told == [{**named, "status": status}]


def test_one_without_a_sample_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws(probed(False))
    spec = YAML_SPEC.replace("dataIngestion", "unheardOf")
    aws.revision = {"revisionType": "String", "string": {"content": spec}}
    assert ask(monkeypatch, aws)["text"] == "it has no sample event, and was not tried"
    assert aws.invoked == []
    assert [told["status"] for told in aws.told] == ["Succeeded"]


def test_nothing_is_told_of_what_cannot_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Aws(probed(True), code="TooManyRequestsException")
    with pytest.raises(DependencyBusy):
        ask(monkeypatch, busy)
    nobody = Aws(probed(True))
    nobody.revision = None
    assert ask(monkeypatch, nobody)["status"] == ""
    odd = Aws(probed(True))
    odd.revision = {"revisionType": "String", "string": {"content": "version: 0.0"}}
    for aws, event in ((odd, EVENT), (Aws(probed(True)), {"DeploymentId": "d-1"})):
        with pytest.raises(InvalidPayload):
            ask(monkeypatch, aws, event)
    own = Aws(probed(True))
    assert ask(monkeypatch, own, {"$probe": {"input": EVENT}})["probe"]["ok"]
    assert [one.told for one in (busy, nobody, odd, own)] == [[], [], [], []]
