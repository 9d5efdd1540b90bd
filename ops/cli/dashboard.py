"""`ona dashboard`: a deployed dashboard in the terminal, as a page of pictures, or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ona.drawing.axes import number
from ona.runtime.clock import utc_now
from ona.runtime.words import counted, shortened
from operations.drawing.charts import over_time, sparkline
from operations.drawing.document import Block, Heading, Paragraph, Pictures, Table
from operations.drawing.page import page as html
from operations.reading.boards import AlarmState, Board, NoDashboard, Panel, read
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.spans import span
from ops.target import OpsError, resolve

app = typer.Typer()
_COLUMNS = 36
"""Of a line of values at most: one for five minutes of three hours."""
_NAME = 28
_LEAST_S, _MOST_S = 300, 60 * 86_400
"""CloudWatch keeps values by five minutes for 63 days ("Metrics retention")."""
ON, BEHIND = "on", "behind"
"""An alarm that `ona alarms` counts, and one that another stands for."""
_STATES = {ON: "red", BEHIND: "yellow", "INSUFFICIENT_DATA": "yellow", "OK": "green"}


@app.command("dashboard")
@errors_in_one_line
def dashboard_command(
    family: Annotated[str, typer.Option(help="a family, or cost; without it the overview")] = "overview",
    since: Annotated[str, typer.Option(help="how far back: 90m, 1.5h, 2d")] = "3h",
    page: Annotated[
        Path | None, typer.Option(help="write a page of pictures (HTML) into this file")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """A dashboard of CloudWatch with its values: what is wrong, since when, how much is done."""
    length, now = seconds(since), utc_now()
    target = resolve(profile, environment)
    name = f"ona-{family}-{target.outputs['Environment']}"
    try:
        board = read(target.client, name, now - timedelta(seconds=length), now)
    except NoDashboard as error:
        raise OpsError(str(error)) from error
    if page:
        page.write_text(as_page(board), "utf-8")
    if as_json:
        print(json.dumps(_plain(board), indent=2))
        return
    if page:
        console.print(f"{escape(name)}: {counted(len(board.panels), 'picture')} in {escape(str(page))}")
        return
    _print(board)


def seconds(text: str) -> int:
    """A span of time in seconds. Raises OpsError.

    >>> seconds("90m"), seconds("1.5h"), seconds("2d")
    (5400, 5400, 172800)
    """
    asked = int(span(text, "--since").total_seconds())
    if not _LEAST_S <= asked <= _MOST_S:
        raise OpsError(f"--since {text}: from 5m to 60d can be shown")
    return asked


def _print(board: Board) -> None:
    console.print(f"[bold]{escape(board.name)}[/bold], {_times(board)}", highlight=False)
    _print_alarms(board)
    for panel in board.panels:
        if panel.seen:
            _print_panel(panel)
    empty = [panel.title for panel in board.panels if not panel.seen]
    if empty:
        console.print(f"[dim]no values: {escape('; '.join(empty))}[/dim]", soft_wrap=True, highlight=False)
    for text in board.left_out:
        console.print(f"not shown: {escape(text)}", soft_wrap=True, highlight=False)


def _times(board: Board) -> str:
    return f"{board.start:%Y-%m-%d %H:%M} to {board.end:%Y-%m-%d %H:%M} UTC"


def _print_alarms(board: Board) -> None:
    if not board.alarms:
        return
    counts = Counter(state_of(alarm) for alarm in board.alarms)
    told = ", ".join(
        f"[{colour}]{counts[state]} {state}[/]" for state, colour in _STATES.items() if counts[state]
    )
    console.print(f"alarms: {told}", highlight=False)
    for alarm in board.alarms:
        if state_of(alarm) == ON:
            reason = escape(shortened(alarm.reason, 120))
            text = f"    [red]{escape(alarm.name)}[/] since {alarm.since:%Y-%m-%d %H:%M} UTC: {reason}"
            console.print(text, soft_wrap=True, highlight=False)
        elif alarm.behind:
            console.print(f"    {escape(alarm.name)} behind {escape(alarm.behind)}", highlight=False)


def state_of(alarm: AlarmState) -> str:
    """CloudWatch's state; of an alarm that is on, whether it counts: another may stand for it."""
    if alarm.state != "ALARM":
        return alarm.state
    return BEHIND if alarm.behind else ON


def _print_panel(panel: Panel) -> None:
    console.print(f"[bold]{escape(panel.title)}[/bold] ({escape(panel.chart.unit)})", highlight=False)
    start, end, by = panel.chart.start, panel.chart.end, panel.chart.period_s
    columns = min(_COLUMNS, ceil((end - start // by * by) / by))
    for series in panel.seen:
        line = sparkline(series.values, start // by * by, end, columns)
        name = shortened(series.name, _NAME).ljust(_NAME)
        told = f"last {number(series.last or 0.0)}, highest {number(series.highest or 0.0)}"
        console.print(f"    {escape(name)} {line}  {told}", soft_wrap=True, highlight=False)
    for label, _ in panel.chart.limits:
        console.print(f"    {escape(label)}", soft_wrap=True, highlight=False)


def as_page(board: Board) -> str:
    """The dashboard as a page of HTML: the alarms that are on, then a picture a graph."""
    said = f"{_times(board)}. An empty picture means that nothing was measured."
    blocks: list[Block] = [Paragraph(said, "remark")]
    bad = [alarm for alarm in board.alarms if alarm.state == "ALARM"]
    if board.alarms:
        counts = Counter(state_of(alarm) for alarm in board.alarms)
        told = ", ".join(f"{count} {state}" for state, count in counts.items())
        blocks += [Heading("Alarms"), Paragraph(told, "warning" if bad else "plain")]
    if bad:
        rows = [
            [
                f"{alarm.name}, behind {alarm.behind}" if alarm.behind else alarm.name,
                f"{alarm.since:%Y-%m-%d %H:%M} UTC",
                alarm.reason,
            ]
            for alarm in bad
        ]
        blocks.append(Table(["alarm", "since", "why"], rows))
    blocks += [Heading("Graphs"), Pictures([over_time(panel.chart, 420, 130) for panel in board.panels])]
    blocks += [Paragraph(f"not shown: {text}", "remark") for text in board.left_out]
    return html(board.name, blocks)


def _plain(board: Board) -> dict[str, Any]:
    return {
        "dashboard": board.name,
        "start": board.start.isoformat(),
        "end": board.end.isoformat(),
        "alarms": [
            {
                "name": a.name,
                "state": a.state,
                "since": a.since.isoformat(),
                "reason": a.reason,
                "behind": a.behind,
            }
            for a in board.alarms
        ],
        "graphs": [
            {
                "title": panel.title,
                "unit": panel.unit,
                "statistic": panel.statistic,
                "period_s": panel.chart.period_s,
                "limits": dict(panel.chart.limits),
                "series": [{"name": s.name, "values": list(s.values)} for s in panel.chart.series],
            }
            for panel in board.panels
        ],
        "left_out": board.left_out,
    }
