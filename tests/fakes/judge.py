"""The embedded cloud's policy engine in a process of its own: `python -m tests.fakes.judge < cases`.

A case is a JSON object a line: `identity` and `resource_policy` (policy documents), `action`, `resource`,
`context`, `principal`. The decision is Allow or Deny. The hooks change ministack for a whole process, so
tests that judge policies do not do it in their own.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def decide(evaluator: Any, case: dict[str, Any]) -> str:
    context = evaluator.EvalContext(
        principal_arn=case["principal"],
        principal_type="AssumedRole",
        principal_account="000000000000",
        action=case["action"],
        resource_arn=case["resource"],
        region="af-south-1",
        service_context={key.lower(): value for key, value in case["context"].items()},
    )
    policies = [evaluator.parse_policy_document(case["identity"])]
    result = evaluator.evaluate(context, policies)
    if case.get("resource_policy"):
        result = evaluator.combine_resource_policy(result, context, case["resource_policy"], "000000000000")
    return "Allow" if result.decision == "Allow" else "Deny"


if __name__ == "__main__":
    from ministack.core import iam_evaluator

    from local.hooks import roles_policies

    if "--as-it-comes" not in sys.argv:
        roles_policies.install()
    for line in sys.stdin:
        print(decide(iam_evaluator, json.loads(line)))
