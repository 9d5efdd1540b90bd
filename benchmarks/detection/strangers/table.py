"""The table: every row of the issue that can be measured here, from what came of the cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.detection.strangers.cases import Clean, Outcome
from benchmarks.detection.strangers.other_cases import DailyOutcome, DataOutcome, OperatorOutcome, Shared
from benchmarks.diagnosis.reliability import lines

SIZES = ("10 % and more", "5–10 %", "below 5 %")


def clean_table(rows: Sequence[Clean]) -> list[str]:
    """Sound fleets: by plant, by family, all together."""
    head = (
        f"{'sound plants':<24}{'judged':>8}{'specificity':>13}{'false/a-month':>15}"
        f"{'suspected/a-month':>19}{'kWh/kW/yr':>11}  data problems told of them"
    )
    out = [head]
    groups: list[tuple[str, list[Clean]]] = [(row.plant, [row]) for row in rows]
    families = sorted({row.family for row in rows})
    groups += [(f"= {name}", [row for row in rows if row.family == name]) for name in families]
    for name, group in [*groups, ("= all", list(rows))]:
        judged, able = sum(r.judged_days for r in group), sum(r.light_days for r in group)
        months = max(sum(r.months for r in group), 1e-9)
        issues: Counter[str] = Counter()
        for row in group:
            issues.update(row.issues)
        told = ", ".join(f"{n}×{kind}" for kind, n in issues.most_common(4) if kind != "missing_readings")
        right = f"{1 - sum(r.flagged for r in group) / judged:.3f}" if judged else "–"
        false, weak = sum(r.false for r in group) / months, sum(r.suspected for r in group) / months
        out.append(
            f"{name:<24}{judged / max(able, 1):>8.1%}{right:>13}{false:>15.2f}{weak:>19.2f}"
            f"{sum(r.booked_hours for r in group) / months * 12:>11.1f}  {told}"
        )
    causes: Counter[str] = Counter()
    for row in rows:
        causes.update(row.causes)
    out.append("false causes: " + ", ".join(f"{n}×{name}" for name, n in causes.most_common(8)))
    return out


def _line(name: str, rows: Sequence[Outcome]) -> str:
    lost, found = sum(o.lost for o in rows), sum(o.found for o in rows)
    weak, booked = sum(o.found_suspected for o in rows), sum(o.booked for o in rows)
    delays = [o.delay_days for o in rows if o.delay_days is not None]
    wide, stops = sum(o.window for o in rows), sum(o.stop_window for o in rows)
    before = sum(o.before for o in rows) / len(rows)
    middle = f"{np.median(delays):.1f}" if delays else "–"
    stopped = f"{sum(o.really_stopped for o in rows) / stops:.2f}" if stops else "–"
    precision = f"{sum(o.really_low for o in rows) / wide:.2f}" if wide else "–"
    hit = sum(o.found > 0 for o in rows) / len(rows)
    return (
        f"{name:<34}{len(rows):>5}{lost:>9.0f}{found / lost:>8.3f}{weak / lost:>11.3f}{booked / lost:>9.2f}"
        f"{hit:>9.2f}{before:>8.2f}{middle:>8}{precision:>9}{stopped:>8}"
    )


def fault_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Faults of machines: by class of loss, lone machines in rows of their own."""
    own = [o for o in outcomes if not o.no_fault]
    head = (
        f"{'faults of machines':<34}{'n':>5}{'lost h':>9}{'found':>8}{'+suspected':>11}{'booked':>9}"
        f"{'hit':>9}{'before':>8}{'days':>8}{'window':>9}{'stops':>8}"
    )
    out = ["", head]

    def add(name: str, keep: Callable[[Outcome], bool]) -> None:
        rows = [o for o in own if keep(o)]
        if rows:
            out.append(_line(name, rows))

    def lone(o: Outcome) -> bool:
        return "lone" in o.family or "one turbine" in o.family

    for size in SIZES:
        add(f"beside others: {size}", lambda o, size=size: o.size == size and not lone(o))
    for size in SIZES:
        add(f"lone, sensor: {size}", lambda o, size=size: o.size == size and o.family == "lone, sensor")
    for size in SIZES:
        add(
            f"lone, no sensor: {size}",
            lambda o, size=size: o.size == size and o.family == "lone, no sensor",
        )
    for size in SIZES:
        add(f"one turbine: {size}", lambda o, size=size: o.size == size and "one turbine" in o.family)
    add("slow growth, beside others", lambda o: o.slow and not lone(o))
    add("all", lambda o: True)
    out.append("")
    for family in sorted({o.family for o in own}):
        add(family, lambda o, family=family: o.family == family)
    out.append("")
    for trouble in dict.fromkeys(o.trouble for o in own):
        add(trouble, lambda o, trouble=trouble: o.trouble == trouble)
    return out


