"""Drawings as a PDF, a page each.

Source: ISO 32000-1:2008 ("PDF 1.7"), 7.5 (file structure), 8 (graphics), 9 (text). A unit of length is a
point, 1/72 inch. The font is Helvetica, which every reader has; its encoding is Windows code page 1252.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from ona.drawing.letters import width
from ona.drawing.shapes import Circle, Drawing, Line, Point, Polygon, Polyline, Rect, Shape, Text

A4 = (595.0, 842.0)
"""Width and height of an upright sheet, points."""
_CURVE = 0.5523
"""Where the handles of four Bézier curves lie that look like a circle, of its radius."""
_LIKE = str.maketrans({"→": "->", "≤": "<=", "≥": ">=", "−": "-", "\u202f": " ", "\u2009": " "})
"""For characters that the code page lacks."""


def pdf(pages: Sequence[Drawing], title: str) -> bytes:
    """The file: a page as large as each drawing. Raises ValueError without a page.

    A character that code page 1252 lacks becomes a question mark.
    """
    if not pages:
        raise ValueError("a PDF has a page at least")
    opacities = sorted({s.opacity for page in pages for s in page.shapes if isinstance(s, Polygon)})
    first = 5  # objects 1 to 4: catalog, list of pages, font, title
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids "
        f"[{' '.join(f'{first + 2 * number} 0 R' for number in range(len(pages)))}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title (" + _string(title) + b") >>",
    ]
    states = " ".join(f"/{_state(each)} << /ca {_n(each)} >>" for each in opacities)
    resources = f"<< /Font << /F1 3 0 R >> /ExtGState << {states} >> >>"
    for number, page in enumerate(pages):
        content = zlib.compress(b"\n".join(_content(page)))
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_n(page.width)} {_n(page.height)}] "
            f"/Resources {resources} /Contents {first + 2 * number + 1} 0 R >>".encode(),
            f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode()
            + content
            + b"\nendstream",
        ]
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    """Header, objects, table of their places, trailer (7.5)."""
    parts = [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"]
    places, at = [], len(parts[0])
    for number, content in enumerate(objects, 1):
        parts.append(f"{number} 0 obj\n".encode() + content + b"\nendobj\n")
        places.append(at)
        at += len(parts[-1])
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    count = len(objects) + 1
    parts.append(
        f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n"
        f"<< /Size {count} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{at}\n%%EOF\n".encode()
    )
    return b"".join(parts)


def _content(page: Drawing) -> Iterator[bytes]:
    """The operators of a page; y runs up in a PDF, so the sheet is turned over first."""
    yield f"1 0 0 -1 0 {_n(page.height)} cm".encode()
    for shape in page.shapes:
        yield b"q " + _shape(shape) + b" Q"


def _shape(shape: Shape) -> bytes:
    match shape:
        case Line(start, end, colour, thick, dashes):
            dashed = f"[{_n(dashes)}] 0 d " if dashes else ""
            return f"{_colour(colour)} RG {_n(thick)} w {dashed}{_path([start, end])} S".encode()
        case Polyline(points, colour, thick):
            return f"{_colour(colour)} RG {_n(thick)} w 1 j {_path(points)} S".encode()
        case Polygon(points, fill, opacity):
            parts = ("/" + _state(opacity), "gs", _colour(fill), "rg", _path(points), "h f")
            return " ".join(parts).encode()
        case Rect((x, y), wide, high, fill, line):
            colours = f"{_colour(fill)} rg " if fill else ""
            colours += f"{_colour(line)} RG " if line else ""
            paint = ("B" if line else "f") if fill else ("S" if line else "n")
            return f"{colours}{_n(x)} {_n(y)} {_n(wide)} {_n(high)} re {paint}".encode()
        case Circle(at, radius, fill):
            return f"{_colour(fill)} rg {_circle(at, radius)} f".encode()
        case Text((x, y), text, size, colour, anchor):
            written = text.translate(_LIKE)
            x -= {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width(written, size)
            placed = f"{_colour(colour)} rg BT /F1 {_n(size)} Tf 1 0 0 -1 {_n(x)} {_n(y)} Tm ("
            return placed.encode() + _string(written) + b") Tj ET"


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{_n(x)} {_n(y)} {'l' if number else 'm'}" for number, (x, y) in enumerate(points))


def _circle(at: Point, radius: float) -> str:
    (x, y), k = at, _CURVE * radius
    corners = [(x + radius, y), (x, y + radius), (x - radius, y), (x, y - radius), (x + radius, y)]
    handles = [(0.0, k), (-k, 0.0), (0.0, -k), (k, 0.0), (0.0, k)]
    text = f"{_n(corners[0][0])} {_n(corners[0][1])} m"
    for (a, b), (da, db), (c, d), (dc, dd) in zip(corners, handles, corners[1:], handles[1:], strict=False):
        pairs = ((a + da, b + db), (c - dc, d - dd), (c, d))
        text += "".join(f" {_n(px)} {_n(py)}" for px, py in pairs) + " c"
    return text


def _string(text: str) -> bytes:
    """The bytes between the parentheses of a string (7.3.4.2)."""
    plain = text.translate(_LIKE).encode("cp1252", "replace")
    return plain.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _colour(text: str) -> str:
    """Shares of red, green and blue of #rrggbb."""
    return " ".join(_n(int(text[at : at + 2], 16) / 255.0) for at in (1, 3, 5))


def _state(opacity: float) -> str:
    return f"O{round(1000 * opacity)}"


def _n(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
