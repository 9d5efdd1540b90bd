"""Draw each workflow as a Mermaid diagram from its Amazon States Language file.

python scripts/diagrams.py          write docs/diagrams/<workflow>.md
python scripts/diagrams.py --check  exit with 1 when a page is stale, missing or extra
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops import asl

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "diagrams"
LABEL_LETTERS = 40
"""A longer condition is cut."""
CATCHES_DRAWN = 2
"""So many states may have an arrow each to the state that takes their errors; more share one."""
SHAPES = {
    "Choice": ('{"', '"}'),
    "Pass": ('("', '")'),
    "Succeed": ('(["', '"])'),
    "Fail": ('[["', '"]]'),
    "Wait": ('{{"', '"}}'),
}
"""Mermaid's brackets by type of state; a task is a rectangle."""

Json = dict[str, Any]


@dataclass
class Drawing:
    """The lines of one diagram, and the states that are drawn as troubles."""

    lines: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def add(self, depth: int, text: str) -> None:
        """One line, indented."""
        self.lines.append(f"{'  ' * depth}{text}")


def quoted(text: str) -> str:
    """A text inside Mermaid's quotation marks.

    >>> quoted('a "b" < c')
    'a #quot;b#quot; &lt; c'
    """
    return text.replace('"', "#quot;").replace("<", "&lt;").replace(">", "&gt;")


def condition(text: str) -> str:
    """A choice's JSONata condition, short enough for an arrow.

    >>> condition("{% $states.input.task = 'accuracy' %}")
    "task = 'accuracy'"
    """
    plain = text.removeprefix("{%").removesuffix("%}").replace("$states.input.", "").replace("$", "")
    return textwrap.shorten(plain, LABEL_LETTERS, placeholder=" …")


def called(state: Json) -> str:
    """What a task calls, in words.

    >>> called({"Resource": "arn:aws:states:::aws-sdk:s3:putObject"})
    's3 putObject'
    """
    resource = str(state.get("Resource", ""))
    if resource.endswith("lambda:invoke"):
        name = re.search(r"\$\{(\w+?)Function(?:Arn)?\}", str(state["Arguments"]["FunctionName"]))
        return f"function {re.sub(r'(?<!^)(?=[A-Z])', '_', name[1]).lower()}" if name else "function"
    return " ".join(resource.removeprefix("arn:aws:states:::").removeprefix("aws-sdk:").split(":"))


def is_trouble(state: Json) -> bool:
    """Whether a state is reached only when something failed: a dead letter, or a failure."""
    to_dead_letters = "DeadLetter" in str(state.get("Arguments", {}).get("QueueUrl", ""))
    return state["Type"] == "Fail" or to_dead_letters


def draw_machine(drawing: Drawing, machine: Json, depth: int) -> None:
    """The states of a machine or of one iteration of a map, then the arrows between them."""
    states: dict[str, Json] = machine["States"]
    for name, state in states.items():
        draw_state(drawing, name, state, depth)
    for name, state in states.items():
        for target, label in transitions(state):
            arrow = f'-->|"{quoted(label)}"|' if label else "-->"
            drawing.add(depth, f"{name} {arrow} {target}")
    draw_catches(drawing, states, depth)


def draw_state(drawing: Drawing, name: str, state: Json, depth: int) -> None:
    """A state; of a map or a parallel state its inside too."""
    inside = [state["ItemProcessor"]] if "ItemProcessor" in state else state.get("Branches", [])
    if not inside:
        begin, end = SHAPES.get(state["Type"], ('["', '"]'))
        work = called(state) if state["Type"] == "Task" else ""
        drawing.add(depth, f"{name}{begin}{name}{f'<br/>{quoted(work)}' if work else ''}{end}")
        if is_trouble(state):
            drawing.troubles.append(name)
        return
    at_once = str(state.get("MaxConcurrency", "")).strip("{%$ }")  # a parameter is told by its name
    what = "for each item" if "ItemProcessor" in state else "at the same time"
    title = f"{name}: {what}{f', {at_once} at once' if at_once else ''}"
    drawing.add(depth, f'subgraph {name}["{quoted(title)}"]')
    for machine in inside:
        draw_machine(drawing, machine, depth + 1)
    drawing.add(depth, "end")


def transitions(state: Json) -> list[tuple[str, str]]:
    """Where a state leads when nothing fails: (target, label)."""
    arrows = [(rule["Next"], condition(rule.get("Condition", ""))) for rule in state.get("Choices", [])]
    if "Default" in state:
        arrows.append((state["Default"], "otherwise"))
    if "Next" in state:
        arrows.append((state["Next"], ""))
    return arrows


