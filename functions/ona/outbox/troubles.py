"""Records that a loop could not read or do its work with: named, counted, and told to the operators once.

A loop over records of many customers goes on past a bad one. It keeps a list of these and ends with
`tell_once`: what nobody is told of stays as it is for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ona.outbox import deliveries
from ona.outbox.items import Notice
from ona.runtime.identity import digest
from ona.runtime.observability import logger
from ona.store.unreadable import Unreadable, note

MOST_TOLD = 20
"""Records of one run that operators are told of (ours); the next run tells the rest."""


def tell_once(what: str, bad: Sequence[Unreadable], now: datetime) -> None:
    """Name each record in the log and the metric, and put a notice into the outbox for those that nobody
    was told of. `what`: what could not be done, in words. A notice that cannot be put is in the log."""
    told = 0
    for entry in bad:
        note(entry.where, entry.why)
        try:
            told += told < MOST_TOLD and deliveries.put_notice(_notice(what, entry, now))
        except Exception:
            logger.exception("operators are not told", where=entry.where)


def _notice(what: str, entry: Unreadable, now: datetime) -> Notice:
    text = (
        f"{what}: {entry.where}\n{entry.why}\n\nAll others were done. `./ona doctor` compares it with "
        "what belongs to it; docs/operations/reconciliation.md says how it is mended.\n"
    )
    name = f"trouble#{digest(what, entry.where)}"
    return Notice.to_operators(name, "trouble", "medium", f"{what}: {entry.where}", text, now)
