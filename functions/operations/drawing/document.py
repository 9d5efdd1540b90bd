"""What a report is made of: headings, paragraphs, tables and pictures.

`page` writes it as HTML, `sheets` as a PDF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ona.drawing.shapes import Drawing


@dataclass(frozen=True)
class Heading:
    """The heading of what follows."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `kind`: a remark is small, a warning stands out."""

    text: str
    kind: Literal["plain", "remark", "warning"] = "plain"


@dataclass(frozen=True)
class Table:
    """A table. Columns in `numbers` are set to the right. An empty one shows `nothing`."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = field(default=())
    nothing: str = "nothing was measured"


@dataclass(frozen=True)
class Pictures:
    """Drawings, beside each other where there is room."""

    drawings: Sequence[Drawing]


Block = Heading | Paragraph | Table | Pictures
