"""What an event means: its class, and the cause that it hints at.

>>> meaning("6.12", "Feeding fault")
Meaning(event_class='fault', cause='', known=True)
>>> meaning("", "Manual stop by operator").event_class, meaning("4711", "").known
('operator', False)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ooda.config.event_codes import TextRule, event_codes
from ooda.documents.detections import EventClass

_INFORMAL = re.compile(r"^info|^log$|^notice|^hinweis|^debug", re.IGNORECASE)
"""A log's own word for entries that are no alarm."""


@dataclass(frozen=True)
class Meaning:
    """A class, a cause of causes.yaml ("": none), and whether a table knew the event."""

    event_class: EventClass
    cause: str = ""
    known: bool = True


@lru_cache(maxsize=20_000)
def meaning(
    code: str, text: str, category: str = "", severity: str = "", oem: tuple[str, ...] = ()
) -> Meaning:
    """What an event means, by the first that knows it: its maker's codes, the log's category, its text.

    `oem`: the makers of the asset's components. An event that nothing knows is information.
    """
    by_code = _by_code(code, oem)
    if by_code is not None:
        return by_code
    said = f"{text} {code}" if re.search("[A-Za-z]", code) else text
    by_text = _by_text(said)
    own = _first(event_codes().categories, category.strip())
    if own is not None:
        hint = by_text.cause if by_text is not None and by_text.event_class == own.means else ""
        return Meaning(own.means, own.cause or hint)
    if by_text is None:
        return Meaning("information", known=bool(_INFORMAL.search(severity)))
    if by_text.event_class == "fault" and _INFORMAL.search(severity):
        return Meaning("information")
    return by_text


def _by_code(code: str, oem: tuple[str, ...]) -> Meaning | None:
    makers = " ".join(oem).lower()
    for vendor in event_codes().vendors.values() if code and makers else ():
        if any(re.search(rf"\b{re.escape(word)}\b", makers) for word in vendor.oem):
            for rule in vendor.codes:
                if rule.code == code or (rule.pattern and re.fullmatch(rule.pattern, code)):
                    return Meaning(rule.means, rule.cause)
    return None


def _by_text(text: str) -> Meaning | None:
    if not text.strip():
        return None
    faulty = re.search(event_codes().fault_words, text, re.IGNORECASE) is not None
    rules = (rule for rule in event_codes().texts if not (rule.yields if faulty else rule.needs_fault))
    rule = _first(rules, text)
    if rule is not None:
        return Meaning(rule.means, rule.cause)
    return Meaning("fault") if faulty else None


def _first(rules: Iterable[TextRule], text: str) -> TextRule | None:
    return next((rule for rule in rules if text and re.search(rule.pattern, text, re.IGNORECASE)), None)
