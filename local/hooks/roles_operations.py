"""Roles: which operation a request names. It is judged by the one that it does, whatever else it names.

ministack takes the first name that it finds, and the services look elsewhere: a request to delete an object
with `?Action=GetObject` was judged as one to read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

CBOR_CALL = re.compile(r"^/service/[^/]+/operation/(\w+)$")
"""The path of a call in the RPC protocol with CBOR, which CloudWatch speaks."""
SPEAK_TWO = frozenset({"dsql", "iot", "ses"})
"""Services whose module here answers REST and another protocol."""


def without_names(
    headers: Mapping[str, str], params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A REST request's headers and query without what names an operation in the other protocols only.

    S3 reads no `Action` and no `X-Amz-Target`: what a request does follows from its method and path.

    >>> without_names({"x-amz-target": "X.GetObject", "host": "h"}, {"Action": ["GetObject"], "acl": [""]})
    ({'host': 'h'}, {'acl': ['']})
    """
    named = ("x-amz-target", "content-type")  # of a form, whose body may name an action
    kept = {key: value for key, value in headers.items() if key.lower() not in named}
    return kept, {key: value for key, value in params.items() if key != "Action"}


def operations(path: str, headers: Mapping[str, str], body: bytes, params: Mapping[str, Any]) -> set[str]:
    """The operations that a request names, in whichever protocol. A sound one names one.

    >>> headers = {"x-amz-target": "AmazonSQS.DeleteQueue"}
    >>> sorted(operations("/", headers, b"{}", {"Action": ["ListQueues"]}))
    ['DeleteQueue', 'ListQueues']
    >>> operations("/", {}, b"Action=ListTopics&Version=1", {"Action": ["ListTopics"]})
    {'ListTopics'}
    """
    given = params.get("Action") or []
    found = {given} if isinstance(given, str) else set(given)
    if b"Action=" in body and not body.startswith(b"{"):
        found.update(parse_qs(body.decode("utf-8", "replace")).get("Action", []))
    if "." in (target := headers.get("x-amz-target", "")):
        found.add(target.rsplit(".", 1)[-1])
    if call := CBOR_CALL.match(path):
        found.add(call[1])
    return found


def by_method(action: Any, method: str, path: str) -> Any:
    """Lambda's action where ministack does not look at the method, or at the name behind `aliases`.

    Source: AWS Lambda API reference, the request syntax of these actions.

    >>> by_method("lambda:PutFunctionConcurrency", "GET", "/2019-09-30/functions/f/concurrency")
    'lambda:GetFunctionConcurrency'
    >>> by_method("lambda:ListAliases", "GET", "/2015-03-31/functions/f/aliases/live")
    'lambda:GetAlias'
    >>> by_method("lambda:ListAliases", "GET", "/2015-03-31/functions/f/aliases")
    'lambda:ListAliases'
    """
    verb = {"GET": "Get", "DELETE": "Delete"}.get(method)
    if action == "lambda:PutFunctionConcurrency" and verb:
        return f"lambda:{verb}FunctionConcurrency"
    if action == "lambda:ListAliases" and "/aliases/" in path:
        return f"lambda:{verb or 'Update'}Alias"
    return action


def unqualified(arn: str) -> str:
    """A state machine's ARN without version or alias: by that permission is given, also for an alias.

    Source: AWS Step Functions Developer Guide, "Authorization for versions and aliases".

    >>> unqualified("arn:aws:states:r:1:stateMachine:m:live"), unqualified("arn:aws:sqs:r:1:q")
    ('arn:aws:states:r:1:stateMachine:m', 'arn:aws:sqs:r:1:q')
    """
    parts = arn.split(":")
    return ":".join(parts[:7]) if parts[5:6] == ["stateMachine"] else arn
