"""Claims to an insurer: sent once, following their orders, and only where somebody asked for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ona.config import custom_services, ticketing
from ona.config.custom_services import CustomServices
from ona.outbox.items import Recipient
from ona.repairs.recipients import recipients_of
from tests.builders.delivery import MINUTE, deliver_with
from tests.builders.orders import change, deliver, document_of, opened, outbox_item, tracked
from tests.builders.plans import NOW
from tests.fakes.ticketing import Receiver


def insured(monkeypatch: pytest.MonkeyPatch, url: str, **changes: Any) -> None:
    service = {
        "enabled": True,
        "api_endpoint": url,
        "claim_threshold_usd": 1000,
        "auto_submission": True,
        "api_key_parameter": "/ona-platform/prod/insurance-api-key",
        **changes,
    }
    config = CustomServices.model_validate({"insurance_automation": service})
    monkeypatch.setattr(custom_services, "custom_services_config", lambda: config)


def test_a_claim_is_sent_once_follows_its_order_and_is_withdrawn(
    acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    insured(monkeypatch, receiver.url)
    name = opened()
    deliver_with(receiver, "late", NOW)
    deliver(NOW + 5 * MINUTE)
    paths = {path for _, path, _, _ in receiver.requests}
    assert paths == {f"/claims/{name}"}
    assert receiver.requests[0][2]["authorization"] == "Bearer insurer-secret"
    keys = [headers["idempotency-key"] for _, _, headers, _ in receiver.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    claim = json.loads(receiver.bodies[-1])
    order = document_of(name)
    assert claim["repair_cost_usd"] == order["total_cost_usd"]
    assert claim["claim_usd"] == pytest.approx(
        order["total_cost_usd"] + order["energy_at_risk"]["total_risk_usd"], abs=0.02
    )
    assert outbox_item(name, "insurance")["ticket"] == "CL-1"
    change(name, assignees=["Thandi M."])
    deliver(NOW + 7 * MINUTE)
    assert len(receiver.requests) == 2, "what the insurer does not need to know is not sent"
    change(name, status="CANCELLED")
    deliver(NOW + 9 * MINUTE)
    assert json.loads(receiver.bodies[-1])["state"] == "withdrawn"
    assert json.loads(receiver.bodies[-1])["claim_usd"] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"enabled": False}, None),
        ({"claim_threshold_usd": 1e6}, None),
        ({"auto_submission": False}, "not sent: auto_submission is off"),
    ],
)
def test_no_claim_is_sent_below_the_threshold_or_when_switched_off(
    acting: list[Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch, changes: Any, said: str | None
) -> None:
    insured(monkeypatch, receiver.url, **changes)
    opened()
    deliver()
    assert receiver.requests == []
    assert (said in acting[0][1]) if said else ("Claim:" not in acting[0][1])


def test_the_shipped_configuration_delivers_to_no_outside_system() -> None:
    assert ticketing.ticketing_config().systems == []
    assert custom_services.custom_services_config().insurance_automation.enabled is False
    assert recipients_of(tracked(at_stake_usd=1e9)) == [Recipient("operators", "people")]
