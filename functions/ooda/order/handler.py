"""Order: one scheduled job in, one work order out; the same fault never makes two open orders."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.observability import handler
from ooda.order import ordering, site_days
from ooda.payloads import OrderRequest, SettleRequest


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """`OrderRequest` in, `OrderResult` out: ordered, moved, already ordered, or refused. Or, of a judged
    site-day, `SettleRequest` in, `SettleResult` out.

    Raises InvalidPayload, and DependencyBusy and CrewBookingConflict, which are retried.
    """
    if isinstance(event, dict) and "superseding" in event:
        return site_days.settle(SettleRequest.read(event, "event"), utc_now()).document()
    return ordering.order(OrderRequest.read(event, "event"), utc_now()).document()
