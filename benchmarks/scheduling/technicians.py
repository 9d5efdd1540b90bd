"""Technician routing through the platform's planning model, beside best-known values and PyVRP.

    python -m benchmarks.scheduling.technicians [--seconds 15] [--processes 1] [--only R1] [--no-peer]

Pillac's instances (`../shared/data/technician_routing`): 25 technicians with homes of their own, 100
requests with windows, skills, tools (kept) and spare parts (used up); a technician may call at the depot
once for any tool or part. Least total duration. An instance is a `ooda.schedule.solver.problem.Problem` like any week
of the platform's: a technician is a shift, skills are windows, the depot is the depot, a minute costs one
dollar. Ours runs on so many processes for so many CPU seconds each (production's: one, 15 s); PyVRP (0.14, the same model: skills by forbidden
ways, tools and parts as loads that a reload resets) on two processes from two seeds, the better one
counts. Every plan is walked through again here, from the instance's own lines, before it counts.

The published durations contain 100 requests' service, which nobody can change: "of what can be decided"
leaves that out. The README of the data says 75 requests; the files have 100.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import SHARED
from ona.runtime import processes
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.problem import DEPOT, NEVER, Problem, Shift, Task
from ooda.schedule.solver.solve import solve

TECHNICIANS = 25
"""Technicians in each instance (the data's README)."""
FOLDER = SHARED / "technician_routing"
SCALE = 1000
"""PyVRP counts in whole numbers: thousandths."""
Route = tuple[int, tuple[int, ...]]
"""A technician and the stops in order, -1 the depot."""


@dataclass(frozen=True)
class Row:
    """A line of an instance: place, window, service, and three lists (skills, tools, parts)."""

    x: float
    y: float
    opens: float
    closes: float
    service: float
    skills: frozenset[int]
    tools: frozenset[int]
    parts: tuple[int, ...]


def read(path: Path) -> list[Row]:
    """All lines: the depot, the technicians, the requests."""
    rows = []
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) != 9 or not words[0].isdigit():
            continue
        skills, tools, parts = (json.loads(word) for word in words[6:])
        x, y, opens, closes, service = (float(word) for word in words[1:6])
        rows.append(Row(x, y, opens, closes, service, frozenset(skills), frozenset(tools), tuple(parts)))
    return rows


def problem(rows: Sequence[Row]) -> Problem:
    """The instance as the platform sees it."""
    technicians, requests = rows[1 : TECHNICIANS + 1], rows[TECHNICIANS + 1 :]
    ways = [[math.dist((a.x, a.y), (b.x, b.y)) for b in rows] for a in rows]
    shifts = [
        Shift(f"technician-{n}", 0, n, n, row.opens, row.closes, NEVER, row.tools, row.parts, 0)
        for n, row in enumerate(technicians, 1)
    ]
    tasks = [
        Task(f"request-{n}", n, row.service, 1e6, 1, row.tools, row.parts)
        for n, row in enumerate(requests, TECHNICIANS + 1)
    ]
    windows = [
        [(row.opens, row.closes) if row.skills <= one.skills else None for one in technicians]
        for row in requests
    ]
    return Problem(tasks, shifts, ways, ways, windows, 1.0, 0.0)


def duration(rows: Sequence[Row], routes: Sequence[Route]) -> float:
    """The total duration of a plan by the instance's rules; raises ValueError for one that breaks them."""
    total, served = 0.0, set()
    for technician, stops in routes:
        home = rows[technician + 1]
        tools, parts, anything = set(home.tools), list(home.parts), False
        wanted = []
        for stop in stops:
            if stop == DEPOT:
                if anything:
                    raise ValueError("two calls at the depot")
                anything = True
                wanted.append((rows[0], 0.0, home.opens, home.closes))
                continue
            row = rows[stop + TECHNICIANS + 1]
            if stop in served or not row.skills <= home.skills:
                raise ValueError(f"request {stop}: served twice, or without the skill")
            served.add(stop)
            if not anything:
                parts = [have - use for have, use in zip(parts, row.parts, strict=True)]
                if not row.tools <= tools or min(parts) < 0:
                    raise ValueError(f"request {stop}: without its tools or parts")
            wanted.append((row, row.service, row.opens, row.closes))
        total += _shortest(home, wanted)
    if len(served) != len(rows) - TECHNICIANS - 1:
        raise ValueError("a request is not served")
    return total


def _shortest(home: Row, stops: Sequence[tuple[Row, float, float, float]]) -> float:
    """The least duration of one technician's day: every departure that could matter is tried."""

    def back(leaves: float) -> float:
        clock, here = leaves, home
        for row, service, opens, closes in stops:
            clock = max(clock + math.dist((here.x, here.y), (row.x, row.y)), opens)
            if clock > closes + 1e-6:
                return math.inf
            clock, here = clock + service, row
        clock += math.dist((here.x, here.y), (home.x, home.y))
        return clock if clock <= home.closes + 1e-6 else math.inf

    if not stops:
        return 0.0
    departures, way, here = {home.opens}, 0.0, home
    for row, service, opens, closes in stops:
        way += math.dist((here.x, here.y), (row.x, row.y))
        departures |= {opens - way, closes - way}
        way, here = way + service, row
    length = min(back(leaves) - leaves for leaves in departures if leaves >= home.opens - 1e-9)
    if length == math.inf:
        raise ValueError("a window is missed")
    return length


