"""Lint every state machine with cfn-lint's E3601, which knows only the plain CloudFormation type.

`lint_asl.py <folder>` writes the definitions into a folder instead, numbers filled in, for other linters.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from ops.asl import EXPANDED
from ops.validate import cfn_lint


def filled(path: Path) -> str:
    """The definition's text, with a number for each expression that is only a parameter's.

    A number that a parameter gives stands in an expression by itself. Linters know no expression there, so
    they get a number. Step Functions takes both (Developer Guide, "Map state": MaxConcurrency).
    """
    return re.sub(r'"\{% \$\{\w+\} %\}"', "1", path.read_text("utf-8"))


def wrapped(path: Path) -> str:
    """The definition inside a template that cfn-lint checks, substitutions filled in."""
    definition = json.loads(re.sub(r"\$\{(\w+)\}", r"arn-of-\1", filled(path)))
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::000000000000:role/x", "Definition": definition},
    }
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}})


def main() -> int:
    """Exit status of the worst file."""
    if sys.argv[1:]:
        for path in EXPANDED.rglob("*.asl.json"):
            Path(sys.argv[1], path.name).write_text(filled(path), "utf-8")
        return 0
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
