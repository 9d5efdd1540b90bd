"""A site's day: judged as a whole, once for the same content, whatever comes when and whatever breaks off.

The loop's real functions on moto; `tests/builders/site_days.py` stands for the workflow.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from botocore.client import BaseClient

from ona.repairs import crews, orders
from ona.repairs.locks import LOCKS
from ona.repairs.moves import Change
from ona.runtime.errors import InvalidPayload
from ona.store.layout import ASSET_HISTORY
from ona.store.s3 import write_bytes, write_json
from ooda import site_days
from ooda.detect import site_layer, site_run
from ooda.detect.site_store import utc_days
from ooda.layout import SITE_RECORD
from tests.builders.assets import SITE, make_asset, make_registry
from tests.builders.detection import between, histories_of
from tests.builders.orders import call
from tests.builders.site_days import SiteWorld
from tests.builders.telemetry import DAY, sunny_day
from tests.fakes.tables import OUT

NAMES = [f"INV-00{n}" for n in range(1, 5)]
EVENING = DAY + timedelta(hours=20)
BEFORE = histories_of(
    pd.concat([sunny_day(name, DAY - timedelta(days=n), seed=n) for name in NAMES for n in (1, 2, 3)]),
    make_registry(),
)
"""Three sound days of four machines: what is learned of them before the day of the tests."""
Frame = Callable[[str], pd.DataFrame]


def stopped(name: str) -> pd.DataFrame:
    """No power from 09:00 UTC on."""
    day = sunny_day(name)
    day.loc[between(day, "09:00", "24:00"), "power_kw"] = 0.0
    return day


def low(name: str) -> pd.DataFrame:
    """Two fifths missing from 08:00 to 12:00 UTC."""
    day = sunny_day(name)
    day.loc[between(day, "08:00", "12:00"), "power_kw"] *= 0.6
    return day


@pytest.fixture
def site(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> SiteWorld:
    world = SiteWorld(monkeypatch, [make_asset(name) for name in NAMES], EVENING)
    for name, history in BEFORE.items():
        write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id=name), history.document())
    world.begins = "four machines"
    return world


def all_come(site: SiteWorld, frame: Frame, names: list[str] = NAMES) -> None:
    site.put_each(frame, names)


def kinds(site: SiteWorld, name: str) -> list[str]:
    return [incident.kind for incident in site.history(name).incidents]


def reasons(site: SiteWorld) -> dict[str, list[str]]:
    return {
        name: [one.superseded.reason for one in site.history(name).superseded if one.superseded]
        for name in NAMES
    }


# ------------------------------------------------------------------ what it finds


def test_a_plant_that_stops_is_one_event_and_no_crew_goes_to_each_machine(site: SiteWorld) -> None:
    all_come(site, stopped, NAMES[:3])
    assert site.statuses() == dict.fromkeys(NAMES[:2], "OPEN"), "the third shares the order of the second"
    assert [i.provisional for name in NAMES[:3] for i in site.history(name).incidents] == [True] * 3
    assert site.asked() == []
    site.put(stopped(NAMES[3]))
    assert site.asked() == ["site"], "the last file asks at once"
    result = site.run()
    assert set(site.statuses().values()) == {"CANCELLED"}
    assert [b for crew in crews.load() for b in crew.bookings] == []
    assert [kinds(site, name) for name in NAMES] == [[]] * 4
    assert reasons(site) == {name: ["merged"] for name in NAMES}
    (event,) = site.record().events()
    assert (event.cause, event.machines, event.days) == ("grid", NAMES, ["2025-06-10"])
    (notice,) = site.notices()
    assert "4 of 4 machines stopped together" in notice["subject"]
    assert notice["text"].count("its order is cancelled") == 2
    assert [one["order"] for one in site.told("Incident Superseded")] == ["cancelled"] * 2 + ["none"] * 2
    assert {one["event_id"] for one in site.told("Incident Superseded")} == {event.event_id}
    (judged,) = site.told("Site Day Judged")
    assert (judged["superseded"], judged["plant_events"], judged["customer_id"]) == (4, 1, "default")
    assert judged["document"] == result["site_day"]
    assert result["status"] == "nothing_found", "and the loop finds nothing new"


def test_one_dead_machine_among_sound_ones_stays_what_it_is(site: SiteWorld) -> None:
    """The distractor: a machine's own fault is nobody else's."""
    site.put(stopped(NAMES[0]))
    all_come(site, sunny_day, NAMES[1:])
    (before,) = site.history(NAMES[0]).incidents
    site.run()
    (after,) = site.history(NAMES[0]).incidents
    assert (after.incident_id, after.kind, after.provisional) == (before.incident_id, "outage", False)
    assert site.statuses() == {NAMES[0]: "OPEN"}
    assert (site.notices(), site.told("Incident Superseded")) == ([], [])
    assert len(site.told("Site Day Judged")) == 1


def without_voltage(name: str) -> pd.DataFrame:
    """No power from 09:00 UTC on, and 12 V of its DC side, which do not move."""
    day = stopped(name)
    day.loc[between(day, "09:00", "24:00"), "voltage_v"] = 12.0
    return day


def test_a_dead_voltage_keeps_its_incident_its_cause_and_its_order(site: SiteWorld) -> None:
    site.put(without_voltage(NAMES[0]))
    all_come(site, sunny_day, NAMES[1:])
    (before,) = site.history(NAMES[0]).incidents
    site.run()
    (after,) = site.history(NAMES[0]).incidents
    assert (after.incident_id, after.kind) == (before.incident_id, "outage")
    assert after.signals.voltage_ratio == pytest.approx(0.016, abs=0.001)
    assert (site.statuses(), reasons(site)[NAMES[0]]) == ({NAMES[0]: "OPEN"}, [])
    (order,) = [orders.require(one["work_order_id"]) for one in site.orders]
    assert order.cause == "dc_bus_fault"


def test_nobody_says_that_all_was_well_where_the_energy_is_still_missing(site: SiteWorld) -> None:
    all_come(site, stopped, NAMES[:1])
    site.put(sunny_day(NAMES[1]))
    stood, sound = site.history(NAMES[0]), site.history(NAMES[1])
    (incident,) = stood.incidents
    assert "still missing" in site_layer._left(incident, stood)
    assert site_layer._left(incident, sound) == "nothing was wrong"


def test_what_all_machines_share_is_withdrawn_beside_the_neighbours(site: SiteWorld) -> None:
    all_come(site, low)
    assert site.statuses()
    site.run()
    assert [kinds(site, name) for name in NAMES] == [[]] * 4
    assert {reason for own in reasons(site).values() for reason in own} <= {"withdrawn", "merged"}
    assert set(site.statuses().values()) == {"CANCELLED"}


def test_a_fault_that_only_the_neighbours_show_is_ordered(site: SiteWorld) -> None:
    """A machine without an irradiance sensor, first of its day: nothing to compare it with until then."""
    first = stopped(NAMES[0]).assign(irradiance_w_m2=float("nan"))
    assert site.put(first)["status"] == "nothing_found"
    all_come(site, sunny_day, NAMES[1:])
    assert site.statuses() == {}
    assert site.run()["status"] == "found"
    assert site.statuses() == {NAMES[0]: "OPEN"}


def test_sound_days_change_nothing(site: SiteWorld) -> None:
    all_come(site, sunny_day)
    site.run()
    assert [kinds(site, name) for name in NAMES] == [[]] * 4
    assert (site.notices(), site.told("Incident Superseded"), site.statuses()) == ([], [], {})
    assert all(not i.provisional for n in NAMES for i in site.history(n).days["2025-06-10"].values())


def test_a_day_that_came_in_one_file_stands_as_its_file_gave_it(site: SiteWorld) -> None:
    site.put(pd.concat([stopped(NAMES[0]), *map(sunny_day, NAMES[1:])]), "observations/2025/06/10/all.csv")
    before = {name: site.history(name) for name in NAMES}
    assert site.asked() == ["site"]
    site.run()
    assert {name: site.history(name) for name in NAMES} == before
    assert len(site.told("Site Day Judged")) == 1


def test_a_battery_is_nobody_whom_the_day_waits_for(site: SiteWorld) -> None:
    site.register(make_asset("BAT-001", type="Battery Storage"))
    all_come(site, sunny_day)
    assert site.asked() == ["site"]
    assert not any(i.provisional for i in site.history(NAMES[3]).days["2025-06-10"].values())
    site.run()
    assert site.record().days["2025-06-10"].absent == []


def in_turn(name: str) -> pd.DataFrame:
    """Each machine stands still for an hour, one after the other."""
    day, hour = sunny_day(name), 7 + NAMES.index(name)
    day.loc[between(day, f"{hour:02d}:00", f"{hour + 1:02d}:00"), "power_kw"] = 0.0
    return day


def test_stops_in_turn_are_one_event_of_operation(site: SiteWorld) -> None:
    all_come(site, in_turn)
    site.run()
    (event,) = site.record().events()
    assert (event.cause, event.machines) == ("operation", NAMES)
    assert event.statement == "4 of 4 machines were stopped by operation"
    assert [kinds(site, name) for name in NAMES] == [[]] * 4
    assert set(site.statuses().values()) <= {"CANCELLED"}


def test_two_stops_of_one_day_are_two_events_and_the_first_has_its_incidents_name(site: SiteWorld) -> None:
    def twice(name: str) -> pd.DataFrame:
        day = sunny_day(name)
        for start, end in (("07:00", "08:30"), ("11:00", "12:30")):
            day.loc[between(day, start, end), "power_kw"] = 0.0
        return day

    all_come(site, twice)
    named = {one.event for name in NAMES for one in site.history(name).incidents} - {""}
    site.run()
    first, second = site.record().events()
    assert {first.event_id} == named
    assert first.event_id != second.event_id
    again = site.record().days["2025-06-10"].events
    site_days.judge_again("site", ["2025-06-10"], "a later fact", site.now)
    site.run(execution="site-2")
    assert site.record().days["2025-06-10"].events == again, "and keep their names"


def test_an_event_log_that_comes_later_has_the_day_judged_again(site: SiteWorld) -> None:
    site.put(stopped(NAMES[0]))
    all_come(site, sunny_day, NAMES[1:])
    site.run()
    assert kinds(site, NAMES[0]) == ["outage"]
    site.later(hours=1)
    log = "start,end,asset,code,text\n2025-06-10T09:00:00Z,,INV-001,7,Manual stop\n"
    site.put_bytes(log.encode(), "observations/2025/06/10/log.csv")
    assert site.asked()[-1:] == ["site"]
    result = site.run(execution="site-2")
    assert site.document(result).because == "an event log came"
    assert kinds(site, NAMES[0]) == ["operation"]


# ------------------------------------------------------------------ once, and again


def test_two_at_once_are_one_and_the_same_content_is_told_once(site: SiteWorld) -> None:
    all_come(site, stopped)
    held = site_days.claim("site", "another execution", site.now)
    assert held is not None
    assert site.run()["site_id"] == "", "another run has it"
    assert site_days.claim("site", "another execution", site.now) is not None, "its own retry goes on"
    site.later(minutes=11)
    first = site.run()
    assert (len(site.notices()), len(site.told("Site Day Judged"))) == (1, 1)
    site_days.mark("site", ["2025-06-10"], site.now, "delivered again")
    again = site.run(execution="site-2")
    assert again["site_day"]["key"] == first["site_day"]["key"], "the same content is the same run"
    assert len(site.notices()) == 1
    assert len({one["id"] for one in site.told("Site Day Judged")}) == 1
    assert site.run(execution="site-3")["site_id"] == "", "nothing is due any more"


class Killed(BaseException):
    """No handler catches it: the sandbox is gone."""


@pytest.mark.parametrize("write", [3, 5, 6, 8, 11, 14])
def test_a_run_that_was_killed_is_made_again(
    site: SiteWorld, write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the so manieth write: histories, record, document, calendars, orders, notice, events, item."""
    all_come(site, stopped)
    made, real = [0], BaseClient._make_api_call

    def observed(self: Any, operation: str, arguments: Any) -> Any:
        answer = real(self, operation, arguments)
        if operation.startswith(("Put", "Update", "Delete", "TransactWrite")):
            made[0] += 1
            if made[0] == write:
                raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", observed)
        with pytest.raises(Killed):
            site.run()
    site.run()
    assert set(site.statuses().values()) == {"CANCELLED"}
    assert reasons(site) == {name: ["merged"] for name in NAMES}
    assert len(site.notices()) == 1
    assert site.notices()[0]["text"].count("its order is cancelled") == 2
    assert len(site.record().events()) == 1
    assert len({one["id"] for one in site.told("Incident Superseded")}) == 4
    assert [b for crew in crews.load() for b in crew.bookings] == []
    assert [LOCKS.get(f"open#{one.incident_id}") for n in NAMES for one in site.history(n).superseded] == [
        None
    ] * 4
    pending = site.pending()
    assert pending is not None
    assert (pending.days, pending.claimed_by) == ({}, None)


