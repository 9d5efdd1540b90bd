"""A reader of PDF, written from ISO 32000-1 (7.5: file structure; 8.5: paths; 9.4: text).

It follows the file's own table of objects, and the matrix of a page; what a page has that it does not know
is an error.
"""

from __future__ import annotations

import re
import zlib
from typing import Any


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

    def texts(self) -> list[list[str]]:
        """The lines of text of each page, in the order in which they are painted."""
        return [
            [
                str(re.sub(rb"\\(.)", rb"\1", what[-1]), "cp1252")
                for name, what in painted(self.content(page))
                if name == "Tj"
            ]
            for page in self.pages()
        ]

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
