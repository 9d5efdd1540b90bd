"""Which stops of a site have one cause: by how they begin, return and follow each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ooda.detect.context import Context
from ooda.detect.judge import judge_assets
from ooda.detect.machine_stops import Stop, groups
from ooda.detect.plant_events import events_of
from ooda.detect.rotations import in_turn
from ooda.detect.shared_stops import common, labelled
from ooda.detect.site_layer import MachineDays, Run, entered, seen_of, with_events
from ooda.detect.site_layer import stops_of as stops_of_events
from ooda.documents.asset_history import AssetHistory
from ooda.documents.site_days import JudgedDay, SiteRecord
from tests.builders.assets import make_registry
from tests.builders.detection import THRESHOLD, telemetry_file
from tests.builders.telemetry import DAY, sunny_day

NOON = datetime(2025, 6, 10, 12, tzinfo=UTC)


def off(machine: str, begin: float, end: float, *, step: float = 15.0, **rest: bool) -> Stop:
    """A stop from so many hours after noon to so many."""
    begin_at, end_at = (NOON + timedelta(hours=hours) for hours in (begin, end))
    return Stop(machine, begin_at, end_at, step, **rest)


def causes(stops: list[Stop], of: int) -> set[str]:
    return {shared.cause for shared in labelled(stops, of)}


@pytest.mark.parametrize("step", [5.0, 15.0, 30.0, 60.0])
def test_a_feeder_that_is_off_for_days_and_comes_back_at_once_is_one_cause(step: float) -> None:
    feeder = [off(name, 0.0, 52.0, step=step) for name in "abc"]
    assert causes(feeder, 8) == {"grid"}
    assert {shared.until for shared in labelled(feeder, 8)} == {feeder[0].end}


@pytest.mark.parametrize("step", [5.0, 15.0, 30.0, 60.0])
def test_what_a_storm_struck_comes_back_when_it_is_mended(step: float) -> None:
    """The distractor of the feeder, though it began within a reading or two."""
    rng = np.random.default_rng(3)
    for _ in range(10):
        begin = rng.uniform(0.0, 1.5, 3)
        end = rng.permutation([21.0, 45.5, 70.0]) + rng.uniform(-2.0, 2.0, 3)
        struck = [off(name, *ends, step=step) for name, *ends in zip("abc", begin, end, strict=True)]
        assert causes(struck, 9) == set()


def test_while_all_stand_it_is_common_and_the_first_return_alone_tells_otherwise() -> None:
    stand = [off(name, 0.0, 6.0, over=False) for name in "abc"]
    assert causes(stand, 8) == {"grid"}
    first = [off("a", 0.0, 22.0), *(off(name, 0.0, 30.0, over=False) for name in "bc")]
    assert causes(first, 8) == set()


def test_who_stays_off_when_the_others_are_back_has_something_of_its_own() -> None:
    stops = [*(off(name, 0.0, 2.0) for name in "abcdefg"), off("h", 0.0, 70.0)]
    told = {shared.stop.machine: shared.until for shared in labelled(stops, 8)}
    assert len(told) == 8
    assert set(told.values()) == {stops[0].end}


def test_machines_that_return_at_once_stopped_at_once_though_little_was_due_then() -> None:
    blurred = [off("a", -3.0, 1.0), off("b", -3.0, 1.0), off("c", -1.5, 1.0), off("d", -1.0, 1.0)]
    assert len(groups(blurred)) == 1
    assert causes(blurred, 8) == {"grid"}
    apart = [off("a", -3.0, 1.0), off("b", -2.5, 4.0), off("c", -1.5, 2.2), off("d", -1.0, 5.0)]
    assert causes(apart, 8) == set()


def test_two_of_many_that_stop_at_once_stay_two_outages() -> None:
    assert causes([off("a", 0.0, 2.0), off("b", 0.0, 2.0)], 12) == set()
    assert causes([off("a", 0.0, 2.0), off("b", 0.0, 2.0)], 4) == {"grid"}


@pytest.mark.parametrize("days", [1, 2])
def test_a_rotation_of_whole_days_is_an_operation_from_its_third_machine_on(days: int) -> None:
    """Each stands from dawn to dusk, and works again when the next one stands."""
    turns = [
        off(name, 24 * days * n - 6, 24 * days * (n + 1) - 18, from_night=True, to_night=True)
        for n, name in enumerate("abcd")
    ]
    assert causes(turns, 7) == causes(turns[:3], 7) == {"operation"}
    assert causes(turns[:2], 7) == set()


def test_machines_that_die_and_are_mended_one_after_the_other_are_no_rotation() -> None:
    dead = [off(name, 26.0 * n, 26.0 * n + 21.0 + n) for n, name in enumerate("abcd")]
    assert causes(dead, 7) == set()


def trips(machines: int, a_day: float, step: float, light: tuple[float, float], seed: int) -> list[Stop]:
    """Of so many machines, each at random, for 20 minutes to three hours, on 120 days."""
    rng, found = np.random.default_rng(seed), list[Stop]()
    for day in range(120):
        for name in range(machines):
            if rng.uniform() < a_day:
                begin, long = rng.uniform(*light), rng.uniform(0.34, 3.0)
                ends = (np.ceil(at * 60 / step) * step / 60 for at in (begin, begin + long))
                begin, end = (24.0 * day + at for at in ends)
                found.append(off(str(name), begin, max(begin, end - step / 60), step=step))
    return found


@pytest.mark.parametrize("step", [5.0, 15.0, 30.0])
def test_trips_at_random_are_no_rotation_however_often_they_come(step: float) -> None:
    """Through the day, and on hot afternoons only; each day some follow each other by chance."""
    named = of = 0
    for machines, a_day in ((3, 0.9), (8, 0.3), (8, 0.9), (20, 0.1), (20, 0.9)):
        for seed, light in ((1, (-5.0, 5.0)), (2, (0.0, 3.5))):
            stops = trips(machines, a_day, step, light, seed)
            named, of = named + len(in_turn(groups(stops))), of + len(stops)
    assert named <= 0.02 * of


@pytest.mark.parametrize("step", [5.0, 15.0, 30.0])
def test_a_rotation_among_trips_at_random_is_found(step: float) -> None:
    """The distractor: for six days the machines of a fleet that trips now and then stand in turn."""
    own = [
        off(str((day + slot) % 8), 24 * day + 2 * slot - 4, 24 * day + 2 * slot - 2 - step / 60, step=step)
        for day in range(50, 56)
        for slot in range(4)
    ]
    other = [
        stop for stop in trips(8, 0.1, step, (-5.0, 5.0), 3) if not own[0].day <= stop.day <= own[-1].day
    ]
    named = {id(stop) for stop in in_turn(groups([*other, *own]))}
    assert len(named & {id(stop) for stop in own}) >= 0.95 * len(own)
    assert len(named & {id(stop) for stop in other}) <= 0.12 * len(other), "those within days of it"


def test_trips_of_three_on_hot_afternoons_are_no_rotation() -> None:
    rng = np.random.default_rng(5)
    named = 0
    for _ in range(20):
        begins = [(name, 24 * day + rng.uniform(0.0, 3.5)) for day in range(3) for name in "abc"]
        few = [off(name, at, at + rng.uniform(0.6, 1.6)) for name, at in begins]
        named += len(in_turn(groups(few)))
    assert named <= 9, "of 180 stops"


def test_groups_that_take_turns_are_known_by_their_machines() -> None:
    """Little follows to the minute where clouds cut the stops; that the same stand together tells."""
    sets = ("ab", "cde", "fgh")

    def turns(rng: np.random.Generator | None) -> list[Stop]:
        stops = []
        for day in range(3):
            order = "".join(rng.permutation(list("abcdefgh"))) if rng else ""
            parts = (order[:2], order[2:5], order[5:]) if rng else sets
            for slot, part in enumerate(parts[: 3 if day == 1 else 2]):
                begin = 24 * day + 2 * slot - 3
                stops += [off(name, begin, begin + 2, step=30.0) for name in part]
        return stops

    assert len(in_turn(groups(turns(None)))) == len(turns(None))
    assert in_turn(groups(turns(np.random.default_rng(1)))) == []


def test_how_likely_a_common_cause_is_follows_the_weather_and_the_past() -> None:
    pair = [off("a", 0.0, 2.0), off("b", 0.2, 2.9)]
    assert common(pair, {}, 5, related=2) > common(pair, {}, 5)
    days = [NOON + timedelta(hours=24 * n) for n in range(-4, 4)]
    often = {"a": days, "b": days}
    assert common(pair, often, 5) < common(pair, {}, 5)


# ------------------------------------------------------------------ day by day

NAMES = [f"INV-{n:03d}" for n in range(1, 6)]
REGISTRY = make_registry(5)


def day_by_day(
    back: dict[str, int], days: int = 3
) -> tuple[SiteRecord, dict[str, AssetHistory], list[str], list[list[str]]]:
    """What the site layer says of daily files of five machines: those of `back` stop at 10:00 on the first
    day and come back at so many hours after. Also the cause of the first day's event after each day, and
    which machines had an incident after each day's file, before the site layer ran."""
    record, histories = SiteRecord(site_id="site"), dict[str, AssetHistory]()
    said, of_file = list[str](), list[list[str]]()
    for n in range(days):
        frames = []
        for name in NAMES:
            frame = sunny_day(name, DAY + timedelta(days=n), seed=n)
            since = frame["timestamp"] - (DAY + timedelta(hours=10))
            off_for = timedelta(hours=back.get(name, 0))
            frame.loc[(since >= timedelta(0)) & (since < off_for), "power_kw"] = 0.0
            frames.append(frame)
        file = telemetry_file(pd.concat(frames), REGISTRY, key=f"{n}.csv")
        verdicts = judge_assets(file, Context(histories=histories))
        histories |= {one.detection.asset_id: one.history for one in verdicts}
        of_file.append([name for name in NAMES if histories[name].incidents])
        today = [f"{DAY + timedelta(days=n):%Y-%m-%d}"]
        events = with_events(record, events_of(verdicts, histories), today)
        run = Run(f"run-{n}", DAY + timedelta(days=n + 1), 5, "", file.rules, THRESHOLD)
        for one in verdicts:
            name = one.detection.asset_id
            seen = {day: seen_of(histories[name], day) for day in today}
            machine = MachineDays(one.days, stops_of_events(events, name), seen, filed=False)
            by_id = {event.event_id: event for own in events.values() for event in own}
            histories[name] = entered(histories[name], machine, run, by_id)
        judged = {
            d: JudgedDay(run=run.run, judged_at=run.now, machines=5, events=e) for d, e in events.items()
        }
        record = record.model_copy(update={"days": {**record.days, **judged}})
        first = record.days[f"{DAY:%Y-%m-%d}"].events
        said.append(first[0].cause if first else "")
    return record, histories, said, of_file


def test_a_feeder_is_one_event_over_days_and_says_that_it_is_not_back_yet() -> None:
    record, histories, said, of_file = day_by_day(dict.fromkeys(NAMES[:2], 26))
    (event,) = record.events()
    assert (event.cause, event.machines, len(event.days), event.ended) == ("grid", NAMES[:2], 2, True)
    assert "not back yet" in record.days[event.days[0]].events[0].statement
    assert said == ["grid"] * 3
    assert of_file == [NAMES[:2], [], []]  # the second morning is the same event's
    assert [i.kind for name in NAMES for i in histories[name].incidents] == []


def test_what_comes_back_one_by_one_becomes_each_machine_s_own_fault() -> None:
    """The distractor: two that were struck at once; on the first day nobody can tell."""
    record, histories, said, of_file = day_by_day({NAMES[0]: 23, NAMES[1]: 50})
    assert said == ["grid", "", ""]
    assert of_file == [NAMES[:2], [], NAMES[:2]]
    assert record.events() == []
    assert [[i.kind for i in histories[name].incidents] for name in NAMES] == [["outage"]] * 2 + [[]] * 3
