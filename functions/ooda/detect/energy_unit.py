"""Energy of an interval read as power: kWh where kW are expected, a quarter of them at 15 minutes.

A factor of exactly the interval in hours gives it away: against the neighbours, against the irradiance or
against DC power, from a day on or always. A loss of strings is seldom so exact, and DC power falls with it.
"""

from __future__ import annotations

import numpy as np

from ooda.detect import unit_of_clear
from ooda.detect.change_point import change_points, levels
from ooda.detect.day_marks import Table
from ooda.detect.sky import Floats, Mask

NOISE, LEAST = 0.02, 0.3
"""Natural logarithms of a ratio: days are never trusted to differ less; a smaller step is no unit."""
EXACT = {"of_neighbours": 0.06, "of_sun": 0.10, "of_wind": 0.10, "of_dc": 0.05}
"""How near to the factor, as a logarithm, each ratio must come in a change."""
EXACT_OF_A_HALF = 0.03
"""…where the factor is a half (readings of 30 minutes), because half of the strings lost is a common fault,
or where DC power fell with AC power, as it does when strings are lost."""
EXACT_OF_WIND, BETWEEN, NEAR_DAYS = 0.25, (2.0, 0.5), 2
"""…of a turbine where the factor is small: its curve is not the usual one and its days differ by a third.
But a limit leaves more in less wind: no day, so many about them too, may give more than twice the energy
and less than half of the power."""
SCATTER_DAYS, MOST_SCATTER = 30, 0.15
"""Usual days of power over irradiance, whose scatter is allowed for where a sensor lies otherwise than the
modules; natural logarithm that is allowed for at most."""
USUAL_OF_SUN, USUAL_OF_DC = (0.65, 1.05), (0.86, 1.02)
"""What the ratios are where all is right: lowest, highest. An array at half of its nameplate is weak, one
at a quarter is none."""
POSSIBLE_OF_SUN = (0.4, 2.0)
"""…and where another ratio says what it is: modules that outdo their inverter, a flat sensor beside steep
ones in winter."""
FIRST_DAYS, ROOM, NO_UNIT = 3, 2.0, 0.4
"""Days, from the first on, that give less than 0.4 of what neighbours or wind promise, and within twice and
half of the factor: planes are not yet known, and turbines differ."""
PLAIN_FACTOR = 0.34
"""Factors up to this (20 minutes and less) are seen from the first day by irradiance alone, where DC power
does not say that the nameplate is too large: no array is that weak."""


def energy_days(table: Table) -> Mask:
    """Days, (D,), whose power is the energy of an interval, kWh."""
    wrong = np.zeros(len(table), dtype=bool)
    for step in np.unique(table.step):
        factor = step / 60.0
        if 0.0 < factor < 0.95:
            wrong |= (table.step == step) & _by_factor(table, factor)
            if factor <= PLAIN_FACTOR:
                wrong |= (table.step == step) & _by_clear_sky(table, factor)
    return wrong


def doubtful_days(table: Table) -> Mask:
    """Days, (D,), whose power is the energy of an interval or what a loss left: the clear sky alone shows a
    half, in half-hourly readings, and half of a machine is lost often enough."""
    factor = table.step / 60.0
    half = (factor > PLAIN_FACTOR) & (factor < 0.95) & ~np.isfinite(table.of_neighbours)
    doubtful = np.zeros(len(table), dtype=bool)
    for one in np.unique(factor[half]):
        doubtful |= half & (factor == one) & _by_clear_sky(table, float(one))
    return doubtful


