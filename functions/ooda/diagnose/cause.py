"""The cause of an incident: how likely each is, after what is seen of it; or "unknown_pattern".

Bayes' rule over the rows of the table (`signatures.py`): how often a cause comes, times how often it shows
what is seen, over the same sum for all causes. One more hypothesis stands beside them: something that the
table does not have, to which no state is strange.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ona.config.causes import cause_rules
from ona.documents.assets import Asset
from ooda.diagnose.aspects import ASPECTS, BY_NAME, Degrees
from ooda.diagnose.signatures import SIGNATURES, STRUCK, Signature
from ooda.diagnose.view import View
from ooda.documents.detections import NO_FAULT, Incident

UNKNOWN = "unknown_pattern"
UNKNOWN_RATE = 3.0
"""Times in 100 assets and a year that an incident has a cause which the table lacks."""
STRANGE = 0.15
"""Share of its aspects (0…1) that such a cause shows in a state of which nothing is known beforehand; of
those of the machine, as the weather comes anyway."""
MIN_PROBABILITY = 0.35
"""Probability of its category from which on a cause is named: the category says who is sent."""
LEAST_ALTERNATIVE = 0.05
"""Probability from which on another cause is told too."""
TELLS = 1.02
"""An aspect is a reason where it is so many times likelier with the cause than it usually is."""
MOST_REASONS = 5
"""Reasons told, the weightiest first."""
STORMS = ("gust", "thunder", "hail", "squall", "gale", "deluge")
"""States of the weather that are told as a note where they do not explain the fault."""
LOGGED = 20.0
"""How many times likelier an event log names a cause when it is the cause than when it is not."""
LOGGED_RATE = 1.0
"""Times in 100 assets and a year that a cause comes for which the table has no row: only the log names
it."""
ORDERS: Mapping[str, tuple[str, ...]] = {
    "planned": ("planned_maintenance",),
    "operator": ("switched_off", "operator_setpoint"),
    "grid": ("grid_outage", "grid_frequency"),
    "curtailment": ("curtailment",),
}
"""Classes of events that name causes by themselves."""


@dataclass(frozen=True)
class Cause:
    """A named cause with its probability, why, and what else it could be, with theirs."""

    name: str
    score: float
    reasons: tuple[str, ...]
    alternatives: dict[str, float]


@dataclass(frozen=True)
class Candidate:
    """A cause with its probability; `form`: its likeliest form; `ratios`: by aspect, how many times
    likelier what is seen is with that form than it usually is."""

    name: str
    probability: float
    form: str = ""
    ratios: Mapping[str, float] = field(default_factory=dict)


def seen(view: View) -> dict[str, Degrees]:
    """What was measured: the degrees of each aspect's states."""
    looks = {aspect.name: aspect.look(view) for aspect in ASPECTS}
    return {name: look for name, look in looks.items() if look is not None}


def ranking(incident: Incident, asset: Asset) -> list[Candidate]:
    """All causes that the incident can have, the likeliest first. Their probabilities add up to 1."""
    view = View(incident, asset)
    looks = seen(view)
    usual = {
        aspect.name: likelihood(looks[aspect.name], aspect.usual)
        for aspect in ASPECTS
        if aspect.name in looks
    }
    logged = by_log(incident)
    often = view.storm_usual(usual["weather"]) / usual["weather"] if "weather" in usual else 1.0
    weights: dict[str, list[tuple[float, Signature, dict[str, float]]]] = {}
    for row in SIGNATURES:
        if incident.kind in row.kinds and row.can_have(asset):
            ratios = {
                name: likelihood(looks[name], states) / usual[name]
                for name, states in row.shows.items()
                if name in looks
            }
            if row.cause in STRUCK and "weather" in ratios:
                ratios["weather"] /= often  # it stood as bad a storm so often before
            weight = row.rate * math.prod(ratios.values()) * logged.get(row.cause, 1.0)
            weights.setdefault(row.cause, []).append((weight, row, ratios))
    fitting = {row.cause for row in SIGNATURES if row.can_have(asset)}
    for cause in logged.keys() & fitting - weights.keys():
        row = Signature(cause, LOGGED_RATE, (incident.kind,), "any", "as the event log says", {})
        weights[cause] = [(LOGGED_RATE * logged[cause], row, {})]
    strange = UNKNOWN_RATE * math.prod(
        1.0 - STRANGE + STRANGE * likelihood(looks[name], BY_NAME[name].flat) / usual[name]
        for name in usual
        if not BY_NAME[name].outside and incident.kind not in NO_FAULT
    )
    total = strange + sum(weight for forms in weights.values() for weight, _, _ in forms)
    candidates = [Candidate(UNKNOWN, strange / total)]
    for cause, forms in weights.items():
        _, row, ratios = max(forms, key=lambda form: form[0])
        probability = sum(weight for weight, _, _ in forms) / total
        candidates.append(Candidate(cause, probability, row.form, ratios))
    return sorted(candidates, key=lambda candidate: -candidate.probability)


