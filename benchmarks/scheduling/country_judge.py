"""What a plan of a country's fortnight costs, and whether it is possible: from the world's own numbers.

Nothing here is the platform's: distances, times of day, holidays, costs and both simple rules are written
once more. A plan is, for each crew and date, the jobs in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from benchmarks.scheduling.country import ZONE, Fortnight, JobToDo, Spot, Team

STEP = 5
HOLIDAYS = {date(2026, 12, 7): False, date(2026, 12, 8): True}
DAY_BEGINS, DAY_ENDS, LONGEST_MIN = time(8), time(17), 480
ENERGY, COST, MTTR, RISK, URGENCY = 1.0, 0.3, 0.2, 0.5, 0.8
USD_AN_HOUR, USD_A_KM, KM_AN_HOUR, ROADS, FARTHEST_KM = 35.0, 0.6, 60.0, 1.25, 100.0
LATE_USD, LEFT_OUT_USD, DAYS = 1000.0, 1e5, 14
Plan = dict[tuple[str, date], list[str]]
"""The names of jobs in order, by crew and date."""


class Impossible(Exception):
    """A plan that breaks a rule."""


def road_km(a: Spot, b: Spot) -> float:
    """The spherical law of cosines, times a road factor."""
    p, q = math.radians(a.latitude), math.radians(b.latitude)
    inner = math.sin(p) * math.sin(q) + math.cos(p) * math.cos(q) * math.cos(
        math.radians(b.longitude - a.longitude)
    )
    return 6371.0088 * math.acos(min(1.0, max(-1.0, inner))) * ROADS


def road_minutes(km: float) -> int:
    """Minutes by road, in whole steps."""
    return math.ceil(round(60.0 * km / KM_AN_HOUR / STEP, 9)) * STEP


def _up(moment: datetime) -> datetime:
    """The next whole step."""
    floor = moment.replace(minute=moment.minute // STEP * STEP, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=STEP)


@dataclass
class Judge:
    """Judges plans of one fortnight; remembers the ways that were asked for."""

    world: Fortnight
    ways: dict[tuple[Spot, Spot], tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.jobs = {job.name: job for job in self.world.jobs}
        self.crews = {team.name: team for team in self.world.crews}
        self.near: dict[tuple[str, str], bool] = {}
        self.first = self.world.now.astimezone(ZoneInfo(ZONE)).date()
        self.begins = {
            self.first + timedelta(days=n): datetime.combine(
                self.first + timedelta(days=n), DAY_BEGINS, ZoneInfo(ZONE)
            )
            for n in range(max(map(self.days_of, self.world.jobs)) + 1)
        }

    def way(self, a: Spot, b: Spot) -> tuple[int, float]:
        """Minutes and km; none within one spot."""
        if a == b:
            return 0, 0.0
        found = self.ways.get((a, b))
        if found is None:
            km = road_km(a, b)
            found = self.ways[a, b] = (road_minutes(km), km)
        return found

    def works_on(self, team: Team, day: date) -> bool:
        """Whether a crew works on a date."""
        if day in team.away or HOLIDAYS.get(day, False) or day not in self.begins:
            return False
        return day.weekday() < 5 or (day.weekday() == 5 and team.saturdays)

    def able(self, team: Team, job: JobToDo) -> bool:
        """Whether a crew can do a job on some day."""
        key = (team.name, job.name)
        if key not in self.near:
            minutes, km = self.way(team.base, job.spot)
            self.near[key] = (
                job.skill in team.skills
                and job.people <= team.people
                and km <= FARTHEST_KM
                and 2 * minutes + math.ceil(job.hours * 60 / STEP) * STEP <= LONGEST_MIN
            )
        return self.near[key]

    def tour_usd(self, team: Team, day: date, names: Iterable[str]) -> tuple[float, datetime]:
        """The weighted cost of one tour, and when its last job begins. Raises Impossible."""
        if not self.works_on(team, day):
            raise Impossible(f"{team.name} does not work on {day}")
        opens = max(self.begins[day], _up(self.world.now))
        closes = self.begins[day] + timedelta(hours=DAY_ENDS.hour - DAY_BEGINS.hour)
        clock, here, km, people, usd, left = opens, team.base, 0.0, 0, 0.0, opens
        begins = opens
        for number, name in enumerate(names):
            job = self.jobs[name]
            if not self.able(team, job):
                raise Impossible(f"{team.name} cannot do {name}")
            minutes, far = self.way(here, job.spot)
            arrives = clock + timedelta(minutes=minutes)
            begins = max(arrives, _up(job.ready))
            if number == 0:
                left += begins - arrives
            km += far
            people = max(people, job.people)
            usd += self.waiting_usd(job, begins)
            clock = begins + timedelta(minutes=math.ceil(job.hours * 60 / STEP) * STEP)
            here = job.spot
        minutes, far = self.way(here, team.base)
        clock += timedelta(minutes=minutes)
        away = (clock - left).total_seconds() / 60.0
        if clock > closes or away > LONGEST_MIN:
            raise Impossible(f"{team.name} is out too long on {day}")
        return usd + COST * (USD_AN_HOUR * people * away / 60.0 + USD_A_KM * (km + far)), begins

    def waiting_usd(self, job: JobToDo, begins: datetime) -> float:
        """What a job loses, weighted, until it is done."""
        wait = max((begins - self.world.now).total_seconds() / 86400.0, 0.0)
        done = wait + job.hours / 24.0
        growth = job.growth / 100.0
        grown = ((1 + growth) ** done - 1) / growth if growth else done
        usd = ENERGY * job.daily_usd * done + RISK * job.daily_usd * (grown - done)
        usd += URGENCY * job.severity * job.daily_usd * wait + MTTR * job.standing_usd * job.hours / 24.0
        if job.critical and begins > max(self.world.now + timedelta(hours=72), _up(job.ready)):
            usd += LATE_USD
        return usd + COST * job.part_usd

    def days_of(self, job: JobToDo) -> int:
        """Days that are planned for a job: two weeks, or the week from the arrival of its part."""
        return max(DAYS, math.ceil((_up(job.ready) - self.world.now).total_seconds() / 86400.0) + 7)

    def left_out_usd(self, job: JobToDo) -> float:
        """What leaving a job out for the fortnight costs, weighted."""
        horizon = self.days_of(job)
        wait, done = horizon - job.hours / 24.0, float(horizon)
        growth = job.growth / 100.0
        grown = ((1 + growth) ** done - 1) / growth if growth else done
        usd = ENERGY * job.daily_usd * done + RISK * job.daily_usd * (grown - done)
        usd += URGENCY * job.severity * job.daily_usd * wait
        return usd + (LEFT_OUT_USD if job.critical or job.daily_usd >= 50 else 0.0)

    def cost(self, plan: Mapping[tuple[str, date], list[str]]) -> float:
        """The weighted cost of a whole plan. Raises Impossible."""
        served = [name for names in plan.values() for name in names]
        if len(served) != len(set(served)):
            raise Impossible("a job is done twice")
        total = sum(self.tour_usd(self.crews[crew], day, names)[0] for (crew, day), names in plan.items())
        left = set(self.jobs) - set(served)
        return total + sum(self.left_out_usd(self.jobs[name]) for name in left)

    # -------------------------------------------------------------- two simple rules

    def greedy(self) -> Plan:
        """The most pressing first (critical, then high, then the rest; then loss an hour of work), where it
        costs least at the end of a tour."""

        def rank(job: JobToDo) -> tuple[int, float, str]:
            level = 0 if job.critical else 1 if job.daily_usd >= 50 else 2
            return level, -job.daily_usd / job.hours, job.name

        return self._given(sorted(self.world.jobs, key=rank), soonest=False)

    def first_come(self) -> Plan:
        """Each job in the order in which it became known, where it begins soonest."""
        return self._given(sorted(self.world.jobs, key=lambda job: (job.known, job.name)), soonest=True)

    def _given(self, order: Iterable[JobToDo], soonest: bool) -> Plan:
        plan: Plan = {}
        cost: dict[tuple[str, date], float] = {}
        for job in order:
            best: tuple[float, float, tuple[str, date], float] | None = None
            for team in self.world.crews:
                if not self.able(team, job):
                    continue
                for day in self.begins:
                    if soonest and best and self.begins[day].timestamp() > best[0]:
                        break
                    names = plan.get((team.name, day), [])
                    try:
                        usd, begins = self.tour_usd(team, day, [*names, job.name])
                    except Impossible:
                        continue
                    more, at = usd - cost.get((team.name, day), 0.0), begins.timestamp()
                    option = (at, more) if soonest else (more, at)
                    if best is None or option < best[:2]:
                        best = (*option, (team.name, day), usd)
            if best is not None:
                plan.setdefault(best[2], []).append(job.name)
                cost[best[2]] = best[3]
        return plan
