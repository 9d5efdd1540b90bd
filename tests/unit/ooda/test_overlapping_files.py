"""Files that overlap: each reading of an asset counts once, whichever files give it, however they come."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ona.documents.base import S3Pointer
from ona.store import parquet
from ona.store.s3 import list_keys, write_bytes, write_json
from ooda.detect import store
from ooda.detect.asset_history import empty
from ooda.detect.batches import Batch
from ooda.detect.context import Context
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.detect.other_files import OtherFiles, with_others
from ooda.diagnose.trends import gains
from ooda.documents.asset_history import AssetHistory, that_count
from tests.builders.assets import make_asset, make_registry
from tests.builders.detection import between, histories_of, telemetry_file, week
from tests.builders.telemetry import DAY, NOW, sunny_day, to_csv
from tests.fakes.tables import IN, OUT

NAME = "INV-001"
BEFORE = histories_of(week(), make_registry())[NAME]
"""What a sound week tells, before the day that the files are of."""


def faulty_day(minutes: int = 15, seed: int = 0) -> pd.DataFrame:
    """A day with a stop from 08:00 to 12:00, and a third missing from 12:30 on."""
    day = sunny_day(NAME, minutes=minutes, seed=seed)
    day.loc[between(day, "08:00", "12:00"), "power_kw"] = 0.0
    day.loc[between(day, "12:30", "24:00"), "power_kw"] *= 0.65
    return day


class Bucket:
    """The files of an asset, and what Detect made of them one after the other."""

    def __init__(self, history: AssetHistory = BEFORE) -> None:
        self.history = history
        self.files: dict[str, pd.DataFrame] = {}
        self.gone: set[str] = set()
        self.verdict: AssetVerdict | None = None

    def read(self, key: str) -> Mapping[str, pd.DataFrame]:
        return {} if key in self.gone or key not in self.files else {NAME: self.files[key]}

    def put(self, key: str, frame: pd.DataFrame) -> AssetHistory:
        frame = frame.drop(columns="asset_id", errors="ignore").reset_index(drop=True)
        self.files[key] = frame
        file = telemetry_file({NAME: frame}, key=key)
        whole = with_others(file, {NAME: self.history}, [NAME], self.read)
        (self.verdict,) = judge_assets(whole, Context({NAME: self.history}))
        self.history = self.verdict.history
        return self.history


def after(files: Sequence[tuple[str, pd.DataFrame]]) -> Bucket:
    bucket = Bucket()
    for key, frame in files:
        bucket.put(key, frame)
    return bucket


def incidents(history: AssetHistory) -> list[dict[str, Any]]:
    """The incidents without their ids: an id stays what the first file made it."""
    return [item.model_dump(exclude={"incident_id"}) for item in history.incidents]


def totals(history: AssetHistory) -> tuple[float, float]:
    """Hours and kWh of all incidents."""
    return (
        sum(item.duration_hours for item in history.incidents),
        sum(item.lost_energy_kwh for item in history.incidents),
    )


def told(history: AssetHistory, day: str = "2025-06-10") -> list[dict[str, Any]]:
    """What counts of the day, without which files it came from."""
    items = that_count(history.days[day])
    return [item.model_dump(exclude={"files", "readings", "step_minutes"}) for item in items]


WHOLE = after([("observations/2025/06/10/INV-001_20250610.csv", faulty_day())]).history


def test_the_day_of_these_tests_has_incidents() -> None:
    hours, kwh = totals(WHOLE)
    assert {item.kind for item in WHOLE.incidents} == {"outage", "underperformance"}
    assert hours > 6.0
    assert kwh > 300.0


def test_the_same_readings_under_a_second_name_change_nothing() -> None:
    both = after([("INV-001_20250610.csv", faulty_day()), ("acme-site_20250610.csv", faulty_day())])
    assert told(both.history) == told(WHOLE)
    assert incidents(both.history) == incidents(WHOLE)
    assert both.verdict is not None
    assert both.verdict.detection.daily_measured_kwh[-1] == pytest.approx(
        faulty_day()["power_kw"].sum() / 4, rel=0.01
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_a_correction_the_later_name_counts_in_any_order(order: tuple[int, ...]) -> None:
    corrected = faulty_day()
    corrected.loc[between(corrected, "10:00", "12:00"), "power_kw"] = 80.0
    files = [
        ("2025/06/10/INV-001_20250610.csv", faulty_day()),
        ("2025/06/10/INV-001_20250610-v2.csv", corrected),
        ("2025/06/10/INV-001_20250610-v1.csv", sunny_day(NAME)),
    ]
    wanted = after([files[1]]).history
    got = after([files[n] for n in order]).history
    assert told(got) == told(wanted)
    assert incidents(got) == incidents(wanted)


def test_a_reading_with_more_measured_values_counts_before_a_later_name() -> None:
    poor = sunny_day(NAME).assign(irradiance_w_m2=np.nan)
    for order in ((0, 1), (1, 0)):
        files = [("a.csv", faulty_day()), ("z.csv", poor)]
        assert told(after([files[n] for n in order]).history) == told(WHOLE)


def test_halves_that_share_an_hour_are_one_day_and_a_later_whole_day_replaces_them() -> None:
    day = faulty_day()
    morning, evening = day[between(day, "00:00", "10:30")], day[between(day, "09:30", "24:00")]
    bucket = after([("b.csv", evening), ("a.csv", morning)])
    assert told(bucket.history) == told(WHOLE)
    bucket.put("c.csv", day)
    assert told(bucket.history) == told(WHOLE)
    assert incidents(bucket.history) == incidents(WHOLE)


def test_a_file_put_again_replaces_what_it_gave_also_where_it_was_judged_with_others() -> None:
    day = faulty_day()
    morning, evening = day[between(day, "00:00", "10:30")], day[between(day, "09:30", "24:00")]
    sound = sunny_day(NAME)
    bucket = after([("a.csv", morning), ("b.csv", sound[between(sound, "09:30", "24:00")])])
    assert told(bucket.history) != told(WHOLE)
    bucket.put("b.csv", evening)
    assert told(bucket.history) == told(WHOLE)
    moved = sunny_day(NAME, DAY + timedelta(days=1), seed=1)
    bucket.put("b.csv", moved)  # the file is of another day now: the morning is alone again
    alone = after([("a.csv", morning), ("b.csv", moved)]).history
    assert {day: list(of) for day, of in bucket.history.days.items()} == {
        day: list(of) for day, of in alone.days.items()
    }
    assert totals(bucket.history) == pytest.approx(totals(alone), rel=0.01)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("phase", [0, 2])
def test_two_intervals_of_the_same_time_count_once(order: tuple[int, int], phase: int) -> None:
    fine, coarse = faulty_day(5, seed=3), faulty_day(15, seed=3)
    coarse["timestamp"] += pd.Timedelta(minutes=phase)
    files = [("fine.csv", fine), ("coarse.csv", coarse)]
    got = after([files[n] for n in order]).history
    hours, kwh = totals(after([files[0]]).history)
    assert totals(got) == pytest.approx((hours, kwh), rel=0.001)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_where_the_finer_file_ends_the_coarser_one_goes_on(order: tuple[int, int]) -> None:
    fine, coarse = faulty_day(5, seed=3), faulty_day(15, seed=3)
    files = [("fine.csv", fine[between(fine, "00:00", "10:00")]), ("coarse.csv", coarse)]
    got = after([files[n] for n in order]).history
    alone = totals(after([files[1]]).history)
    assert totals(got) <= alone
    assert totals(got)[0] == pytest.approx(alone[0], abs=0.5)  # the stop, the seam, dusk
    assert totals(got)[1] == pytest.approx(alone[1], abs=0.25 * 90.0)
    (day,) = got.days["2025-06-10"].values()
    assert day.measured_kwh == pytest.approx(coarse["power_kw"].sum() / 4, abs=0.25 * 90.0)


def test_readings_a_few_seconds_apart_are_the_same_readings() -> None:
    late = faulty_day().assign(timestamp=faulty_day()["timestamp"] + pd.Timedelta(seconds=4))
    got = after([("a.csv", faulty_day()), ("b.csv", late)]).history
    assert totals(got) == pytest.approx(totals(WHOLE), rel=0.001)


def test_halves_that_meet_add_up_and_are_left_as_they_are() -> None:
    day = faulty_day()
    halves = [day[between(day, "00:00", "10:00")], day[between(day, "10:00", "24:00")]]
    bucket = after([("a.csv", halves[0]), ("b.csv", halves[1])])
    by_file = bucket.history.days["2025-06-10"]
    assert {key: item.files for key, item in by_file.items()} == {"a.csv": [], "b.csv": []}
    alone = after([("a.csv", halves[0])]).history.days["2025-06-10"]["a.csv"]
    assert by_file["a.csv"] == alone
    assert sum(item.measured_kwh for item in by_file.values()) == pytest.approx(
        WHOLE.days["2025-06-10"]["observations/2025/06/10/INV-001_20250610.csv"].measured_kwh, abs=0.02
    )
    assert totals(bucket.history) == pytest.approx(totals(WHOLE), rel=0.02)


def test_a_day_that_is_cut_at_midnight_utc_adds_up() -> None:
    """At 150° W noon is at 22:00 UTC: each UTC day's file has an afternoon and the next morning."""
    asset = make_asset(NAME, location={"latitude": -26.2, "longitude": -150.0})
    registry = make_registry().model_copy(update={"assets": [asset]})
    frame = pd.concat([sunny_day(NAME, DAY + timedelta(days=n), seed=n) for n in range(6)])
    frame["timestamp"] += pd.Timedelta(hours=12)
    history, kept = empty(asset), {}
    for day, part in frame.groupby(frame["timestamp"].dt.floor("D")):
        own = part.drop(columns="asset_id").reset_index(drop=True)
        kept[str(day)] = own
        file = telemetry_file({NAME: own}, registry, key=str(day))
        whole = with_others(file, {NAME: history}, [NAME], lambda key: {NAME: kept[key]})
        assert whole is file
        history = judge_assets(whole, Context({NAME: history}))[0].history
    measured = [sum(item.measured_kwh for item in that_count(of)) for of in history.days.values()]
    assert [len(of) for of in history.days.values()].count(2) >= 4
    assert sum(measured) == pytest.approx(frame["power_kw"].sum() / 4, rel=0.001)


