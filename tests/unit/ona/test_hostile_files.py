"""Wrong bytes and values in each kind of file that comes from outside, and what is answered: a reason in
words, of our own. Beside each table stands one of files that look wrong and are read.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from ona.config.parts import PartsCatalogue
from ona.config.sources import SourceProfile
from ona.documents.assets import AssetRegistry
from ona.repairs.crews import Crew
from ona.runtime.errors import InvalidConfiguration, InvalidPayload, InvalidTelemetry
from ona.store.registry import parse_registry
from ona.telemetry.canonical import read_canonical
from ona.telemetry.exports import read_export
from ona.telemetry.readings import Telemetry
from ooda.schedule.travel import parse_legs
from tests.builders.plans import crew, part
from tests.builders.telemetry import NOW

HEADER = "timestamp,asset_id,temperature_c,voltage_v,power_kw\n"
FOUR = [f"2025-06-10T08:{minute:02d}:00Z,INV-001,30.0,750,50.{minute}" for minute in (0, 15, 30, 45)]
LINES = "\n".join([HEADER.strip(), *FOUR])


def read(data: bytes) -> Telemetry:
    return read_canonical(data, now=NOW, capacity_kw={"INV-001": 100.0}.get, where="x.csv")


# ------------------------------------------------------------------ bytes of telemetry

CR = LINES.replace("\n", "\r")
BYTES: dict[str, tuple[bytes, str]] = {
    "CR alone": (CR.encode(), "line_endings"),
    "CR alone, and at the end": (f"{CR}\r".encode(), "line_endings"),
    "CR alone behind a header with LF": ((HEADER + "\r".join(FOUR)).encode(), "line_endings"),
    "CR alone behind a byte order mark": (b"\xef\xbb\xbf" + CR.encode(), "line_endings"),
    "CR alone, a large file": ((CR + "\r" + "\r".join(FOUR * 2000)).encode(), "line_endings"),
    "line separators of Unicode": (LINES.replace("\n", "\u2028").encode(), "duplicate_column"),
    "vertical tabs": (LINES.replace("\n", "\v").encode(), "duplicate_column"),
    "UTF-16 with a mark": (LINES.encode("utf-16"), "wrong_encoding"),
    "UTF-16 without a mark": (LINES.encode("utf-16-le"), "wrong_encoding"),
    "UTF-32": (LINES.encode("utf-32"), "wrong_encoding"),
    "zeros": (bytes(4096), "binary_file"),
    "a block of zeros in the middle": (
        LINES.encode()[:80] + bytes(64) + LINES.encode()[80:],
        "binary_file",
    ),
    "a file of spaces": (b" " * 4096, "empty_file"),
    "a mark and nothing": (b"\xef\xbb\xbf", "empty_file"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(20), "binary_file"),
    "Parquet": (b"PAR1" + bytes(20), "binary_file"),
    "HTML": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "missing_columns"),
    "JSON": (b'{"timestamp": "2025-06-10T08:00:00Z", "power_kw": 5}', "missing_columns"),
    "tabs": (LINES.replace(",", "\t").encode(), "missing_columns"),
    "the header twice, and no reading": ((HEADER * 2).encode(), "timestamp_without_zone"),
}


@pytest.mark.parametrize("kind", BYTES)
def test_bytes_that_are_no_readings_are_refused_with_the_reason(kind: str) -> None:
    data, reason = BYTES[kind]
    with pytest.raises(InvalidTelemetry) as caught:
        read(data)
    assert caught.value.reason == reason, caught.value
    assert caught.value.remedy
    assert caught.value.where.startswith("x.csv")


SOUND_BYTES: dict[str, bytes] = {
    "CR LF": LINES.replace("\n", "\r\n").encode(),
    "CR CR LF": LINES.replace("\n", "\r\r\n").encode(),
    "no line end at the end": LINES.encode(),
    "blank lines between": LINES.replace("\n", "\n\n").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + LINES.encode(),
    "a CR at the very end": f"{LINES}\r".encode(),
    "quotes around all": "\n".join(
        ",".join(f'"{field}"' for field in line.split(",")) for line in LINES.split("\n")
    ).encode(),
    "a CR in a quoted remark of each row": "\n".join(
        [f"{HEADER.strip()},remark", *(f'{row},"dust\r cleaned"' for row in FOUR)]
    ).encode(),
    "UTF-7 that is ASCII": LINES.encode("utf-7"),
    "a remark that begins as a gzip file would not": LINES.replace("power_kw", "power_kw,PK")
    .replace(".15", ".15,PK")
    .encode(),
    "spaces behind commas": LINES.replace(",", ", ").encode(),
    "another column": LINES.replace("power_kw", "power_kw,remark").replace(".15", ".15,Zürich").encode(),
}


@pytest.mark.parametrize("kind", SOUND_BYTES)
def test_bytes_that_look_odd_are_read(kind: str) -> None:
    result = read(SOUND_BYTES[kind])
    assert len(result) >= 1
    assert result.frame["power_kw"].notna().all()


def zipped(*names: str) -> bytes:
    """A zip archive with such parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, LINES)
    return buffer.getvalue()


