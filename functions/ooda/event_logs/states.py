"""Logs that have one row when an event comes, and one when it goes: both become one event."""

from __future__ import annotations

import pandas as pd

from ooda.config.event_codes import event_codes

STATES_SHARE = 0.8
"""Share of a column's words that say that an event came or went, so that the column says that (ours)."""


def has_states(frame: pd.DataFrame) -> bool:
    """Whether each row says that an event came, or that it went."""
    if "severity" not in frame or frame.empty:
        return False
    states = event_codes().states
    return bool(frame["severity"].str.lower().isin([*states.on, *states.off]).mean() >= STATES_SHARE)


def paired(frame: pd.DataFrame) -> pd.DataFrame:
    """One row an event: the next `off` of an asset and code (without codes: text) ends it.

    A second `on` says the same again. An `off` without `on` is a row without start: it ends an event that
    another file began. An `on` without `off` is a row without end.
    """
    off = frame["severity"].str.lower().isin(event_codes().states.off)
    name = "code" if "code" in frame and frame["code"].fillna("").ne("").any() else "text"
    rows: list[int] = []
    starts: list[object] = []
    ends: list[object] = []
    ordered = frame.assign(off=off).reset_index(drop=True).sort_values("start", kind="stable")
    for _, own in ordered.groupby(["asset", name], sort=False):
        going: int | None = None
        for row, moment, goes in zip(own.index, own["start"], own["off"], strict=True):
            if goes:
                rows.append(row if going is None else going)
                starts.append(pd.NaT if going is None else ordered.at[going, "start"])
                ends.append(moment)
                going = None
            elif going is None:
                going = int(row)
        if going is not None:
            rows.append(going)
            starts.append(ordered.at[going, "start"])
            ends.append(pd.NaT)
    return (
        ordered.loc[rows]
        .reset_index(drop=True)
        .assign(start=_times(starts), end=_times(ends), severity="")
        .drop(columns="off")
    )


def _times(moments: list[object]) -> pd.Series:
    return pd.Series(pd.to_datetime(pd.Series(moments, dtype=object), utc=True)).astype(
        "datetime64[us, UTC]"
    )