def test_a_correction_of_one_day_of_a_backfill_changes_that_day_only() -> None:
    frame = pd.concat([sunny_day(NAME, DAY + timedelta(days=n), seed=n) for n in range(8)])
    frame = frame.reset_index(drop=True)
    stop = (frame["timestamp"].dt.date == (DAY + timedelta(days=4)).date()) & between(
        frame, "09:00", "11:00"
    )
    frame.loc[stop, "power_kw"] = 0.0
    fourth = frame[frame["timestamp"].dt.floor("D") == pd.Timestamp(DAY + timedelta(days=4))]
    fine = sunny_day(NAME, DAY + timedelta(days=4), minutes=5, seed=4)
    fine.loc[between(fine, "09:00", "11:00"), "power_kw"] = 0.0
    alone = after([("backfill/x.csv", frame)]).history
    for other in (fourth, fine):
        for order in ((0, 1), (1, 0)):
            files = [("backfill/x.csv", frame), ("observations/y.csv", other)]
            got = after([files[n] for n in order]).history
            assert totals(got)[0] == pytest.approx(totals(alone)[0], abs=0.25)  # a mean at each end of it
            assert totals(got)[1] == pytest.approx(totals(alone)[1], rel=0.01)
            assert gains(got).keys() == gains(alone).keys()
            for day in alone.days:
                (one,), (other_one,) = that_count(alone.days[day]), that_count(got.days[day])
                assert other_one.measured_kwh == pytest.approx(one.measured_kwh, rel=0.01), day


