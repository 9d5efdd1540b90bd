"""Bill of materials: the parts a repair needs, chosen by the rule in `ona.repairs.parts`."""

from __future__ import annotations

from datetime import date

from ona.config.causes import CauseRule
from ona.config.parts import Part
from ona.documents.assets import Asset
from ona.documents.findings import Finding
from ona.documents.work_orders import BomLine
from ona.repairs.experience import NO_EXPERIENCE, Experience
from ona.repairs.parts import ranked, score


def bill_of_materials(
    finding: Finding,
    rule: CauseRule,
    catalogue: list[Part],
    *,
    asset: Asset | None = None,
    day: date | None = None,
    experience: Experience = NO_EXPERIENCE,
    variants: int = 3,
) -> tuple[list[BomLine], list[BomLine]]:
    """The recommended part with what is used up with it, and up to `variants` − 1 alternatives; both empty
    when no part is needed. A part whose component is under warranty on that day costs nothing."""
    if not rule.needs_part:
        return [], []
    daily = finding.energy_at_risk.daily_loss_usd
    candidates = ranked(catalogue, rule.needs_part, finding.component, daily)[:variants]
    covered = asset is not None and day is not None and _covered(finding, asset, day)
    lines = [
        _line(part, daily, recommended=index == 0, covered=covered, quantity=_pieces(experience, part))
        for index, part in enumerate(candidates)
    ]
    by_sku = {part.sku: part for part in catalogue}
    used = [
        _line(by_sku[item.sku], daily, recommended=False, quantity=item.quantity, consumable=True)
        for part in candidates[:1]
        for item in part.consumables
        if item.sku in by_sku
    ]
    return [*lines[:1], *used], lines[1:]


def _pieces(experience: Experience, part: Part) -> int:
    return int(experience.pieces_of(part).planned)


def _covered(finding: Finding, asset: Asset, day: date) -> bool:
    """Whether the failed component's own warranty holds on a day: for what its maker answers for."""
    failed = finding.component
    if finding.category != "OEM Fault":
        return False
    return any(
        part.warranty_ends is not None and day < part.warranty_ends
        for part in asset.components
        if failed.type == part.type or (failed.serial and failed.serial == part.serial)
    )


def _line(
    part: Part,
    daily_loss_usd: float,
    *,
    recommended: bool,
    quantity: int = 1,
    covered: bool = False,
    consumable: bool = False,
) -> BomLine:
    value = None if consumable else score(part, daily_loss_usd)
    price = part.unit_price_usd
    total = None if price is None else round(price * quantity, 2)
    return BomLine(
        sku=part.sku,
        description=part.description,
        component_type=part.component_type,
        quantity=quantity,
        unit_price_usd=price,
        total_price_usd=0.0 if covered else total,
        lead_time_days=part.wait_days,
        supplier=part.supplier,
        warranty_months=part.warranty_months,
        score=None if value is None else round(value, 2),
        recommended=recommended,
        stock=part.stock,
        consumable=consumable,
        under_warranty=covered,
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