def cause_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Causes: right, category right, and what was said instead; what is not found counts as wrong."""
    named = [o for o in outcomes if o.truth]
    if not named:
        return []
    found = [o for o in named if o.cause != "nothing"]

    def share(rows: Iterable[Outcome], of: Callable[[Outcome], bool]) -> str:
        flags = [of(o) for o in rows]
        return f"{np.mean(flags):.2f}" if flags else "–"

    out = [
        "",
        f"causes: right {share(named, lambda o: o.right)}, "
        f"category {share(named, lambda o: o.category_right)} of {len(named)}; "
        f"of the {len(found)} found {share(found, lambda o: o.right)} / "
        f"{share(found, lambda o: o.category_right)}",
        f"{'':<42}{'n':>4}{'cause':>7}{'categ.':>8}  said instead",
    ]
    for trouble in dict.fromkeys(o.trouble for o in named):
        rows = [o for o in named if o.trouble == trouble]
        wrong = Counter(o.cause for o in rows if not o.right)
        said = ", ".join(f"{n}×{kind}" for kind, n in wrong.most_common(5))
        right, category = share(rows, lambda o: o.right), share(rows, lambda o: o.category_right)
        out.append(f"{trouble:<42}{len(rows):>4}{right:>7}{category:>8}  {said}")
    return [*out, "", *lines(named_answers(named))]


def named_answers(outcomes: Iterable[Outcome]) -> list[tuple[float, bool]]:
    """The probability of each cause that was named, and whether it was right."""
    unnamed = ("nothing", "unknown_pattern")
    return [(o.probability, o.right) for o in outcomes if o.truth and o.cause not in unnamed]


def data_table(outcomes: Sequence[DataOutcome]) -> list[str]:
    """Spoilt data: told, booked."""
    out = [
        "",
        f"{'spoilt data':<42}{'n':>4}{'told':>7}{'otherwise':>11}{'booked':>8}{'hours':>8}  kinds told",
    ]
    groups = [
        (name, [o for o in outcomes if o.name == name]) for name in dict.fromkeys(o.name for o in outcomes)
    ]
    for name, rows in [*groups, ("all", list(outcomes))]:
        kinds: Counter[str] = Counter()
        for o in rows:
            kinds.update(o.issues)
        said = ", ".join(f"{n}×{kind}" for kind, n in kinds.most_common(4))
        only_otherwise = np.mean([o.told_otherwise and not o.told for o in rows])
        out.append(
            f"{name:<42}{len(rows):>4}{np.mean([o.told for o in rows]):>7.2f}{only_otherwise:>11.2f}"
            f"{np.mean([o.booked for o in rows]):>8.2f}{np.mean([o.hours for o in rows]):>8.1f}  {said}"
        )
    return out


def operator_table(outcomes: Sequence[OperatorOutcome]) -> list[str]:
    """Fleets switched by their operator, and faults that look alike: of Detect alone / after the site's
    day. An event should be one incident without an order; a fault should keep its order and no name."""
    out = [
        "",
        f"{'Detect alone / site day':<28}{'n':>3}{'events':>7}{'named':>13}{'booked/lost':>13}"
        f"{'incidents/event':>17}{'orders/event':>14}  said in the end",
    ]
    for name in dict.fromkeys(o.name for o in outcomes):
        rows = [o for o in outcomes if o.name == name]
        lost, events = sum(o.lost for o in rows), max(sum(o.events for o in rows), 1)
        said = Counter(cause for o in rows for cause in o.causes)
        text = ", ".join(f"{n}×{kind}" for kind, n in said.most_common(4))

        def pair(of: str, by: float, rows: list[OperatorOutcome] = rows) -> str:
            alone, site = (sum(getattr(x, of) for x in xs) / by for xs in _both(rows))
            return f"{alone:.2f} / {site:.2f}"

        out.append(
            f"{name:<28}{len(rows):>3}{events:>7}{pair('named', lost):>13}{pair('booked', lost):>13}"
            f"{pair('incidents', events):>17}{pair('orders', events):>14}  {text}"
        )
    return out


def _both(rows: Sequence[OperatorOutcome]) -> tuple[list[Shared], list[Shared]]:
    return [o.detect for o in rows], [o.site for o in rows]


def daily_table(outcomes: Sequence[DailyOutcome]) -> list[str]:
    """One long file against daily files."""
    out = [
        "",
        f"{'one file / daily files':<24}{'with':<22}{'incidents':>14}{'hours booked':>18}{'found':>18}",
    ]
    for o in outcomes:
        found = f"{o.long_found / o.lost:.3f} / {o.daily_found / o.lost:.3f}" if o.lost else "–"
        out.append(
            f"{o.plant:<24}{o.what:<22}{f'{o.long_incidents} / {o.daily_incidents}':>14}"
            f"{f'{o.long_hours:.1f} / {o.daily_hours:.1f}':>18}{found:>18}"
        )
    return out
