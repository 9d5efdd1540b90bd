"""What an operator does to a fleet that is well: rotation, group stops, curtailment, hours of no price.

Beside these stand faults that look alike and are none of his: a machine that trips, two that fail on one
day, a storm that kills three.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.strangers.machines import Ill, Plant
from benchmarks.detection.strangers.noise import remembering
from benchmarks.detection.strangers.scene import Scene

Orders = dict[str, Ill]


@dataclass(frozen=True)
class Operation:
    """One way of switching. `order`: what it does to each machine, and how many common events it is.
    `fault`: it is none, but faults of machines. `least`: machines that a plant needs for it."""

    name: str
    days: int
    order: Callable[[Scene, Plant, np.random.Generator], tuple[Orders, int]]
    fault: bool = False
    least: int = 3


def rotation(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """A third of the machines in turn, two hours each, from 9 to 17 solar time."""
    turn = (np.floor(s.solar / 2.0) + np.floor(s.days)).astype(int)
    groups = min(3, len(plant.machines))
    hours = s.inside & (s.solar >= 9) & (s.solar < 17)
    return {m.name: Ill(off=hours & (turn % groups == n % groups)) for n, m in enumerate(plant.machines)}, 1


def group_stop(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """Half of the machines, by one switch, on every third day for some hours."""
    half = rng.permutation(len(plant.machines))[: max(2, (len(plant.machines) + 1) // 2)]
    off = (
        s.inside
        & (np.floor(s.days).astype(int) % 3 == 0)
        & (s.solar > 9.5)
        & (s.solar < 9.5 + rng.uniform(2, 6))
    )
    return {m.name: Ill(off=off) for n, m in enumerate(plant.machines) if n in set(half)}, int(
        s.days.max() // 3
    )


def no_price(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """All machines off around noon, each day anew, one after the other within ten minutes."""
    begin, long = rng.uniform(10, 12), rng.uniform(1.5, 4)
    out = {}
    for n, m in enumerate(plant.machines):
        late = (n % 3) / 12.0
        out[m.name] = Ill(off=s.inside & (s.solar > begin + late) & (s.solar < begin + long + late))
    return out, int(s.inside.sum() // 288)


def curtailment(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """All to one level of their capacity, every other day from 10 to 15, each a little beside it."""
    level = float(rng.uniform(0.25, 0.6))
    hours = s.inside & (np.floor(s.days).astype(int) % 2 == 0) & (s.solar > 10) & (s.solar < 15)
    out = {}
    for m in plant.machines:
        own = level * (1 + 0.01 * rng.normal()) + 0.003 * remembering(rng, len(s.days), 3)
        out[m.name] = Ill(limit=own, where=hours)
    return out, int(s.inside.sum() // 576)


def maintenance(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """Two planned days: a crew goes from machine to machine and switches each off while it works there."""
    long = min(float(rng.uniform(0.6, 1.2)), 16.0 / len(plant.machines))
    turn = np.floor((8.0 * np.floor(s.days) + s.solar - 8.0) / long)
    hours = s.inside & (s.solar >= 8) & (s.solar < 16)
    return {m.name: Ill(off=hours & (turn == n)) for n, m in enumerate(plant.machines)}, 1


def trips(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """One machine really trips: on most mornings from dawn for one to three hours, on some days again."""
    day = np.floor(s.days).astype(int)
    off = np.zeros(len(s.solar), dtype=bool)
    for n in range(int(s.days.max()) + 1):
        if rng.random() < 0.7:
            off |= (day == n) & (s.solar < rng.uniform(8.5, 11.0))
        if rng.random() < 0.5:
            at = rng.uniform(11.0, 15.0)
            off |= (day == n) & (s.solar >= at) & (s.solar < at + rng.uniform(0.6, 1.5))
    return {s.machine: Ill(off=off & s.inside)}, 1


def two_by_chance(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """Two machines fail on one day: one trips for hours, the other dies an hour or more apart from it."""
    one, two = rng.choice(len(plant.machines), 2, replace=False)
    begin = rng.uniform(8.5, 10.5)
    end = begin + rng.uniform(1.5, 3.0)
    dies = begin + rng.uniform(0.8, 1.2) if rng.random() < 0.5 else end + rng.uniform(0.8, 1.2)
    tripped = s.inside & (s.days < 1.0) & (s.solar >= begin) & (s.solar < end)
    dead = s.inside & ((s.days >= 1.0) | (s.solar >= dies))
    return {plant.machines[one].name: Ill(off=tripped), plant.machines[two].name: Ill(off=dead)}, 2


def storm(s: Scene, plant: Plant, rng: np.random.Generator) -> tuple[Orders, int]:
    """Three machines die within an hour and a half of an afternoon, and are repaired days later, each on
    its own day."""
    first = rng.uniform(11.0, 15.0)
    out = {}
    for n in rng.choice(len(plant.machines), 3, replace=False):
        dies, back = first + rng.uniform(0.0, 1.5), float(rng.integers(3, 6)) + rng.uniform(0.35, 0.6)
        dead = s.inside & ((s.days >= 1.0) | (s.solar >= dies)) & (s.days < back)
        out[plant.machines[int(n)].name] = Ill(off=dead)
    return out, 3


OPERATIONS = (
    Operation("rotation", 8, rotation),
    Operation("group stop", 9, group_stop),
    Operation("hours of no price", 6, no_price),
    Operation("curtailment to a level", 8, curtailment),
    Operation("maintenance in turn", 2, maintenance),
    Operation("fault: a machine trips", 8, trips, fault=True),
    Operation("fault: two on one day", 4, two_by_chance, fault=True),
    Operation("fault: a storm kills three", 6, storm, fault=True, least=7),
)
