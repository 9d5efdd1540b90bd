"""The demo's report: one HTML file that needs no other file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup, escape

from ona.documents.assets import AssetRegistry
from ona.documents.work_orders import Job
from ona.runtime.clock import local_and_utc
from ona.runtime.words import counted, listed
from ops.accounting import OPEN, totals
from ops.demo import inbox, newcustomer, plots, repair
from ops.demo.collect import Story
from ops.demo.simulate import Fault, Fleet


@dataclass(frozen=True)
class Verdict:
    """One injected fault beside the finding, or the data problem, that it became."""

    asset: str
    name: str
    start: str
    found_as: str
    confidence: str
    true_kwh: str
    booked_kwh: str
    ok: bool
    seen: str = ""


def verdicts(story: Story, fleet: Fleet, zone: str) -> list[Verdict]:
    """Each injected fault and the finding, or the data problem, that it became; times in `zone`."""
    booked = {name: kwh for name, kwh, _ in story.lost_by_asset()}
    return [_verdict(story, fault, fleet, booked, zone) for fault in fleet.faults]


def _verdict(story: Story, fault: Fault, fleet: Fleet, booked: dict[str, float], zone: str) -> Verdict:
    common = {"asset": fault.asset_id, "name": fault.name, "start": _at(fault.start, zone)}
    if fault.is_data_problem:
        ok = any(
            issue.kind == fault.subcategory
            for record in story.detections
            for asset in record.assets
            if asset.asset_id == fault.asset_id
            and asset.window.start <= fault.end
            and asset.window.end >= fault.start
            for issue in asset.quality.issues
        )
        return Verdict(
            **common,
            found_as=f"data problem: {fault.subcategory}" if ok else "nothing",
            confidence="",
            true_kwh="0",
            booked_kwh=f"{booked.get(fault.asset_id, 0.0):,.0f}",
            ok=ok,
        )
    hits = [
        finding
        for finding in story.findings
        if finding.asset_id == fault.asset_id
        and finding.first_seen <= fault.end
        and finding.last_seen >= fault.start
    ]
    right = [finding for finding in hits if finding.subcategory == fault.subcategory]
    best = max(right or hits, key=lambda finding: finding.confidence, default=None)
    return Verdict(
        **common,
        found_as=brief(f"{best.category}: {best.subcategory}") if best else "nothing",
        confidence=f"{100 * best.confidence:.0f} %" if best else "",
        true_kwh=f"{fleet.lost_kwh.get(fault.asset_id, 0.0):,.0f}",
        booked_kwh=f"{booked.get(fault.asset_id, 0.0):,.0f}",
        ok=bool(right),
        seen=_seen(story, fault, zone),
    )


def _seen(story: Story, fault: Fault, zone: str) -> str:
    """From when to when the incidents of a fault go."""
    windows = [
        incident.window
        for incident in story.incidents
        if incident.asset_id == fault.asset_id
        and incident.window.start <= fault.end
        and incident.window.end >= fault.start
    ]
    if not windows:
        return ""
    first, last = min(one.start for one in windows), max(one.end for one in windows)
    return f"{_at(first, zone)} to {_at(last, zone)}"


def _days_of(story: Story) -> str:
    """The month of the telemetry that was put, as people say it."""
    first = story.telemetry["timestamp"].min()
    return f"{first:%B %Y}" if len(story.telemetry) else "no day"


def _at(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%d %b %H:%M}"


def brief(text: str) -> str:
    """A title for a table: the longest category is shortened.

    >>> brief("Unknown Needs Further Investigation: intermittent fault")
    'Unknown: intermittent fault'
    """
    return text.replace("Unknown Needs Further Investigation", "Unknown")


def broken(text: str) -> Markup:
    """A name that may break behind its underscores, and nowhere else.

    >>> str(broken("missing_readings"))
    'missing_<wbr>readings'
    """
    return escape(text).replace("_", Markup("_<wbr>"))


def coded(text: str) -> Markup:
    """A sentence whose commands, in backticks, are set as code.

    >>> str(coded("made by `make demo`"))
    'made by <code>make demo</code>'
    """
    parts = text.split("`")  # every second one is a command
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def false_alarms(story: Story, fleet: Fleet, zone: str) -> list[str]:
    """Incidents that no injected fault explains."""
    asset_faults = [fault for fault in fleet.faults if not fault.is_data_problem]
    return [
        f"{incident.asset_id} {incident.kind} {_at(incident.window.start, zone)}"
        for incident in story.incidents
        if not any(
            fault.asset_id == incident.asset_id
            and incident.window.start <= fault.end
            and incident.window.end >= fault.start
            for fault in asset_faults
        )
    ]


def waiting(story: Story) -> list[dict[str, Any]]:
    """Decisions other than an order, grouped by asset and decision; the last reason stands."""
    groups: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for schedule in sorted(story.schedules, key=lambda item: item.created_at):
        for job in schedule.jobs:
            if job.decision != "scheduled":
                groups[(job.asset_id, job.decision)].append(job)
    return [
        {
            "asset": asset,
            "decision": decision.replace("_", " "),
            "times": len(jobs),
            "reason": jobs[-1].reason,
        }
        for (asset, decision), jobs in sorted(groups.items())
    ]


RULES = {
    "first_come_first_served": "first come, first served",
    "greedy": "most urgent first, where it costs least",
}


def compared(story: Story) -> list[dict[str, Any]]:
    """The plan that had most work to place beside two simple rules on the same work; empty without one."""
    best = story.best_planned
    if best is None:
        return []
    proof = (
        "proven: no plan is cheaper" if best.optimal else f"at most {best.gap_percent:.1f} % above the best"
    )
    rows = [
        {
            "rule": "the plan",
            "loss": best.loss_usd,
            "more": 0.0,
            "note": f"{counted(best.jobs, 'visit')}; {proof}",
        }
    ]
    rows += [
        {"rule": RULES[name], "loss": loss, "more": loss - best.loss_usd, "note": ""}
        for name, loss in sorted(best.compared.items(), key=lambda item: item[1])
    ]
    return rows


def data_problems(story: Story) -> list[dict[str, Any]]:
    """Data problems by kind: which assets, how many files, one example."""
    rows = []
    problems = story.data_problems()
    for kind in sorted({row[0] for row in problems}):
        mine = [row for row in problems if row[0] == kind]
        names = [row[1] for row in mine]
        shown = listed(names, 6)
        rows.append(
            {
                "kind": kind,
                "assets": shown,
                "files": sum(row[2] for row in mine),
                "example": f"{mine[0][1]}, {mine[0][4]}: {mine[0][3]}",
            }
        )
    return rows


def worst(story: Story, zone: str) -> list[dict[str, Any]]:
    """Assets by energy lost, with their costliest incident; times in `zone`."""
    rows = []
    for name, kwh, count in story.lost_by_asset()[:15]:
        top = next(incident for incident in story.incidents if incident.asset_id == name)
        text = (
            f"{top.kind.replace('_', ' ')}, {_at(top.window.start, zone)}, "
            f"{top.duration_hours:g} h of light on {counted(top.days, 'day')}, "
            f"{top.lost_energy_kwh:,.0f} kWh, severity {top.severity:.2f}, "
            f"{'suspected, ' if top.suspected else ''}{top.state}"
        )
        rows.append({"asset": name, "kwh": f"{kwh:,.0f}", "count": count, "worst": text})
    return rows


@dataclass(frozen=True)
class Page:
    """What the report shows beside the story of the files.

    `zone` is the time zone of telemetry, `crew_zone` that of crews. `where` says where copies of the
    documents lie, `cloud_words` how the embedded cloud is reached.
    `unfinished`: the parts of the demo that failed, and why.
    """

    title: str
    subtitle: str
    footer: str
    now: datetime
    zone: str
    crew_zone: str
    where: list[tuple[str, str]]
    cloud_words: str
    fleet: Fleet | None
    journey: newcustomer.Path | None
    repaired: repair.Repair | None
    unfinished: list[str]
    messages: list[inbox.Message]
    messages_waiting: list[str]


def write(path: Path, story: Story, registry: AssetRegistry, page: Page) -> None:
    """Write the report to a file."""
    tariffs = {asset.id: asset.tariff_usd_per_kwh for asset in registry.assets}
    count = totals(story.accounts)
    at_risk = sum(finding.energy_at_risk.daily_loss_usd for finding in story.open_faults)
    week = sum(finding.energy_at_risk.horizons[2].loss_usd for finding in story.open_faults)
    ordered = sum(order.total_cost_usd for order in story.standing_orders)
    verified = sum(order.incident_id in story.repaired for order in story.standing_orders)
    mended = f", {verified} of them mended" if verified else ""
    open_work = sum(count[state] for state in OPEN)
    tiles = [
        (len(story.accounts), "files put", ""),
        (count["done"], "went through", "good"),
        (count["quarantined"], "quarantined, with reasons", "warn" if count["quarantined"] else ""),
        (open_work, "failed or unaccounted for", "bad" if open_work else "good"),
        (len(story.incidents), "incidents", ""),
        (f"{at_risk:,.0f} USD", "at risk a day", "bad" if at_risk else ""),
        (f"{week:,.0f} USD", "at risk in a week", "bad" if week else ""),
        (len(story.standing_orders), f"work orders{mended}, {ordered:,.0f} USD in parts", ""),
    ]
    zones = {asset.id: asset.timezone or page.crew_zone for asset in registry.assets}
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    pages.filters.update(brief=brief, broken=broken, coded=coded)
    template = pages.get_template("report.html.j2")
    text = template.render(
        title=page.title,
        subtitle=page.subtitle,
        footer=page.footer,
        tiles=tiles,
        injected_days=_days_of(story),
        injected=verdicts(story, page.fleet, page.zone) if page.fleet else [],
        worst=worst(story, page.zone),
        power_svg=plots.power(story, page.zone),
        counted=counted,
        week_svg=plots.week(story, page.now, page.crew_zone),
        faults=story.open_faults,
        mended=story.mended_faults,
        state_of=story.state_of,
        tariff=lambda asset_id: tariffs.get(asset_id, 0.0),
        orders=story.standing_orders,
        waiting=waiting(story),
        data_problems=data_problems(story),
        rejected=[
            item
            for item in story.accounts
            if item.state not in ("done", "ignored", "replaced", "dismissed")
        ],
        where=page.where,
        cloud_words=page.cloud_words,
        journey=page.journey,
        repaired=page.repaired,
        unfinished=page.unfinished,
        messages=page.messages,
        messages_waiting=page.messages_waiting,
        planned=compared(story),
        forecast_svg=plots.forecast(page.journey, page.zone) if page.journey else "",
        now=f"{page.now.astimezone(ZoneInfo(page.crew_zone)):%a %d %b %Y %H:%M}",
        zone=page.zone,
        crew_zone=page.crew_zone,
        at_site=lambda order: local_and_utc(
            order.scheduled_start, zones.get(order.asset_id, page.crew_zone)
        ),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
