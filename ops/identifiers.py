"""What a word is that was given in another's place: an order's number for an execution, a foreign ARN.

A command that does not find what was asked for says with `otherwise` what it seems to be, and which command
takes it.
"""

from __future__ import annotations

import re

from ona.api.callers import key_id
from ops.target import OpsError, Target

_HEX = "[0-9a-f]"
_FOLDERS = "(observations|historical|nowcast|training|backfill)"
KINDS: tuple[tuple[str, str, str], ...] = (
    ("execution", r"arn:[^:]+:states:([^:]*:){2}execution:.+", "`ona explain` takes it"),
    ("workflow's ARN", r"arn:[^:]+:states:([^:]*:){2}stateMachine:.+", "`ona executions` lists its work"),
    ("map run's ARN", r"arn:[^:]+:states:([^:]*:){2}mapRun:.+", "`ona explain` takes its execution"),
    ("role's or user's ARN", r"arn:[^:]+:(iam|sts):.+", "`ona customers list` shows who may call"),
    ("ARN of another kind", r"arn:.*", "no command takes it"),
    ("address in S3", r"s3://.*", "`ona status` lists files by their keys"),
    ("API key", r"ona_[\w-]{30,}", "`ona customers list` shows keys by their hash"),
    ("work order", rf"wo-\d{{8}}-{_HEX}{{8}}", "`ona orders` lists the unfinished ones"),
    ("subscription", rf"sub-{_HEX}{{12}}", "its order's API takes it: docs/work-orders.md"),
    ("model's version", rf"v\d{{12}}-{_HEX}{{8}}", "`ona models list` shows it"),
    ("forecast", rf"fc-.+-{_HEX}{{6}}-.+|fc-{_HEX}{{12}}", "the API takes its site: docs/forecasting.md"),
    ("document's id", rf"(det|diag|sched|find)-{_HEX}{{12,16}}", "documents: docs/data-formats.md"),
    ("incident", rf"inc-\d{{8}}-{_HEX}{{10}}", "`GET /ops/incidents` lists them: docs/loop.md"),
    ("message's id", rf"{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}", "`ona dlq list` shows it"),
    ("file", _FOLDERS + r"/.*|.+\.(csv|CSV|parquet|json)", "`ona status` says what became of it"),
)
"""Kinds of identifiers: what it is, its pattern, and where it belongs. The first that fits counts."""
EXECUTION_ARN = re.compile(
    r"arn:[^:]+:states:(?P<region>[^:]*):(?P<account>[^:]*):execution:(?P<machine>[^:/]+)(/[^:]+)?:[^:]+"
)
"""An execution, or a child of a Distributed Map (AWS Step Functions Developer Guide, "Map Run ARNs")."""


def kind_of(text: str) -> tuple[str, str]:
    """What a word seems to be, and where it belongs; empty texts when it looks like nothing known.

    >>> kind_of("wo-20250610-1f2e3d4c")
    ('work order', '`ona orders` lists the unfinished ones')
    >>> kind_of("wo-1")
    ('', '')
    """
    return next(((kind, where) for kind, form, where in KINDS if re.fullmatch(form, text)), ("", ""))


def otherwise(text: str, wanted: str) -> str:
    """The end of an error's sentence: that a word is of another kind than the one wanted; else empty.

    >>> otherwise("wo-20250610-1f2e3d4c", "execution")
    '; it looks like a work order: `ona orders` lists the unfinished ones'
    >>> otherwise("redrive-1f2e", "execution")
    ''
    """
    kind, where = kind_of(text)
    article = "an" if kind[:1] in tuple("aeioAEIO") else "a"
    return f"; it looks like {article} {kind}: {where}" if kind and kind != wanted else ""


def no_workflow(target: Target, name: str) -> OpsError:
    """That there is no such workflow, and which there are."""
    there = ", ".join(target.machines)
    return OpsError(f"no workflow {shown(name)}; there are {there}{otherwise(name, 'workflow')}")


def shown(text: str) -> str:
    """A word as an error may repeat it: quoted; an API key only by the beginning of its hash.

    >>> shown("x"), shown("ona_" + "s" * 40)
    ("'x'", 'the API key whose hash begins with e1e2f59367cc')
    """
    if kind_of(text)[0] == "API key":
        return f"the API key whose hash begins with {key_id(text).partition('#')[2][:12]}"
    return repr(text)


def execution_arn(target: Target, arn: str) -> str:
    """An ARN that is one of this platform's executions. Raises OpsError, which says what it is instead."""
    found = EXECUTION_ARN.fullmatch(arn)
    if found is None:
        form = "arn:aws:states:<region>:<account>:execution:<workflow>:<name>"
        what = otherwise(arn, "execution") or f"; one is {form}"
        raise OpsError(f"{arn} is no execution's ARN{what}")
    own = [machine.split(":") for machine in target.machines.values()]
    for field, place in (("region", 3), ("account", 4)):
        there = own[0][place]
        if found[field] != there:
            raise OpsError(
                f"{arn} is of {field} {found[field] or '(none)'}, and {target.name} is in {field} {there}; "
                "name its platform by --profile, or give the execution's name alone: see `ona executions`"
            )
    if found["machine"] not in {parts[6] for parts in own}:
        raise OpsError(
            f"{arn} is of workflow {found['machine']}, which is none of {target.stack}; these are "
            f"{', '.join(sorted({parts[6] for parts in own}))}; of another environment: --env"
        )
    return arn
