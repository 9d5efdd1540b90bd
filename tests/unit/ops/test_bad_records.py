"""Every loop over records of many customers: N of them, k bad; the other N - k are done, the bad ones are
named and told once. Beside each kind of bad record stands a sound one that looks odd."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import boto3
import numpy as np
import pandas as pd
import pytest

from delivery.deliver import notifications, people, remote, sending, store
from delivery.deliver.systems import Ticket
from forecasting.documents import SiteDocument
from forecasting.global_training_service import store as training
from forecasting.layout import SITE, TRAINING_HOURLY
from forecasting.weather_cache import store as weather
from ona.api import callers
from ona.config import causes
from ona.outbox import deliveries
from ona.outbox.items import OUTBOX, Delivery, Notice
from ona.repairs import crews, experience, orders
from ona.repairs.tracking import PartUsed
from ona.runtime.errors import DependencyBusy, InvalidPayload
from ona.sky.weather_cache import refresh_all
from ona.sky.weather_document import Place
from ona.store import parquet, tables
from ona.store.layout import TELEMETRY
from ona.store.s3 import write_json
from ona.store.unreadable import Unreadable
from ooda.config.detection import detection_config
from ooda.detect import telemetry_store
from ooda.operations_api.verify import verify
from ooda.reconcile import plan as planning
from ooda.reconcile.seen import Seen
from tests.builders.assets import make_asset, make_registry
from tests.builders.delivery import rules
from tests.builders.orders import CUSTOMER, call, tracked
from tests.builders.plans import NOW, crew
from tests.fakes.tables import OUT, create_table

N, K = 6, 2
FULL = "x" * 404_000
"""Characters with which an item is full: any update of it is refused."""
MOTO_FULL = 404_990
"""Bytes of an item that moto still takes, and to which nothing can be added."""
WEST = "America/Sao_Paulo"


def scattered(seed: str) -> list[bool]:
    """Which of N records are bad: K of them, anywhere."""
    bad = [True] * K + [False] * (N - K)
    random.Random(seed).shuffle(bad)
    return bad


# ------------------------------------------------------------------ orders: verify, digest

BAD_ORDERS: dict[str, dict[str, Any]] = {
    "wrong types": {"status": 7, "version": "x", "history": "none"},
    "no version": {"version": None},
    "a foreign status": {"status": "LOST"},
    "no history": {"history": []},
    "history is no list": {"history": {"0": "opened"}},
    "a time without zone": {"scheduled_start": "2025-06-11T09:00:00"},
    "a month of 13": {"created_at": "2025-13-11T09:00:00Z"},
    "an unknown subscription": {"subscriptions": {"sub-1": {"kind": "fax", "endpoint": "1"}}},
    "parts without number": {"parts_used": [{"sku": "FAN"}]},
    "a mark of money": {"daily_loss_usd": "80 USD"},
}
SOUND_ORDERS: dict[str, dict[str, Any]] = {
    "an attribute of a later version": {"colour": {"of": ["a", "later"]}},
    "no attribute of this version": {"history_kept": None, "audience": None, "subscriptions": None},
    "an empty title": {"title": ""},
}


def put_orders(change: dict[str, Any], seed: str) -> tuple[list[str], list[str]]:
    """N complete orders, K of them changed; the names of the sound and of the bad ones."""
    sound: list[str] = []
    bad: list[str] = []
    for number, is_bad in enumerate(scattered(seed)):
        name = f"wo-20250611-{number:08d}"
        order = tracked(
            work_order_id=name,
            open="yes",
            customer_id=CUSTOMER,
            status="COMPLETE",
            completed_at=NOW,
            cause="inverter_failure",
            finding_key=f"INV-{number:03d}#x",
        )
        item = {**order.item(), **(change if is_bad else {})}
        tables.put("tracking", {key: value for key, value in item.items() if value is not None})
        (bad if is_bad else sound).append(name)
    return sound, bad


def told_of(what: str) -> list[str]:
    """The records that operators are told of."""
    items = [item for item in tables.scan("outbox") if str(item["delivery_id"]).startswith("trouble#")]
    return sorted(str(item["subject"]) for item in items if str(item["subject"]).startswith(what))


@pytest.mark.parametrize("kind", [*BAD_ORDERS, "a full item"])
def test_verify_judges_the_others_and_tells_of_each_bad_order_once(cloud: None, kind: str) -> None:
    sound, bad = put_orders(BAD_ORDERS.get(kind, {"title": FULL + "x" * 250}), kind)
    expected = [f"A repair could not be judged: table tracking, {name}" for name in bad]
    counts = verify(OUT, NOW)
    assert counts == {"verified": len(sound), "still_there": 0, "waiting": 0, "failed": K}
    assert all(orders.require(name).verified_at == NOW for name in sound)
    assert told_of("A repair") == sorted(expected)
    before = tables.scan("outbox")
    assert verify(OUT, NOW + timedelta(hours=1))["failed"] == K
    assert tables.scan("outbox") == before, "nobody is told twice"


@pytest.mark.parametrize("kind", SOUND_ORDERS)
def test_an_order_that_looks_odd_is_judged(cloud: None, kind: str) -> None:
    put_orders(SOUND_ORDERS[kind], kind)
    assert verify(OUT, NOW) == {"verified": N, "still_there": 0, "waiting": 0}
    assert told_of("A repair") == []


def test_a_table_that_is_busy_is_no_bad_record(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_orders({}, "busy")

    def busy(*_: Any) -> None:
        raise DependencyBusy("throttled")

    monkeypatch.setattr(crews, "release", busy)
    assert verify(OUT, NOW)["waiting"] == N
    assert told_of("A repair") == []


BAD_EXPERIENCE: dict[str, dict[str, Any]] = {
    "nothing else": {"repairs": "many"},
    "another schema": {"repairs": [{"colour": "red"}]},
    "full": {"repairs": [{"order": FULL, "parts": []}]},
}


@pytest.mark.parametrize("kind", BAD_EXPERIENCE)
def test_what_nobody_can_learn_ends_an_order_all_the_same(cloud: None, kind: str) -> None:
    put_orders({}, kind)
    name = "wo-20250611-00000000"
    taken = orders.require(name).model_copy(update={"parts_used": [PartUsed(sku="SG110CX-PM", quantity=1)]})
    tables.put("tracking", taken.item())
    mine = experience.key_of("inverter_failure", taken.customer_id)
    tables.put("tracking", {"job_id": mine, "version": 1, **BAD_EXPERIENCE[kind]})
    assert verify(OUT, NOW)["verified"] == N
    assert told_of("A repair") == [f"A repair could not be judged: table tracking, {name}, what it took"]
    rule = causes.rule_for(causes.cause_rules(), "inverter_failure")
    learned = experience.of(taken.customer_id, "inverter_failure").duration(rule)
    assert learned.planned == rule.duration_hours, "planning goes on without"


@pytest.mark.parametrize("kind", [*BAD_ORDERS, "the year 1"])
def test_the_digest_tells_the_others_and_names_the_bad_orders(cloud: None, kind: str) -> None:
    sound, bad = put_orders(BAD_ORDERS.get(kind, {"due_date": "0001-01-01T00:00:00Z"}), kind)
    daily = rules(timezone=WEST, digest={"at": "00:00", "days": ["tuesday", "wednesday"]})
    assert store.put_digest(daily, NOW)
    assert not store.put_digest(daily, NOW), "once a day"
    [item] = [item for item in tables.scan("outbox") if item["kind"] == "digest"]
    assert f"{len(sound)} complete, waiting for telemetry" in item["text"]
    assert "2 orders that nobody can read" in item["text"]
    assert all(f"table tracking, {name}" in item["text"] for name in bad)
    assert not any(name in item["text"] for name in sound)


# ------------------------------------------------------------------ the outbox

BAD_NOTICES: dict[str, dict[str, Any]] = {
    "nothing but the key": {"kind": None, "place": None, "subject": None, "text": None},
    "wrong types": {"kind": 7, "attempts": "many", "place": []},
    "an unknown kind": {"kind": "carrier pigeon"},
    "a claim without zone": {"first_failed_at": "2025-06-11T09:00:00"},
    "no text": {"text": None},
    "a full item": {"text": FULL},
    "what nobody takes": {"subject": "poison"},
}


def notice(number: int, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "delivery_id": f"notice-{number}",
        "kind": "notice",
        "place": "operators",
        "lane": "send",
        "next_at": NOW,
        "ttl": int(NOW.timestamp()) + 99,
        "event": "x",
        "priority": "critical",
        "subject": f"subject {number}",
        "text": "text",
    }
    item = {**Notice.read(fields).item(), **changes}
    return {name: value for name, value in item.items() if value is not None}


@pytest.mark.parametrize("kind", BAD_NOTICES)
def test_the_outbox_delivers_the_others(cloud: None, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    sent: list[str] = []

    def publish(subject: str, *_: Any) -> None:
        if subject == "poison":
            raise ValueError("Invalid parameter: Message too long")
        sent.append(subject)

    monkeypatch.setattr(notifications, "publish", publish)
    url = boto3.client("sqs").create_queue(QueueName="outbox-letters")["QueueUrl"]
    monkeypatch.setenv("OUTBOX_DEAD_LETTERS_URL", url)
    for number, is_bad in enumerate(scattered(kind)):
        item = notice(number, **(BAD_NOTICES[kind] if is_bad else {}))
        if is_bad and kind == "a full item":
            item["text"] = ""
            item["text"] = "x" * (MOTO_FULL - sum(len(f"{name}{value}") for name, value in item.items()))
        tables.put("outbox", item)
    calm = rules(single_messages=N, quiet_hours=None, messages_an_hour=100)
    counts = sending.run(calm, NOW, left=lambda: 1000.0)
    assert counts["told"] == N - K
    assert len(sent) == N - K
    assert counts["dead"] + counts["failed"] == K
    if kind == "a full item":
        assert len(told_of("A message could not be delivered")) == K
        before = len(tables.scan("outbox"))
        sending.run(calm, NOW + timedelta(minutes=1), left=lambda: 1000.0)
        assert len(tables.scan("outbox")) <= before + 3, "counts of an hour, and no second notice"
        assert len(told_of("A message could not be delivered")) == K
    elif kind != "what nobody takes":
        assert counts["dead"] == K, "a dead letter tells of each"


def test_a_digest_that_nobody_can_make_holds_up_no_message(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(notifications, "publish", lambda subject, *_: sent.append(subject))
    monkeypatch.setattr(store, "put_digest", lambda *_: 1 / 0)
    tables.put("outbox", notice(1))
    sending.run(rules(quiet_hours=None), NOW, left=lambda: 1000.0)
    assert sent == ["subject 1"]
    assert told_of("A message could not be delivered: the digest")


def test_a_recipient_that_breaks_holds_up_no_other(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str] = []

    def broken(items: Any, *_: Any) -> Counter[str]:
        if items[0].recipient_name == "odd":
            raise RuntimeError("odd")
        served.append(items[0].recipient_name)
        return Counter(told=1)

    monkeypatch.setattr(people, "deliver", broken)
    for number, place in enumerate(("a", "odd", "b", "c")):
        tables.put("outbox", notice(number, place=place))
    counts = sending.run(rules(), NOW, left=lambda: 1000.0)
    assert sorted(served) == ["a", "b", "c"]
    assert (counts["told"], counts["failed"]) == (3, 1)
    assert told_of("A message could not be delivered: recipient odd")


@pytest.mark.parametrize("why", [KeyError("status"), TypeError("NoneType"), InvalidPayload("refused")])
def test_one_odd_ticket_holds_up_no_other(monkeypatch: pytest.MonkeyPatch, why: Exception) -> None:
    def look_up(names: list[str]) -> dict[str, Ticket]:
        if "odd" in names:
            raise why
        return {name: Ticket(name) for name in names}

    failed: list[str] = []

    def settle(item: Any, *_: Any, **__: Any) -> str:
        failed.append(item.ticket)
        return "failed"

    monkeypatch.setattr(remote, "failed", settle)
    watching = remote.RemoteDeliveries(NOW, lambda: 1000.0, [])
    channel = cast(Any, SimpleNamespace(look_up=look_up))
    monkeypatch.setattr(watching, "_channel", lambda _: channel)
    items = [
        Delivery.model_validate(
            {"delivery_id": name, "kind": "system", "place": "desk", "work_order_id": "wo", "wanted": 1}
            | {"ticket": name}
        )
        for name in ("a", "odd", "b", "c")
    ]
    groups = watching._looked_up(items)
    assert [list(tickets) for _, tickets in groups] == [["a"], ["b"], ["c"]]
    assert failed == ["odd"]


TICKETS = {"a long name": ("x" * 201, ""), "a page as a name": ("<html>" * 100, "")}


@pytest.mark.parametrize("kind", TICKETS)
def test_a_ticket_s_name_has_a_bound(kind: str) -> None:
    with pytest.raises(InvalidPayload, match="bound of 200"):
        Ticket(*TICKETS[kind])
    assert len(Ticket("x" * 200, "y" * 10_000).raw) == 200, "a status is cut"


# ------------------------------------------------------------------ crews

BAD_CREWS: dict[str, dict[str, Any]] = {
    "no base": {"base": None},
    "beyond the pole": {"base": {"latitude": 91, "longitude": 0}},
    "nobody": {"size": 0},
    "skills are no list": {"specialisations": "all"},
    "an unknown weekday": {"working_days": ["someday"]},
    "a visit without zone": {"bookings": "naive"},
    "a visit without end": {"bookings": [{"finding_key": "x"}]},
    "away for ever": {"away": [{"first": "now", "last": "never"}]},
    "a version in words": {"version": "three"},
}
SOUND_CREWS: dict[str, dict[str, Any]] = {
    "of a later version": {"motto": "we go anywhere"},
    "no version yet": {"version": None, "bookings": None},
}


@pytest.mark.parametrize("kind", [*BAD_CREWS, *SOUND_CREWS])
def test_one_bad_crew_stops_no_planning(cloud: None, kind: str) -> None:
    times = dict.fromkeys(("leaves", "start", "end", "returns"), "2025-06-12T09:00:00")
    names = dict.fromkeys(("finding_key", "finding_id", "asset_id", "site_id", "specialization"), "x")
    naive = [{**times, **names, "technicians": 1, "travel_km": 1.0}]
    change = {**BAD_CREWS, **SOUND_CREWS}[kind]
    change = {"bookings": naive} if change.get("bookings") == "naive" else change
    for number, is_bad in enumerate(scattered(kind), start=1):
        item = {**crew(number).item(), **(change if is_bad else {})}
        tables.put("crews", {key: value for key, value in item.items() if value is not None})
    team = crews.load()
    without_base = kind in BAD_CREWS and "base" in BAD_CREWS[kind]  # it keeps its calendar, gets no work
    assert len(team) == N - (K if kind in BAD_CREWS and not without_base else 0)
    assert sum(member.base is None for member in team) == (K if without_base else 0)
    crews.book(team, {}, NOW, ["x"])
    assert crews.holder(team, "x") is None


# ------------------------------------------------------------------ site peers

DAY = pd.Timestamp("2025-06-10T06:00:00Z")


def peer(asset_id: Any = "INV-002") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "timestamp": pd.date_range(DAY, periods=4, freq="15min"),
            "asset_id": asset_id,
            "temperature_c": 25.0,
            "voltage_v": 600.0,
            "power_kw": [1.0, 2.0, np.nan, 4.0],
            "irradiance_w_m2": 500.0,
        }
    )


BAD_PEERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "power in words": lambda frame: frame.assign(power_kw="much"),
    "irradiance in words": lambda frame: frame.assign(irradiance_w_m2="bright"),
    "temperature in words": lambda frame: frame.assign(temperature_c="warm"),
    "expected in words": lambda frame: frame.assign(expected_kw="more"),
    "power is true": lambda frame: frame.assign(power_kw=True),
    "infinite power": lambda frame: frame.assign(power_kw=np.inf),
    "assets are numbers": lambda frame: frame.assign(asset_id=7),
    "times are numbers": lambda frame: frame.assign(timestamp=[1, 2, 3, 4]),
    "times are words": lambda frame: frame.assign(timestamp="noon"),
    "a time is missing": lambda frame: frame.assign(timestamp=[cast(Any, pd.NaT), *frame["timestamp"][1:]]),
    "no power": lambda frame: frame.drop(columns="power_kw"),
    "another site's asset": lambda frame: frame.assign(asset_id="WT-900"),
}
SOUND_PEERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "whole numbers": lambda frame: frame.assign(power_kw=[1, 2, 3, 4]),
    "no irradiance at all": lambda frame: frame.assign(irradiance_w_m2=np.nan),
    "a column of a later version": lambda frame: frame.assign(colour="red"),
}


@pytest.mark.parametrize("kind", [*BAD_PEERS, *SOUND_PEERS])
def test_one_bad_peer_file_stops_no_day_of_a_site(
    cloud: None, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    change = {**BAD_PEERS, **SOUND_PEERS}[kind]
    site, keys = make_asset("INV-001").site_id, []
    for number, is_bad in enumerate(scattered(kind), start=2):
        frame = peer(f"INV-{number:03d}")
        key = TELEMETRY.build(site_id=site, day=DAY.date(), name=f"INV-{number:03d}")
        parquet.put(OUT, key, change(frame) if is_bad else frame)
        keys += [key] if is_bad else []
    file = SimpleNamespace(
        registry=make_registry(N + 1),
        rules=detection_config(),
        readings={"INV-001": peer("INV-001")},
        key="x.csv",
    )
    assets = {"INV-001": make_asset("INV-001")}
    beside = telemetry_store.read_neighbours(cast(Any, file), assets, ["2025-06-10"], OUT)
    wrong = kind in BAD_PEERS
    assert beside["asset_id"].nunique() == (N - K if wrong else N)
    assert np.isfinite(beside["power_kw"].dropna().astype(float)).all()
    named = [str(getattr(record, "where", "")) + str(record.__dict__) for record in caplog.records]
    if wrong and kind != "another site's asset":
        assert all(any(key in text for text in named) for key in keys), "each object is named"
    elif wrong:
        assert any("WT-900" in text for text in named)


# ------------------------------------------------------------------ weather, quotas, training, comparing

BAD_PLACES: dict[str, dict[str, Any]] = {
    "nothing but the key": {},
    "words": {"latitude": "south", "longitude": "east"},
    "beyond the pole": {"latitude": 95, "longitude": 20},
    "a list": {"latitude": [1], "longitude": 20},
}


@pytest.mark.parametrize("kind", BAD_PLACES)
def test_one_bad_place_stops_no_weather(cloud: None, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    create_table("locations", "location_id")
    monkeypatch.setenv("LOCATIONS_TABLE", "locations")
    for number, is_bad in enumerate(scattered(kind)):
        sound = {"latitude": -26 - number, "longitude": 28.5}
        place = BAD_PLACES[kind] if is_bad else sound
        tables.put("locations", {"location_id": f"l{number}", **place})
    assert len(weather.places()) == N - K


@pytest.mark.parametrize("where", ["newest", "refresh"])
@pytest.mark.parametrize("error", [KeyError("key"), TypeError("x"), ValueError("y"), OverflowError("z")])
def test_one_place_that_breaks_stops_no_other(where: str, error: Exception) -> None:
    places = [Place.of(-20 - number, 28.0) for number in range(N)]
    odd = {places[number] for number, is_bad in enumerate(scattered(where)) if is_bad}

    def act(place: Place, _: datetime) -> None:
        if place in odd:
            raise error

    def fine(*_: Any) -> None:
        return None

    cache = SimpleNamespace(newest=fine, refresh=fine)
    setattr(cache, where, act)
    told: dict[str, str] = {}

    def each(place: Place, _: str, reason: str) -> None:
        told[place.place_id] = reason

    counts = refresh_all(cast(Any, cache), places, NOW, fetch_after=timedelta(0), each=each)
    assert counts == {"refreshed": N - K, "fresh": 0, "stale": 0, "missing": K}
    assert {name for name, reason in told.items() if reason} == {place.place_id for place in odd}


BAD_CALLERS: dict[str, dict[str, Any]] = {
    "no customer": {"customer_id": None},
    "a customer that is a number": {"customer_id": 7},
    "an empty customer": {"customer_id": ""},
    "no tier": {"tier": None},
    "a tier that is a list": {"tier": ["standard"]},
    "an unknown tier": {"tier": "gold"},
    "another status": {"status": ["active"]},
}


@pytest.mark.parametrize("kind", [*BAD_CALLERS, "of a later version"])
def test_a_bad_customer_item_opens_nothing_and_breaks_nothing(cloud: None, kind: str) -> None:
    create_table("customers", "id")
    item = {"id": "key#1", "status": "active", "tier": "standard", "customer_id": "c"}
    item |= BAD_CALLERS.get(kind, {"colour": "red"})
    tables.put("customers", {name: value for name, value in item.items() if value is not None})
    found = callers.find("customers", "key#1")
    assert (found is None) is (kind in BAD_CALLERS)


BAD_SITES: dict[str, Any] = {"no site": {"colour": "red"}, "a list": [], "a word": "site"}


@pytest.mark.parametrize("kind", BAD_SITES)
def test_one_bad_site_stops_no_training_of_the_others(cloud: None, kind: str) -> None:
    site = SiteDocument(
        site_id="s",
        customer_id="c",
        latitude=-26.0,
        longitude=28.0,
        capacity_kw=100.0,
        kind="solar",
        **_rest_of_site(),
    )
    entries = []
    for number, is_bad in enumerate(scattered(kind)):
        name = f"s{number}"
        document: Any = site.model_copy(update={"site_id": name}).document()
        write_json(OUT, SITE.build(customer_id="c", site_id=name), BAD_SITES[kind] if is_bad else document)
        key = TRAINING_HOURLY.build(customer_id="c", site_id=name, file_id="0123456789abcdef")
        parquet.put(
            OUT, key, pd.DataFrame({"timestamp": pd.date_range(DAY, periods=4, freq="h"), "share": 0.5})
        )
        entries.append({"Key": key, "LastModified": NOW, "ETag": "", "Size": 1})
    bad: list[Unreadable] = []
    read = training.tables_of(training.Uploads(OUT, "c", cast(Any, entries)), OUT, NOW, bad)
    assert (len(read), len(bad)) == (N - K, K)


def _rest_of_site() -> dict[str, Any]:
    needed = {name for name, field in SiteDocument.model_fields.items() if field.is_required()}
    given = {"site_id", "customer_id", "latitude", "longitude", "capacity_kw", "kind"}
    return {name: {} if name == "assets" else NOW for name in needed - given}


@pytest.mark.parametrize("part", ["_visits", "_documents", "_deliveries", "_claims"])
def test_one_comparison_that_breaks_off_holds_up_no_other(
    cloud: None, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def breaks(*_: Any) -> Any:
        raise TypeError("can't compare offset-naive and offset-aware datetimes")
        yield

    monkeypatch.setattr(planning, part, breaks)
    long_ago = tracked(open="yes", created_at=NOW - timedelta(days=1))
    seen = Seen(orders={long_ago.work_order_id: long_ago})
    wanted = planning.plan(seen, NOW)
    broken = [item for item in wanted.decide if "could not be compared to the end" in item.what]
    assert len(broken) == 1
    assert any("lock" in mend.text for mend in wanted.mends), "the others were compared"


# ------------------------------------------------------------------ the API


@pytest.mark.parametrize("kind", ["wrong types", "no history", "an unknown subscription", "a month of 13"])
def test_the_api_answers_503_for_a_record_that_nobody_can_read(world: list[str], kind: str) -> None:
    _, bad = put_orders(BAD_ORDERS[kind], kind)
    for name in bad:
        for method, path, body in (
            ("GET", f"/work-orders/{name}", None),
            ("PATCH", f"/work-orders/{name}", {"version": 1, "note": "x"}),
            ("POST", f"/work-orders/{name}/subscriptions", {"kind": "email", "endpoint": "a@example.com"}),
            ("DELETE", f"/work-orders/{name}/subscriptions/sub-0123456789ab", None),
        ):
            status, errors = call(method, path, body)
            assert status == 503, (method, errors)
            assert "cannot be read" in errors[0]["message"]
    status, data = call("GET", "/work-orders")
    assert status == 200
    assert not {item["work_order_id"] for item in data["work_orders"]} & set(bad)
    assert {item["work_order_id"] for item in data["work_orders"]} >= set(world[:1])
    assert call("GET", "/schedule")[0] == 200


def test_an_entry_of_the_outbox_is_named_by_table_and_key(cloud: None) -> None:
    assert deliveries.where_of(OUTBOX.parsed(notice(1))) == "table outbox, notice-1"
    assert Unreadable("table outbox, x", "why").where
