"""A night's files, all at once: sound days, faults, files that come twice, garbage, files that are gone.

A site has ten inverters. Every twentieth file is of an inverter that stops in the morning and stays off; it
is the only one of its site. What a file is stands in the plan, and nowhere in its name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from ona.documents.assets import AssetRegistry
from tests.builders.assets import make_asset
from tests.builders.telemetry import DAY, sunny_day, to_csv

Kind = Literal["sound", "faulty", "garbage", "gone"]
FAULTY_EVERY, TWICE_EVERY, GARBAGE_EVERY, GONE_EVERY, AGAIN_EVERY = 20, 12, 25, 50, 30
"""One of so many files is faulty, comes twice with the same bytes, is garbage, is deleted at once, and has
an event that comes twice."""
A_SITE = 10
BODIES = 8
"""Different days; files that have the same one differ in the asset's name."""
GARBAGE: tuple[Callable[[str], bytes], ...] = (
    lambda asset: b"",
    lambda asset: b"<html><head><title>504 Gateway Time-out</title></head></html>\n",
    lambda asset: b"timestamp,asset_id,temperature_c,voltage_v\n2025-06-10T00:00:00Z," + asset.encode(),
    lambda asset: random.Random(asset).randbytes(4_000),
    lambda asset: f"timestamp,asset_id,temperature_c,voltage_v,power_kw\nno time,{asset},1,2,x\n".encode(),
)
"""What suppliers send by mistake: nothing, an error page, a column too few, bytes, cells of no sense."""


@dataclass(frozen=True)
class Planned:
    """One file, and what it is."""

    place: int
    key: str
    asset: str
    kind: Kind
    body: bytes
    twice: bool = False
    """Whether the same bytes come under the same key a second time."""
    again: bool = False
    """Whether the event of the object comes a second time."""


@dataclass
class Burst:
    """Which files come, and, once they were put, as which versions."""

    files: list[Planned]
    put: list[tuple[Planned, str]] = field(default_factory=list)
    """Each version that S3 took, with its id."""

    def registry(self) -> AssetRegistry:
        """Their inverters, ten a site; dear enough that a stopped one is repaired at once."""
        return AssetRegistry(
            assets=[
                make_asset(item.asset, site_id=f"site-{item.place // A_SITE:03d}", tariff_usd_per_kwh=0.6)
                for item in self.files
            ]
        )

    def last(self, item: Planned) -> str:
        """The version of a file that was put last."""
        return [version for one, version in self.put if one is item][-1]

    def put_now(self, files: list[Planned], s3: Any, bucket: str) -> None:
        """Put these files, eight at a time; what is to be gone is deleted for good at once."""

        def put(item: Planned) -> list[tuple[Planned, str]]:
            given = {"Bucket": bucket, "Key": item.key}
            versions = [
                str(s3.put_object(**given, Body=item.body)["VersionId"])
                for _ in range(2 if item.twice else 1)
            ]
            if item.kind == "gone":
                s3.delete_object(**given, VersionId=versions[0])
            return [(item, version) for version in versions]

        with ThreadPoolExecutor(8) as pool:
            self.put += [pair for pairs in pool.map(put, files) for pair in pairs]


def burst(count: int, faulty_every: int = FAULTY_EVERY, seed: int = 17) -> Burst:
    """A plan of so many puts, the same for the same seed; one of so many files is faulty."""
    dice = random.Random(seed)
    sunny = [to_csv(sunny_day("INV-0000", seed=number)).decode() for number in range(BODIES)]
    files = list(_plan(count, sunny, faulty_every))
    dice.shuffle(files)
    return Burst(_gone_last(files))


def _plan(count: int, sunny: list[str], faulty_every: int) -> Iterator[Planned]:
    place = puts = 0
    while puts < count:
        asset, kind = f"INV-{place:04d}", _kind(place, faulty_every)
        text = sunny[place % BODIES].replace("INV-0000", asset)
        body = GARBAGE[place // GARBAGE_EVERY % len(GARBAGE)](asset) if kind == "garbage" else text.encode()
        if kind == "faulty":
            body = _stopped(text, f"T{8 + place % 4:02}:00").encode()
        twice = kind != "gone" and place % TWICE_EVERY == 1 and puts + 1 < count
        again = kind in ("sound", "faulty") and place % AGAIN_EVERY == 1
        key = f"observations/{DAY:%Y/%m/%d}/{asset}_{DAY:%Y%m%d}.csv"
        yield Planned(place, key, asset, kind, body, twice, again)
        place, puts = place + 1, puts + 1 + twice


def _kind(place: int, faulty_every: int) -> Kind:
    """What the file of this place is."""
    if place % faulty_every == 1:
        return "faulty"
    if place % GARBAGE_EVERY == 5:
        return "garbage"
    return "gone" if place % GONE_EVERY == 8 else "sound"


def _gone_last(files: list[Planned]) -> list[Planned]:
    """What is deleted at once comes when others wait already, so that it is gone when its turn comes."""
    return sorted(files, key=lambda item: item.kind == "gone")


def _stopped(text: str, since: str) -> str:
    """The same day without power from a time (UTC) on."""
    head, *lines = text.splitlines()
    place, told = head.split(",").index("power_kw"), [head]
    for line in lines:
        cells = line.split(",")
        if cells[0][10:16] >= since:
            cells[place] = "0.0"
        told.append(",".join(cells))
    return "\n".join(told) + "\n"
