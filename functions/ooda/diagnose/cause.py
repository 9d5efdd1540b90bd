"""The cause of an incident: the signature that fits best, or "unknown_pattern".

The best score above `MIN_SCORE` names the cause; below it, "Unknown Needs Further Investigation" is the
right answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from ona.documents.assets import Asset
from ooda.diagnose.conditions import View
from ooda.diagnose.signatures import SIGNATURES
from ooda.documents.detections import Incident

MIN_SCORE = 0.5
"""Score (0…1) from which on a signature names the cause. Chosen on the plants of the bench."""
CLOSE = 0.15
"""Another cause whose score is this close is named as an alternative."""
UNKNOWN_SCORE = 0.4
"""Confidence in an unknown pattern."""


@dataclass(frozen=True)
class Cause:
    """A named cause with the confidence in it, why, and what else it could be."""

    name: str
    score: float
    reasons: tuple[str, ...]
    alternatives: dict[str, float]


def ranking(incident: Incident, asset: Asset) -> list[tuple[str, float, list[str]]]:
    """All causes that are not ruled out: (cause, score, reasons), the best first."""
    view = View(incident, asset)
    scored = [(signature.cause, *signature.score(view)) for signature in SIGNATURES]
    return sorted((row for row in scored if row[1] > 0), key=lambda row: -row[1])


def diagnose(incident: Incident, asset: Asset) -> Cause:
    """The best cause of an incident; an unknown pattern where none fits well."""
    ranked = ranking(incident, asset)
    others = {name: round(score, 3) for name, score, _ in ranked[1:4]}
    if ranked and ranked[0][1] >= MIN_SCORE:
        name, score, reasons = ranked[0]
        near = {other: value for other, value in others.items() if value >= score - CLOSE}
        text = reasons or [f"{incident.kind} of {incident.deviation_percent:.0f} %"]
        return Cause(name, round(score, 3), tuple(text), near)
    what = f"{incident.kind} of {incident.deviation_percent:.0f} %"
    why = f"{what} for {incident.duration_hours:.1f} h fits no known signature"
    nearest = {name: round(score, 3) for name, score, _ in ranked[:3]}
    return Cause("unknown_pattern", UNKNOWN_SCORE, (why,), nearest)
