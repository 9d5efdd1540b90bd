"""Secrets in their place, a queue for what is given up, other people's systems."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from ona.config import ticketing
from ona.config.ticketing import TicketingConfig
from tests.builders.delivery import SECRET, SIGNING
from tests.builders.orders import CUSTOMER, deliver
from tests.fakes.sns import Mail
from tests.fakes.ticketing import SYSTEMS, Receiver


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch, cloud: None) -> None:
    """Secrets in their place, a queue for what is given up."""
    monkeypatch.setenv("PRIVATE_HOSTS", "127.0.0.1")
    queue = boto3.client("sqs").create_queue(QueueName="outbox-letters")["QueueUrl"]
    monkeypatch.setenv("OUTBOX_DEAD_LETTERS_URL", queue)
    parameters = boto3.client("ssm")
    for name, value in (
        ("dev/ticketing-desk", SECRET),
        ("dev/insurance-api-key", "insurer-secret"),
        ("dev/webhook-signing-key", SIGNING),
        ("dev/ticketing-lake", "whsec_" + base64.b64encode(b"lake secret").decode()),
    ):
        parameters.put_parameter(
            Name=f"/ona-platform/{name}", Value=value, Type="SecureString", Overwrite=True
        )


@pytest.fixture(params=list(SYSTEMS))
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One ticketing system, configured for the customer `default`."""
    server = SYSTEMS[request.param]()
    more = {"service_desk_id": "1", "request_type_id": "10"} if request.param == "jira" else {}
    statuses = {server.names[ours]: ours for ours in server.names} if request.param == "jira" else {}
    system = {
        "name": "desk",
        "kind": request.param,
        "url": server.url,
        "customers": [CUSTOMER],
        "secret_parameter": "/ona-platform/prod/ticketing-desk",
        "statuses": statuses,
        **more,
    }
    config = TicketingConfig.model_validate({"systems": [system]})
    monkeypatch.setattr(ticketing, "ticketing_config", lambda: config)
    yield server
    server.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook's receiver, or an insurer."""
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def mail(world: list[str], monkeypatch: pytest.MonkeyPatch) -> Mail:
    """What SNS is asked to do from now on, and what it sends."""
    fake = Mail(monkeypatch)
    deliver()
    fake.sent.clear()
    return fake
