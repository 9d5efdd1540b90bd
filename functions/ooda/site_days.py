"""Which days of a site are still to be judged as a whole, and when: one item a site in the outbox' table.

Detect marks the days of each file. A day is due when all registered machines of its site have come; else
60 minutes after its last file, at the latest at 06:00 of the next day by the site's clock. After that hour
a late file is waited upon for 60 minutes. What is due is asked for by an event; a timer asks for what
nobody asked for, or what broke off. A claim keeps two runs apart; what was marked during a run stays due.

>>> noon = datetime(2025, 6, 10, 12, tzinfo=UTC)
>>> when_due(date(2025, 6, 10), noon, UTC) - noon
datetime.timedelta(seconds=3600)
>>> when_due(date(2025, 6, 10), datetime(2025, 6, 11, 5, 50, tzinfo=UTC), UTC).hour
6
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from ona.documents.assets import Asset
from ona.outbox.items import BY_DUE, PENDING_SITE
from ona.runtime.clock import is_zone, iso
from ona.runtime.events import Event, publish
from ona.runtime.identity import digest
from ona.runtime.observability import count
from ona.store import tables
from ona.store.items import Moment, Table, TableItem

GRACE = timedelta(minutes=60)
"""So long a day waits for more files after its last one (docs/loop.md)."""
DAY_ENDS = time(6, 0)
"""Local time of the next day at which a day is judged with what is there."""
LEASE = timedelta(minutes=10)
"""How long a claim is valid: longer than a run. One that waited longer claims anew, or leaves it."""
ASK_AGAIN = timedelta(minutes=30)
"""What was asked for and is still due is asked for again after so long."""
SETTLING = timedelta(minutes=185)
"""After so long the orders of superseded incidents are looked at once more: an execution that was on its
way when the day was judged may have opened one since (180 minutes, TimeoutSeconds of the loop)."""
A_MARK = 100
"""Days of one update (ours; DynamoDB takes expressions of 4 KB)."""
MOST_ASKED = 100
"""Sites that one run of the timer asks for (ours)."""
LANE: Literal["site_day"] = "site_day"
DUE = "Site Day Due"
"""The event that starts the site layer."""


class Mark(TableItem):
    """That a day is to be judged: when, and which file or fact wants it."""

    due: Moment
    by: str
    because: str = ""

    @property
    def token(self) -> str:
        """What tells this mark from a later one of the same day."""
        return digest(iso(self.due), self.by, self.because)


class PendingSite(TableItem):
    """What is to be done for a site. `settle`: runs whose orders are looked at once more, by key."""

    delivery_id: str
    lane: Literal["site_day"] | None = None
    next_at: Moment | None = None
    site_id: str
    days: dict[str, Mark] = {}
    settle: dict[str, Moment] = {}
    claimed_by: str | None = None
    claimed_until: Moment | None = None
    version: int = Field(description="counts marks and runs")

    def due_days(self, now: datetime) -> dict[str, Mark]:
        """The days that are to be judged now."""
        return {day: mark for day, mark in sorted(self.days.items()) if mark.due <= now}

    def due_runs(self, now: datetime) -> list[str]:
        """The runs whose orders are to be looked at once more now."""
        return [key for key, due in sorted(self.settle.items()) if due <= now]


TABLE = Table("OUTBOX_TABLE", "delivery_id", PendingSite.read)


def zone_of(asset: Asset) -> tzinfo:
    """The clock of an asset's site: its zone, else solar time, else UTC."""
    if asset.timezone and is_zone(asset.timezone):
        return ZoneInfo(asset.timezone)
    return timezone(timedelta(minutes=round(asset.location.longitude * 4))) if asset.location else UTC


def when_due(day: date, now: datetime, zone: tzinfo) -> datetime:
    """When a day of a site is judged with what is there, if nothing more comes."""
    ends = datetime.combine(day + timedelta(days=1), DAY_ENDS, zone).astimezone(UTC)
    return now + GRACE if now >= ends else min(now + GRACE, ends)


# ------------------------------------------------------------------ marking and asking


