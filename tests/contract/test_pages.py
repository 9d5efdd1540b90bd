"""The pages of docs/operations/symptoms: the same order in each, and nobody's address in any."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

SYMPTOMS = sorted((ROOT / "docs" / "operations" / "symptoms").glob("*.md"))
ORDER = ["What you see", "What it means", "Commands", "Afterwards"]
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
NUMBER = re.compile(r"\+\d{2,3}[ \d()-]{6,}|\bext\.? ?\d+", re.IGNORECASE)
WORDS_OF_PEOPLE = re.compile(r"\b(call|phone|mail|page) (Mr|Ms|Mrs|Dr)\b")
EXAMPLES = ("example.com", "example.org")
"""Domains of nobody (RFC 2606)."""


def headings(text: str) -> list[str]:
    """The headings of the second level, in their order; those within blocks of code are none."""
    return re.findall(r"^## (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), flags=re.M)


def contacts(text: str) -> list[str]:
    """Addresses, numbers and names of people in a page: they belong to configs/operations/alerting.yaml."""
    found = [one for one in ADDRESS.findall(text) if not one.endswith(EXAMPLES)]
    return [*found, *NUMBER.findall(text), *(one[0] for one in WORDS_OF_PEOPLE.findall(text))]


@pytest.mark.parametrize("page", SYMPTOMS, ids=lambda page: page.stem)
def test_a_page_goes_from_what_you_see_to_what_it_looks_like_afterwards(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.startswith("# ")
    assert headings(text) == ORDER
    assert contacts(text) == []


def test_an_order_that_is_another_and_a_contact_are_found() -> None:
    page = "# A\n\n## Commands\n\n```console\n## no heading\n```\n\n## What you see\n\n"
    assert headings(page) == ["Commands", "What you see"]
    said = "Mail ops@ona.energy or a@example.com, ring +27 11 555 0199, or call Mr Smith."
    assert contacts(said) == ["ops@ona.energy", "+27 11 555 0199", "call"]
    assert contacts("since 2026-11-28 10:57 UTC, 1 of 12 alarms, +5 %; see ona@") == []