def test_where_a_file_cannot_be_read_any_more_the_fuller_one_counts() -> None:
    day = faulty_day()
    evening = day[between(day, "09:30", "24:00")]
    for order in ((0, 1), (1, 0)):
        bucket = Bucket()
        files = [("z.csv", evening), ("a.csv", day)]
        for n in order:
            bucket.put(*files[n])
            bucket.gone.add(files[n][0])
        assert len(bucket.history.days["2025-06-10"]) == 2
        assert totals(bucket.history) == totals(WHOLE)


def test_an_older_history_is_read_and_its_repeats_count_once() -> None:
    new = {"readings", "step_minutes", "files"}
    document = WHOLE.document()
    for by_file in document["days"].values():
        for item in by_file.values():
            for name in new:
                del item[name]
    (first,) = document["days"]["2025-06-10"].values()
    old = AssetHistory.read(document)
    assert that_count(old.days["2025-06-10"])[0].stay() is not None
    document["days"]["2025-06-10"]["acme.csv"] = first
    twice = AssetHistory.read(document)
    assert len(that_count(twice.days["2025-06-10"])) == 1
    bucket = Bucket(old)
    bucket.files = {"observations/2025/06/10/INV-001_20250610.csv": faulty_day().drop(columns="asset_id")}
    assert told(bucket.put("z.csv", faulty_day())) == told(WHOLE)
    day = faulty_day()
    halves = [day[between(day, "00:00", "10:00")], day[between(day, "10:00", "24:00")]]
    half = after([("a.csv", halves[0])]).history.document()
    for name in new:
        del half["days"]["2025-06-10"]["a.csv"][name]
    bucket = Bucket(AssetHistory.read(half))
    bucket.files = {"a.csv": halves[0].drop(columns="asset_id").reset_index(drop=True)}
    assert len(bucket.put("b.csv", halves[1]).days["2025-06-10"]) == 2, "halves of an older history add up"


