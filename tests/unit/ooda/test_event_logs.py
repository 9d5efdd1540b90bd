"""Event logs as strangers write them: which file is one, what its rows say, what its codes mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ona.config.causes import cause_rules
from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidTelemetry
from ooda.config.event_codes import event_codes
from ooda.detect.event_store import merged
from ooda.documents.event_logs import EventsOfMonth, StoredEvent
from ooda.event_logs.headers import head_text, header_of
from ooda.event_logs.meaning import meaning
from ooda.event_logs.reading import EventLog, read_log
from tests.builders.assets import make_asset

NOW = datetime(2025, 6, 11, tzinfo=UTC)
REGISTRY = AssetRegistry(
    assets=[make_asset("WT-01", name="Ridge 1", type="Wind Turbine"), make_asset("WT-02", name="Ridge 2")]
)
KEY = "observations/2025/06/10/log.csv"
ROW = "2025-06-10T08:00:00Z,2025-06-10T09:00:00Z,WT-01,309,Fan failure\n"
HEAD = "start,end,asset,code,text\n"
TEN = datetime(2025, 6, 10, 10, tzinfo=UTC)


def read(text: str, encoding: str = "utf-8", key: str = KEY) -> EventLog:
    return read_log(text.encode(encoding), REGISTRY, NOW, key)


def told(log: EventLog) -> list[tuple[str, str, str, str, str]]:
    """Asset, code, text, start and end of each event; times as day-hour:minute."""

    def clock(moment: datetime | None) -> str:
        return f"{moment.astimezone(UTC):%d-%H:%M}" if moment else ""

    return [
        (name, event.code, event.text, clock(event.start), clock(event.end))
        for name, own in sorted(log.events.items())
        for event in own
    ]


HEADERS: dict[str, tuple[str, bool]] = {
    "plain": ("start,end,asset,code,text", True),
    "greenbyte": ("Timestamp start,Timestamp end,Duration,Status,Code,Message,Comment,IEC category", True),
    "behind comments": (
        "# Turbine: Ridge 1\n# exported 2025\nTimestamp start,Timestamp end,Code,Message",
        True,
    ),
    "german, semicolons": ("Beginn;Ende;Anlage;Fehlercode;Meldung", True),
    "tabs": ("Start Time\tEnd Time\tDevice Name\tAlarm ID\tAlarm Name", True),
    "a row when it comes and when it goes": ("timestamp,device,alarm,state", True),
    "without any end": ("time (UTC),turbine,code,message", True),
    "with what was measured then": ("start,end,asset_id,code,text,power_kw", True),
    # distractors
    "our telemetry": ("timestamp,asset_id,temperature_c,voltage_v,power_kw", False),
    "our telemetry with a status": ("timestamp,asset_id,temperature_c,voltage_v,power_kw,code,text", False),
    "our telemetry with intervals": (
        "start,end,timestamp,asset_id,temperature_c,voltage_v,power_kw,code",
        False,
    ),
    "telemetry that lacks a column": (
        "timestamp,asset_id,temperature_c,power_kw,status_text,message",
        False,
    ),
    "energy by interval": ("start,end,asset,energy_kwh", False),
    "a vendor's export": ("DATE_TIME,PLANT_ID,SOURCE_KEY,DC_POWER,AC_POWER,DAILY_YIELD,TOTAL_YIELD", False),
    "a registry": ('{"assets": [{"id": "WT-01", "code": 1}]}', False),
    "a word list": ("text\nstart", False),
    "nothing": ("", False),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_log_is_recognised_by_its_header(case: str) -> None:
    text, is_log = HEADERS[case]
    assert (header_of(text + "\n1;2;3\n") is not None) is is_log
    assert (header_of(head_text(b"\xef\xbb\xbf" + text.encode("utf-8"))) is not None) is is_log


SAME = [("WT-01", "309", "Fan failure", "10-08:00", "10-09:00")]
GOOD: dict[str, tuple[str, list[tuple[str, str, str, str, str]]]] = {
    "start and end": (HEAD + ROW, SAME),
    "twice the same": (HEAD + ROW + ROW, SAME),
    "duration": (
        "start,duration (min),asset,code,text\n2025-06-10T08:00:00Z,60,WT-01,309,Fan failure\n",
        SAME,
    ),
    "duration as a clock": (
        "start,duration,asset,code,text\n2025-06-10T08:00Z,1:00:00,WT-01,309,Fan failure\n",
        SAME,
    ),
    "the end wins over the duration": (
        "start,end,duration,asset,code,text\n2025-06-10T08:00Z,2025-06-10T09:00Z,7,WT-01,309,Fan failure\n",
        SAME,
    ),
    "coming and going": (
        "time,asset,code,text,state\n2025-06-10T09:00Z,WT-01,309,Fan failure,off\n"
        "2025-06-10T08:00Z,WT-01,309,Fan failure,ON\n2025-06-10T08:10Z,WT-01,309,Fan failure,on\n",
        SAME,
    ),
    "zone in the header": (
        "start (Europe/Berlin);end (Europe/Berlin);turbine;code;text\n"
        "10.06.2025 10:00;10.06.2025 11:00:00;ridge 1;309;Fan failure\n",
        SAME,
    ),
    "zone as an offset": (
        "start (UTC+02:00),end (UTC+02:00),asset,code,text\n"
        "2025-06-10 10:00,2025-06-10 11:00,WT-01,309,Fan failure\n",
        SAME,
    ),
    "zone in a column": (
        "start,end,time zone,asset,code,text\n"
        "2025-06-10 08:00,2025-06-10 09:00,UTC,WT-01,309,Fan failure\n",
        SAME,
    ),
    "american dates": (
        "start_utc,end_utc,asset,code,text\n06/10/2025 8:00 AM,06/10/2025 9:00 AM,WT-01,309,Fan failure\n"
        "05/31/2025 1:00 PM,05/31/2025 1:30 PM,WT-02,1,Manual stop\n",
        [*SAME, ("WT-02", "1", "Manual stop", "31-13:00", "31-13:30")],
    ),
    "one asset, named before the header": (
        "# Turbine: Ridge 1\n# Time zone: UTC\nTimestamp start,Timestamp end,Code,Message\n"
        "2025-06-10 08:00:00,2025-06-10 09:00:00,309,Fan failure\n",
        SAME,
    ),
    "open": (HEAD + "2025-06-10T08:00:00Z,,WT-01,309,Fan failure\n", [(*SAME[0][:4], "")]),
    "open, with a filler": (HEAD + ROW.replace("2025-06-10T09", "9999-12-31T09"), [(*SAME[0][:4], "")]),
    "without any end": (
        "time,asset,code,text\n2025-06-10T08:00Z,WT-01,309,Fan failure\n",
        [(*SAME[0][:4], "10-08:00")],
    ),
    "chatter": (
        HEAD
        + "".join(
            f"2025-06-10T08:{m:02d}:00Z,2025-06-10T08:{m:02d}:30Z,WT-01,309,Fan failure\n"
            for m in range(60)
        ),
        [(*SAME[0][:4], "10-08:59")],
    ),
    "a line that would break others": (
        HEAD + '2025-06-10T08:00Z,2025-06-10T09:00Z,WT-01,309,"Fan\nfailure\x1b[31m \u202e"\n',
        [("WT-01", "309", "Fan failure [31m", "10-08:00", "10-09:00")],
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_a_log_says(case: str) -> None:
    text, events = GOOD[case]
    assert told(read(text)) == events


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_letters_of_other_countries_are_read(encoding: str) -> None:
    header = "Beginn (UTC);Ende (UTC);Gerät;Code;Meldung\n"
    text = header + "10.06.2025 08:00;10.06.2025 09:00;WT-01;7;Lüfter gestört\n"
    assert header_of(head_text(text.encode(encoding))) is not None
    assert told(read(text, encoding))[0][2] == "Lüfter gestört"


REFUSED: dict[str, tuple[str, str]] = {
    "no zone": (HEAD + ROW.replace("Z", ""), "time_without_zone"),
    "a zone that nobody knows": ("start (Karoo),end,asset,code,text\n" + ROW, "time_zone_unknown"),
    "two zones": ("start (UTC),end (Europe/Berlin),asset,code,text\n" + ROW, "time_zone_ambiguous"),
    "day or month first": (
        "start (UTC),end (UTC),asset,code,text\n06/10/2025 08:00,06/10/2025 09:00,WT-01,1,x\n",
        "dates_ambiguous",
    ),
    "both": (
        "start (UTC),end (UTC),asset,code,text\n31/05/2025 08:00,,WT-01,1,x\n05/31/2025 08:00,,WT-01,1,x\n",
        "dates_ambiguous",
    ),
    "a duration of something": (
        "start,duration,asset,code,text\n2025-06-10T08:00Z,60,WT-01,1,x\n",
        "duration_without_unit",
    ),
    "whose": ("start,end,code,text\n" + ROW.replace("WT-01,", ""), "no_asset_column"),
    "nobody's": (HEAD + ROW.replace("WT-01", "WT-99"), "unknown_asset"),
    "backwards": (HEAD + ROW.replace("T09", "T07"), "end_before_start"),
    "of tomorrow": (HEAD + ROW.replace("2025", "2027"), "timestamp_in_the_future"),
    "nothing happened": (HEAD, "no_rows"),
    "UTF-16": ("\ufeff" + HEAD + ROW, "wrong_encoding"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_be_read_in_two_ways_is_refused(case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(InvalidTelemetry) as error:
        read(text, "utf-16-le" if case == "UTF-16" else "utf-8")
    assert error.value.reason == reason
    assert error.value.remedy


BAD_ROWS = {
    "2025-06-10T08:00Z,2025-06-10T09:00Z,WT-01\n": "malformed_row",
    ",2025-06-10T09:00Z,WT-01,309,x\n": "timestamp_missing",
    "soon,2025-06-10T09:00Z,WT-01,309,x\n": "timestamp_without_zone",
    "2025-06-10T08:00Z,2025-06-10T07:00Z,WT-01,309,x\n": "end_before_start",
    "2025-06-10T08:00Z,2025-06-10T09:00Z,WT-99,309,x\n": "unknown_asset",
    "2025-06-10T08:00Z,2025-06-10T09:00Z,WT-01,,\n": "no_code_and_no_text",
    "1999-06-10T08:00Z,1999-06-10T09:00Z,WT-01,309,x\n": "timestamp_implausible",
}


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_bad_row_is_counted_and_holds_up_no_other(row: str) -> None:
    log = read(HEAD + row + ROW)
    assert told(log) == SAME
    assert log.quality.rejected == {BAD_ROWS[row]: 1}
    assert log.quality.rows_read == 2


def test_ten_thousand_rows_of_chatter_are_few_events() -> None:
    rows = "".join(
        f"2025-06-{1 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00Z,,WT-01,{n % 3},Chatter {n % 3},"
        f"{'on' if n % 2 else 'off'}\n"
        for n in range(10_000)
    )
    log = read("start,reset id,asset,code,text,state\n" + rows)
    assert log.quality.rows_read == 10_000
    assert 0 < log.number <= 10_000


MEANT: dict[tuple[str, str], tuple[str, str]] = {
    ("309", "Fan failure"): ("fault", "fan_failure"),
    ("", "Low insulation resistance"): ("fault", "isolation_fault"),
    ("OVER_TEMP", ""): ("fault", "overtemperature_derating"),
    ("GROUND_FAULT", ""): ("fault", "isolation_fault"),
    ("DC_OVER_VOLT", ""): ("fault", "dc_bus_fault"),
    ("", "Emergency stop nacelle"): ("fault", ""),
    ("", "Generator speed error"): ("fault", ""),
    ("", "Scheduled maintenance"): ("planned", ""),
    ("", "Service mode on"): ("planned", ""),
    ("", "Wartung"): ("planned", ""),
    ("", "Manual stop"): ("operator", ""),
    ("MANUAL_SHUTDOWN", ""): ("operator", ""),
    ("", "Remote stop by SCADA"): ("operator", ""),
    ("", "Grid frequency too high"): ("grid", ""),
    ("", "Mains failure: undervoltage"): ("grid", ""),
    ("AC_OVER_VOLT", ""): ("grid", ""),
    ("", "Active power limit 60 %"): ("curtailment", ""),
    ("", "Noise reduced mode"): ("curtailment", ""),
    ("", "Storm shutdown"): ("environment", ""),
    ("", "Cable untwisting"): ("environment", ""),
    ("", "Lack of wind: wind speed too low"): ("environment", ""),
    ("", "Icing detected"): ("environment", "icing"),
    ("", "Communication lost with PLC"): ("communication", "communication_error"),
    ("", "Turbine in operation"): ("information", ""),
    # what looks like something else
    ("", "Ice detection sensor fault"): ("fault", "sensor_fault"),
    ("", "Untwisting timeout"): ("fault", ""),
    ("", "Unplanned stop"): ("fault", ""),
    ("", "Maintenance due in 30 days"): ("information", ""),
    ("", "Grid side converter fault"): ("fault", "inverter_failure"),
    ("", "Power limited: temperature"): ("fault", "overtemperature_derating"),
    ("", "Fan speed 3"): ("information", ""),
    ("", "Pitch calibration"): ("information", ""),
    ("", "Grid fault cleared"): ("information", ""),
    ("", "Run; DROP TABLE assets; --"): ("information", ""),
    ("4711", ""): ("information", ""),
}


@pytest.mark.parametrize("said", MEANT)
def test_what_code_and_text_mean(said: tuple[str, str]) -> None:
    meant = meaning(*said)
    assert (meant.event_class, meant.cause) == MEANT[said]


def test_a_code_means_something_on_its_makers_machines_only() -> None:
    assert meaning("3501", "", oem=("SMA Solar Technology",)).cause == "isolation_fault"
    assert not meaning("3501", "", oem=("Smart Inverters Inc",)).known
    assert meaning("2032", "", oem=("Huawei",)).event_class == "grid"
    assert meaning("62:1", "", oem=("Enercon",)).event_class == "fault"


def test_the_logs_own_category_says_more_than_the_text() -> None:
    assert meaning("8", "Fan failure", "Scheduled Maintenance").event_class == "planned"
    assert meaning("8", "Fan failure", "Forced outage").cause == "fan_failure"
    assert meaning("8", "Fan failure", "Full Performance").event_class == "information"
    assert meaning("8", "Fan failure", "", "Informational").event_class == "information"


def test_what_nothing_knows_is_told() -> None:
    assert [meaning("4711", text).known for text in ("", "Xyzzy", "Fan failure")] == [False, False, True]


def test_each_cause_that_a_log_hints_at_is_a_cause() -> None:
    assert event_codes().causes() <= set(cause_rules())


def event(start: int | None, end: int | None, code: str = "7") -> StoredEvent:
    times = [None if hour is None else TEN + timedelta(hours=hour) for hour in (start, end)]
    return StoredEvent(code=code, start=times[0], end=times[1], seen=TEN)


MERGED: dict[str, tuple[list[list[StoredEvent]], list[tuple[int, int | None]]]] = {
    "closed by a later log": ([[event(0, None)], [event(0, 2)]], [(0, 2)]),
    "an end that came alone": ([[event(0, None)], [event(None, 2)]], [(0, 2)]),
    "an end of another code": ([[event(0, None)], [event(None, 2, "8")]], [(0, None)]),
    "an end before it": ([[event(3, None)], [event(None, 2)]], [(3, None)]),
    "the next one's end": ([[event(0, None), event(3, None)], [event(None, 5)]], [(0, None), (3, 5)]),
    "the same twice": ([[event(0, 2)], [event(0, 2)]], [(0, 2)]),
}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("case", MERGED)
def test_the_order_of_logs_does_not_matter(case: str, backwards: bool) -> None:
    parts, wanted = MERGED[case]
    logs = [EventsOfMonth(asset_id="WT-01", source=f"{n}.csv", events=own) for n, own in enumerate(parts)]
    times = [(e.start, e.end) for e in merged(logs[::-1] if backwards else logs)]
    hours = [tuple(t if t is None else (t - TEN) // timedelta(hours=1) for t in pair) for pair in times]
    assert hours == wanted