def _by_factor(table: Table, factor: float) -> Mask:
    always, usual = _always(table, factor), _usual(table)
    near, known, scatter = {}, {}, 0.0
    for name in EXACT:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(np.where(getattr(table, name) > 0.0, getattr(table, name), np.nan))
        moved = levels(ratio, change_points(ratio, least=LEAST, noise=NOISE))
        if always[0] and not usual[0]:  # the first days are the wrong ones
            moved = moved - max(0.0, float(moved.max()))
        if name == "of_sun":
            scatter = _scatter(ratio[moved == 0.0])
        near[name], known[name] = np.abs(moved - np.log(factor)), np.isfinite(ratio)
    with_dc = known["of_dc"].any() and bool((near["of_dc"] > EXACT["of_dc"]).all())
    strict = factor > PLAIN_FACTOR or with_dc
    of_wind = EXACT_OF_WIND if factor <= PLAIN_FACTOR else EXACT["of_wind"]
    exact = EXACT | {"of_sun": max(EXACT["of_sun"], scatter), "of_wind": of_wind}
    votes = {name: near[name] <= (EXACT_OF_A_HALF if strict else own) for name, own in exact.items()}
    if factor <= PLAIN_FACTOR and _limited(table.of_wind, votes["of_wind"], factor):
        votes["of_wind"] = np.zeros(len(table), dtype=bool)
    vetoed = known["of_sun"] & (near["of_sun"] > exact["of_sun"])
    if factor > PLAIN_FACTOR and with_dc:  # half of the strings take DC power with them, a unit does not
        vetoed |= known["of_dc"]
    return (np.logical_or.reduce(list(votes.values())) & ~vetoed) | (always & ~usual)


def _limited(of_wind: Floats, energy: Mask, factor: float) -> bool:
    """Whether days that look as energy lie among days of which some give a part of the power."""
    inside = np.flatnonzero(energy)
    if not len(inside):
        return False
    near = slice(max(0, int(inside[0]) - NEAR_DAYS), int(inside[-1]) + 1 + NEAR_DAYS)
    usual = float(np.nanmedian(of_wind[~energy])) if np.isfinite(of_wind[~energy]).any() else 1.0
    with np.errstate(invalid="ignore"):
        part = (of_wind > BETWEEN[0] * factor * usual) & (of_wind < BETWEEN[1] * usual)
    return bool(part[near].any())


def _by_clear_sky(table: Table, factor: float) -> Mask:
    """…as the clear sky alone shows it, on days of which neither irradiance nor DC power says anything."""
    energy = unit_of_clear.energy_days(table.clear_by_form, table.most_of_clear, factor)
    return energy & ~(np.isfinite(table.of_sun) | np.isfinite(table.of_dc))


def _scatter(usual: Floats) -> float:
    """How far usual days of a ratio lie from their middle, by clouds and season, at most `MOST_SCATTER`."""
    last = usual[np.isfinite(usual)][-SCATTER_DAYS:]
    if len(last) < FIRST_DAYS:
        return 0.0
    return min(MOST_SCATTER, float(np.quantile(last, 0.9) - np.quantile(last, 0.1)) / 2.0)


def _always(table: Table, factor: float) -> Mask:
    """Days at the factor by a ratio that has a usual value: nothing before them is needed."""

    def at(values: Floats, usual: tuple[float, float]) -> Mask:
        with np.errstate(invalid="ignore"):
            return np.asarray((values >= factor * usual[0]) & (values <= factor * usual[1]))

    by_sun, witness = at(table.of_sun, USUAL_OF_SUN), at(table.of_dc, USUAL_OF_DC)
    if factor > PLAIN_FACTOR:
        return np.asarray(witness & (by_sun | ~np.isfinite(table.of_sun)))
    with np.errstate(invalid="ignore"):
        as_dc = (table.of_dc >= USUAL_OF_DC[0]) & (table.of_dc <= USUAL_OF_DC[1])
    first = _from_the_first(table.of_neighbours, factor) | _from_the_first(table.of_wind, factor)
    witness |= first & ~as_dc
    allowed = at(table.of_sun, POSSIBLE_OF_SUN) | ~np.isfinite(table.of_sun)
    return np.asarray((witness & allowed) | (by_sun & ~as_dc))


def _from_the_first(ratio: Floats, factor: float) -> Mask:
    """Days, (D,), from the first until a ratio shows a right unit: what falls later is a change."""
    with np.errstate(invalid="ignore"):
        right = np.flatnonzero(ratio > NO_UNIT)
    first = slice(0, int(right[0]) if len(right) else len(ratio))
    known = ratio[first][np.isfinite(ratio[first])]
    out = np.zeros(len(ratio), dtype=bool)
    if len(known) >= FIRST_DAYS and factor / ROOM <= np.median(known) <= factor * ROOM:
        out[first] = True
    return out


def _usual(table: Table) -> Mask:
    """Days on which a ratio to the sun says that the unit is right."""
    with np.errstate(invalid="ignore"):
        return np.asarray((table.of_sun >= 0.5) & (table.of_sun <= 1.3))