@pytest.mark.parametrize("first", ["a.csv", "b.csv"])
def test_files_that_come_at_once_are_judged_together_by_the_one_that_writes_second(
    cloud: None, first: str
) -> None:
    """Both were judged upon a history without the other."""
    day = faulty_day()
    parts = {"a.csv": day[between(day, "00:00", "10:30")], "b.csv": day[between(day, "09:30", "24:00")]}
    registry = make_registry()
    read = OtherFiles(IN, registry, NOW)
    write_json(OUT, "incidents/site/INV-001.json", BEFORE.document())
    judged = {}
    for key, part in parts.items():
        write_bytes(IN, key, to_csv(part), "text/csv")
        file = telemetry_file(part, registry, key=key)
        before = store.read_history(OUT, registry.require(NAME, key))
        context = Context({NAME: before.history}, etags={NAME: before.etag})
        judged[key] = file, context, judge_assets(file, context)
    batch = Batch("site", 0, [NAME])
    for key in sorted(parts, key=lambda key: key != first):
        file, context, verdicts = judged[key]
        detections, _ = store.save_batch(file, batch, context, verdicts, read)
    history = store.read_history(OUT, registry.require(NAME, "x")).history
    assert totals(history) == totals(WHOLE)
    assert {key: item.files for key, item in history.days["2025-06-10"].items()} == {"b.csv": ["a.csv"]}
    assert sum(i.lost_energy_kwh for i in detections[0].incidents) == totals(WHOLE)[1]
    (entry,) = list_keys(OUT, "telemetry/site=site/day=2025-06-10/")
    stored = parquet.read(S3Pointer(bucket=OUT, key=entry["Key"]))
    assert stored["timestamp"].tolist() == day["timestamp"].tolist()


