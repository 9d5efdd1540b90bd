"""A policy engine of forty lines, written from AWS's text; it shares no code with ministack's.

Source: AWS Identity and Access Management user guide, "Policy evaluation logic", "IAM JSON policy elements:
Action, NotAction, Resource, NotResource, Condition operators", "Conditions with multiple context keys or
values". It knows neither variables nor permissions boundaries.
"""

from __future__ import annotations

from typing import Any

Statement = dict[str, Any]
Case = dict[str, Any]
"""`identity` and `resource_policy` (documents), `action`, `resource`, `context`, `principal`."""


def wild(text: str, pattern: str) -> bool:
    """`*` is any run of characters, `?` one character."""
    reachable = {0}
    for letter in pattern:
        if letter == "*":
            reachable = set(range(min(reachable, default=len(text) + 1), len(text) + 1))
        else:
            reachable = {i + 1 for i in reachable if i < len(text) and letter in ("?", text[i])}
    return len(text) in reachable


def arn_wild(text: str, pattern: str) -> bool:
    parts, wanted = text.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(wanted) and all(wild(a, b) for a, b in zip(parts, wanted, strict=True))


OPERATORS: dict[str, Any] = {
    "StringEquals": lambda a, b: a == b,
    "StringLike": wild,
    "StringEqualsIgnoreCase": lambda a, b: a.lower() == b.lower(),
    "ArnLike": arn_wild,
    "ArnEquals": arn_wild,
    "Bool": lambda a, b: a.lower() == b.lower(),
    "NumericLessThan": lambda a, b: float(a) < float(b),
}
NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotLike": "ArnLike"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def condition_holds(operator: str, wanted: list[str], actual: Any) -> bool:
    if operator == "Null":
        return (actual is None) == (wanted[0] == "true")
    quantifier, _, operator = operator.rpartition(":")
    base = operator.removesuffix("IfExists")
    if actual is None:
        return operator != base or quantifier == "ForAllValues" or (base in NEGATED and not quantifier)
    compare = OPERATORS[NEGATED.get(base, base)]

    def one(value: str) -> bool:
        hit = any(compare(value, item) for item in wanted)
        return not hit if base in NEGATED else hit

    if quantifier == "ForAllValues":
        return all(one(item) for item in listed(actual))
    if quantifier == "ForAnyValue":
        return any(one(item) for item in listed(actual))
    return one(actual)


def applies(statement: Statement, case: Case) -> bool:
    def hit(name: str, value: str, lower: bool) -> bool:
        patterns = listed(statement[name])
        return any(wild(value.lower(), p.lower()) if lower else wild(value, p) for p in patterns)

    action, resource = case["action"], case["resource"]
    if not (hit("Action", action, True) if "Action" in statement else not hit("NotAction", action, True)):
        return False
    if not (
        hit("Resource", resource, False)
        if "Resource" in statement
        else not hit("NotResource", resource, False)
    ):
        return False
    return all(
        condition_holds(operator, listed(wanted), case["context"].get(key))
        for operator, block in statement.get("Condition", {}).items()
        for key, wanted in block.items()
    )


def small_engine(case: Case) -> str:
    """In one account an Allow of either policy is enough; a Deny of either wins."""
    statements = [s for s in case["identity"]["Statement"] if applies(s, case)]
    for statement in (case.get("resource_policy") or {"Statement": []})["Statement"]:
        principal = statement.get("Principal", statement.get("NotPrincipal"))
        named = principal == "*" or case["principal"] in listed(principal.get("AWS", []))
        if named == ("Principal" in statement) and applies(statement, case):
            statements.append(statement)
    effects = {statement["Effect"] for statement in statements}
    return "Deny" if "Deny" in effects or "Allow" not in effects else "Allow"
