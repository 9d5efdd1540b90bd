"""Run a notebook from top to bottom and store what its cells print, return and draw (nbformat 4.5).

    python examples/execute.py examples/a_day_of_a_plant.ipynb [RESULT.ipynb]

Jupyter is not needed to make or to test the examples: this small runner does for them what Jupyter does.
Without RESULT the notebook itself is written.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot

DPI = 80
"""Dots per inch of the pictures: 11 inches wide is 880 dots, which fits a page of GitHub."""


def run(notebook: dict[str, Any]) -> None:
    """Execute all code cells in one scope, in order, and put their outputs into the notebook."""
    pyplot.show = lambda *_, **__: None  # a cell's figures are stored when the cell ends
    scope: dict[str, Any] = {"__name__": "__main__"}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, 1):
        cell["execution_count"] = number
        cell["outputs"] = _outputs("".join(cell["source"]), scope, number)


def _outputs(source: str, scope: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run one cell. Its outputs: what it printed, its figures, the value of its last expression."""
    tree = ast.parse(source, f"cell {number}")
    last = tree.body[-1]
    asked = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
    tree.body = tree.body[:-1] if asked else tree.body
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), scope)
        value = eval(compile(asked, f"cell {number}", "eval"), scope) if asked else None
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    for figure in map(pyplot.figure, pyplot.get_fignums()):
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None})
        data = {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": [repr(figure)]}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    pyplot.close("all")
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = _lines(value._repr_html_())
        result = {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data}
        outputs.append(result)
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    document = json.loads(Path(sys.argv[1]).read_text())
    run(document)
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    Path(sys.argv[-1]).write_text(text + "\n")