def test_a_file_after_the_day_was_judged_has_it_judged_again(site: SiteWorld) -> None:
    site.put(low(NAMES[0]))
    assert site.run()["site_id"] == "", "not complete: the grace of 60 minutes"
    site.later(minutes=61)
    assert site.sweep() == 1
    site.run()
    assert site.record().days["2025-06-10"].absent == NAMES[1:]
    assert kinds(site, NAMES[0]) == ["underperformance"], "nobody is there to say otherwise"
    site.later(hours=5)
    all_come(site, low, NAMES[1:])
    site.run(execution="site-2")
    assert [kinds(site, name) for name in NAMES] == [[]] * 4
    assert set(site.statuses().values()) == {"CANCELLED"}
    assert site.record().days["2025-06-10"].absent == []


def test_a_later_fact_has_the_day_judged_again(site: SiteWorld) -> None:
    all_come(site, sunny_day)
    first = site.run()
    site.later(days=2)
    site_days.judge_again("site", ["2025-06-10"], "a curtailment was published", site.now)
    assert site.asked()[-1] == "site"
    again = site.run(execution="site-2")
    assert again["site_day"]["key"] != first["site_day"]["key"]
    assert site.document(again).because == "a curtailment was published"


def test_an_incident_that_comes_back_is_another_one_and_is_ordered(site: SiteWorld) -> None:
    all_come(site, stopped)
    site.run()
    old = site.history(NAMES[0]).superseded[0].incident_id
    site.later(hours=1)
    for name in NAMES[1:]:
        site.put(sunny_day(name), f"observations/2025/06/10/{name}_20250610.csv")
    site.run(execution="site-2")
    history = site.history(NAMES[0])
    assert [one.kind for one in history.incidents] == ["outage"]
    assert history.incidents[0].incident_id != old
    assert [one.incident_id for one in history.superseded] == [old]
    assert site.record().events() == []
    open_orders = [order for order in orders.all_open() if order.asset_id == NAMES[0]]
    assert len(open_orders) == 1


