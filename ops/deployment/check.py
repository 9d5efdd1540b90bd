"""`ona deploy check`: what would make a deployment fail or go unheard, before `sam deploy` is run.

Every finding is *ok*, *wrong*, or *not asked* with the reason: without credentials AWS is not asked, and
that is said. Nothing is changed anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import UnknownRegionError

from local.packaging import DeployError
from ona.runtime.words import counted
from ops import templates, validate
from ops.deployment import drifting, off, rights, root_stack, stopped
from ops.deployment.finding import Finding
from ops.deployment.names import Ask, Named, Plan, owned, plan, taken
from ops.deployment.settings import Settings

UNRESERVED = 100
"""Concurrent executions that must stay unreserved (AWS Lambda, "Configuring reserved concurrency");
an account with a smaller quota can reserve none."""
NOBODY = "000000000000"
"""The account in names while AWS is not asked."""
NOT_ENABLED = ("InvalidClientTokenId", "UnrecognizedClientException", "OptInRequired", "AuthFailure")
"""How AWS refuses right credentials where the account has not enabled the region; af-south-1 is such a
region (AWS Account Management, "Enable or disable AWS Regions in your account")."""


def findings(
    template: Path,
    settings: Settings,
    client: Ask | None,
    why_not: str = "no --profile was given",
    *,
    while_stopped: bool = False,
) -> Iterator[Finding]:
    """All checks. `client` makes clients of the account to deploy to; None: it is not asked.

    `while_stopped`: a deployment is wanted although the platform is stopped.
    """
    given = client is not None
    account, client, why_not = _account(client, why_not)
    mismatches = templates.problems(template)
    yield from (Finding("wrong", "template", text) for text in mismatches)
    if mismatches:
        return
    yield Finding("ok", "template", "root and stacks fit together; `ona validate` lints them")
    yield from _region(settings.region)
    unusable = validate.configurations()
    yield from (Finding("wrong", "configs", text) for text in unusable)
    if not unusable:
        yield Finding("ok", "configs", "every file can be read, and they agree")
    made, refused = _plan(template, settings, account)
    if refused or made is None:
        yield from (Finding("wrong", "parameters", line) for line in refused)
    else:
        yield Finding("ok", "parameters", f"of {settings.stack} keep every rule of the template")
    if made is not None:
        yield from _budget(made)
    yield from _packages(template.parent)
    if given and client is None:
        hint = any(code in why_not for code in NOT_ENABLED)
        text = (
            f"; or the account has not enabled {settings.region} (docs/operations/aws.md)" if hint else ""
        )
        yield Finding("wrong", "account", why_not + text)
    if made is None:
        yield Finding("not asked", "account", "first the parameters must be right")
        return
    reserved = made.reserved()
    total = sum(reserved.values())
    if client is None:
        for about, what in (
            (
                "concurrency",
                f"{counted(total, 'execution')} would be reserved; the least quota is {total + UNRESERVED}",
            ),
            ("names", f"{counted(len(made.named()), 'fixed name')} must be free, or this stack's own"),
            ("receiver", "whether it was confirmed"),
            (rights.ABOUT, "whether the deployer may make all that the templates hold"),
            (root_stack.ABOUT, "whether the root's stack takes a deployment"),
            (drifting.ABOUT, "what somebody changed by hand"),
            (stopped.ABOUT, "whether the platform is stopped"),
        ):
            text = "no execution would be reserved" if about == "concurrency" and not total else what
            because = "the account did not answer" if given else why_not
            yield Finding("not asked", about, f"{text} ({because})")
        return
    for about, ask in (
        ("concurrency", lambda: _concurrency(client, reserved)),
        ("names", lambda: _names(client, made.named(), settings.stack)),
        ("receiver", lambda: _receiver(client, made)),
        (rights.ABOUT, lambda: rights.findings(client, made, settings.stack)),
        (root_stack.ABOUT, lambda: root_stack.findings(client, settings.stack)),
        (drifting.ABOUT, lambda: drifting.findings(client, settings.stack)),
        (drifting.ABOUT, lambda: off.findings(client, settings.stack, drifting.ABOUT)),
        (stopped.ABOUT, lambda: stopped.findings(client, settings.stack, meant=while_stopped)),
    ):
        yield from _asked(about, ask)


def _region(region: str) -> Iterator[Finding]:
    """A region of another partition takes the deployment, and every task of every workflow fails there:
    "The resource belongs to a different partition from the running execution" (aws/aws-cdk issue 4597)."""
    try:
        partition = botocore.session.get_session().get_partition_for_region(region)
    except UnknownRegionError:
        return  # newer than this boto3
    if partition != "aws":
        text = f"{region} belongs to the partition {partition}; the workflows name services of aws"
        yield Finding("wrong", "region", text)


def _budget(made: Plan) -> Iterator[Finding]:
    """A month's budget that only the estimate tells of: CloudFormation makes none in this region."""
    if float(made.parameters["MonthlyBudgetUsd"]) and "OperationsBudget" not in made.applications:
        text = (
            f"CloudFormation has no AWS::Budgets::Budget in {made.region}: the alarms go by the estimate "
            "alone; deploy stacks/operations_budget.yaml into another region "
            "(docs/operations/cost.md#a-budget-by-the-bill)"
        )
        yield Finding("note", "budget", text)


