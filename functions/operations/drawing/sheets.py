"""A document as a PDF: its blocks one below the other on sheets of A4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ona.drawing.letters import broken, fitting, width
from ona.drawing.pdf import A4, pdf
from ona.drawing.shapes import GREY, GRID, INK, RED, TEXT, Drawing, Line, Shape, Text, moved
from operations.drawing.document import Block, Heading, Paragraph, Pictures, Table

MARGIN = 40.0
WIDE = A4[0] - 2 * MARGIN
"""So wide is what stands on a sheet, points."""
_SIZE, _ROW, _GAP = 9.0, 14.0, 10.0
_COLOURS = {"plain": INK, "remark": TEXT, "warning": RED}


def sheets(title: str, blocks: Iterable[Block]) -> bytes:
    """The file. A block that does not fit below the others begins a sheet; a table is parted between rows,
    a heading goes with what follows."""
    top, bottom = MARGIN, A4[1] - MARGIN - 16
    pages: list[list[Shape]] = [[Text((MARGIN, top + 16), title, 14, INK)]]
    y = top + 34
    pieces = list(_pieces(blocks))
    for number, (piece, is_heading) in enumerate(pieces):
        follows = pieces[number + 1][0].height + _GAP if is_heading and number + 1 < len(pieces) else 0.0
        if y + piece.height + follows > bottom and y > top:
            pages.append([])
            y = top
        pages[-1] += moved(piece, MARGIN, y)
        y += piece.height + _GAP
    drawings = []
    for number, shapes in enumerate(pages, 1):
        below = Text((A4[0] - MARGIN, A4[1] - MARGIN + 4), f"{number} of {len(pages)}", 8, GREY, "end")
        drawings.append(Drawing(*A4, [*shapes, below], title))
    return pdf(drawings, title)


def _pieces(blocks: Iterable[Block]) -> Iterator[tuple[Drawing, bool]]:
    """What is placed as a whole, and whether it is a heading."""
    for block in blocks:
        match block:
            case Heading(text):
                yield Drawing(WIDE, 18, [Text((0, 14), text, 12, INK)]), True
            case Paragraph(text, kind):
                lines = list(broken(text, WIDE, _SIZE))
                shapes = [
                    Text((0, 10 + n * 12), line, _SIZE, _COLOURS[kind]) for n, line in enumerate(lines)
                ]
                yield Drawing(WIDE, 12 * len(lines), shapes), False
            case Pictures(drawings):
                for drawing in drawings:
                    yield drawing, False
            case Table(head, rows, numbers, nothing):
                if not rows:
                    yield Drawing(WIDE, 12, [Text((0, 10), nothing, _SIZE, GREY)]), False
                wide = _widths([head, *rows])
                for first in range(0, len(rows), 40):
                    yield _table(head, rows[first : first + 40], wide, numbers), False


def _widths(rows: Sequence[Sequence[str]]) -> list[float]:
    """The width of each column: what its longest text needs, less of it where all need too much."""
    needs = [max(width(row[n], _SIZE) for row in rows) + 12 for n in range(len(rows[0]))]
    spare = max(0.0, sum(needs) - WIDE)
    widest = needs.index(max(needs))
    needs[widest] = max(60.0, needs[widest] - spare)
    return needs


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], wide: Sequence[float], numbers: Sequence[int]
) -> Drawing:
    shapes: list[Shape] = []
    for line, row in enumerate([head, *rows]):
        x, y = 0.0, (line + 1) * _ROW
        for column, cell in enumerate(row):
            text = fitting(cell, wide[column] - 8, _SIZE)
            colour = INK if line else TEXT
            if column in numbers:
                shapes.append(Text((x + wide[column] - 12, y - 4), text, _SIZE, colour, "end"))
            else:
                shapes.append(Text((x, y - 4), text, _SIZE, colour))
            x += wide[column]
        shapes.append(Line((0, y), (min(sum(wide), WIDE), y), GRID if line else GREY, 0.5))
    return Drawing(WIDE, (len(rows) + 1) * _ROW + 2, shapes)
