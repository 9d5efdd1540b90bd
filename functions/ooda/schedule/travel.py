"""The way between two places: as measured where the operator gives it, else computed.

The operator's `travel.csv` has the columns `from,to,minutes,km`; the ends are sites and crews (their base),
by id. A way counts for both directions unless the other is given too; what is not in the file is computed.
A place that the registry lacks is taken to be as far away as crews may travel at most.

>>> parse_legs(b"from,to,minutes,km\\ncrew-001,plant-a,50,30\\n")
{('crew-001', 'plant-a'): (50.0, 30.0)}
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import islice
from math import asin, cos, radians, sin, sqrt

from ona.documents.assets import Location
from ona.repairs.crews import Crew, Work
from ona.runtime.errors import InvalidConfiguration
from ona.store.unreadable import Unreadable
from ooda.layout import TRAVEL
from ooda.schedule.rules import Leg, PlanningRules
from ooda.schedule.times import rounded_up

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1, km (IUGG 1980)."""
ROAD_FACTOR = 1.25
"""Roads are so many times as long as the great circle (ours: a planning assumption)."""
MOST_MINUTES, MOST_KM = 24 * 60, 10_000
"""A measured way is shorter than a day and than a quarter of the globe: more is a typing error (ours)."""
COLUMNS = {"from", "to", "minutes", "km"}
"""The columns of `travel.csv`."""


def distance_km(a: Location, b: Location) -> float:
    """Great-circle distance (haversine) times the road factor, km.

    >>> johannesburg = Location(latitude=-26.2, longitude=28.05)
    >>> pretoria = Location(latitude=-25.75, longitude=28.19)
    >>> round(distance_km(johannesburg, pretoria))
    65
    """
    lat1, lat2 = radians(a.latitude), radians(b.latitude)
    half = (
        sin((lat2 - lat1) / 2) ** 2
        + cos(lat1) * cos(lat2) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half)) * ROAD_FACTOR


def leg(one: str, other: str, a: Location | None, b: Location | None, rules: PlanningRules) -> Leg:
    """Minutes, in whole steps, and km between two places with these names: as measured, else computed; the
    longest way that a crew may travel where one of the places is unknown and they are two."""
    measured = measured_leg(one, other, rules)
    if measured is None:
        km = 0.0
        if a and b:
            km = distance_km(a, b)
        elif one != other:
            km = rules.crew.max_travel_distance_km
        measured = (60.0 * km / rules.crew.travel_speed_km_h, km)
    return rounded_up(measured[0]), measured[1]


def measured_leg(one: str, other: str, rules: PlanningRules) -> Leg | None:
    """Minutes and km as the operator gives them for this way, in the one direction or the other."""
    return rules.legs.get((one, other)) or rules.legs.get((other, one))


def is_assumed(work: Work, crew: Crew, rules: PlanningRules) -> bool:
    """Whether nobody knows the way from a crew's base to a work's site."""
    known = work.location is not None and crew.base is not None
    return not known and measured_leg(crew.crew_id, work.site_id, rules) is None


def way_to(work: Work, crew: Crew, rules: PlanningRules) -> Leg:
    """Minutes and km from a crew's base to a work's site."""
    return leg(crew.crew_id, work.site_id, crew.base, work.location, rules)


def ways(
    works: Sequence[Work], crews: Sequence[Crew], rules: PlanningRules
) -> tuple[list[list[float]], list[list[float]]]:
    """Minutes and km between all places: the crews' bases, then where the works are."""
    names = [crew.crew_id for crew in crews] + [work.site_id for work in works]
    places = [crew.base for crew in crews] + [work.location for work in works]
    ends = [
        (name, (place.latitude, place.longitude) if place else None)
        for name, place in zip(names, places, strict=True)
    ]
    sites = {end: (end[0], place) for end, place in zip(ends, places, strict=True)}  # many works have one
    number = {end: n for n, end in enumerate(sites)}
    which = [number[end] for end in ends]
    table: list[list[Leg]] = [[] for _ in sites]
    for n, (name, place) in enumerate(sites.values()):
        for m, (other, there) in enumerate(islice(sites.values(), n + 1)):
            way = leg(name, other, place, there, rules)
            table[n].append(way)
            if m < n:
                back = (other, name) in rules.legs and (name, other) in rules.legs
                table[m].append(leg(other, name, there, place, rules) if back else way)
    minutes = [[table[n][m][0] for m in which] for n in which]
    km = [[table[n][m][1] for m in which] for n in which]
    for n in range(len(which)):
        minutes[n][n] = km[n][n] = 0.0
    return minutes, km


def parse_legs(body: bytes, bad: list[Unreadable] | None = None) -> dict[tuple[str, str], Leg]:
    """The measured ways of a `travel.csv`. A wrong line is put into `bad`, where that is given. Raises
    InvalidConfiguration naming the line that is wrong, or for a file of which nothing can be read."""
    try:
        return _legs(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")), bad)
    except UnicodeDecodeError as error:
        raise InvalidConfiguration(f"{TRAVEL}: not UTF-8 text: {error}") from error
    except csv.Error as error:
        raise InvalidConfiguration(f"{TRAVEL}: cannot be read as CSV: {error}") from error


def _legs(rows: csv.DictReader[str], bad: list[Unreadable] | None) -> dict[tuple[str, str], Leg]:
    missing = COLUMNS - set(rows.fieldnames or ())
    if missing:
        raise InvalidConfiguration(f"{TRAVEL}: no column {', '.join(sorted(missing))}")
    legs: dict[tuple[str, str], Leg] = {}
    for number, row in enumerate(rows, 2):
        try:
            minutes, km = float(row["minutes"]), float(row["km"])
        except (TypeError, ValueError):
            minutes = km = -1.0
        named = all(name and name.isprintable() for name in (row["from"], row["to"]))
        if not (0 <= minutes < MOST_MINUTES and 0 <= km < MOST_KM and named):
            why = f"needs two names, minutes below {MOST_MINUTES} and km below {MOST_KM}"
            if bad is None:
                raise InvalidConfiguration(f"{TRAVEL}: line {number}: {why}")
            bad.append(Unreadable(f"{TRAVEL}, line {number}", why))
            continue
        legs[row["from"], row["to"]] = (minutes, km)
    return legs