def ours(rows: Sequence[Row], seconds: float, searches: int) -> list[Route]:
    """The platform's plan in so many CPU seconds of each process, however long a busy machine takes."""
    clock = Clock(seconds, 1e6)
    result = solve(problem(rows), seed=1, clock=clock, searches=searches, all_the_time=True)
    return [(tour.shift, tour.stops) for tour in result.solution.tours.values()]


def peer(rows: Sequence[Row], seconds: float) -> list[Route]:
    """PyVRP's plan: the better of two seeds, each in its own process."""
    plans = processes.spread(lambda seed: _pyvrp(rows, seconds, seed), [1, 2], True)
    return min(plans, key=lambda plan: duration(rows, plan) if plan else math.inf)


def _pyvrp(rows: Sequence[Row], seconds: float, seed: int) -> list[Route]:
    from pyvrp import Model
    from pyvrp.stop import MaxRuntime

    model, case, plenty = Model(), problem(rows), 200
    never = round(2 * rows[0].closes * SCALE)
    places = [model.add_location(row.x, row.y) for row in rows]
    depot = model.add_depot(places[0])
    clients = []
    kinds = len(rows[1].parts)
    for task, row in zip(case.tasks, rows[TECHNICIANS + 1 :], strict=True):
        clients.append(
            model.add_client(
                places[task.place],
                pickup=[int(k in row.tools) for k in range(kinds)] + list(row.parts),
                service_duration=round(row.service * SCALE),
                tw_early=round(row.opens * SCALE),
                tw_late=round(row.closes * SCALE),
            )
        )
    for number, shift in enumerate(case.shifts):
        profile = model.add_profile()
        able = [row[number] is not None for row in case.windows]
        for a, here in enumerate(places):
            for b, there in enumerate(places):
                ok = all(n <= TECHNICIANS or able[n - TECHNICIANS - 1] for n in (a, b))
                way = round(case.minutes[a][b] * SCALE) if ok else never
                if a != b:
                    model.add_edge(here, there, 0, way, profile=profile)
        missing = [0 if k in shift.tools else plenty for k in range(kinds)]
        home = model.add_depot(places[shift.start])
        model.add_vehicle_type(
            1,
            [plenty] * (2 * kinds),
            home,
            home,
            unit_distance_cost=0,
            unit_duration_cost=1,
            tw_early=round(shift.opens * SCALE),
            tw_late=round(shift.closes * SCALE),
            profile=profile,
            initial_load=missing + [plenty - count for count in shift.stock],
            reload_depots=[depot],
            max_reloads=1,
        )
    best = model.solve(MaxRuntime(seconds), seed=seed, display=False).best
    if not best.is_feasible():
        return []
    routes = []
    for route in best.routes():
        stops = [visit.idx if visit.is_client() else DEPOT for visit in list(route)[1:-1]]
        routes.append((route.vehicle_type(), tuple(stops)))
    return routes


def main(arguments: list[str] | None = None) -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15.0, help="CPU s of a process")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args(arguments)
    best_known = {
        row["instance"]: float(row["duration"])
        for row in csv.DictReader((FOLDER / "best_known.csv").open())
    }
    gaps: list[float] = []
    decided: list[float] = []
    others: list[float] = []
    print(
        f"{'instance':20}{'best known':>11}{'ours':>11}{'gap %':>8}{'decidable %':>13}{'PyVRP %':>9}{'s':>6}"
    )
    for path in sorted(FOLDER.glob("*.txt")):
        if not path.stem.startswith(options.only):
            continue
        rows = read(path)
        begun = time.monotonic()
        length = duration(rows, ours(rows, options.seconds, options.processes))
        took = time.monotonic() - begun
        best, service = best_known[path.stem], sum(row.service for row in rows)
        gaps.append(100 * (length / best - 1))
        decided.append(100 * ((length - service) / (best - service) - 1))
        other = ""
        if not options.no_peer:
            plan = peer(rows, options.seconds)
            others.append(100 * (duration(rows, plan) / best - 1) if plan else math.nan)
            other = f"{others[-1]:.2f}"
        print(
            f"{path.stem:20}{best:12.1f}{length:12.1f}{gaps[-1]:12.2f}{decided[-1]:12.2f}{other:>12}{took:12.0f}",
            flush=True,
        )
    peers = f"{statistics.mean(others):12.2f}" if others else ""
    print(f"{'mean':44}{statistics.mean(gaps):12.2f}{statistics.mean(decided):12.2f}{peers}")


if __name__ == "__main__":
    main()
