"""Values that stand for "no value": what loggers and gateways write where they measured nothing.

They are told by what they do, before their number is looked at: power passes through what lies between a
little and much, a sentinel jumps there and comes again, exactly the same. An inverter that stands at its
ceiling for hours came up to it; a meter of 100 MW has readings at 40 and 70 MW.

>>> day = [0.0, 1.2, 2.5, 3.1, 4.0, 4.4, 4.1, 3.3, 2.2, 1.1]
>>> float(kept(np.array([*day, *[32767.0] * 10])).max())
4.4
>>> float(kept(np.array([*day, 4.9, *[5.0] * 10])).max())  # at its ceiling
5.0
"""

from __future__ import annotations

import numpy as np

from ona.telemetry.readings import Floats

JUMP = 3.0
"""No reading lies between a value and this share below it, 1/3: power does not go there in one step, again
and again (ours)."""
FAR_JUMP = 20.0
"""A jump that a single reading shows to be none: clouds let a module give a twentieth and more (ours)."""
FEW = 4
"""So many different sentinels may stand in one file (ours); more values above a jump are readings."""
OFTEN = 3
"""A sentinel comes at least so often (ours)."""
SHOWS_ITS_RANGE = 8
"""Different readings above zero from which on a file shows by itself how a machine's power goes (ours)."""
LEAST_BITS, MOST_BITS = 15, 64
"""Integers of registers: all bits set, the sign apart or not, as Modbus devices give for "not available"
(SunSpec Information Model Specification, "Unimplemented registers": 0x8000, 0xFFFF, 0x7FFFFFFF, …)."""
LEAST_NINES = 4
"""Digits 9 alone: what data sheets of loggers give for "no value"; 999 is a reading still (ours)."""
INTERVALS_AN_HOUR = (1.0, 2.0, 4.0, 6.0, 12.0, 60.0)
"""An energy of an interval was multiplied by one of these to become power."""


def kept(power: Floats) -> Floats:
    """The readings of one machine without sentinels, kW, in their order; `power`: (n,), without NaN."""
    limit = _limit(power)
    return power[power < limit]


def _limit(power: Floats) -> float:
    """From which value on readings are sentinels, kW; infinite where none is."""
    values, count = np.unique(power[power > 0.0], return_counts=True)
    for cut in range(max(0, len(values) - FEW), len(values)):
        below = values[cut - 1] if cut else 0.0
        jump = values[cut] / below if below else np.inf
        if jump < JUMP:
            continue
        shown = cut >= SHOWS_ITS_RANGE
        by_itself = [shown and (many >= OFTEN or jump >= FAR_JUMP) for many in count[cut:]]
        if all(
            seen or is_made(value) for seen, value in zip(by_itself, values[cut:].tolist(), strict=True)
        ):
            return float(values[cut])
    return float("inf")


def is_made(value: float) -> bool:
    """Whether a number is one that machines write for "no value", in any decimal unit and as the energy of
    an interval: all bits of a register, or digits 9 alone.

    >>> [is_made(value) for value in (32767.0, 4294967.295, 131068.0, 9999.0, 65.535)]
    [True, True, True, True, True]
    >>> [is_made(value) for value in (100_000.0, 2500.0, 999.0, 4096.0, 50.0)]
    [False, False, False, False, False]
    """
    return any(_is_made(abs(value) / per_hour) for per_hour in INTERVALS_AN_HOUR)


def _is_made(value: float) -> bool:
    for shift in range(-3, 10):
        scaled = value * 10.0**shift
        number = round(scaled) if scaled < 2.0**MOST_BITS * 1.01 else 0
        if number < 2**LEAST_BITS - 1 and number < 10**LEAST_NINES - 1:
            continue
        if abs(scaled - number) > 1e-9 * scaled:
            continue
        if set(str(number)) == {"9"} and number >= 10**LEAST_NINES - 1:
            return True
        bits = (number + 1).bit_length() - 1
        near = min(abs(float(number) - 2.0**power) for power in (bits, bits + 1))
        if bits >= LEAST_BITS and near <= max(1.0, 2e-16 * number):
            return True
    return False