HEAD, ROWS = LINES.split("\n", 1)
NAMED: dict[str, tuple[bytes, str]] = {
    "header CR, rows LF": (f"{HEAD}\r{ROWS}".encode(), "carriage return"),
    "header LF, rows CR": ((HEAD + "\n" + ROWS.replace("\n", "\r")).encode(), "carriage return"),
    "header CR LF, every second row CR": (
        (f"{HEAD}\r\n" + "\n".join(["\r".join(FOUR[:2])] * 20)).encode(),
        "carriage return",
    ),
    "header CR behind a blank line": (f"\n{HEAD}\r{ROWS}\n".encode(), "carriage return"),
    "UTF-16 LE with a mark": (b"\xff\xfe" + LINES.encode("utf-16-le"), "UTF-16"),
    "UTF-16 BE with a mark": (b"\xfe\xff" + LINES.encode("utf-16-be"), "UTF-16"),
    "UTF-16 LE": (LINES.encode("utf-16-le"), "UTF-16"),
    "UTF-16 BE": (LINES.encode("utf-16-be"), "UTF-16"),
    "UTF-32 LE with a mark": (b"\xff\xfe\x00\x00" + LINES.encode("utf-32-le"), "UTF-32"),
    "UTF-32 BE with a mark": (b"\x00\x00\xfe\xff" + LINES.encode("utf-32-be"), "UTF-32"),
    "UTF-32 LE": (LINES.encode("utf-32-le"), "UTF-32"),
    "UTF-32 BE": (LINES.encode("utf-32-be"), "UTF-32"),
    "UTF-7 with a mark": (b"+/v8-" + LINES.encode(), "UTF-7"),
    "UTF-7": (LINES.replace("_", "+AF8-").encode(), "UTF-7"),
    "EBCDIC, cp037": (LINES.encode("cp037"), "EBCDIC"),
    "EBCDIC, cp500, with NEL": (LINES.replace("\n", "\x85").encode("cp500"), "EBCDIC"),
    "gzip named .csv": (gzip.compress(LINES.encode()), "gunzip"),
    "bzip2 named .csv": (bz2.compress(LINES.encode()), "bunzip2"),
    "xz named .csv": (lzma.compress(LINES.encode()), "unxz"),
    "zip named .csv": (zipped("x.csv"), "unpack it"),
    "xlsx named .csv": (zipped("[Content_Types].xml", "xl/workbook.xml"), "open it in Excel"),
    "xls named .csv": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "open it in Excel"),
}
"""Each has a message of its own, in the error's message or remedy."""


@pytest.mark.parametrize("kind", NAMED)
def test_another_encoding_or_container_is_named_with_its_remedy(kind: str) -> None:
    data, said = NAMED[kind]
    with pytest.raises(InvalidTelemetry) as caught:
        read(data)
    assert said in f"{caught.value.message} {caught.value.remedy}", caught.value
    assert caught.value.reason in ("line_endings", "wrong_encoding", "binary_file")


# ------------------------------------------------------------------ vendors' exports