def pieces(rng: random.Random, day: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """A day's file in random pieces that overlap by one reading at least, some twice, in random order."""
    cuts = sorted(rng.sample(range(4, len(day) - 4), rng.randint(1, 4)))
    edges = [0, *cuts, len(day)]
    files = []
    for n, (begin, end) in enumerate(itertools.pairwise(edges)):
        begin, end = max(0, begin - rng.randint(1, 8)), min(len(day), end + rng.randint(0, 8))
        files.append((f"observations/2025/06/10/{rng.choice('abxyz')}{n}.csv", day.iloc[begin:end]))
    for n in range(rng.randint(0, 2)):
        key, piece = rng.choice(files)
        files.append((f"{key.removesuffix('.csv')}-again{n}.csv", piece))
    files += rng.sample(files, rng.randint(0, 2))
    rng.shuffle(files)
    return files


def without_warmth(value: Any) -> Any:
    """The same without `warmth_c`, in whatever depth."""
    if isinstance(value, dict):
        return {name: without_warmth(item) for name, item in value.items() if name != "warmth_c"}
    return [without_warmth(item) for item in value] if isinstance(value, list) else value


def day_of(rng: random.Random, seed: int) -> pd.DataFrame:
    """The day with one more loss somewhere, in one of two intervals."""
    day = faulty_day(rng.choice((5, 15)), seed=seed)
    begin = rng.randint(0, 18)
    lost = between(day, f"{begin:02d}:00", f"{begin + 4:02d}:00")
    day.loc[lost, "power_kw"] *= rng.choice((0.0, 0.5, 1.0))
    return day


def check_pieces(seed: int) -> None:
    """Pieces tell what the whole file tells: incidents, hours, kWh, levels, to the last digit.

    One tolerance: how much warmer than the night's air the device is (`warmth_c`), half a degree. A piece
    in which there is no light leaves no trace in the history, so the coolest reading may be missing.
    """
    rng = random.Random(seed)
    day = day_of(rng, seed)
    whole = after([("whole.csv", day)]).history
    files = pieces(rng, day)
    history = after(files).history
    said = f"seed {seed}: {[(key, len(piece)) for key, piece in files]}"
    assert without_warmth(told(history)) == without_warmth(told(whole)), said
    assert without_warmth(incidents(history)) == without_warmth(incidents(whole)), said
    warm = [told(one)[0]["warmth_c"] for one in (history, whole)]
    assert warm[0] == pytest.approx(warm[1], abs=0.5), said


def check_mixed_pieces(seed: int) -> None:
    """Pieces of which some have another interval, or a clock that is off, tell of no more than there was.

    Tolerance: two of the longest intervals a seam, where a mean has a part of both sides.
    """
    rng = random.Random(seed)
    day = faulty_day(5, seed=seed)
    files = []
    for key, piece in pieces(rng, day):
        minutes = rng.choice((5, 10, 15))
        hung = piece.set_index("timestamp").drop(columns="asset_id")
        means = hung.resample(f"{minutes}min", label="right", closed="right").mean().dropna().reset_index()
        means["timestamp"] += pd.Timedelta(seconds=rng.choice((0, 0, 5, 60)))
        files.append((key, means))
    hours, kwh = totals(after([("whole.csv", day)]).history)
    got = after(files).history
    said = f"seed {seed}: {[(key, len(piece)) for key, piece in files]}"
    seams = 0.5 * len(files)
    assert sum(item.measured_kwh for item in that_count(got.days["2025-06-10"])) <= (
        day["power_kw"].sum() / 12 + 0.25 * 90.0
    ), said
    assert totals(got)[0] <= hours + min(seams, 1.0), said
    assert totals(got)[1] <= kwh * 1.05, said


@pytest.mark.parametrize("seed", range(12))
def test_random_pieces_tell_what_the_whole_day_tells(seed: int) -> None:
    check_pieces(seed)


@pytest.mark.parametrize("seed", range(5))
def test_random_pieces_of_several_intervals_tell_of_no_more_than_there_was(seed: int) -> None:
    check_mixed_pieces(seed)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_hundreds_of_random_pieces_tell_what_the_whole_day_tells() -> None:
    for seed in range(100, 300):
        check_pieces(seed)
        check_mixed_pieces(seed)
