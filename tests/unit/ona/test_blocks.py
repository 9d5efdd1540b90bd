"""A file that is cut anywhere has each of its lines once."""

from __future__ import annotations

import itertools
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from ona.telemetry import blocks
from ona.telemetry.blocks import whole_lines


@given(
    st.text("ab\n", min_size=1, max_size=60), st.lists(st.integers(0, 60), max_size=4), st.integers(3, 20)
)
@settings(max_examples=300, deadline=None)
def test_parts_of_a_file_have_each_line_once(text: str, cuts: list[int], size: int) -> None:
    data = text.encode()
    source = blocks.Source(len(data), lambda at: iter([data[n : n + 5] for n in range(at, len(data), 5)]))
    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    with mock.patch.object(blocks, "whole_lines", lambda chunks: whole_lines(chunks, size)):
        parts = [b"".join(source.lines(start, end)) for start, end in itertools.pairwise(ends)]
    begins = [0, *(n + 1 for n, letter in enumerate(data) if letter == ord("\n"))]
    for (start, end), part in zip(itertools.pairwise(ends), parts, strict=True):
        mine = [n for n in begins if start <= n < end]
        last = next((n for n in begins if n >= end), len(data))
        assert part == (data[mine[0] : last] if mine else b"")