def by_log(incident: Incident) -> dict[str, float]:
    """How many times likelier each cause is by what an event log says; 1 for those that it does not name.

    A fault that names its cause counts in full: a trip's own entry is often gone at once. What explains a
    loss counts by the share of its time that it covers.
    """
    factors: dict[str, float] = {}
    for event in incident.events:
        weight = 1.0 if event.event_class == "fault" else event.share
        for cause in (event.cause, *ORDERS.get(event.event_class, ())):
            if cause:
                factors[cause] = max(factors.get(cause, 1.0), 1.0 + (LOGGED - 1.0) * weight)
    return factors


def diagnose(incident: Incident, asset: Asset) -> Cause:
    """The likeliest cause of an incident; an unknown pattern where none is likely enough."""
    ranked = ranking(incident, asset)
    what = f"{incident.kind} of {incident.deviation_percent:.0f} %"
    known = [candidate for candidate in ranked if candidate.name != UNKNOWN]
    if ranked[0].name == UNKNOWN or _of_its_category(ranked) < MIN_PROBABILITY:
        why = f"{what} for {incident.duration_hours:.1f} h: no cause is likely enough"
        strange = next(c.probability for c in ranked if c.name == UNKNOWN)
        return Cause(UNKNOWN, round(strange, 3), (why,), _told(known[:3]))
    text = _reasons(ranked[0], View(incident, asset)) or [what]
    return Cause(ranked[0].name, round(ranked[0].probability, 3), tuple(text), _told(known[1:]))


def _of_its_category(ranked: Sequence[Candidate]) -> float:
    """The probability of the likeliest cause and of those that are alike to who mends it: of its
    category."""
    rules = cause_rules()
    category = rules[ranked[0].name].category
    return sum(c.probability for c in ranked if rules[c.name].category == category)


def _told(candidates: Sequence[Candidate]) -> dict[str, float]:
    """The probabilities of other causes that are worth telling."""
    return {c.name: round(c.probability, 3) for c in candidates if c.probability >= LEAST_ALTERNATIVE}


def likelihood(degrees: Degrees, shares: Mapping[str, float]) -> float:
    """How often what is seen comes, where the states come in these shares (0…1)."""
    return sum(degree * shares[state] for state, degree in degrees.items())


def _reasons(best: Candidate, view: View) -> list[str]:
    """Why: what speaks for the cause, the weightiest first; then a storm that does not explain it."""
    told, looks = [], seen(view)
    states = {name: max(look, key=look.__getitem__) for name, look in looks.items()}
    for name, ratio in sorted(best.ratios.items(), key=lambda pair: -pair[1]):
        if ratio >= TELLS and (text := BY_NAME[name].sentence(states[name], view)):
            told.append(text)
    told = [*told[:MOST_REASONS], *([best.form] if best.form else [])]
    if states.get("weather") in STORMS and best.ratios.get("weather", 1.0) < TELLS:
        told.append(f"{BY_NAME['weather'].sentence(states['weather'], view)}, which does not explain it")
    return told
