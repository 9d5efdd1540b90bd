"""Counted nouns agree with their number: no message says "1 files".

What counts something in a message goes through `ona.runtime.words.counted`. Here every f-string of the
product is read: a value that is followed by a word in the plural must have come through it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ona.runtime.words import counted, plural
from tests.paths import ROOT

PLACES = ("functions", "ops", "local", "scripts")
PLURAL = re.compile(r"^ (?:[a-z-]+ )?([a-z]+s|people)\b")
NOT_NOUNS = re.compile(
    r"\b(of|in|h|left|is|was|has|does|as|this|us|its|less|across|always|ms|sns|"  # no plurals, no counts
    r"arrives|belongs|calls|carries|exists|explains|fits|goes|hands|holds|keeps|lies|lists|lives|needs|reads|"
    r"runs|says|starts|waits|works|writes|"
    r"status|times|ticks)\b"  # "1.2 times the usual", "4711 ticks after boot": no counts
)
AWS_WORDS = ("local/limits/", "local/hooks/asl_rules.py", "local/hooks/presigned.py", "ops/conformance/")
"""What AWS says, or what it demands in numbers that are written down beside it."""
ALWAYS_MORE = {
    "{simulate.INVERTERS} inverters",
    "{simulate.DAYS} days",
    "{HISTORY_DAYS} days",
    "{_ID_LETTERS} letters",
    "{ASSET_ID_LETTERS} letters",
    "{MAX_DEPTH} levels",
    "{MOST_REGEXES} regular expressions",
}
"""Constants of more than one."""


def _plain_counts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every value in an f-string that a plural follows."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, text in zip(node.values, node.values[1:], strict=False):
            if not (isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant)):
                continue
            found = PLURAL.match(str(text.value))
            if found and not NOT_NOUNS.search(found[0]):
                yield value.lineno, f"{{{ast.unparse(value.value)}}}{found[0]}"


def _sources() -> list[Path]:
    return [path for place in PLACES for path in sorted((ROOT / place).rglob("*.py"))]


def test_every_count_in_a_message_agrees_with_its_noun() -> None:
    wrong = [
        f"{name}:{line}: {text}"
        for path in _sources()
        if not (name := path.relative_to(ROOT).as_posix()).startswith(AWS_WORDS)
        for line, text in _plain_counts(path.read_text("utf-8"))
        if text not in ALWAYS_MORE
    ]
    assert wrong == []


def test_no_report_counts_by_itself() -> None:
    """The templates of pages: `{{ number }} days` too."""
    for path in (path for place in PLACES for path in (ROOT / place).rglob("*.j2")):
        found = re.findall(r"\{\{(?!\s*counted)[^}]*\}\} [a-z]+s\b", path.read_text("utf-8"))
        assert found == [], path


@pytest.mark.parametrize(
    "message",
    ['f"{len(left)} files"', 'f"removed {count} lost files"', 'f"{a} of {b} rows"', 'f"{n} people"'],
)
def test_a_plain_count_is_found(message: str) -> None:
    assert len(list(_plain_counts(message))) == 1


@pytest.mark.parametrize(
    "message",
    [
        "f\"{counted(n, 'file')} left\"",
        'f"{place} is full"',
        'f"{name} keeps changing"',
        'f"{z:.1f} times the spread"',
        'f"{rest} more"',
    ],
)
def test_what_counts_nothing_passes(message: str) -> None:
    assert list(_plain_counts(message)) == []


def test_each_noun_of_the_product_is_rendered_in_its_three_forms() -> None:
    """All nouns that are given to `counted`: the singular is no plural, and the plural is another word."""
    nouns = {
        str(argument.value)
        for path in _sources()
        if "from ona.runtime.words import" in (text := path.read_text("utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "counted"
        for argument in node.args[1:2]
        if isinstance(argument, ast.Constant)
    }
    assert len(nouns) > 30
    for noun in nouns:
        head = noun.split(" of ")[0]
        assert head.endswith(("ss", "alias")) or not head.endswith("s"), f"{noun} is a plural already"
        many = plural(noun)
        assert [counted(number, noun) for number in (0, 1, 2)] == [f"0 {many}", f"1 {noun}", f"2 {many}"]
        assert many != noun