# ------------------------------------------------------------------ orders and people


def test_a_crew_that_left_gets_a_note(site: SiteWorld) -> None:
    all_come(site, stopped)
    mine = next(order for order in orders.all_open() if order.asset_id == NAMES[0])
    orders.change(mine, Change(by="customer:default", at=site.now, status="IN_PROGRESS"))
    site.run()
    after = orders.require(mine.work_order_id)
    assert after.status == "IN_PROGRESS"
    assert (after.last.by, after.last.event) == ("ona-site-layer", "changed")
    assert site.statuses() == {NAMES[0]: "IN_PROGRESS", NAMES[1]: "CANCELLED"}
    assert site.notices()[0]["text"].count("its crew has a note") == 1


def test_an_order_that_was_on_its_way_when_the_day_was_judged_is_withdrawn_too(site: SiteWorld) -> None:
    all_come(site, stopped, NAMES[1:])
    straggler = site.put(stopped(NAMES[0]), order=False)
    site.run()
    assert NAMES[0] not in site.statuses()
    site.go_on(straggler, "straggler")  # it had been diagnosed before
    late = site.statuses().get(NAMES[0])
    site.later(minutes=186)
    assert site.sweep() == 1
    site.run(execution="site-2")
    assert late in (None, "OPEN")
    assert "OPEN" not in site.statuses().values()
    assert len(site.notices()) == 1, "people are told once"


