"""The strict reader of CSV: text to a table, and a table to rows; whatever is odd is counted or refused.

It reads every file that is CSV at all, and counts the rows that it leaves out, by reason. It is slower
than the fast reader (`fast_csv`), and so reads only the blocks that the fast reader does not take.

>>> quality = Quality()
>>> text = "timestamp,asset_id,power_kw\\n2025-06-01T08:00:00Z,INV-1,five\\n2025-06-01T08:15:00Z,INV-1\\n"
>>> rows = strict_rows(text, "x.csv", ("power_kw",), quality)
>>> len(rows), quality.rows_read, quality.rejected, quality.flagged
(2, 2, {}, {'power_kw_not_a_number': 1})
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.documents.columns import NUMERIC
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import shortened
from ona.telemetry.collecting import Collector
from ona.telemetry.readings import Quality, Rows, Telemetry
from ona.telemetry.row_rules import Capacities, screen
from ona.telemetry.timestamps import parse_timestamps

MOST_HEADER = 65_536
"""Characters of a line that can be a header; a longer one is data of one line."""
POWER_WAS_TEXT = "power_was_text"
"""A column that a table may have: where its power was a text, before that became a missing value."""

_LETTERS = 30
"""So much of a text in the place of a number is shown."""

# ------------------------------------------------------------------ text to a table


def read_table(
    text: str, where: str, quality: Quality, *, delimiter: str = ",", names_in: str = "asset_id"
) -> pd.DataFrame:
    """CSV text as a table with the header's column names.

    A line with more or fewer fields than the header is left out and counted as `malformed_row`. The column
    `names_in` stays text: the asset 007 is not 7.
    Raises InvalidTelemetry when no line follows the header, or when a column name stands twice.
    """
    lines = _filled_lines(text)
    names = column_names(text.lstrip().split("\n", 1)[0], where, delimiter)
    if lines < 2:
        raise no_rows(where)
    try:
        with warnings.catch_warnings():
            # pandas would cut rows that are longer than the header, with no more than a warning
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                dtype={n: "str" for n, name in enumerate(names) if name == names_in},
                on_bad_lines="skip",
                low_memory=False,
                index_col=False,
                skipinitialspace=True,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InvalidTelemetry(
            "not_csv",
            f"the file cannot be read as CSV: {error}",
            where=where,
            remedy="export it as comma-separated text with one header line",
        ) from error
    except pd.errors.ParserWarning as error:
        raise InvalidTelemetry(
            "more_fields_than_columns",
            f"the readings have more fields than the header's {len(names)}",
            where=f"{where}, line 2",
            remedy="export numbers with a decimal point, not a comma; name every column",
        ) from error
    frame.columns = [str(name).strip() for name in frame.columns]
    quality.rows_read += lines - 1
    quality.reject("malformed_row", max(0, lines - 1 - len(frame)))
    return frame


def without_preamble(text: str) -> str:
    """A file's text from its header on. Portals write comments before it, which begin with `#`; the last of
    them is the header where it has as many fields as the line after it.

    >>> without_preamble("# Turbine: K 1\\n# Time,Power (kW)\\n2016-01-03 00:00:00,7\\n")
    'Time,Power (kW)\\n2016-01-03 00:00:00,7\\n'
    >>> without_preamble("# of Acme\\ntime,power\\n1,2\\n")
    'time,power\\n1,2\\n'
    """
    begin, last = 0, 0
    while text.startswith("#", begin):
        begin, last = text.find("\n", begin) + 1, begin
        if not begin:
            return text
    if not begin:
        return text
    comment, row = text[last : begin - 1].lstrip("# "), text[begin:].split("\n", 1)[0]
    lines = [line.split("\r", 1)[0][:MOST_HEADER] for line in (comment, row)]
    for delimiter in (",", ";", "\t"):
        fields = [len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines]
        if fields[0] == fields[1] > 1:
            return f"{comment}\n{text[begin:]}"
    return text[begin:]


def column_names(header: str, where: str, delimiter: str = ",") -> list[str]:
    """The names in a header line. Raises InvalidTelemetry when one stands twice.

    >>> column_names('timestamp, "asset_id",power_kw', "x.csv")
    ['timestamp', 'asset_id', 'power_kw']
    """
    row = next(csv.reader([header.rstrip("\r\n")], delimiter=delimiter, skipinitialspace=True), [])
    names = [name.strip().strip('"') for name in row]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidTelemetry(
            "duplicate_column",
            f"columns stand twice: {', '.join(twice)}",
            where=f"{where}, line 1",
            remedy="give each column one name",
        )
    return names


def no_rows(where: str) -> InvalidTelemetry:
    """The error of a file without readings."""
    return InvalidTelemetry(
        "no_rows",
        "the file has a header and no readings",
        where=where,
        remedy="export it again for a day on which the machine reported",
    )


_BLANK_LINE = re.compile(r"(?:^|\n)[^\S\n]*(?=\n|\Z)")
"""A line without text."""
_BLANK_STARTS = tuple("\n" + space for space in "\n\r \t\v\f\x1c\x1d\x1e\x1f")
"""A line of ASCII text that is blank begins with one of these, which Python counts as spaces."""


def _filled_lines(text: str) -> int:
    """How many lines are not blank."""
    inner = text.strip()
    if inner and inner.isascii() and not any(start in inner for start in _BLANK_STARTS):
        return inner.count("\n") + 1  # no line begins with a space: none is blank
    return text.count("\n") + 1 - len(_BLANK_LINE.findall(text))


# ------------------------------------------------------------------ a table to rows


def strict_rows(
    text: str, where: str, columns: tuple[str, ...], quality: Quality, asset_id: str = ""
) -> Rows:
    """The rows of canonical CSV text (header and lines) that have a time and an asset.

    `columns` are the numeric columns that the rows are to have; `asset_id` is whose all rows are, where the
    text has no such column. Raises InvalidTelemetry as `read_table`.
    """
    table = read_table(text, where, quality)
    if "asset_id" not in table:
        table["asset_id"] = asset_id
    table["timestamp"] = parse_timestamps(table["timestamp"], quality)
    return _rows(table, columns, quality)


def clean(
    frame: pd.DataFrame, quality: Quality, *, now: datetime, capacity_kw: Capacities, where: str
) -> Telemetry:
    """Telemetry from a table with canonical column names and UTC times, after the rules for rows.

    Raises InvalidTelemetry when no row survives, with the reasons and their counts.
    """
    columns = tuple(name for name in NUMERIC if name in frame)
    collector = Collector(columns)
    rows = _rows(frame, columns, quality)
    collector.add(screen(rows, quality, now=now, capacity_kw=capacity_kw))
    return collector.telemetry(quality, where, capacity_kw)


def _rows(frame: pd.DataFrame, columns: tuple[str, ...], quality: Quality) -> Rows:
    """A table's rows that have a time and an asset."""
    frame = frame[frame["timestamp"].notna()]
    values = [_numbers(frame[name], name, quality) for name in columns]
    text = _is_text(frame["power_kw"], values[columns.index("power_kw")]) if "power_kw" in columns else None
    if text is not None:
        first = frame.iloc[int(np.argmax(text))]
        at = f"{str(first['asset_id']).strip()}, {first['timestamp']:%Y-%m-%d %H:%M} UTC"
        quality.text_in_power = f"{shortened(str(first['power_kw']), _LETTERS)!r} ({at})"
    if POWER_WAS_TEXT in frame:
        text = frame[POWER_WAS_TEXT].to_numpy(dtype=bool)
    codes, names = pd.factorize(frame["asset_id"])
    quality.reject("asset_id_missing", int((codes < 0).sum()))
    time = pd.DatetimeIndex(frame["timestamp"]).as_unit("us").asi8
    rows = Rows(time, codes, [str(name).strip() for name in names], columns, np.array(values), text)
    return rows if (codes >= 0).all() else rows.where(codes >= 0)


def _is_text(raw: pd.Series, numbers: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Where a column's value is a text and no number, (n,); None where it is nowhere."""
    text = np.isnan(numbers) & raw.notna().to_numpy()
    return text if text.any() else None


def _numbers(raw: pd.Series, column: str, quality: Quality) -> NDArray[np.float64]:
    """A column's values, (n,); text that is no number becomes NaN and is counted."""
    if pd.api.types.is_numeric_dtype(raw) and not pd.api.types.is_bool_dtype(raw):
        return raw.to_numpy(dtype=float)
    numbers = pd.to_numeric(raw.astype("string").str.strip(), errors="coerce")
    quality.flag(f"{column}_not_a_number", int((numbers.isna() & raw.notna()).sum()))
    return numbers.to_numpy(dtype=float, na_value=np.nan)
