"""Order: one scheduled job in, one work order out; the same fault never makes two open orders."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.observability import handler
from ooda.order import gathering, ordering, site_days
from ooda.payloads import GatherRequest, OrderRequest, SettleRequest


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """`OrderRequest` in, `OrderResult` out: ordered, moved, already ordered, or refused. Or, of a judged
    site-day, `SettleRequest` in, `SettleResult` out. Or, of many orders, `GatherRequest` in, `GatherResult`
    out.

    Raises InvalidPayload, and DependencyBusy and CrewBookingConflict, which are retried.
    """
    if isinstance(event, dict) and "superseding" in event:
        return site_days.settle(SettleRequest.read(event, "event"), utc_now()).document()
    if isinstance(event, dict) and "gather" in event:
        return gathering.gather(GatherRequest.read(event, "event")).document()
    return ordering.order(OrderRequest.read(event, "event"), utc_now()).document()