def mark(site_id: str, days: Iterable[str], due: datetime, by: str, because: str = "") -> None:
    """Write that days of a site are to be judged from `due` on. `by`: the file or the fact; `because`: the
    fact in words. Any number may do it at once. Raises DependencyBusy."""
    key = {"delivery_id": f"{PENDING_SITE}{site_id}"}
    names = {"#lane": "lane", "#days": "days"}
    tables.update(
        TABLE.name,
        key,
        "SET #lane = :lane, site_id = :site, #days = if_not_exists(#days, :empty), "
        "settle = if_not_exists(settle, :none), next_at = if_not_exists(next_at, :due) ADD version :one",
        {":lane": LANE, ":site": site_id, ":empty": {}, ":none": {}, ":due": iso(due), ":one": 1},
        names=names,
    )
    every = sorted(days)
    value = Mark(due=due, by=by, because=because).item()
    for begin in range(0, len(every), A_MARK):
        own = {f"#d{n}": day for n, day in enumerate(every[begin : begin + A_MARK])}
        sets = ", ".join(f"#days.{name} = :mark" for name in own)
        values = {":mark": value, ":one": 1}
        tables.update(
            TABLE.name, key, f"SET {sets} ADD version :one", values, names={"#days": "days", **own}
        )
    later = {":lane": LANE, ":due": iso(due)}
    tables.update(
        TABLE.name,
        key,
        "SET #lane = :lane, next_at = :due",
        later,
        names={"#lane": "lane"},
        condition="attribute_not_exists(next_at) OR next_at > :due",
    )


def judge_again(site_id: str, days: Sequence[str], because: str, now: datetime) -> None:
    """A later fact (a curtailment that was published, an event log that came): judge these days of a site
    again. Raises DependencyBusy."""
    mark(site_id, days, now, digest(because, *days), because)
    ask([site_id], now)


def ask(site_ids: Sequence[str], now: datetime) -> None:
    """Ask for the site layer, one event a site. Raises DependencyBusy."""
    publish(
        [
            Event(
                DUE, {"version": "1", "id": digest(DUE, name, iso(now)), "time": iso(now), "site_id": name}
            )
            for name in site_ids
        ]
    )


def sweep(now: datetime) -> dict[str, int]:
    """The timer: ask for what is due and nobody asked for. Raises DependencyBusy."""
    items = tables.until(TABLE.name, BY_DUE, ("lane", LANE), ("next_at", iso(now)), MOST_ASKED)
    sites = TABLE.readable(items)
    ask([item.site_id for item in sites], now)
    for item in sites:
        values = {":later": iso(now + ASK_AGAIN), ":now": iso(now)}
        condition = "attribute_exists(next_at) AND next_at <= :now"
        key = {"delivery_id": item.delivery_id}
        tables.update(TABLE.name, key, "SET next_at = :later", values, condition=condition)
    count("SiteDaysAsked", len(sites))
    return {"asked": len(sites)}


# ------------------------------------------------------------------ a run


def claim(site_id: str, owner: str, now: datetime) -> PendingSite | None:
    """Claim a site for a run; None where nothing of it is due, or another run has it. Raises
    DependencyBusy."""
    name = f"{PENDING_SITE}{site_id}"
    item = TABLE.get(name)
    if item is None or not (item.due_days(now) or item.due_runs(now)):
        return None
    taken = tables.update(
        TABLE.name,
        {"delivery_id": name},
        "SET claimed_by = :me, claimed_until = :until",
        {":me": owner, ":until": iso(now + LEASE), ":now": iso(now)},
        condition="attribute_not_exists(claimed_until) OR claimed_until <= :now OR claimed_by = :me",
    )
    return TABLE.get(name) if taken else None


def finish(
    site_id: str, done: dict[str, str], settled: Iterable[str], settle: Iterable[str], now: datetime
) -> None:
    """End a run: `done` are the days that it judged, with the tokens of their marks, `settled` the runs
    that were looked at once more, `settle` those that will be. What was marked since stays. Raises
    DependencyBusy."""
    over, more = set(settled), dict.fromkeys(settle, now + SETTLING)

    def changed(item: PendingSite | None) -> PendingSite | None:
        if item is None:
            return None
        days = {day: own for day, own in item.days.items() if done.get(day) != own.token}
        runs = {**{key: due for key, due in item.settle.items() if key not in over}, **more}
        waits = [*(own.due for own in days.values()), *runs.values()]
        return item.model_copy(
            update={
                "days": days,
                "settle": runs,
                "lane": LANE if waits else None,
                "next_at": min(waits) if waits else None,
                "claimed_by": None,
                "claimed_until": None,
                "version": item.version + 1,
            }
        )

    TABLE.edit(f"{PENDING_SITE}{site_id}", changed)


def waiting(items: Iterable[dict[str, object]]) -> list[PendingSite]:
    """Of stored items the sites that wait, by id: for whoever tells people."""
    found = TABLE.readable(item for item in items if str(item.get("delivery_id")).startswith(PENDING_SITE))
    return sorted((item for item in found if item.lane), key=lambda item: item.site_id)
