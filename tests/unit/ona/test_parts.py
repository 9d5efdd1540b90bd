"""Parts follow the user's rule: price plus the energy lost while waiting."""

from __future__ import annotations

import json

import pytest

from ona.config.parts import PartsCatalogue
from ona.documents.findings import FindingComponent
from ona.repairs.parts import fits, ranked, score
from tests.builders.plans import part
from tests.paths import ROOT

COMPONENT = FindingComponent(oem="Sungrow", model="SG110CX", serial="s", type="fan")


def test_parts_rank_by_price_plus_the_energy_lost_while_waiting() -> None:
    slow, fast = part("slow", 100, 10), part("fast", 150, 1)
    assert [p.sku for p in ranked([slow, fast], "fan", COMPONENT, 10.0)] == ["fast", "slow"]
    assert [p.sku for p in ranked([slow, fast], "fan", COMPONENT, 1.0)] == ["slow", "fast"]
    assert score(slow, 10.0) == 200.0


def test_ties_go_to_the_shorter_lead_time_then_to_the_lower_price() -> None:
    a, b = part("a", 100, 5), part("b", 140, 1)
    assert [p.sku for p in ranked([a, b], "fan", COMPONENT, 10.0)] == ["b", "a"]
    same = [part("d", 100, 5), part("c", 100, 5)]
    assert [p.sku for p in ranked(same, "fan", COMPONENT, 10.0)] == ["c", "d"]


def test_a_part_without_price_or_lead_time_ranks_last_and_misfits_are_left_out() -> None:
    unknown, dear = part("unknown", None, 1), part("dear", 9999, 90)
    other = part("other", 1, 0, oem="SMA")
    assert [p.sku for p in ranked([unknown, other, dear], "fan", COMPONENT, 10.0)] == ["dear", "unknown"]
    assert not fits(other, COMPONENT)


def test_a_part_in_stock_has_no_waiting_time() -> None:
    slow = part("slow", 100, 10)
    shelf = slow.model_copy(update={"sku": "shelf", "unit_price_usd": 120.0, "stock": 2})
    empty = shelf.model_copy(update={"sku": "empty", "stock": 0})
    assert [p.sku for p in ranked([slow, shelf, empty], "fan", COMPONENT, 10.0)] == [
        "shelf",
        "slow",
        "empty",
    ]
    assert (shelf.wait_days, empty.wait_days) == (0.0, 10.0)


def test_a_catalogue_names_its_consumables_and_its_version() -> None:
    line = part("a", 1, 1).model_dump()
    lost = {**line, "consumables": [{"sku": "nothing"}]}
    with pytest.raises(ValueError, match="not in the catalogue: nothing"):
        PartsCatalogue.model_validate({"version": 2, "parts": [lost]})
    with pytest.raises(ValueError, match="version"):
        PartsCatalogue.model_validate({"version": 3, "parts": [line]})
    assert PartsCatalogue.model_validate({"version": 1, "parts": [line]}).parts[0].stock is None
    schema = json.loads((ROOT / "docs" / "parts.schema.json").read_text())
    assert schema == PartsCatalogue.model_json_schema(), "run `make openapi`"
