"""Drawings: an XML parser reads an SVG and a browser paints it; tests/fakes/pdf_reader.py reads a PDF."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ona.drawing import letters
from ona.drawing.pdf import pdf
from ona.drawing.shapes import Circle, Drawing, Line, Polygon, Polyline, Rect, Text
from ona.drawing.svg import svg
from tests.fakes.pdf_reader import Pdf, painted

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
