"""A country's weeks of work: another world than the demo's, at the sizes that production has.

A country of 900 km by 750 km has towns; the larger a town, the more sites lie around it (sizes follow a
power law). Crews have a base in a town, some skills, a size, days off and absences; some work on Saturdays.
Jobs lose between a few and some thousand USD a day (Pareto), take between half an hour and six hours
(log-normal), and four in ten wait for a part. Two national holidays lie in the fortnight. All numbers are
this module's; nothing is read from the platform's settings. `as_the_platform_sees_it` is the only part that
knows the platform.

>>> fortnight = make(200, 20, seed=1)
>>> len(fortnight.jobs), len(fortnight.crews)
(200, 20)
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

SIZES = ((200, 20), (500, 40), (1000, 60), (5000, 300))
"""Jobs and crews."""
NOW = datetime(2026, 11, 30, 6, 10, tzinfo=UTC)
"""A Monday morning in Madrid; the 8th of December is a holiday (the 6th is a Sunday)."""
ZONE = "Europe/Madrid"
SOUTH, WEST, HEIGHT_KM, WIDTH_KM = 36.8, -7.0, 750.0, 900.0
KM_A_DEGREE = 111.2
SKILLS = ("electrical_work", "inverter_maintenance", "mechanical_repair")
SKILL_OF_JOBS, SKILL_OF_CREWS = (0.45, 0.35, 0.2), (0.75, 0.7, 0.55)
CREWS_A_TOWN = 5


@dataclass(frozen=True)
class Spot:
    """A place on the map, degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class JobToDo:
    """A job. `hours` of work by `people` with a `skill`; `ready`: when its part is there; USD a day lost,
    its growth (percent a day), severity, what the asset still gives (USD a day), the part's price."""

    name: str
    site: str
    spot: Spot
    skill: str
    people: int
    hours: float
    known: datetime
    ready: datetime
    critical: bool
    daily_usd: float
    growth: float
    severity: float
    standing_usd: float
    part_usd: float


@dataclass(frozen=True)
class Team:
    """A crew: its base, skills, how many they are, whether it works on Saturdays, the dates it is away."""

    name: str
    base: Spot
    skills: frozenset[str]
    people: int
    saturdays: bool
    away: frozenset[date]


@dataclass(frozen=True)
class Fortnight:
    """The jobs and the crews of a country at a moment."""

    jobs: list[JobToDo]
    crews: list[Team]
    now: datetime = NOW


def _around(rng: random.Random, centre: Spot, mean_km: float) -> Spot:
    """A spot in a random direction, at an exponential distance of that mean, 70 km at most."""
    km, angle = min(rng.expovariate(1.0 / mean_km), 70.0), rng.uniform(0, 2 * math.pi)
    north, east = km * math.cos(angle), km * math.sin(angle)
    latitude = centre.latitude + north / KM_A_DEGREE
    return Spot(latitude, centre.longitude + east / KM_A_DEGREE / math.cos(math.radians(latitude)))


