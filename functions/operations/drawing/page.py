"""A page of HTML with pictures. It needs no other file, no script and no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ona.drawing.shapes import Drawing
from ona.drawing.svg import svg

_STYLE = """
body { font-family: Helvetica, Arial, sans-serif; color: #1f2933; margin: 2rem auto; max-width: 1240px;
       padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p, td, th { font-size: .9rem; } p.small { color: #616e7c; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
       border-bottom: 1px solid #e4e7eb; } td.number, th.number { text-align: right; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(380px, 1fr)); gap: 1rem; }
.pictures svg { width: 100%; border: 1px solid #e4e7eb; border-radius: 4px; padding: 6px; }
.bad { color: #b44d3b; font-weight: bold; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole page: a title, and parts that the functions below write."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{''.join(parts)}</body></html>\n"
    )


def heading(text: str) -> str:
    """The heading of what follows."""
    return f"<h2>{escape(text)}</h2>\n"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; `kind` is small, bad or nothing."""
    return f'<p class="{kind}">{escape(text)}</p>\n' if kind else f"<p>{escape(text)}</p>\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table. Columns in `numbers` are set to the right.

    >>> table(["a", "b"], [["x", "1"]], numbers=[1]).count('class="number"')
    2
    """

    def cells(tag: str, row: Sequence[str]) -> str:
        kinds = [' class="number"' if column in numbers else "" for column in range(len(row))]
        return "".join(
            f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    return f"<table><tr>{cells('th', head)}</tr>\n{body}</table>\n"


def pictures(drawings: Iterable[Drawing]) -> str:
    """Drawings beside each other, as many as the window has room for."""
    return f'<div class="pictures">{"".join(map(svg, drawings))}</div>\n'
