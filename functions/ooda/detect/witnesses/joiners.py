"""Machines that join a site whose planes are known: they lie as the roof does whose form their days have.

A machine that was exchanged, or added, has no plane of its own until the site's are fitted again, up to 60
days later. One whose form is that of no roof, or of several that lie apart, waits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ooda.detect.rolling import FIRST_DAYS
from ooda.detect.witnesses.alike import strange_forms
from ooda.detect.witnesses.planes import Lie, apart
from ooda.detect.witnesses.profiles import Profiles
from ooda.documents.asset_history import LearnedPlane

LEAST_OF_ROOF = 2
"""Machines of one roof, beside whose form that of another can be seen."""


def roof_of(
    j: int,
    fitted: Sequence[int],
    learned: Sequence[LearnedPlane],
    profiles: Profiles,
    days: tuple[int, int],
    near: float,
) -> list[int]:
    """The machines of the roof on which machine `j` lies, of those whose planes are `fitted`; none where
    nobody knows. `days`: rows of the profiles that may be looked at; `near`: degrees, see `roofs`."""
    came = np.any(np.isfinite(profiles.share), axis=2)
    begins = np.where(came.any(axis=1), came.argmax(axis=1), came.shape[1])
    if begins[j] <= begins[list(fitted)].min():  # it was there when planes were fitted, and showed none
        return []
    first, last = max(days[0], int(begins[j])), days[1]
    seen = profiles.between(first, min(last, max(days[0], first) + FIRST_DAYS))
    suits = [
        roof
        for roof in roofs(fitted, learned, near)
        if len(roof) >= LEAST_OF_ROOF and not strange_forms(seen.share[[*roof, j]])[-1]
    ]
    return suits[0] if len(suits) == 1 else []


def roofs(fitted: Sequence[int], learned: Sequence[LearnedPlane], near: float) -> list[list[int]]:
    """Machines by roof: those whose planes lie less than `near` degrees from the first one's."""
    found: list[list[int]] = []
    for k in fitted:
        own = Lie(learned[k].tilt, learned[k].azimuth)
        for roof in found:
            if apart(own, Lie(learned[roof[0]].tilt, learned[roof[0]].azimuth)) < near:
                roof.append(k)
                break
        else:
            found.append([k])
    return found


def laid_as(plane: LearnedPlane, roof: Sequence[LearnedPlane]) -> LearnedPlane:
    """A plane that lies as the first of a roof, with the roof's usual gain, until it is fitted."""
    gain = float(np.median([other.gain for other in roof]))
    return plane.model_copy(
        update={"tilt": roof[0].tilt, "azimuth": roof[0].azimuth, "gain": gain, "still": roof[0].still}
    )
