"""Lint every state machine with cfn-lint's E3601, which knows only the plain CloudFormation type."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from ops.asl import EXPANDED
from ops.validate import cfn_lint


def wrapped(path: Path) -> str:
    """The definition inside a template that cfn-lint checks, substitutions filled in.

    A number that a parameter gives stands in an expression by itself; cfn-lint knows none there, so it gets
    the number. Step Functions takes both (Developer Guide, "Map state": MaxConcurrency).
    """
    text = re.sub(r'"\{% \$\{\w+\} %\}"', "1", path.read_text("utf-8"))
    definition = json.loads(re.sub(r"\$\{(\w+)\}", r"arn-of-\1", text))
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::000000000000:role/x", "Definition": definition},
    }
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}})


def main() -> int:
    """Exit status of the worst file."""
    status = 0
    for path in sorted(EXPANDED.rglob("*.asl.json")):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(wrapped(path))
            file.flush()
            problems = cfn_lint(Path(file.name))
        print(f"{path.name}: {'sound' if not problems else ''}", *problems, sep="\n  ")
        status |= bool(problems)
    return status


if __name__ == "__main__":
    sys.exit(main())