def caught(state: Json) -> list[Json]:
    """A state's catches, without the one that `ops.asl` adds to each of all errors."""
    return [rule for rule in state.get("Catch", []) if rule["ErrorEquals"] != asl.TOO_LARGE]


def draw_catches(drawing: Drawing, states: dict[str, Json], depth: int) -> None:
    """Dotted arrows for caught errors.

    A catch of all errors that many states have in common is one arrow, from a note that lists them.
    """
    everything: dict[str, list[str]] = defaultdict(list)  # target → states whose other errors lead there
    for name, state in states.items():
        plain = [target for target, _ in transitions(state)]
        for rule in caught(state):
            if rule["ErrorEquals"] == ["States.ALL"] and rule["Next"] not in plain:
                everything[rule["Next"]].append(name)
            elif rule["Next"] not in plain or rule["ErrorEquals"] != ["States.ALL"]:
                errors = ", ".join(error.split(".")[-1] for error in rule["ErrorEquals"])
                drawing.add(depth, f'{name} -.->|"{quoted(errors)}"| {rule["Next"]}')
    for target, names in everything.items():
        if len(names) <= CATCHES_DRAWN:
            for name in names:
                label = "any other error" if len(caught(states[name])) > 1 else "any error"
                drawing.add(depth, f'{name} -.->|"{label}"| {target}')
        else:
            listed = "<br/>".join(textwrap.wrap(", ".join(names), LABEL_LETTERS))
            drawing.add(depth, f'errors_{target}["any other error of<br/>{listed}"] -.-> {target}')
            drawing.troubles.append(f"errors_{target}")


def diagram(machine: Json) -> str:
    """A workflow as a Mermaid flow chart.

    >>> states = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}
    >>> print(diagram({"StartAt": "A", "States": states}))
    flowchart TD
      start((start)) --> A
      A("A")
      B(["B"])
      A --> B
    """
    drawing = Drawing(["flowchart TD"])
    drawing.add(1, f"start((start)) --> {machine['StartAt']}")
    draw_machine(drawing, machine, 1)
    if drawing.troubles:
        drawing.add(1, "classDef trouble stroke-dasharray: 4 4")
        drawing.add(1, f"class {','.join(drawing.troubles)} trouble")
    return "\n".join(drawing.lines)


def comments(machine: Json) -> list[tuple[str, str]]:
    """The states that say what they are for, at every depth: (name, comment)."""
    pairs = []
    for name, state in machine["States"].items():
        if "Comment" in state:
            pairs.append((name, str(state["Comment"])))
        for inner in [state.get("ItemProcessor"), *state.get("Branches", [])]:
            pairs += comments(inner) if inner else []
    return pairs


def page(path: Path) -> str:
    """The Markdown page of a workflow."""
    machine = asl.expanded(path)
    source = path.relative_to(ROOT).as_posix()
    purpose = machine.get("Comment", "").replace(". ", ".\n")
    rows = "\n".join(
        f"| {name} | {comment.replace('|', chr(92) + '|')} |" for name, comment in comments(machine)
    )
    return f"""# Workflow {workflow(path)}

<!-- Written by `make diagrams` from {source}. Do not edit. -->

{purpose}

A dotted arrow is the way of an error.
A dashed frame marks a failure, or a message to the dead-letter queue.

```mermaid
{diagram(machine)}
```

| State | What it is for |
| --- | --- |
{rows}

Source: [{source}](../../{source})
"""


def workflow(path: Path) -> str:
    """The name of a workflow, from its file's.

    >>> workflow(Path("statemachines/ooda/fleet_history.asl.yaml"))
    'fleet_history'
    """
    return path.name.split(".")[0]


def pages() -> dict[str, str]:
    """The text of every page, by its file's name under docs/diagrams/."""
    return {f"{workflow(path)}.md": page(path) for path in asl.sources()}


def problems(folder: Path = FOLDER) -> list[str]:
    """Which pages in a folder are missing, stale or extra."""
    wanted = pages()
    present = {path.name: path.read_text("utf-8") for path in folder.glob("*")} if folder.is_dir() else {}
    extra = sorted(present.keys() - wanted.keys())
    stale = sorted(name for name in wanted.keys() & present.keys() if present[name] != wanted[name])
    return [
        *(f"{name} is missing" for name in sorted(wanted.keys() - present.keys())),
        *(f"{name} is extra: no workflow has this name" for name in extra),
        *(f"{name} is stale" for name in stale),
    ]


def main() -> int:
    """Write the pages, or with `--check` say what is wrong with them."""
    if "--check" in sys.argv[1:]:
        wrong = problems()
        for problem in wrong:
            print(f"docs/diagrams/{problem}; run `make diagrams`")
        return 1 if wrong else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
