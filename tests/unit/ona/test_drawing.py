"""Drawings: an SVG is read by an XML parser and painted by a browser; a PDF by a reader that this file has,
written from ISO 32000-1 (7.5: file structure; 8.5: paths; 9.4: text)."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ona.drawing import letters
from ona.drawing.pdf import pdf
from ona.drawing.shapes import Circle, Drawing, Line, Polygon, Polyline, Rect, Text
from ona.drawing.svg import svg

SHEET = Drawing(
    300,
    200,
    [
        Rect((10, 20), 50, 60, fill="#ff0000", line="#000000"),
        Line((0, 0), (300, 200), "#00ff00", 2, dashes=4),
        Polyline([(10, 190), (100, 120), (200, 170)], "#0000ff"),
        Polygon([(100, 20), (140, 20), (120, 60)], "#0000ff", 0.5),
        Circle((200, 50), 20, "#00ffff"),
        Text((290, 100), "right (a\\b) ≤ é", 10, "#123456", "end"),
        Text((150, 150), "<middle> & 中", 10, anchor="middle"),
    ],
    'a "sheet" & more',
)


class Pdf:
    """A PDF, read by its table of objects."""

    def __init__(self, data: bytes) -> None:
        assert data.startswith(b"%PDF-1.")
        found = re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)
        assert found
        table = data[int(found[1]) :]
        head = re.match(rb"xref\n0 (\d+)\n", table)
        assert head
        count = int(head[1])
        entries = [table[head.end() + 20 * n : head.end() + 20 * (n + 1)] for n in range(count)]
        assert all(re.fullmatch(rb"\d{10} \d{5} [nf] \n", entry) for entry in entries)
        assert entries[0] == b"0000000000 65535 f \n"
        self.objects: dict[int, bytes] = {}
        for number, entry in enumerate(entries[1:], 1):
            body = data[int(entry[:10]) :]
            begin = b"%d 0 obj\n" % number
            assert body.startswith(begin)
            self.objects[number] = body[len(begin) : body.index(b"\nendobj\n")]
        trailer = table[head.end() + 20 * count :]
        assert b"/Size %d" % count in trailer
        self.trailer = trailer

    def at(self, text: bytes, key: bytes) -> bytes:
        found = re.search(rb"/%s (\d+) 0 R" % key, text)
        assert found, (key, text)
        return self.objects[int(found[1])]

    def pages(self) -> list[bytes]:
        tree = self.at(self.at(self.trailer, b"Root"), b"Pages")
        kids = re.search(rb"/Kids \[(.*?)\]", tree)
        assert kids
        numbers = [int(n) for n in re.findall(rb"(\d+) 0 R", kids[1])]
        assert b"/Count %d " % len(numbers) in tree
        return [self.objects[number] for number in numbers]

    def content(self, page: bytes) -> bytes:
        stream = self.at(page, b"Contents")
        found = re.match(rb"<< /Length (\d+) /Filter /FlateDecode >>\nstream\n", stream)
        assert found
        data = stream[found.end() : found.end() + int(found[1])]
        assert stream[found.end() + int(found[1]) :] == b"\nendstream"
        return zlib.decompress(data)


TOKEN = re.compile(rb"\((?:\\.|[^\\()])*\)|\[[^\]]*\]|/\w+|-?\d*\.?\d+|[A-Za-z*]+")


def painted(content: bytes) -> list[tuple[str, list[Any]]]:
    """What the operators paint: (operator, operands as page coordinates). The matrix is followed."""
    matrix, stack, operands, found, points = [1.0, 0, 0, 1, 0, 0], [], [], [], []

    def placed(x: float, y: float) -> tuple[float, float]:
        a, b, c, d, e, f = matrix
        return round(a * x + c * y + e, 2), round(b * x + d * y + f, 2)

    for token in TOKEN.findall(content):
        if not token.isalpha():
            operands.append(token)
            continue
        numbers = [float(one) for one in operands if re.fullmatch(rb"-?\d*\.?\d+", one)]
        match token.decode():
            case "q":
                stack.append(list(matrix))
            case "Q":
                matrix = stack.pop()
            case "cm":
                assert matrix == [1.0, 0, 0, 1, 0, 0]
                matrix = numbers
            case "m" | "l":
                points.append(placed(*numbers))
            case "c":
                points.append(placed(*numbers[4:]))
            case "re":
                x, y, wide, high = numbers
                points += [placed(x, y), placed(x + wide, y + high)]
            case "S" | "f" | "B" | "n" as paint:
                found.append((paint, points))
                points = []
            case "Tm":
                assert numbers[:4] == [1, 0, 0, -1]  # upright again, where the sheet is turned over
                points = [placed(*numbers[4:])]
            case "Tj":
                found.append(("Tj", [*points, operands[0][1:-1]]))
                points = []
            case "RG" | "rg":
                assert len(numbers) == 3
                assert all(0 <= one <= 1 for one in numbers)
            case "w" | "j" | "d" | "gs" | "h" | "BT" | "ET" | "Tf":
                pass
            case unknown:
                raise AssertionError(unknown)
        operands = []
    assert not stack
    return found


def test_a_pdf_has_its_objects_where_its_table_says() -> None:
    read = Pdf(pdf([SHEET, Drawing(100, 50, [])], "a (b) \\ é"))
    first, second = read.pages()
    assert b"/MediaBox [0 0 300 200]" in first
    assert b"/MediaBox [0 0 100 50]" in second
    assert painted(read.content(second)) == []
    assert read.at(read.trailer, b"Info") == b"<< /Title (a \\(b\\) \\\\ \xe9) >>"


def test_a_pdf_paints_each_shape_at_its_place_seen_from_below() -> None:
    read = Pdf(pdf([SHEET], "t"))
    got = painted(read.content(read.pages()[0]))
    assert [name for name, _ in got] == ["B", "S", "S", "f", "f", "Tj", "Tj"]
    assert got[0][1] == [(10, 180), (60, 120)]
    assert got[1][1] == [(0, 200), (300, 0)]
    assert got[2][1] == [(10, 10), (100, 80), (200, 30)]
    assert got[3][1] == [(100, 180), (140, 180), (120, 140)]
    circle = got[4][1]
    assert circle[0] == circle[-1] == (220, 150)
    assert {(200, 130), (180, 150), (200, 170)} < set(circle)


def test_a_text_of_a_pdf_ends_where_it_is_anchored_and_keeps_its_signs() -> None:
    read = Pdf(pdf([SHEET], "t"))
    (place, text), (middle, other) = [
        what for name, what in painted(read.content(read.pages()[0])) if name == "Tj"
    ]
    assert text == b"right \\(a\\\\b\\) <= \xe9"
    assert other == b"<middle> & ?"
    plain = "right (a\\b) <= \xe9"
    assert place == (round(290 - letters.width(plain, 10), 2), 100)
    assert middle[0] < 150 < middle[0] + letters.width("<middle> & ?", 10)


def test_a_pdf_names_each_opacity_that_it_uses() -> None:
    read = Pdf(pdf([SHEET], "t"))
    page = read.pages()[0]
    used = set(re.findall(rb"/(\w+) gs", read.content(page)))
    assert used == {b"O500"}
    assert b"/O500 << /ca 0.5 >>" in page


def test_a_pdf_without_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="a page at least"):
        pdf([], "t")


def test_letters_are_as_wide_as_adobes_own_table_says() -> None:
    fonts = pytest.importorskip("matplotlib").get_data_path()
    metrics = (Path(fonts) / "fonts" / "pdfcorefonts" / "Helvetica.afm").read_text("latin-1")
    wide = {int(c): int(w) for c, w in re.findall(r"^C (\d+) ; WX (\d+) ;", metrics, re.MULTILINE)}
    straight = {39: 191, 96: 333}  # quotesingle, grave: curved ones stand there in Adobe's encoding
    for code in range(32, 127):
        assert letters.width(chr(code), 1000) == straight.get(code, wide[code]), chr(code)


def test_an_svg_has_every_shape_and_says_what_it_shows() -> None:
    root = ET.fromstring(svg(SHEET))
    names = [element.tag.rpartition("}")[2] for element in root]
    assert names == ["title", "rect", "line", "polyline", "polygon", "circle", "text", "text"]
    assert root.get("viewBox") == "0 0 300 200"
    assert [element.text for element in root if element.text] == [
        'a "sheet" & more', "right (a\\b) ≤ é", "<middle> & 中",
    ]  # fmt: skip
    assert root[5].attrib == {"cx": "200", "cy": "50", "r": "20", "fill": "#00ffff"}
    assert root[6].get("text-anchor") == "end"
    assert root[2].get("stroke-dasharray") == "4"
    assert root[1].get("stroke") == "#000000"


@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser on this machine")
def test_a_browser_paints_an_svg(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "a.html").write_text(f'<body style="margin:0"><div style="width:300px">{svg(SHEET)}</div>')
    subprocess.run(
        [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={tmp_path / 'a.png'}",
            "--window-size=400,400", f"file://{tmp_path / 'a.html'}",
        ],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    picture = image.open(tmp_path / "a.png").convert("RGB")
    assert picture.getpixel((50, 70)) == (255, 0, 0)
    assert picture.getpixel((200, 40)) == (0, 255, 255)
    assert picture.getpixel((120, 30)) == (127, 127, 255)
    assert picture.getpixel((50, 150)) == (255, 255, 255)
    text = picture.crop((200, 88, 292, 104))
    assert min(value for _, value in enumerate(text.convert("L").tobytes())) < 120
