"""Resources that move from one stack to another, with all that is in them.

A template that is reorganised declares a resource in another stack than the one that owns it.
CloudFormation would delete it here and create an empty one there. AWS's way to keep it is a stack refactor,
and the embedded cloud has as much of that as is needed (`local/hooks/stack_refactor.py`).
The first edition had one stack: `ona up` on a home of that time moves every bucket, table and queue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Move:
    """One resource's way."""

    resource: str
    source: str
    destination: str


def declarer(resource: str, names: Iterable[str]) -> str | None:
    """Which declared name a stack's resource comes from: the longest one that it begins with.

    SAM makes several resources of one: DetectFunction also becomes DetectFunctionRole.

    >>> declarer("ApiAuthorizerFunctionRole", ["Api", "ApiAuthorizerFunction"])
    'ApiAuthorizerFunction'
    >>> declarer("Record", ["Api"]) is None
    True
    """
    return max((name for name in names if resource.startswith(name)), key=len, default=None)


def moves(owned: dict[str, list[str]], declared: dict[str, str]) -> list[Move]:
    """What must move: `owned` has each stack's resources, `declared` the stack of each declared name.

    >>> moves({"all": ["Bucket", "Other"], "base": ["Queue"]}, {"Bucket": "base", "Queue": "base"})
    [Move(resource='Bucket', source='all', destination='base')]
    """
    return [
        Move(resource, stack, declared[name])
        for stack, resources in owned.items()
        for resource in resources
        if (name := declarer(resource, declared)) is not None and declared[name] != stack
    ]


def move(cloudformation: Any, stacks: Iterable[str], declared: dict[str, str]) -> list[Move]:
    """Move what other stacks declare now; returns what moved. Moving again moves nothing."""
    pages = cloudformation.get_paginator("list_stack_resources")
    owned = {
        stack: [
            str(item["LogicalResourceId"])
            for page in pages.paginate(StackName=stack)
            for item in page["StackResourceSummaries"]
        ]
        for stack in stacks
    }
    wanted = moves(owned, declared)
    if not wanted:
        return []
    concerned = sorted({item.source for item in wanted} | {item.destination for item in wanted})
    refactor = cloudformation.create_stack_refactor(
        Description="resources that other templates declare now",
        EnableStackCreation=True,
        StackDefinitions=[{"StackName": name} for name in concerned],
        ResourceMappings=[
            {
                "Source": {"StackName": item.source, "LogicalResourceId": item.resource},
                "Destination": {"StackName": item.destination, "LogicalResourceId": item.resource},
            }
            for item in wanted
        ],
    )
    cloudformation.execute_stack_refactor(StackRefactorId=refactor["StackRefactorId"])
    return wanted