def test_two_customers_on_one_site_hear_of_their_own_machines(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = [make_asset(n, customer_id="stranger" if n == NAMES[3] else "default") for n in NAMES]
    site = SiteWorld(monkeypatch, mixed, EVENING)
    for name, history in BEFORE.items():
        write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id=name), history.document())
    all_come(site, stopped)
    site.run()
    judged = {one["customer_id"]: one["superseded"] for one in site.told("Site Day Judged")}
    assert judged == {"default": 3, "stranger": 1}
    for customer, own in (("default", NAMES[:3]), ("stranger", NAMES[3:])):
        status, page = call("GET", "/incidents", customer=customer)
        assert status == 200
        assert [event["machines"] for event in page["site_events"]] == [own]
        assert {one["asset_id"] for one in page["incidents"]} == set(own)
        assert {one["state"] for one in page["incidents"]} == {"superseded"}
        assert {one["superseded"]["reason"] for one in page["incidents"]} == {"merged"}
    assert call("GET", "/incidents", customer="default", state="open")[1]["incidents"] == []


# ------------------------------------------------------------------ when


def test_a_site_of_one_machine_is_complete_with_its_file(
    acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = SiteWorld(monkeypatch, [make_asset()], EVENING)
    site.put(stopped("INV-001"))
    assert site.asked() == ["site"]
    site.run()
    assert (site.statuses(), site.told("Incident Superseded")) == ({"INV-001": "OPEN"}, [])
    assert len(site.told("Site Day Judged")) == 1


def test_a_machine_that_was_registered_today_or_never_sends_holds_nobody_up(site: SiteWorld) -> None:
    site.register(make_asset("INV-009"))
    all_come(site, sunny_day)
    assert (site.asked(), site.sweep()) == ([], 0)
    site.later(minutes=60)
    assert site.sweep() == 1
    assert site.sweep() == 0, "asked once; again in half an hour if nothing came of it"
    site.run()
    (judged,) = site.told("Site Day Judged")
    assert judged["machines"] == 4
    assert site.record().days["2025-06-10"].absent == ["INV-009"]


def test_what_was_asked_for_and_broke_off_is_asked_for_again(site: SiteWorld) -> None:
    all_come(site, sunny_day)
    assert site.sweep() == 1, "also where the event of the last file was lost"
    site.later(minutes=31)
    assert site.sweep() == 1
    site.run()
    site.later(hours=2)
    assert site.sweep() == 0


@pytest.mark.parametrize(
    ("zone", "longitude", "now", "due"),
    [
        ("Africa/Johannesburg", 28.0, "2025-06-10T20:00Z", "2025-06-10T21:00Z"),
        ("Africa/Johannesburg", 28.0, "2025-06-11T03:30Z", "2025-06-11T04:00Z"),  # 06:00 comes first
        ("Africa/Johannesburg", 28.0, "2025-06-11T09:00Z", "2025-06-11T10:00Z"),  # a late file
        ("Pacific/Auckland", 174.8, "2025-06-10T17:30Z", "2025-06-10T18:00Z"),  # +12: 06:00 of the 11th
        ("Etc/GMT+12", -176.0, "2025-06-11T17:30Z", "2025-06-11T18:00Z"),  # −12
        ("Europe/Berlin", 13.4, "2025-03-30T03:30Z", "2025-03-30T04:00Z"),  # clocks went on this morning
        ("Europe/Berlin", 13.4, "2025-10-26T04:30Z", "2025-10-26T05:00Z"),  # and back: 06:00 is 05:00 UTC
        (None, 180.0, "2025-06-10T17:30Z", "2025-06-10T18:00Z"),  # no zone: the sun's
        (None, None, "2025-06-11T05:30Z", "2025-06-11T06:00Z"),  # no place either: UTC
    ],
)
def test_when_a_day_is_judged_with_what_is_there(
    zone: str | None, longitude: float | None, now: str, due: str
) -> None:
    place = None if longitude is None else SITE.model_copy(update={"longitude": longitude})
    clock = site_days.zone_of(make_asset(timezone=zone, location=place))
    moment = datetime.fromisoformat(now.replace("Z", "+00:00"))
    day = {"2025-03": date(2025, 3, 29), "2025-10": date(2025, 10, 25)}.get(now[:7], date(2025, 6, 10))
    wanted = datetime.fromisoformat(due.replace("Z", "+00:00"))
    assert site_days.when_due(day, moment, clock).astimezone(UTC) == wanted


@pytest.mark.parametrize(
    ("longitude", "first", "last"), [(179.9, 9, 10), (-179.9, 10, 11), (28.0, 9, 10), (0.0, 10, 10)]
)
def test_a_solar_day_lies_over_these_utc_days(longitude: float, first: int, last: int) -> None:
    found = utc_days(["2025-06-10"], longitude)
    assert (found[0], found[-1]) == (date(2025, 6, first), date(2025, 6, last))


# ------------------------------------------------------------------ how much


def test_a_long_history_is_one_pass_and_no_news(site: SiteWorld) -> None:
    """Files of twelve days, half a year ago; a year of them is only longer."""
    days = [DAY - timedelta(days=180 - n) for n in range(12)]
    for name in NAMES:
        frame = pd.concat([sunny_day(name, day, minutes=60, seed=n) for n, day in enumerate(days)])
        frame.loc[frame["timestamp"].dt.date == days[6].date(), "power_kw"] = 0.0
        site.put(frame, f"backfill/2024/{name}.csv", order=False)
    site.later(minutes=5)
    site.sweep()
    site.bus.clear()
    result = site.run()
    assert len(site.document(result).days) == 12
    assert [one["first_day"] for one in site.told("Site Day Judged")] == [f"{days[0]:%Y-%m-%d}"]
    assert (site.notices(), site.statuses()) == ([], {})
    pending = site.pending()
    assert pending is not None
    assert pending.days == {}


def test_a_run_takes_so_many_machine_days_and_leaves_the_rest_due(
    site: SiteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_run, "MOST_MACHINE_DAYS", 4)
    all_come(site, sunny_day)
    for name in NAMES:
        site.put(sunny_day(name, DAY - timedelta(days=1), seed=1))
    seen = [site.document(site.run(execution=f"site-{n}")).days for n in range(2)]
    assert seen == [["2025-06-10"], ["2025-06-09"]]
    assert site.run(execution="site-9")["site_id"] == ""


def test_files_at_once_lose_no_day(cloud: None) -> None:
    days = [(DAY + timedelta(days=n)).strftime("%Y-%m-%d") for n in range(40)]
    every = [threading.Thread(target=site_days.mark, args=("s", [day], EVENING, day)) for day in days]
    for thread in every:
        thread.start()
    for thread in every:
        thread.join()
    item = site_days.TABLE.get("site-days#s")
    assert item is not None
    assert sorted(item.days) == days
    assert item.next_at == EVENING


def test_a_file_during_a_run_stays_due(site: SiteWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    all_come(site, sunny_day)
    real = site_days.finish

    def with_a_file_before(*arguments: Any) -> None:
        site_days.mark("site", ["2025-06-10"], site.now, "another file")
        real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(site_days, "finish", with_a_file_before)
        site.run()
    pending = site.pending()
    assert pending is not None
    assert list(pending.days) == ["2025-06-10"]
    assert site.sweep() == 1


# ------------------------------------------------------------------ what is broken


def test_a_broken_record_begins_anew_and_a_broken_history_holds_up_no_other(site: SiteWorld) -> None:
    all_come(site, stopped)
    write_bytes(OUT, SITE_RECORD.build(site_id="site"), b"no JSON", "application/json")
    key = ASSET_HISTORY.build(site_id="site", asset_id=NAMES[0])
    write_bytes(OUT, key, b"[]", "application/json")
    site.run()
    assert list(site.record().days) == ["2025-06-10"]
    assert [kinds(site, name) for name in NAMES[1:]] == [[]] * 3


@pytest.mark.parametrize("detail", [{}, {"site_id": "../x"}, {"site_id": "site", "more": 1}, "site", None])
def test_an_event_that_names_no_site_is_refused(site: SiteWorld, detail: Any) -> None:
    from ooda.detect.handler import lambda_handler
    from tests.builders.orders import Context

    source = {"bucket": "ona-test-input", "key": "site-days/x"}
    with pytest.raises(InvalidPayload):
        lambda_handler({"site_day": detail, "source": source, "execution_id": "e"}, Context())


def test_a_site_that_nobody_knows_has_nothing_due(site: SiteWorld) -> None:
    assert site.run("nowhere")["site_id"] == ""
