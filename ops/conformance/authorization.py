"""Actions and resources of a statement against AWS's service authorization reference.

An action that does not exist, or that has another kind of resource, allows nothing, and nobody says so.
The reference comes with cfn-lint, which does not compare resources.

>>> problem("s3:ListBucket", "arn:aws:s3:::b/*")
's3:ListBucket is about a bucket; an object stands there'
>>> problem("states:SendTaskSuccess", "arn:aws:states:eu-west-1:1:stateMachine:m")
'states:SendTaskSuccess has no resource on AWS; * is the only one'
>>> problem("s3:GetObject", "arn:aws:s3:::b/outcomes/*"), problem("lambda:InvokeFunktion", "*")
('', 'lambda:InvokeFunktion does not exist')
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any

REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html"


@lru_cache(maxsize=1)
def _services() -> dict[str, Any]:
    text = files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@lru_cache(maxsize=1024)
def _formats(service: str, action: str) -> tuple[str, ...] | None:
    """The forms of ARN that an action is about; None when the action does not exist."""
    known = _services().get(service, {})
    described = known.get("Actions", {}).get(action.lower())
    if described is None:
        return None
    return tuple(
        form
        for kind in described.get("Resources", [])
        for form in known["Resources"].get(kind.lower(), {}).get("ARNFormats", [])
    )


def _kinds(service: str, action: str) -> set[str]:
    return set(_services()[service]["Actions"][action.lower()].get("Resources", []))


def problem(action: str, resource: str) -> str:
    """Why an action on a resource allows nothing; empty when it may allow something."""
    service, _, name = action.partition(":")
    if "*" in name or "?" in name:
        return ""
    forms = _formats(service, name)
    if forms is None:
        return f"{action} does not exist"
    if resource == "*":
        return ""
    if not forms:
        return f"{action} has no resource on AWS; * is the only one"
    if service == "s3":
        kinds, path = _kinds(service, name), "/" in resource.rsplit(":", 1)[-1]
        if path and "object" not in kinds and "bucket" in kinds:
            return f"{action} is about a bucket; an object stands there"
        if not path and "bucket" not in kinds and "object" in kinds:
            return f"{action} is about an object; a bucket stands there"
    if not any(re.fullmatch(_regex(form), resource) for form in forms):
        return f"{action} is not about {resource}"
    return ""


@lru_cache(maxsize=256)
def _regex(form: str) -> str:
    parts = re.split(r"(\$\{\w+\}|\.\*)", form)
    return "".join(
        ".*" if part == ".*" else "[^:]*" if part.startswith("${") else re.escape(part) for part in parts
    )
