"""All that is due in the outbox, recipient by recipient, at least once. Two runs at once are no harm: each
item, each message of an hour and each invitation belongs to the run that claimed it.

A recipient who is slow or down holds up nobody else: each has a thread. A try that failed waits a minute,
then twice as long each time, up to half an hour (or as long as the other side asks); after three days, or
when the other side says that it does not want it, it is a dead letter. `ona outbox redrive` sends it again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from delivery.config import NotificationRules
from delivery.deliver import alerts, people, store, subscribers
from delivery.deliver.remote import RemoteDeliveries
from ona.config import flags
from ona.outbox import deliveries, troubles
from ona.outbox.deliveries import where_of
from ona.outbox.items import AlertItem, Delivery, Notice
from ona.runtime.observability import count, logger
from ona.store.unreadable import Unreadable, note

AT_ONCE = 8
"""Recipients that are served at once: threads that mostly wait for other people's servers."""
PEOPLE = ("people", "mail", "notice", "digest")
"""Kinds of items that people read."""
SWITCHED: dict[str, flags.FlagName] = {
    "webhook": "webhooks",
    "system": "ticketing",
    "claim": "insurance_automation",
}
"""The flag that switches a kind of items. While it is off they wait."""
SWITCHED_OFF = timedelta(minutes=5)
"""So long an item waits that is switched off; then its flag is asked again (ours)."""
METRICS = {
    "told": "Delivered",
    "failed": "DeliveriesFailed",
    "dead": "DeliveriesDead",
    "unheard": "AlertsUndeliverable",
}
"""What a run measures, by what it counts. `unheard`: alerts that a place was not told."""
COUNTED = ("told", "messages", "changed", "waiting", "failed", "dead")
"""What a run counts. `changed`: orders, by what people did with their tickets."""
Left = Callable[[], float]
"""Seconds that a run still has."""


def run(rules: NotificationRules, now: datetime, left: Left) -> dict[str, int]:
    """Deliver what is due; how many were told, wait, failed, and are dead. What cannot be done for one
    item, one recipient or the digest holds up no other.

    Raises DependencyBusy when the outbox itself cannot be read.
    """
    bad: list[Unreadable] = []
    try:
        store.put_digest(rules, now)
    except Exception as error:
        logger.exception("no digest")
        note("the digest", f"{type(error).__name__}: {error}", bad)
    due = store.due(now)
    totals: Counter[str] = Counter()
    for item in due.unreadable:
        try:
            if not deliveries.claimed(item.delivery_id, now):
                continue  # another run gives it up just now
            logger.error("given up", delivery=item.delivery_id, why=item.why)
            deliveries.give_up(item, now, item.why)
            totals["dead"] += 1
        except Exception as error:
            totals["failed"] += 1
            note(where_of(item), f"{type(error).__name__}: {error}; {item.why}", bad)
    groups: dict[str, list[Delivery | Notice]] = defaultdict(list)
    off = {kind for kind, flag in SWITCHED.items() if not flags.enabled(flag)}
    for entry in due.items:
        if entry.kind not in off:
            groups[_group(entry)].append(entry)
            continue
        totals["waiting"] += 1
        try:
            deliveries.postpone(entry, now + SWITCHED_OFF, now)
        except Exception as error:
            note(where_of(entry), f"{type(error).__name__}: {error}", bad)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for counts in pool.map(lambda group: _deliver(group, rules, now, left, bad), groups.values()):
            totals.update(counts)
    try:
        subscribers.look_after(now, bad)
    except Exception as error:
        logger.exception("addresses were not looked after")
        note("the addresses of subscribers", f"{type(error).__name__}: {error}", bad)
    troubles.tell_once("A message could not be delivered", bad, now)
    for name, metric in METRICS.items():
        count(metric, totals[name])
    return {name: totals[name] for name in COUNTED}


def _group(item: Delivery | Notice) -> str:
    """What shares a thread and a fate: a recipient, a system, the host of a webhook, an alert's place."""
    if isinstance(item, AlertItem):
        return f"place {item.recipient_name}"
    if isinstance(item, Delivery) and item.kind == "webhook" and item.endpoint:
        return f"host {urlsplit(item.endpoint).hostname}"
    return item.recipient_name


def _deliver(
    items: Sequence[Delivery | Notice],
    rules: NotificationRules,
    now: datetime,
    left: Left,
    bad: list[Unreadable],
) -> Counter[str]:
    """One group's items. An item that cannot even be claimed or settled is put into `bad`."""
    try:
        if items[0].kind == "alert":
            alarming = [item for item in items if isinstance(item, AlertItem)]
            return alerts.deliver(alarming, now, left, bad)
        if items[0].kind in PEOPLE:
            return people.deliver(items, rules, now, bad)
        remote = [item for item in items if isinstance(item, Delivery)]
        return RemoteDeliveries(now, left, bad).deliver(remote)
    except Exception as error:
        logger.exception("not delivered", group=_group(items[0]))
        note(f"recipient {_group(items[0])}", f"{type(error).__name__}: {error}", bad)
        return Counter(failed=1)
