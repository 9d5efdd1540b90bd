"""With the rights that docs/operations/tune.md names `ona tune` measures a function and can change none."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.means import tuner
from ops.target import Target
from tests.fakes.lab import Lab
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]
FUNCTION = "arn:aws:lambda:*:000000000000:function"
COPIES = [f"{FUNCTION}:ona-*-dev-tune"]
RESOURCES = [
    COPIES,
    [f"{FUNCTION}:ona-*-dev", f"{FUNCTION}:ona-*-dev:live"],
    ["arn:aws:lambda:*:000000000000:layer:*"],
    ["arn:aws:iam::000000000000:role/ona-platform-dev-*"],
    ["*"],
]
"""What each row of the page's table is about, in IAM's form."""


def rows() -> list[list[str]]:
    """The actions of each row of the table of rights."""
    text = (ROOT / "docs" / "operations" / "tune.md").read_text("utf-8")
    table = text.partition("| right | on |")[2].partition("\n\n")[0]
    action = re.compile(r"`((?:lambda|iam|cloudwatch|cloudformation):[A-Z]\w+)`")
    return [
        found
        for line in table.splitlines()
        if (found := action.findall(line.split("|")[1] if line else ""))
    ]


def statements() -> list[dict[str, Any]]:
    pairs = zip(rows(), RESOURCES, strict=True)
    return [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in pairs]


def test_the_rights_of_the_page_are_enough_and_change_no_function(platform: Platform) -> None:
    lab = Lab(platform)
    log = {"Effect": "Allow", "Action": "logs:FilterLogEvents", "Resource": "*"}  # here alone: no LogResult
    role = lab.role([*statements(), log])
    target = Target(
        "with few rights",
        platform.target.stack,
        cache(lambda service: lab.acting_as(role, service)),
        platform.target.embedded,
    )
    about = tuner.subject(target, "flag_validator", {})
    tuner.mean_ms(target, about)
    found = tuner.measure(target, about, [], 5, lambda _: None)
    assert [run.memory_mb for run in found.runs] == [512] * 6, found.notes
    assert list(tuner.copies(target)) == []
    client = target.client("lambda")
    for change in (
        lambda: client.update_function_configuration(FunctionName=about.deployed, MemorySize=1024),
        lambda: client.delete_function(FunctionName=about.deployed),
        lambda: client.invoke(FunctionName=about.deployed, Qualifier="live", Payload=b"{}"),
        lambda: client.update_alias(FunctionName=about.deployed, Name="live", FunctionVersion="1"),
    ):
        with pytest.raises(ClientError) as refused:
            change()
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