PROFILE = SourceProfile.read(
    {
        "name": "acme",
        "vendor": "Acme",
        "delimiter": ";",
        "time": {"column": "when", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
        "asset_id": {"column": "machine"},
        "columns": {
            "power_kw": {"column": "P", "unit": "W"},
            "temperature_c": {"column": "T", "unit": "C"},
        },
        "site": {"site_id": "acme-site"},
    }
)
EPOCH = PROFILE.model_copy(
    update={"time": PROFILE.time.model_copy(update={"format": "epoch_s", "zone": None})}
)
REGISTRY = parse_registry(b'{"assets": [{"id": "A", "capacity_kw": 10}]}', "assets.json")


def export(when: list[Any], power: list[Any], machine: str = "A") -> bytes:
    rows = [f"{time};{machine};{value};25" for time, value in zip(when, power, strict=True)]
    return "\n".join(["when;machine;P;T", *rows]).encode()


TIMES = [f"10.06.2025 {hour}:00" for hour in range(10, 16)]
SECONDS = [1749549600 + 900 * number for number in range(6)]
EXPORTS: dict[str, tuple[SourceProfile, bytes, str]] = {
    "words for power": (PROFILE, export(TIMES, ["abc"] * 6), "power_kw_not_a_number"),
    "truth values for power": (PROFILE, export(TIMES, ["true"] * 6), "power_kw_not_a_number"),
    "decimal commas": (PROFILE, export(TIMES, ["2500,5"] * 6), "power_kw_not_a_number"),
    "thousands with dots": (PROFILE, export(TIMES, ["1.000.000"] * 6), "power_kw_not_a_number"),
    "power of 1e308 W": (PROFILE, export(TIMES, ["1e308"] * 6), "power_kw_out_of_range"),
    "infinite power": (PROFILE, export(TIMES, ["inf"] * 6), "not_finite"),
    "no power": (PROFILE, export(TIMES, [""] * 6), "no_power"),
    "an unknown machine": (PROFILE, export(TIMES, [1] * 6, "B"), "unknown_asset"),
    "days of another country": (PROFILE, export(["06/10/2025 10:00"] * 6, [1] * 6), "timestamp_unreadable"),
    "the year 1": (PROFILE, export(["01.01.0001 00:00"] * 6, [1] * 6), "timestamp_implausible"),
    "the year 9999": (PROFILE, export(["31.12.9999 23:59"] * 6, [1] * 6), "timestamp_in_the_future"),
    "an epoch of 1e300": (EPOCH, export(["1e300"] * 6, [1] * 6), "timestamp_unreadable"),
    "an epoch below 1677": (EPOCH, export(["-1e18"] * 6, [1] * 6), "timestamp_unreadable"),
    "an epoch in milliseconds": (
        EPOCH,
        export([1000 * second for second in SECONDS], [1] * 6),
        "timestamp_unreadable",
    ),
    "an epoch that is infinite": (EPOCH, export(["inf"] * 6, [1] * 6), "timestamp_unreadable"),
    "an epoch in words": (EPOCH, export(["now"] * 6, [1] * 6), "timestamp_unreadable"),
    "CR alone": (PROFILE, export(TIMES, [1] * 6).replace(b"\n", b"\r"), "line_endings"),
    "another vendor's columns": (PROFILE, b"time;inverter;kW\n1;2;3\n", "missing_columns"),
    "a header alone": (PROFILE, b"when;machine;P;T\n", "no_rows"),
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_that_cannot_be_used_is_refused_with_the_reason(kind: str) -> None:
    profile, data, reason = EXPORTS[kind]
    with pytest.raises(InvalidTelemetry) as caught:
        read_export(profile, {"x.csv": data}, now=NOW, registry=REGISTRY)
    assert caught.value.reason == reason, caught.value


SOUND_EXPORTS: dict[str, tuple[SourceProfile, bytes, dict[str, int]]] = {
    "a word by night": (
        PROFILE,
        export(TIMES, ["offline", 1, 2, 3, 4, 5]),
        {"power_kw_not_a_number": 1},
    ),
    "a power of 1e308 once": (PROFILE, export(TIMES, ["1e308", 1, 2, 3, 4, 5]), {}),
    "an epoch of 1e300 once": (EPOCH, export(["1e300", *SECONDS[1:]], [0, 1, 2, 3, 4, 5]), {}),
    "epochs with fractions": (EPOCH, export([f"{second}.0" for second in SECONDS], range(6)), {}),  # type: ignore[arg-type]
    "an empty cell": (PROFILE, export(TIMES, ["", 1, 2, 3, 4, 5]), {}),
}


@pytest.mark.parametrize("kind", SOUND_EXPORTS)
def test_an_export_with_an_odd_value_is_read_and_the_value_is_counted(kind: str) -> None:
    profile, data, flagged = SOUND_EXPORTS[kind]
    telemetry, _ = read_export(profile, {"x.csv": data}, now=NOW, registry=REGISTRY)
    power = telemetry.frame["power_kw"].dropna()
    assert power.iloc[-1] == pytest.approx(0.005)
    assert {name: telemetry.quality.flagged.get(name) for name in flagged} == flagged


@pytest.mark.parametrize("power", ["1e308", "1e300", "1e20"])
def test_a_capacity_that_no_machine_has_is_not_estimated(power: str) -> None:
    """`ona put --source` registers what nobody registered, by the power that came."""
    with pytest.raises(InvalidTelemetry, match="more than any power station"):
        read_export(PROFILE, {"x.csv": export(TIMES, [power] * 6)}, now=NOW, registry=None)


# ------------------------------------------------------------------ assets.json

ASSET: dict[str, Any] = {"id": "INV-001", "capacity_kw": 100.0}
HUGE = 10**400
ASSETS: dict[str, tuple[dict[str, Any], str]] = {
    "capacity of 1e308": ({"capacity_kw": 1e308}, "capacity_kw"),
    "capacity of 10^400": ({"capacity_kw": HUGE}, "capacity_kw"),
    "capacity of 1e-300": ({"capacity_kw": 1e-300}, "capacity_kw"),
    "no capacity": ({"capacity_kw": 0}, "capacity_kw"),
    "capacity below none": ({"capacity_kw": -5}, "capacity_kw"),
    "capacity that is no number": ({"capacity_kw": float("nan")}, "capacity_kw"),
    "infinite capacity": ({"capacity_kw": float("inf")}, "capacity_kw"),
    "capacity in words": ({"capacity_kw": "a hundred"}, "capacity_kw"),
    "a tariff of 1e308": ({"tariff_usd_per_kwh": 1e308}, "tariff_usd_per_kwh"),
    "beyond the pole": ({"location": {"latitude": 91, "longitude": 0}}, "latitude"),
    "longitudes of a circle": ({"location": {"latitude": 0, "longitude": 200}}, "longitude"),
    "an id with a slash": ({"id": "a/b"}, "id"),
    "an id that climbs": ({"id": "../x"}, "id"),
    "an id with a newline": ({"id": "a\n"}, "id"),
    "an id of 200 letters": ({"id": "x" * 200}, "id"),
    "no id": ({"id": ""}, "id"),
    "a site with a slash": ({"site_id": "a/b"}, "site_id"),
    "a warranty without end": (
        {"components": [{"oem": "a", "model": "b", "type": "fan", "warranty_months": HUGE}]},
        "warranty_months",
    ),
    "a part of the year 1": (
        {
            "components": [
                {"oem": "a", "model": "b", "type": "fan", "installation_date": "0001-01-01T00:00:00Z"}
            ]
        },
        "installation_date",
    ),
    "a roof beyond the vertical": ({"tilt": 120}, "tilt"),
}


@pytest.mark.parametrize("kind", ASSETS)
def test_an_asset_that_cannot_be_is_refused_by_field(kind: str) -> None:
    change, field = ASSETS[kind]
    body = json.dumps({"assets": [{**ASSET, **change}]}).encode()
    with pytest.raises(InvalidConfiguration, match=field):
        parse_registry(body, "assets.json")


SOUND_ASSETS: dict[str, dict[str, Any]] = {
    "a micro inverter": {"capacity_kw": 0.25},
    "a large power station": {"capacity_kw": 22_500_000},
    "a number as an integer": {"capacity_kw": 5},
    "no tariff": {"tariff_usd_per_kwh": 0},
    "the pole": {"location": {"latitude": -90, "longitude": 180}},
    "a time zone of another name": {"timezone": "Etc/GMT+12"},
    "a dotted id": {"id": "plant.7_inv-3"},
    "a name of any letters": {"name": "Wechselrichter 三号 😀"},
}


@pytest.mark.parametrize("kind", SOUND_ASSETS)
def test_an_asset_that_looks_odd_is_taken(kind: str) -> None:
    body = json.dumps({"assets": [{**ASSET, **SOUND_ASSETS[kind]}]}).encode()
    registry: AssetRegistry = parse_registry(body, "assets.json")
    assert len(registry.assets) == 1


# ------------------------------------------------------------------ parts, crews, measured ways

PARTS: dict[str, dict[str, Any]] = {
    "a price of 1e308": {"unit_price_usd": 1e308},
    "a price below none": {"unit_price_usd": -1},
    "a price that is no number": {"unit_price_usd": float("nan")},
    "a price in words": {"unit_price_usd": "dear"},
    "a wait of 1e308 days": {"lead_time_days": 1e308},
    "a wait below none": {"lead_time_days": -1},
    "a warranty of 10^400 months": {"warranty_months": HUGE},
    "a stock of 10^400": {"stock": HUGE},
    "half a piece": {"stock": 0.5},
    "nothing used up": {"consumables": [{"sku": "a", "quantity": 0}]},
    "10^400 used up": {"consumables": [{"sku": "a", "quantity": HUGE}]},
    "an unknown key": {"colour": "red"},
}


@pytest.mark.parametrize("kind", PARTS)
def test_a_part_that_cannot_be_is_refused(kind: str) -> None:
    line = {**part("a", 1, 1).model_dump(), **PARTS[kind]}
    with pytest.raises(InvalidPayload, match=next(iter(PARTS[kind]))):
        PartsCatalogue.read({"version": 2, "parts": [line]})


@pytest.mark.parametrize("change", [{"unit_price_usd": 0}, {"lead_time_days": 3650}, {"stock": 0}], ids=str)
def test_a_part_that_looks_odd_is_taken(change: dict[str, Any]) -> None:
    line = {**part("a", 1, 1).model_dump(), **change}
    assert PartsCatalogue.read({"version": 2, "parts": [line]}).parts[0].wait_days is not None


CREWS: dict[str, dict[str, Any]] = {
    "nobody": {"size": 0},
    "10^400 people": {"size": HUGE},
    "a base beyond the pole": {"base": {"latitude": 99, "longitude": 0}},
    "a base that is no number": {"base": {"latitude": float("nan"), "longitude": 0}},
    "no working day": {"working_days": []},
    "an unknown day": {"working_days": ["freeday"]},
    "away in the year 1": {"away": [{"first": "0001-01-01", "last": "2025-06-10"}]},
    "away until the year 9999": {"away": [{"first": "2025-06-10", "last": "9999-12-31"}]},
    "away until before it began": {"away": [{"first": "2025-06-12", "last": "2025-06-10"}]},
}


@pytest.mark.parametrize("kind", CREWS)
def test_a_crew_that_cannot_be_is_refused(kind: str) -> None:
    with pytest.raises(InvalidPayload, match=next(iter(CREWS[kind]))):
        Crew.read({**crew(1).model_dump(), **CREWS[kind]})


WAYS: dict[str, bytes] = {
    "no bytes": b"",
    "no UTF-8": b"\xff\xfe",
    "zeros": b"from,to,minutes,km\n\x00,b,1,1\n",
    "other columns": b"a,b\n1,2\n",
    "a field without end": b"from,to,minutes,km\n" + b"x" * 200_000 + b",b,1,1\n",
    "a quote without end": b'from,to,minutes,km\n"a,b,1,1\nc,d,2,2\n',
    "minutes of 1e308": b"from,to,minutes,km\na,b,1e308,1\n",
    "minutes that are no number": b"from,to,minutes,km\na,b,nan,1\n",
    "a way below none": b"from,to,minutes,km\na,b,-1,1\n",
    "infinite km": b"from,to,minutes,km\na,b,1,inf\n",
    "a field too few": b"from,to,minutes,km\na,b,1\n",
    "no name": b"from,to,minutes,km\n,b,1,1\n",
}


@pytest.mark.parametrize("kind", WAYS)
def test_a_file_of_ways_that_cannot_be_is_refused_with_its_name(kind: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"travel\.csv"):
        parse_legs(WAYS[kind])


SOUND_WAYS: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbffrom,to,minutes,km\na,b,1,1\n",
    "CR LF": b"from,to,minutes,km\r\na,b,1,1\r\n",
    "CR alone": b"from,to,minutes,km\ra,b,1,1\r",
    "no way at all": b"from,to,minutes,km\n",
    "another column": b"from,to,minutes,km,remark\na,b,1,1,by ferry\n",
    "names of any letters": "from,to,minutes,km\nBüro 😀,b,0,0\n".encode(),
}


@pytest.mark.parametrize("kind", SOUND_WAYS)
def test_a_file_of_ways_that_looks_odd_is_read(kind: str) -> None:
    assert len(parse_legs(SOUND_WAYS[kind])) == (kind != "no way at all")


# ------------------------------------------------------------------ all of them

Reader = Callable[[bytes], Any]
READERS: dict[str, Reader] = {
    "telemetry": read,
    "export": lambda data: read_export(PROFILE, {"x.csv": data}, now=NOW, registry=REGISTRY),
    "assets.json": lambda data: parse_registry(data, "assets.json"),
    "travel.csv": parse_legs,
}
OURS = (InvalidTelemetry, InvalidConfiguration)
ANYTHING: dict[str, bytes] = {
    "every byte": bytes(range(256)),
    "every byte but zero": bytes(range(1, 256)) * 4,
    "commas": b"," * 70_000,
    "quotes": b'"' * 10_001,
    "brackets": b"[" * 100_000,
    "lines": b"\n" * 10_000 + b"x",
    "digits": b"9" * 5_000,
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "a formula": b"=cmd|' /C calc'!A0,1\n1,2\n",
    "an entity bomb": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
}


@pytest.mark.parametrize("kind", ANYTHING)
@pytest.mark.parametrize("reader", READERS)
def test_no_bytes_are_answered_with_an_error_of_somebody_else(reader: str, kind: str) -> None:
    with pytest.raises(OURS) as caught:
        READERS[reader](ANYTHING[kind])
    assert len(str(caught.value)) < 20_000
    assert pd.notna(str(caught.value))


SPIKED: dict[str, list[object]] = {
    "one of 1e308": ["1e308", 1_000, 2_000, 3_000, 4_000, 5_000],
    "half of 1e308": ["1e308", 1_000, "1e308", 3_000, "1e308", 5_000],
    "one infinite": ["inf", 1_000, 2_000, 3_000, 4_000, 5_000],
    "half infinite": [1_000, "inf", 3_000, "inf", 5_000, "inf"],
    "one of minus 1e308": ["-1e308", 1_000, 2_000, 3_000, 4_000, 5_000],
    "all but one": ["1e308", "inf", "1e308", "inf", "1e308", 5_000],
}


@pytest.mark.parametrize("kind", SPIKED)
def test_what_no_power_station_gives_says_nothing_of_a_machine_that_nobody_registered(kind: str) -> None:
    """Its capacity is estimated from the other readings, and they are kept."""
    profile = PROFILE.model_copy(update={"site": PROFILE.site.model_copy(update={"capacity_kw": None})})
    data = export(TIMES, SPIKED[kind])
    telemetry, registry = read_export(profile, {"x.csv": data}, now=NOW, registry=None)
    [asset] = registry.assets
    assert 1.0 < asset.capacity_kw <= 5.0
    sound = [value for value in SPIKED[kind] if isinstance(value, int)]
    assert len(telemetry) == len(sound)
    assert telemetry.quality.rows_rejected == len(TIMES) - len(sound)


@pytest.mark.parametrize("value", ["1e308", "inf", "-1e308"])
def test_a_machine_of_which_every_reading_is_impossible_has_no_capacity(value: str) -> None:
    profile = PROFILE.model_copy(update={"site": PROFILE.site.model_copy(update={"capacity_kw": None})})
    with pytest.raises(InvalidTelemetry) as caught:
        read_export(profile, {"x.csv": export(TIMES, [value] * 6)}, now=NOW, registry=None)
    assert caught.value.reason == "power_kw_out_of_range"
    assert "nan" not in str(caught.value)
