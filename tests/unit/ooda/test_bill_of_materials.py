"""What a repair needs: the part, what is used up with it, and what the maker replaces."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from ona.config.parts import Consumable
from ona.documents.work_orders import BomLine
from ooda.bom import bill_of_materials
from tests.builders.plans import part, request


def _bill(**changes: Any) -> list[BomLine]:
    wanted = request(1)
    paste = part("paste", 6.5, 0).model_copy(update={"component_type": "consumable"})
    module = part("module", 900.0, 1.0).model_copy(
        update={"component_type": "power_module", "consumables": [Consumable(sku="paste", quantity=2)]}
    )
    component = {"installation_date": datetime(2023, 1, 31, tzinfo=UTC), "warranty_months": 25, **changes}
    inverter = wanted.asset.components[0].model_copy(update=component)
    asset = wanted.asset.model_copy(update={"components": [inverter]})
    lines, _ = bill_of_materials(
        wanted.finding, wanted.rule, [module, paste], asset=asset, day=date(2025, 2, 27)
    )
    return lines


def test_a_part_brings_what_is_used_up_with_it() -> None:
    module, paste = _bill(warranty_months=None)
    assert (module.sku, module.recommended, module.total_price_usd) == ("module", True, 900.0)
    assert (paste.sku, paste.quantity, paste.total_price_usd, paste.consumable) == ("paste", 2, 13.0, True)
    assert not module.under_warranty


def test_a_part_under_warranty_is_claimed_not_bought() -> None:
    module, paste = _bill()  # until 28 February: 25 months after 31 January 2023
    assert (module.under_warranty, module.total_price_usd, module.unit_price_usd) == (True, 0.0, 900.0)
    assert paste.total_price_usd == 13.0
    assert not _bill(warranty_months=24)[0].under_warranty
    assert not _bill(installation_date=None)[0].under_warranty
