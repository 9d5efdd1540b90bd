"""What a document of feature flags must be, beyond the shape that the profile's JSON schema asks for.

>>> problems({"webhooks": {"default": True}})
[]
>>> problems({"webhoks": {"default": True}})
['webhoks: no code asks for such a flag']
>>> problems({"webhooks": {"default": "on"}})
['webhooks: default is true or false, not "on"']
"""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.feature_flags.exceptions import SchemaValidationError
from aws_lambda_powertools.utilities.feature_flags.schema import SchemaValidator

from ona.config.flags import flags_config


def problems(document: Any) -> list[str]:
    """What is wrong with a document, one sentence each. Raises InvalidConfiguration for our own file."""
    if not isinstance(document, dict) or not document:
        return ["the document is no JSON object with at least one flag"]
    declared = flags_config()
    found = [f"{name}: no code asks for such a flag" for name in document if name not in declared]
    for name, declaration in declared.items():
        flag = document.get(name)
        if not isinstance(flag, dict):
            continue
        if not isinstance(flag.get("default"), bool):
            found.append(f"{name}: default is true or false, not {json.dumps(flag.get('default'))}")
        elif flag.get("rules") and not declaration.by_customer:
            found.append(f"{name}: it holds for all customers, so that it has no rules")
        else:
            found += [f"{name}: {text}" for text in _of_rules(flag.get("rules") or {})]
    return found or _powertools(dict(document))


def _of_rules(rules: dict[str, Any]) -> list[str]:
    """Rules may look at the customer, which is all that code tells of a request."""
    keys = {
        str(condition.get("key"))
        for rule in rules.values()
        if isinstance(rule, dict)
        for condition in rule.get("conditions") or []
        if isinstance(condition, dict)
    }
    return [
        f"a rule looks at {key}; code tells customer_id alone" for key in sorted(keys - {"customer_id"})
    ]


def _powertools(document: dict[str, Any]) -> list[str]:
    try:
        SchemaValidator(document).validate()
    except SchemaValidationError as error:
        return [str(error)]
    return []