def _account(client: Ask | None, why_not: str) -> tuple[str, Ask | None, str]:
    if client is None:
        return NOBODY, None, why_not
    try:
        return str(client("sts").get_caller_identity()["Account"]), client, ""
    except Exception as error:
        return NOBODY, None, f"AWS did not say who asks: {error}"


def _plan(template: Path, settings: Settings, account: str) -> tuple[Plan | None, list[str]]:
    """What would be deployed, and why AWS would refuse it. A broken rule does not hide the rest."""
    given, region = settings.parameters, settings.region
    try:
        return plan(template, given, account=account, region=region), []
    except DeployError as error:
        refused = str(error).splitlines()
    without = {name: value for name, value in given.items() if f"parameter {name}:" not in refused[0]}
    try:
        return plan(template, without, account=account, region=region, rules=False), refused
    except DeployError:
        return None, refused


def _asked(about: str, ask: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from list(ask())
    except Exception as error:
        yield Finding("not asked", about, f"AWS refused the question: {error}")


def _concurrency(client: Ask, reserved: dict[str, int]) -> Iterator[Finding]:
    """Lambda's quota against what is reserved: by others, and by this deployment anew."""
    limit = client("lambda").get_account_settings()["AccountLimit"]
    quota, unreserved = int(limit["ConcurrentExecutions"]), int(limit["UnreservedConcurrentExecutions"])
    total = sum(reserved.values())
    mine = sum(_reserved_now(client, name) for name in reserved)
    can = unreserved + mine - min(quota, UNRESERVED)
    text = f"{total} reserved of a quota of {quota}; {can} can be reserved"
    if total <= can:
        few = " (fewer than 100: bursts of files will wait)" if quota < UNRESERVED else ""
        yield Finding("ok", "concurrency", text + few)
        return
    needed = total + (quota - unreserved - mine) + UNRESERVED
    text += f": set ReservedConcurrency=0, or ask Service Quotas for {needed} (Lambda, quota L-B99A9384)"
    yield Finding("wrong", "concurrency", text)


def _reserved_now(client: Ask, function: str) -> int:
    lambdas = client("lambda")
    try:
        answer = lambdas.get_function_concurrency(FunctionName=function)
    except lambdas.exceptions.ResourceNotFoundException:
        return 0
    return int(answer.get("ReservedConcurrentExecutions", 0))


def _names(client: Ask, named: list[Named], stack: str) -> Iterator[Finding]:
    """Names that something outside this stack has."""
    ours = owned(client, stack)
    unasked: dict[str, int] = {}
    wrong = 0
    for item in named:
        try:
            if item.name in ours or not taken(client, item):
                continue
        except Exception as error:
            why = str(getattr(error, "response", {}).get("Error", {}).get("Code", "")) or str(error)
            unasked[f"{item.kind}: {why}"] = unasked.get(f"{item.kind}: {why}", 0) + 1
            continue
        wrong += 1
        yield Finding("wrong", "names", f"{item.kind} {item.name} exists and is not of {stack}")
    if wrong:
        hint = "import what holds data (`ona deploy import`, docs/operations/import.md), delete the rest"
        yield Finding("wrong", "names", hint)
    for what, count in unasked.items():
        yield Finding("not asked", "names", f"{count} × {what}")
    if not wrong and not unasked:
        yield Finding("ok", "names", f"{counted(len(named), 'fixed name')} free or this stack's own")


def _receiver(client: Ask, made: Plan) -> Iterator[Finding]:
    """Whether somebody who gets alarms has confirmed it."""
    if not (made.parameters.get("AlertEmail") or made.parameters.get("AlertEndpoint")):
        yield Finding("ok", "receiver", "none is named: alarms are seen in CloudWatch only")
        return
    topic = next(item for item in made.named() if item.logical_id == "AlertsTopic")
    if not taken(client, topic):
        yield Finding("ok", "receiver", "gets a message to confirm when the topic is made: check again")
        return
    arn = f"arn:aws:sns:{made.region}:{made.account}:{topic.name}"
    pages = client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    found: list[dict[str, Any]] = [item for page in pages for item in page["Subscriptions"]]
    confirmed = [item for item in found if item["SubscriptionArn"].startswith("arn:")]
    if confirmed:
        yield Finding("ok", "receiver", f"confirmed: {len(confirmed)} of {len(found)}")
    elif found:
        yield Finding("wrong", "receiver", f"{len(found)} subscribed to {topic.name}, none has confirmed")
    else:
        yield Finding("ok", "receiver", "is subscribed with this deployment and must confirm then")


def _packages(root: Path) -> Iterator[Finding]:
    """The sizes of what `make build` made."""
    from benchmarks import build_sizes

    build = root / ".aws-sam" / "build"
    if not (build / "template.yaml").is_file():
        yield Finding("not asked", "packages", "nothing is built; run `make build` first")
        return
    sizes = build_sizes.sizes(build)
    largest = max(sizes, key=lambda name: sizes[name])
    text = f"the largest of {len(sizes)} is {largest}, {sizes[largest]:.1f} of {build_sizes.BAR_MIB:g} MiB"
    yield Finding("ok" if sizes[largest] < build_sizes.BAR_MIB else "wrong", "packages", text)
    if missing := build_sizes.not_compiled(build):
        text = f"no byte code for {counted(len(missing), 'module')}: run `make build`"
        yield Finding("wrong", "packages", text)
