"""What `current.json` says after a candidate was judged: each site moves by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from forecasting.documents import PHYSICS, Current, Serving, SiteVerdict
from forecasting.model import registry
from forecasting.model.registry import Pointer, Service
from ona.runtime.words import counted
from ona.store.unreadable import attempted


def entries(bucket: str, customer_id: str, found: Pointer) -> dict[str, Serving]:
    """What serves each site as the pointer has it; one without `sites` names one version, which serves the
    sites that it was trained on. Nothing where it, or that version's card, cannot be read."""
    current = found.current
    if current is None:
        return {}
    if current.sites is not None:
        return dict(current.sites)
    card, _ = attempted(lambda: registry.read_card(bucket, customer_id, current.version))
    entry = Serving(
        version=current.version, since=current.changed_at, why=current.reason, previous=current.previous
    )
    return {fitted.site.site_id: entry for fitted in card.sites} if card else {}


def after(
    before: Mapping[str, Serving],
    verdicts: Mapping[str, SiteVerdict],
    services: Mapping[str, Service],
    candidate: str,
    now: datetime,
) -> dict[str, Serving]:
    """What serves each site now. `before`: what the pointer said; `services`: what served in fact."""
    sites = dict(before)
    for site_id, verdict in verdicts.items():
        service, entry = services[site_id], before.get(site_id)
        if verdict.decision == "promoted":
            sites[site_id] = Serving(
                version=candidate, since=now, why=verdict.reason, previous=service.version
            )
        elif verdict.decision == "withdrawn":
            sites[site_id] = Serving(
                version=PHYSICS, since=now, why=verdict.reason, previous=service.version
            )
        elif entry is None and service.model is not None:
            sites[site_id] = Serving(version=service.version, since=now, why=service.why)
        elif entry is None or entry.version == PHYSICS:
            why = f"physics forecasts this site; the newest model waits: {verdict.reason}"
            since, previous = (entry.since, entry.previous) if entry else (now, "")
            sites[site_id] = Serving(version=PHYSICS, since=since, why=why, previous=previous)
    return sites


def pointer(
    current: Current | None, sites: Mapping[str, Serving], reason: str, judged: str, now: datetime
) -> Current:
    """The pointer that says so."""
    newest = newest_of(sites)
    before = current.version if current else ""
    moved = current is None or newest != before
    return Current(
        version=newest,
        previous=before if moved else (current.previous if current else ""),
        changed_at=now,
        reason=reason,
        sites=dict(sites),
        judged=judged,
    )


def newest_of(sites: Mapping[str, Serving]) -> str:
    """The newest version that serves a site; empty where physics serves all."""
    return max((entry.version for entry in sites.values() if entry.version != PHYSICS), default="")


def told(verdicts: Mapping[str, SiteVerdict]) -> str:
    """What became of a candidate in one text: how many sites it serves, then each site's reason.

    >>> kept = SiteVerdict(decision="kept", reason="no", days=0, against="", candidate=None, other=None)
    >>> told({"a": kept}), told({"a": kept, "b": kept})
    ('no', 'serves 0 of 2 sites. a: no; b: no')
    >>> told({"a": kept, "b": kept.model_copy(update={"decision": "withdrawn", "reason": "worse"})})
    'serves 0 of 2 sites, physics takes over 1 site. b: worse; a: no'
    """
    if len(verdicts) == 1:
        return next(iter(verdicts.values())).reason
    promoted, withdrawn = (
        [name for name, verdict in verdicts.items() if verdict.decision == decision]
        for decision in ("promoted", "withdrawn")
    )
    moved = [*promoted, *withdrawn]
    first = [*moved, *(name for name in verdicts if name not in moved)][:MOST_NAMED]
    named = "; ".join(f"{name}: {verdicts[name].reason}" for name in first)
    rest = f"; and {len(verdicts) - len(first)} more" if len(verdicts) > len(first) else ""
    taken = f", physics takes over {counted(len(withdrawn), 'site')}" if withdrawn else ""
    return f"serves {len(promoted)} of {counted(len(verdicts), 'site')}{taken}. {named}{rest}"


MOST_NAMED = 10
"""Sites that a reason names; the others stand in the card (ours)."""
