"""What becomes of a delivery that failed: it is tried again, each time later, or given up."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Literal

from ona.outbox import deliveries
from ona.outbox.items import Delivery, Notice
from ona.runtime.errors import InvalidConfiguration, InvalidInput, OnaError
from ona.runtime.http import Busy
from ona.runtime.observability import logger
from ona.store.unreadable import Unreadable, note

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)
"""The wait after the first failure; it doubles each time up to the longest."""
MOST_DOUBLINGS = 10
"""The wait has reached the longest long before; more would only make a large number."""
LONGEST_ASKED = timedelta(days=1)
"""The other side may ask for a longer wait; not for a longer one than this."""
GIVE_UP = timedelta(days=3)
"""After so long without a success a delivery is a dead letter: over a weekend, somebody saw it."""


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many tries, with jitter that keeps recipients from being asked all at
    once."""
    longest = min(FIRST_WAIT * 2.0 ** min(attempts, MOST_DOUBLINGS), LONGEST_WAIT)
    return longest * random.uniform(0.75, 1.0)


def failed(
    item: Delivery | Notice,
    error: Exception,
    now: datetime,
    bad: list[Unreadable],
    *,
    fatal: bool = True,
) -> Literal["dead", "failed"]:
    """Settle a delivery that failed, as `_settled`. One that cannot be settled (its item is full, or of
    another shape) is put into `bad`, and its claim ends by itself."""
    try:
        return _settled(item, error, now, fatal=fatal)
    except Exception as second:
        logger.exception("not settled", delivery=item.delivery_id)
        note(deliveries.where_of(item), f"{type(second).__name__}: {second}; after {error}", bad)
        return "failed"


def _settled(
    item: Delivery | Notice, error: Exception, now: datetime, *, fatal: bool
) -> Literal["dead", "failed"]:
    """Settle a delivery that failed: again later, or a dead letter. `fatal`: whether it may be given up."""
    why = f"{type(error).__name__}: {error}"
    refused = isinstance(error, InvalidInput) and not isinstance(error, InvalidConfiguration)
    first = item.first_failed_at
    if fatal and (refused or (first is not None and now - first >= GIVE_UP)):
        logger.error("given up", delivery=item.delivery_id, why=why)
        deliveries.give_up(item, now, why)
        return "dead"
    if isinstance(error, OnaError):
        logger.warning("not delivered", delivery=item.delivery_id, why=why)
    else:
        logger.exception("not delivered", delivery=item.delivery_id)
    wait = backoff(item.attempts)
    if isinstance(error, Busy) and error.retry_after:
        wait = max(wait, min(timedelta(seconds=error.retry_after), LONGEST_ASKED))
    deliveries.postpone(item, now + wait, now, why)
    return "failed"
