"""Names of customers, and times: what may come in, and where it is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import forecasting.layout
import ona.store.layout
import ooda.layout
from delivery.deliver import digest
from forecasting.data_ingestion import ownership
from ona.api import callers
from ona.documents import names
from ona.documents.assets import AssetRegistry
from ona.repairs.crews import Away
from ona.repairs.tracking import TrackedOrder
from ona.runtime.errors import InvalidConfiguration, InvalidPayload, InvalidTelemetry
from ona.store import layout, tables
from ona.store.layout import KeyShape
from ops import customers
from ops.target import OpsError
from tests.builders.assets import make_asset, make_registry
from tests.builders.orders import tracked

WRONG_NAMES = {
    "the model of all": "global",
    "the same in capitals": "Global",
    "empty": "",
    "a folder": "a/b",
    "the folder above": "..",
    "a new line at the end": "customer\n",
    "NUL": "a\0",
    "a separator of the table": "a#b",
    "65 characters": "a" * 65,
    "not ASCII": "käufer",
    "a space": "a b",
}
RIGHT_NAMES = ("customer-001", "globalsolar", "global-1", "latest", "a" * 64, "1", "A.b_c-d")
YEARS = {
    "the first": "0001-01-01T00:00:00Z",
    "before 1970": "1969-12-31T23:59:59Z",
    "after 2999": "3000-01-01T00:00:00Z",
    "the last": "9999-12-31T23:59:59Z",
}
RIGHT_YEARS = ("1970-01-02T00:00:00Z", "2025-06-10T08:00:00+14:00", "2999-12-31T00:00:00Z")


class _Target:
    """No cloud: whoever comes to it has not refused."""

    outputs: ClassVar[dict[str, str]] = {"CustomersTableName": "customers"}

    def client(self, name: str) -> Any:
        raise AssertionError("the name was taken")


@pytest.mark.parametrize("case", WRONG_NAMES)
def test_a_name_that_no_customer_may_have_is_refused_wherever_it_comes_in(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, target = WRONG_NAMES[case], _Target()
    with pytest.raises(OpsError, match=re.escape(repr(name))):
        customers.add_key(target, name, "standard")  # type: ignore[arg-type]
    with pytest.raises(OpsError, match=re.escape(repr(name))):
        customers.add_principal(target, "arn:aws:iam::1:role/a", name, "standard")  # type: ignore[arg-type]
    item = {"customer_id": name, "tier": "standard", "status": "active"}
    monkeypatch.setattr(tables, "get", lambda *_: item)
    assert callers.find("customers", "key#1") is None
    with pytest.raises(InvalidTelemetry, match="wrong_place"):
        ownership.addressed(f"historical/{name}/x.csv" if "/" not in name else "historical/.a/x.csv")
    registry = AssetRegistry(assets=[make_asset("INV-001", customer_id=name)])
    with pytest.raises(InvalidTelemetry, match="wrong_name"):
        ownership.sites(pd.DataFrame({"asset_id": ["INV-001"]}), registry, None, "x.csv")


@pytest.mark.parametrize("name", RIGHT_NAMES)
def test_a_name_that_only_looks_reserved_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names.customer_problem(name) == ""
    item = {"customer_id": name, "tier": "standard", "status": "active"}
    monkeypatch.setattr(tables, "get", lambda *_: item)
    assert callers.find("customers", "key#1") == callers.Caller(name, "standard")
    assert ownership.addressed(f"historical/{name}/x.csv") == ("historical", name)


def test_no_key_has_a_fixed_folder_where_another_has_a_customer() -> None:
    """A layout that puts a folder beside the customers' must reserve its name."""
    modules = (forecasting.layout, ona.store.layout, ooda.layout)
    shapes = [value for module in modules for value in vars(module).values() if isinstance(value, KeyShape)]
    of_customers = {s.template.split("{customer_id}")[0] for s in shapes if "{customer_id}" in s.template}
    assert "models/" in of_customers
    beside = {
        shape.template.removeprefix(prefix).split("/")[0]
        for shape in shapes
        for prefix in of_customers
        if shape.template.startswith(prefix) and "{customer_id}" not in shape.template
    }
    fixed = {name for name in beside if "{" not in name}
    assert fixed <= names.RESERVED_CUSTOMERS


@pytest.mark.parametrize("case", YEARS)
def test_a_time_that_is_not_of_our_time_is_refused_wherever_it_comes_in(case: str) -> None:
    text = YEARS[case]
    day = date.fromisoformat(text[:10])
    order = tracked().model_dump(mode="json") | {"due_date": text}
    with pytest.raises(InvalidPayload, match="due_date must be in the years 1970 to 2999"):
        TrackedOrder.read(order)
    with pytest.raises(InvalidPayload, match="first must be in the years"):
        Away.read({"first": text[:10], "last": "2025-06-10"})
    assets = make_registry(1).model_dump(mode="json", exclude_none=True)
    assets["assets"][0]["components"][0]["installation_date"] = text
    with pytest.raises(InvalidConfiguration, match="installation_date must be in the years"):
        AssetRegistry.parse(assets)
    assert layout.OBSERVATION.parse(f"observations/{day:%Y}/{text[5:7]}/{text[8:10]}/x.csv") is None
    fallback = date(2025, 6, 10)
    assert layout.day_of(f"observations/{text[:4]}/01/01/x.csv", fallback) == fallback


@pytest.mark.parametrize("text", RIGHT_YEARS)
def test_a_time_of_our_time_is_taken(text: str) -> None:
    order = TrackedOrder.read(tracked().model_dump(mode="json") | {"due_date": text})
    assert order.due_date == datetime.fromisoformat(text)
    for zone in ("Etc/GMT+12", "Pacific/Kiritimati"):
        assert digest.compose(
            [order], [], 0, zone, datetime(2025, 6, 10, tzinfo=UTC).astimezone(ZoneInfo(zone))
        )
    key = f"observations/{text[:10].replace('-', '/')}/x.csv"
    assert layout.OBSERVATION.parse(key) == {"day": date.fromisoformat(text[:10]), "name": "x"}


def test_a_warranty_of_more_than_a_century_is_a_typing_error() -> None:
    assets = make_registry(1).model_dump(mode="json", exclude_none=True)
    assets["assets"][0]["components"][0] |= {
        "installation_date": "2020-01-01T00:00:00Z",
        "warranty_months": 10**6,
    }
    with pytest.raises(InvalidConfiguration, match="warranty_months"):
        AssetRegistry.parse(assets)
