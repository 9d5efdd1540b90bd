"""A cloud on this machine for the tests of repairs: empty tables, or with orders in them.

What it needs is imported inside: other unit tests do not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.builders.assets import make_registry
from tests.fakes.quick_moto import quicken
from tests.fakes.snapshots import Snapshot

quicken()

_ORDERED: dict[str, tuple[list[str], Snapshot]] = {}
"""By who is told of them: the orders of `world`, and what tables and buckets hold then."""


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty buckets and tables, and two crews."""
    from ona.runtime import aws
    from ona.store import tables
    from tests.builders.plans import crew
    from tests.fakes.tables import ENVIRONMENT, create, one_call_at_a_time

    with mock_aws():
        aws.client.cache_clear()
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        one_call_at_a_time(monkeypatch)
        create()
        for number in (1, 2):
            tables.put("crews", crew(number).model_dump(exclude={"version", "bookings"}))
        yield
    aws.client.cache_clear()


@pytest.fixture
def acting(cloud: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """One crew, a clock that stands at NOW, and the messages that people get: subject and text."""
    import ooda.order.handler as ordering
    import ooda.schedule.handler as scheduling
    from delivery.deliver import notifications
    from ona.runtime import aws
    from ona.store.s3 import write_json
    from tests.builders.plans import NOW
    from tests.fakes.tables import IN

    messages: list[tuple[str, str]] = []

    def publish(subject: str, text: str, attributes: dict[str, str], topic: str) -> None:
        if attributes["event"] != "daily_digest":
            messages.append((subject, text))

    monkeypatch.setattr(notifications, "publish", publish)
    for module in (scheduling, ordering):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    aws.client("dynamodb").delete_item(TableName="crews", Key={"crew_id": {"S": "crew-002"}})
    write_json(IN, "assets.json", make_registry().model_dump(mode="json", exclude_none=True))
    return messages


@pytest.fixture
def world(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three orders of the customer `default`, one of another customer's asset; their ids."""
    import ooda.operations_api.handler as operations
    from ona.config import custom_services, ticketing
    from ona.store import s3
    from ooda.operations_api import api
    from tests.builders.orders import opened
    from tests.builders.plans import NOW
    from tests.fakes.tables import IN, create_table

    create_table("customers", "id")
    monkeypatch.setenv("CUSTOMERS_TABLE", "customers")
    for module in (operations, api):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    registry = make_registry()
    registry.assets[3] = registry.assets[3].model_copy(
        update={"customer_id": "stranger", "site_id": "hill"}
    )
    s3.write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))
    systems = [(system.name, system.customers) for system in ticketing.ticketing_config().systems]
    told = str((systems, custom_services.custom_services_config().insurance_automation))
    if told in _ORDERED:  # planning and ordering take a second: once a process is enough
        ids, snapshot = _ORDERED[told]
        snapshot.put_back()
    else:
        ids = [opened(number) for number in (1, 2, 3, 4)]
        _ORDERED[told] = ids, Snapshot.taken()
    return list(ids)
