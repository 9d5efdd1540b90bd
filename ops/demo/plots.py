"""The report's pictures, as SVG text that stands inside the page."""

from __future__ import annotations

import io
import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from ooda.documents.detections import Incident
from ops.demo.collect import Story
from ops.demo.newcustomer import Path as Journey

BLUE, GREY, RED, AMBER, INK = "#1b6ca8", "#9aa5b1", "#d64545", "#e9a23b", "#1f2933"
MAX_ROWS, MAX_COLUMNS = 6, 8


def _figure(width: float, height: float, **layout: Any) -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 8, "svg.fonttype": "none", "font.family": "sans-serif"})
    pyplot.rcParams["axes.spines.top"] = pyplot.rcParams["axes.spines.right"] = False
    pyplot.rcParams["svg.hashsalt"] = "ona"
    return pyplot.subplots(figsize=(width, height), **layout)


def _svg(figure: Any) -> str:
    from matplotlib import pyplot

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    return text[text.index("<svg") :].strip()


def power(story: Story, zone: str) -> str:
    """Power against expected: the costliest assets by the costliest days, incidents shaded."""
    local = ZoneInfo(zone)
    assets = [name for name, _, _ in story.lost_by_asset()[:MAX_ROWS]]
    if not assets:
        return ""
    cost: dict[Any, float] = {}
    for incident in story.incidents:
        if incident.asset_id in assets:
            for day in _days(incident, local):
                cost[day] = cost.get(day, 0.0) + incident.lost_energy_kwh / incident.days
    days = sorted(sorted(cost, key=lambda day: -cost[day])[:MAX_COLUMNS])
    frame = story.telemetry.assign(local=story.telemetry["timestamp"].dt.tz_convert(local))
    frame["hour"] = frame["local"].dt.hour + frame["local"].dt.minute / 60
    frame["day"] = frame["local"].dt.date
    ordered = {order.incident_id for order in story.standing_orders}
    figure, axes = _figure(
        1.5 * len(days) + 1,
        1.15 * len(assets) + 0.6,
        nrows=len(assets),
        ncols=len(days),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for row, asset in enumerate(assets):
        own = frame[frame["asset_id"] == asset]
        plausible = own["expected_kw"].max() * 1.6
        for column, day in enumerate(days):
            axis = axes[row][column]
            part = own[own["day"] == day].sort_values("hour")
            axis.fill_between(
                part["hour"], 0, part["expected_kw"].fillna(0.0), color=GREY, alpha=0.35, lw=0
            )
            shown = part["power_kw"].where(part["power_kw"] <= plausible)
            axis.plot(part["hour"], shown, color=BLUE, lw=1.1)
            for incident in story.incidents:
                if incident.asset_id == asset and day in _days(incident, local):
                    start, end = (
                        moment.astimezone(local) for moment in (incident.window.start, incident.window.end)
                    )
                    axis.axvspan(
                        start.hour + start.minute / 60 - 0.125 if start.date() == day else 0.0,
                        end.hour + end.minute / 60 + 0.125 if end.date() == day else 24.0,
                        color=RED if incident.incident_id in ordered else AMBER,
                        alpha=0.22,
                        lw=0,
                    )
            axis.set_xlim(4, 21)
            axis.set_xticks([6, 12, 18])
            if row == 0:
                axis.set_title(f"{day:%a %d %b}", fontsize=8, color=INK)
            if column == 0:
                axis.set_ylabel(f"{asset}\nkW", fontsize=8)
    figure.tight_layout(h_pad=0.5, w_pad=0.3)
    return _svg(figure)


def _days(incident: Incident, zone: ZoneInfo) -> list[date]:
    """The local days that an incident touches."""
    start, end = (moment.astimezone(zone).date() for moment in (incident.window.start, incident.window.end))
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def _hours(delta: timedelta) -> float:
    return delta.total_seconds() / 3600


def week(story: Story, now: datetime, zone: str) -> str:
    """The crews' coming days: work in blue, travel light, one line a crew."""
    local = ZoneInfo(zone)
    crews = sorted(story.crews, key=lambda crew: crew["crew_id"], reverse=True)
    bookings = [(crew["crew_id"], item) for crew in crews for item in crew.get("bookings", [])]
    if not bookings:
        return ""
    start = now.astimezone(local).replace(hour=0, minute=0, second=0, microsecond=0)

    def at(text: Any) -> float:
        return _hours(pd.Timestamp(text).to_pydatetime() - start)

    last = max(at(item["returns"]) for _, item in bookings)
    days = max(5, int(last // 24) + 1)
    lines = [crew["crew_id"] for crew in crews]
    figure, axis = _figure(11, 0.75 * len(lines) + 0.6)
    drawn: dict[str, int] = {}
    for crew_id, item in sorted(bookings, key=lambda booking: booking[1]["leaves"]):
        y = lines.index(crew_id)
        leaves, begin, end, returns = (at(item[k]) for k in ("leaves", "start", "end", "returns"))
        axis.barh(y, returns - leaves, left=leaves, height=0.5, color=BLUE, alpha=0.25, lw=0)
        axis.barh(y, end - begin, left=begin, height=0.5, color=BLUE, lw=0)
        label = item["asset_id"] if len(item["asset_id"]) < 9 else f"{item['asset_id'][:7]}…"
        above = drawn.setdefault(crew_id, 0) % 2 == 0  # neighbours would overlap on one line
        drawn[crew_id] += 1
        place = (y + 0.29, "bottom") if above else (y - 0.29, "top")
        axis.text(begin, place[0], label, fontsize=6.5, color=INK, ha="left", va=place[1])
    axis.set_yticks(range(len(lines)), lines)
    axis.set_ylim(-0.6, len(lines) - 0.4)
    axis.set_xlim(0, 24 * days)
    axis.set_xticks(
        [24 * day + 12 for day in range(days)],
        [f"{start + timedelta(days=day):%a %d %b}" for day in range(days)],
    )
    axis.tick_params(axis="x", length=0)
    for day in range(days + 1):
        axis.axvline(24 * day, color=GREY, lw=0.5)
    figure.tight_layout()
    return _svg(figure)


def forecast(journey: Journey, zone: str) -> str:
    """The forecast with its intervals, the day before as measured, and what then came (simulated)."""
    points = journey.forecast["forecasts"]
    times = pd.DatetimeIndex(pd.to_datetime([point["timestamp"] for point in points])).tz_convert(zone)
    middle = times - pd.Timedelta(minutes=30)  # a point is the mean of the hour that ends at its time

    def bound(name: str) -> list[float]:
        return [point["confidence_interval"][name] for point in points]

    site = journey.truth.groupby("timestamp")["power_kw"].sum().clip(lower=0.0)
    site.index = pd.DatetimeIndex(site.index).tz_convert(zone)
    issued = times[0] - pd.Timedelta(hours=1)
    before = site[issued - pd.Timedelta(hours=24) : issued]
    after = site[issued : times[-1]]
    figure, axis = _figure(11, 3.0)
    axis.fill_between(
        middle, bound("lower_95"), bound("upper_95"), color=BLUE, alpha=0.15, lw=0, label="95 %"
    )
    axis.fill_between(
        middle, bound("lower_80"), bound("upper_80"), color=BLUE, alpha=0.30, lw=0, label="80 %"
    )
    axis.plot(middle, [p["predicted_power_kw"] for p in points], color=BLUE, lw=1.6, label="forecast")
    axis.plot(before.index, before.to_numpy(), color=INK, lw=1.0, label="measured")
    axis.plot(
        after.index, after.to_numpy(), color=RED, lw=0.8, ls="--", label="what then comes (simulated)"
    )
    axis.axvline(issued, color=GREY, lw=0.8)
    axis.set_ylabel("site, kW")
    axis.set_ylim(0, None)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, fontsize=8)
    from matplotlib.dates import DateFormatter, HourLocator

    axis.xaxis.set_major_locator(HourLocator(byhour=[0, 12], tz=ZoneInfo(zone)))
    axis.xaxis.set_major_formatter(DateFormatter("%a %d %b %H:%M", tz=ZoneInfo(zone)))
    figure.tight_layout()
    return _svg(figure)
