"""How one machine and its irradiance sensor lie: the sensor in the modules' plane, or flat.

Two planes that are both free bend towards each other's errors, and one plane for both is wrong where the
sensor lies flat. But what a machine gives over what its sensor reads tells the two apart: in its plane it
is the same under clear and under dull sky, in the morning and at noon; beside a flat one it is not. And a
flat sensor shows less in winter than the modules' plane would have to see of a clear day.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ooda.detect.sky import Floats
from ooda.detect.witnesses.beside import HalfHours
from ooda.detect.witnesses.planes import Lie, moved, normal_of

FLAT = Lie(0.0, 180.0, dome=True)
HALF = 0.5
"""How far the north and south of a lean are believed: warmth and low load look the same."""
Form = Callable[[list[Lie]], Floats]


def pair(form: Form, beside: HalfHours, grid: list[Lie], around: Callable[[Lie], list[Lie]]) -> list[Lie]:
    """The planes of the machine and of its sensor, whichever of the two ways leaves less unexplained.

    `form`: how badly planes suit the form of clear days, (2, P), the machine first; `beside`: half hours of
    both; `grid`: the planes that the machine may have; `around`: finer ones about one of them.
    """
    best = []
    for way in (_beside_flat, _in_plane):
        lie = min(zip(*way(form, beside, grid), strict=True), key=lambda item: item[0])[1]
        near = [lie, *around(lie)] if len(grid) > 1 else [lie]
        errors, lies = way(form, beside, near)
        n = int(errors.argmin())
        best.append((float(errors[n]), [lies[n], FLAT if way is _beside_flat else lies[n]]))
    machine, sensor = min(best, key=lambda item: item[0])[1]
    if sensor != machine:
        return [machine, sensor]
    return _aslant(beside, machine, known=len(grid) == 1)


def _aslant(beside: HalfHours, lie: Lie, known: bool) -> list[Lie]:
    """Machine and sensor that lie nearly alike: how the sensor leans to the east or the west, mornings tell
    by afternoons. To the north or south little does. `known`: whether the machine's plane is."""
    both = {0: lie, 1: lie}
    machine, sensor = beside.leaning(both, both, {0: 1.0, 1: 1.0}).values()
    normal = normal_of(lie)
    east = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    east /= np.linalg.norm(east)
    apart = normal_of(sensor) - normal_of(machine)
    apart = HALF * apart + (1.0 - HALF) * (apart @ east) * east
    if known:
        return [lie, moved(lie, apart)]
    return [moved(lie, -0.5 * apart), moved(lie, 0.5 * apart)]


def _beside_flat(form: Form, beside: HalfHours, lies: list[Lie]) -> tuple[Floats, list[Lie]]:
    """How badly planes of the machine suit beside a flat sensor, (P,)."""
    return form(lies)[0] + form([FLAT])[1] + _by_sensor(beside, lies, FLAT), lies


def _in_plane(form: Form, beside: HalfHours, lies: list[Lie]) -> tuple[Floats, list[Lie]]:
    """How badly planes suit both, (P,): what one gives beside the other does not depend on the plane."""
    errors = form(lies).sum(axis=0)
    best = lies[int(errors.argmin())]
    return errors + _by_sensor(beside, [best], best), lies


def _by_sensor(beside: HalfHours, lies: list[Lie], sensor: Lie) -> Floats:
    tilt, azimuth = np.array([lie.tilt for lie in lies]), np.array([lie.azimuth for lie in lies])
    return np.asarray(beside.errors([0], tilt, azimuth, [sensor, sensor], [1.0, 1.0])[0])
