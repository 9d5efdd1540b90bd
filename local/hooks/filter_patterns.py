"""CloudWatch Logs: filter patterns. Pure.

- Terms: all of them, `?a ?b` any of them, `-a` none of it, `"a phrase"`, `%a regular expression%`. Letters
  count as they are written.
- A JSON line: `{ $.level = "ERR*" && ($.ms >= 5 || $.tags[0] = "x") }`, with `IS NULL`, `IS TRUE`,
  `IS FALSE`, `NOT EXISTS`. In a text `*` stands for any letters; alone it means any value.

Not known: lines of fields between spaces (`[ip, user, ...]`). Source: Amazon CloudWatch Logs User Guide,
"Filter pattern syntax for metric filters".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Match = Callable[[str], bool]
_TERM = re.compile(
    r'(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>[^\s"%]+))'
)
_TOKEN = re.compile(
    r'\s*(?:(?P<path>\$(?:\.[\w-]+|\.?\["[^"]+"\]|\[\d+\])+)|"(?P<text>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%'
    r"|(?P<sign>&&|\|\||!=|<=|>=|[()=<>])|(?P<word>[^\s()&|=<>!]+))"
)
_STEP = re.compile(r'\.([\w-]+)|\.?\["([^"]+)"\]|\[(\d+)\]')
_NO_REGEX = re.compile(r"[^A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.]")
"""What CloudWatch Logs knows neither as a symbol nor as an operator: brackets (), spaces, other letters."""
MOST_REGEXES = 2
"""Regular expressions of one JSON pattern."""
_ABSENT = object()


class BadPattern(ValueError):
    """A pattern that CloudWatch Logs refuses, or this module does not know; the text says where."""


def matcher(pattern: str) -> Match:
    """Whether a line of a log is meant by a pattern. Raises BadPattern.

    >>> [matcher('{ $.level = "ERROR" && $.ms > 5 }')(line) for line in (
    ...     '{"level": "ERROR", "ms": 7}', '{"level": "error", "ms": 7}', "level ERROR ms 7")]
    [True, False, False]
    >>> [matcher("ERROR -timeout")(line) for line in ("an ERROR", "ERROR: timeout", "an error")]
    [True, False, False]
    """
    text = pattern.strip()
    if text.startswith("["):
        raise BadPattern("fields between spaces are not known here")
    if text.startswith("{"):
        if not text.endswith("}"):
            raise BadPattern("a pattern of a JSON line ends with }")
        holds = _Json(text[1:-1]).whole()
        return lambda line: (document := _document(line)) is not None and holds(document)
    return _terms(text)


def value_at(path: str, line: str) -> Any:
    """What a JSON line has at a path; None where it has nothing, or is no JSON.

    >>> value_at("$.took[1].ms", '{"took": [{}, {"ms": 4}]}'), value_at("$.took", "plain")
    (4, None)
    """
    found = _at(_document(line), path)
    return None if found is _ABSENT else found


def _document(line: str) -> Any:
    if not line.lstrip().startswith("{"):
        return None
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _at(document: Any, path: str) -> Any:
    for name, quoted, index in _STEP.findall(path):
        if index:
            if not isinstance(document, list) or int(index) >= len(document):
                return _ABSENT
            document = document[int(index)]
        elif not isinstance(document, dict) or (name or quoted) not in document:
            return _ABSENT
        else:
            document = document[name or quoted]
    return document


def _terms(text: str) -> Match:
    every: list[Match] = []
    some: list[Match] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TERM.match(text, at)
        if found is None:
            raise BadPattern(f"not known at letter {at + 1}: {text[at : at + 20]}")
        at = found.end()
        term = _term(found)
        if found["sign"] == "?":
            some.append(term)
        elif found["sign"] == "-":
            every.append(lambda line, term=term: not term(line))  # type: ignore[misc]
        else:
            every.append(term)
    return lambda line: all(term(line) for term in every) and (not some or any(term(line) for term in some))


def _term(found: re.Match[str]) -> Match:
    if found["regex"] is not None:
        compiled = _regex(found["regex"])
        return lambda line: compiled.search(line) is not None
    wanted = found["word"] if found["phrase"] is None else found["phrase"].replace('\\"', '"')
    return lambda line: wanted in line


def _regex(text: str) -> re.Pattern[str]:
    if strange := _NO_REGEX.search(text):
        raise BadPattern(f"a regular expression may not have {strange[0]}: %{text}%")
    try:
        return re.compile(text)
    except re.error as error:
        raise BadPattern(f"no regular expression: %{text}%: {error}") from error


class _Json:
    """A pattern of a JSON line: alternatives of conjunctions of comparisons."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise BadPattern(f"not known: {text[at:].strip()[:20]}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        if sum(kind == "regex" for kind, _ in self.tokens) > MOST_REGEXES:
            raise BadPattern(f"it has more than {MOST_REGEXES} regular expressions")

    def whole(self) -> Callable[[Any], bool]:
        holds = self._or()
        if self.tokens:
            raise BadPattern(f"not known: {self.tokens[0][1]}")
        return holds

    def _or(self) -> Callable[[Any], bool]:
        parts = [self._and()]
        while self._takes("||"):
            parts.append(self._and())
        return lambda document: any(part(document) for part in parts)

    def _and(self) -> Callable[[Any], bool]:
        parts = [self._one()]
        while self._takes("&&"):
            parts.append(self._one())
        return lambda document: all(part(document) for part in parts)

    def _one(self) -> Callable[[Any], bool]:
        if self._takes("("):
            inner = self._or()
            if not self._takes(")"):
                raise BadPattern("a ) is missing")
            return inner
        kind, path = self._next()
        if kind != "path":
            raise BadPattern(f"a comparison begins with a field, such as $.level, not with {path}")
        sign, other = self._next()
        if sign == "word":
            return _asked(path, [other.upper(), self._next()[1].upper()])
        if other not in ("=", "!=", "<", ">", "<=", ">="):
            raise BadPattern(f"not known: {other}")
        return _compared(path, other, *self._next())

    def _takes(self, text: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", text):
            self.tokens.pop(0)
            return True
        return False

    def _next(self) -> tuple[str, str]:
        if not self.tokens:
            raise BadPattern("it ends too early")
        return self.tokens.pop(0)


def _asked(path: str, words: list[str]) -> Callable[[Any], bool]:
    wanted = {"NULL": None, "TRUE": True, "FALSE": False}
    if words == ["NOT", "EXISTS"]:
        return lambda document: _at(document, path) is _ABSENT
    if words[0] == "IS" and words[1] in wanted:
        return lambda document: _at(document, path) is wanted[words[1]]
    raise BadPattern(f"not known: {' '.join(words)}")


def _compared(path: str, sign: str, kind: str, text: str) -> Callable[[Any], bool]:
    number = _number(text) if kind == "word" else None
    if number is None and sign not in ("=", "!="):
        raise BadPattern(f"{sign} is for numbers, not for {text}")
    wild = ".*".join(re.escape(part) for part in text.split("*"))
    compiled = _regex(text) if kind == "regex" else re.compile(f"(?s:{wild})\\Z")

    def same(value: Any) -> bool:
        if text == "*" and kind != "regex":
            return True
        if number is not None:
            return _is_number(value) and float(value) == number
        if not isinstance(value, str):
            return False
        found = compiled.search(value) if kind == "regex" else compiled.match(value)
        return found is not None

    def holds(document: Any) -> bool:
        value = _at(document, path)
        if value is _ABSENT:
            return False
        if sign in ("=", "!="):
            return same(value) == (sign == "=")
        if not _is_number(value):
            return False
        own, other = float(value), float(number or 0.0)
        return {"<": own < other, ">": own > other, "<=": own <= other, ">=": own >= other}[sign]

    return holds


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
