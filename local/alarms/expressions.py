"""Metric math: an expression over series, as far as alarms here use it.

Sums, differences, products, quotients, comparisons, AND, OR, `IF`, `FILL`, `ABS`, `SUM`, `AVG`, `MIN`,
`MAX` and `METRICS()`. Where an operand is missing the result is; a quotient by zero is missing too.
Source: Amazon CloudWatch User Guide, "Using math expressions with CloudWatch metrics".
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Values = list[float | None]
"""One value a period; None where there is none."""
_OPERATORS: dict[type[Any], Callable[[float, float], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OVER_SERIES: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
    "MIN": min,
    "MAX": max,
}


class BadExpression(ValueError):
    """An expression that CloudWatch, or this page of it, does not know; the text says which part."""


def evaluated(expression: str, series: Mapping[str, Values]) -> Values:
    """The expression's value in each period. All series are as long as one another.

    Raises BadExpression.

    >>> evaluated("IF(n >= 50, 100 * bad / n, 0)", {"n": [100.0, 10.0, None], "bad": [25.0, 9.0, 1.0]})
    [25.0, 0.0, None]
    """
    text = re.sub(r"\bAND\b|&&", " and ", re.sub(r"\bOR\b|\|\|", " or ", expression)).replace("^", "**")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise BadExpression(f"no valid expression: {expression}") from error
    length = max((len(values) for values in series.values()), default=0)
    return _Reading(series, length).of(tree)


class _Reading:
    """One expression over its series."""

    def __init__(self, series: Mapping[str, Values], length: int) -> None:
        self.series = series
        self.length = length

    def of(self, node: ast.expr) -> Values:
        """The values of a part. Raises BadExpression."""
        match node:
            case ast.Constant(value=int() | float() as number):
                return [float(number)] * self.length
            case ast.Name(id=name) if name in self.series:
                return list(self.series[name])
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return [None if value is None else -value for value in self.of(inner)]
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
                return self._two(type(sign), left, right)
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _OPERATORS:
                return self._two(type(sign), left, right)
            case ast.BoolOp(op=sign, values=parts):
                return self._logic(isinstance(sign, ast.And), parts)
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]):
                return self._call(name, given)
        raise BadExpression(f"not known here: {ast.unparse(node)}")

    def _two(self, sign: type[Any], left: ast.expr, right: ast.expr) -> Values:
        compute = _OPERATORS[sign]
        made: Values = []
        for one, other in zip(self.of(left), self.of(right), strict=True):
            if one is None or other is None or (sign is ast.Div and other == 0):
                made.append(None)
            else:
                made.append(float(compute(one, other)))
        return made

    def _logic(self, both: bool, parts: list[ast.expr]) -> Values:
        rows = zip(*(self.of(part) for part in parts), strict=True)
        every = all if both else any
        return [None if None in row else float(every(row)) for row in rows]

    def _call(self, name: str, given: list[ast.expr]) -> Values:
        if name == "IF" and len(given) in (2, 3):
            condition, yes = self.of(given[0]), self.of(given[1])
            no: Values = self.of(given[2]) if len(given) == 3 else [None] * self.length
            return [
                None if test is None else (first if test else second)
                for test, first, second in zip(condition, yes, no, strict=True)
            ]
        if name == "FILL" and len(given) == 2:
            return self._filled(self.of(given[0]), given[1])
        if name == "ABS" and len(given) == 1:
            return [None if value is None else abs(value) for value in self.of(given[0])]
        if name in _OVER_SERIES and len(given) == 1:
            rows = zip(*self._array(given[0]), strict=True)
            there = [[value for value in row if value is not None] for row in rows]
            return [_OVER_SERIES[name](row) if row else None for row in there]
        raise BadExpression(f"not known here: {name}")

    def _array(self, node: ast.expr) -> list[Values]:
        match node:
            case ast.Call(func=ast.Name(id="METRICS"), args=[]):
                return [list(values) for values in self.series.values()]
            case ast.List(elts=parts):
                return [self.of(part) for part in parts]
        raise BadExpression(f"{ast.unparse(node)} is no array of series: METRICS() or [a, b]")

    def _filled(self, values: Values, filling: ast.expr) -> Values:
        if isinstance(filling, ast.Name) and filling.id == "REPEAT":
            last: float | None = None
            made: Values = []
            for value in values:
                last = last if value is None else value
                made.append(last)
            return made
        return [
            other if value is None else value for value, other in zip(values, self.of(filling), strict=True)
        ]
