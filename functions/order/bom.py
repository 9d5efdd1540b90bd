"""Bill of materials: the parts a repair needs, chosen by the rule in `ona.parts`."""

from __future__ import annotations

from ona.assets import Asset
from ona.config import CauseRule, Part
from ona.parts import ranked, score
from ona.records import BomLine, Finding


def bill_of_materials(
    finding: Finding, rule: CauseRule, catalogue: list[Part], *, variants: int = 3
) -> tuple[list[BomLine], list[BomLine]]:
    """The recommended part and up to `variants` − 1 alternatives; both empty when no part is needed."""
    if not rule.needs_part:
        return [], []
    daily = finding.energy_at_risk.daily_loss_usd
    candidates = ranked(catalogue, rule.needs_part, finding.component, daily)[:variants]
    lines = [_line(part, daily, recommended=index == 0) for index, part in enumerate(candidates)]
    return lines[:1], lines[1:]


def _line(part: Part, daily_loss_usd: float, *, recommended: bool, quantity: int = 1) -> BomLine:
    value = score(part, daily_loss_usd)
    price = part.unit_price_usd
    return BomLine(
        sku=part.sku,
        description=part.description,
        component_type=part.component_type,
        quantity=quantity,
        unit_price_usd=price,
        total_price_usd=None if price is None else round(price * quantity, 2),
        lead_time_days=part.lead_time_days,
        supplier=part.supplier,
        warranty_months=part.warranty_months,
        score=None if value is None else round(value, 2),
        recommended=recommended,
    )


def refusal(finding: Finding, asset: Asset) -> str:
    """Why an order must be refused: its component names what is not installed. Empty when it may go on.

    A component without OEM, model and serial names nothing, and a repair may still be ordered.
    """
    wanted = finding.component
    if not (wanted.oem or wanted.model or wanted.serial):
        return ""
    for part in asset.components:
        if (
            wanted.oem in ("", part.oem)
            and wanted.model in ("", part.model)
            and wanted.serial in ("", part.serial)
        ):
            return ""
    name = " ".join(text for text in (wanted.oem, wanted.model, wanted.serial) if text)
    return (
        f"{name} is not installed in {asset.id}: correct the components in assets.json, "
        "then send the telemetry again"
    )
