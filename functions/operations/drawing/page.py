"""A document as a page of HTML. It needs no other file, no script and no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ona.drawing.svg import svg
from operations.drawing.document import Block, Heading, Paragraph, Pictures, Table

_STYLE = """
body { font-family: Helvetica, Arial, sans-serif; color: #1f2933; margin: 2rem auto; max-width: 1240px;
       padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p, td, th { font-size: .9rem; } p.remark { color: #616e7c; }
p.warning { color: #b44d3b; font-weight: bold; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
       border-bottom: 1px solid #e4e7eb; } td.number, th.number { text-align: right; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(380px, 1fr)); gap: 1rem; }
.pictures svg { width: 100%; box-sizing: border-box; border: 1px solid #e4e7eb; border-radius: 4px;
       padding: 6px; }
"""


def page(title: str, blocks: Iterable[Block]) -> str:
    """The whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{''.join(map(_block, blocks))}</body></html>\n"
    )


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>\n"
        case Paragraph(text, kind):
            return f'<p class="{kind}">{escape(text)}</p>\n'
        case Pictures(drawings):
            return f'<div class="pictures">{"".join(map(svg, drawings))}</div>\n'
        case Table(head, rows, numbers, nothing):
            if not rows:
                return f'<p class="remark">{escape(nothing)}</p>\n'
            lines = [_row("th", head, numbers), *(_row("td", row, numbers) for row in rows)]
            return f"<table>{''.join(lines)}</table>\n"


def _row(tag: str, cells: Sequence[str], numbers: Sequence[int]) -> str:
    kinds = [' class="number"' if column in numbers else "" for column in range(len(cells))]
    text = "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
    return f"<tr>{text}</tr>\n"