def make(jobs: int, crews: int, seed: int) -> Fortnight:
    """The fortnight of a seed."""
    rng = random.Random(f"country {jobs} {crews} {seed}")
    towns = [
        Spot(
            SOUTH + rng.uniform(0, HEIGHT_KM) / KM_A_DEGREE,
            WEST + rng.uniform(0, WIDTH_KM) / KM_A_DEGREE / math.cos(math.radians(40.0)),
        )
        for _ in range(max(2, crews // CREWS_A_TOWN))
    ]
    weight = [1.0 / (rank + 2) ** 0.6 for rank in range(len(towns))]
    homes = list(range(len(towns))) + rng.choices(range(len(towns)), weight, k=crews - len(towns))
    manned = [homes.count(town) for town in range(len(towns))]
    teams = []
    for number, town in enumerate(homes):
        skills = frozenset(
            s for s, share in zip(SKILLS, SKILL_OF_CREWS, strict=True) if rng.random() < share
        )
        off = NOW.date() + timedelta(days=rng.randrange(14))
        days = rng.choice([0, 0, 0, 0, 1, 2, 5])
        teams.append(
            Team(
                f"team-{number:03d}",
                _around(rng, towns[town], 8.0),
                skills or frozenset({rng.choice(SKILLS)}),
                rng.choice([2, 2, 3, 4]),
                rng.random() < 0.15,
                frozenset(off + timedelta(days=n) for n in range(days)),
            )
        )
    sites = []
    for _ in range(max(2, int(jobs * 0.6))):
        town = rng.choices(range(len(towns)), manned)[0]
        sites.append(_around(rng, towns[town], 28.0))
    share = [rng.paretovariate(1.4) for _ in sites]
    todo: list[JobToDo] = []
    while len(todo) < jobs:
        job = _job(rng, len(todo), sites, share)
        if sum(_in_reach(job, team) for team in teams) >= 2:
            todo.append(job)
    return Fortnight(todo, teams)


def _in_reach(job: JobToDo, team: Team) -> bool:
    """Whether a crew has the skill and the people, and is near: what nobody can do says nothing of a plan."""
    north = (job.spot.latitude - team.base.latitude) * KM_A_DEGREE
    east = (job.spot.longitude - team.base.longitude) * KM_A_DEGREE * math.cos(math.radians(40.0))
    near = math.hypot(north, east) <= 62.0
    return near and job.skill in team.skills and job.people <= team.people


def _job(rng: random.Random, number: int, sites: list[Spot], share: list[float]) -> JobToDo:
    """One job at one of the sites."""
    site = rng.choices(range(len(sites)), share)[0]
    hours = min(max(rng.lognormvariate(0.8, 0.55), 0.5), 6.0)
    ready = NOW
    if rng.random() < 0.4:
        ready += timedelta(hours=rng.choice([24, 48, 72, 120, 192]) + rng.uniform(-8, 8))
    return JobToDo(
        f"asset-{number:04d}#fault",
        f"site-{site:04d}",
        sites[site],
        rng.choices(SKILLS, SKILL_OF_JOBS)[0],
        rng.choices([1, 2, 3], [0.5, 0.42, 0.08])[0],
        round(hours * 4) / 4,
        NOW - timedelta(hours=rng.uniform(0.5, 90)),
        ready,
        rng.random() < 0.1,
        min(9.0 * rng.paretovariate(1.15), 4000.0),
        rng.choice([0.0, 0.0, 0.5, 2.0]),
        round(rng.betavariate(2, 3), 3),
        rng.uniform(0, 90),
        rng.choice([0.0, 0.0, 40.0, 900.0]),
    )


def as_the_platform_sees_it(world: Fortnight):  # type: ignore[no-untyped-def]
    """The platform's own planning problem of a fortnight (`ooda.schedule.build.Built`)."""
    from ooda.schedule.build import build
    from ooda.schedule.visits import Calendars

    works, crews, rules = in_the_platforms_terms(world)
    return build(works, crews, Calendars(), now=world.now, rules=rules)


def in_the_platforms_terms(world: Fortnight):  # type: ignore[no-untyped-def]
    """The fortnight's works, crews and rules as the platform has them."""
    from ona.documents.assets import Location
    from ona.documents.base import S3Pointer
    from ona.repairs.crews import Away, Crew, Work
    from ooda.config import loss_function
    from ooda.schedule.rules import PlanningRules
    from ooda.schedule.times import next_step
    from ooda.schedule.work import urgency

    config = loss_function.loss_function_config()
    limits = config.constraints.model_copy(update={"max_concurrent_jobs": len(world.crews)})
    config = config.model_copy(update={"constraints": limits})
    week = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    crews = [
        Crew(
            crew_id=team.name,
            base=Location(latitude=team.base.latitude, longitude=team.base.longitude),
            specialisations=sorted(team.skills),
            size=team.people,
            working_days=[*week, "saturday"] if team.saturdays else None,
            away=[
                Away.model_validate({"first": day, "last": day, "why": "away"}) for day in sorted(team.away)
            ],
        )
        for team in world.crews
    ]
    works = [
        Work(
            finding_key=job.name,
            finding_id=job.name,
            asset_id=job.name.partition("#")[0],
            site_id=job.site,
            cause="fault",
            diagnostic=S3Pointer(bucket="none", key="none"),
            priority="critical" if job.critical else "high" if job.daily_usd >= 50 else "medium",
            location=Location(latitude=job.spot.latitude, longitude=job.spot.longitude),
            zone=ZONE,
            specialization=job.skill,
            technicians=job.people,
            hours=job.hours,
            light="any",
            sunny=False,
            known_since=job.known,
            ready=next_step(job.ready),
            due=max(world.now + timedelta(hours=72), next_step(job.ready)) if job.critical else None,
            must=job.critical or job.daily_usd >= 50,
            severity=job.severity,
            daily_usd=job.daily_usd,
            growth_percent=job.growth,
            standing_usd=job.standing_usd,
            part="part" if job.part_usd else "",
            part_usd=job.part_usd,
        )
        for job in world.jobs
    ]
    return sorted(works, key=urgency), crews, PlanningRules(config, config.weights)
