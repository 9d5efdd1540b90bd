"""Tables of the causes' bench: who was taken for what, and whether a probability can be believed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.detection.fault_bench import f1
from benchmarks.diagnosis.cases import Known
from benchmarks.diagnosis.reliability import lines
from ona.config import causes
from ooda.diagnose.cause import Cause, diagnose

Answered = tuple[Known, Cause]


def answers(cases: Sequence[Known]) -> list[Answered]:
    """Each case that was found, with the cause that Diagnose names."""
    return [(case, diagnose(case.incident, case.asset)) for case in cases if case.incident is not None]


def right(case: Known, name: str) -> bool:
    """Whether an answer names the cause, or one that is as good."""
    return name == case.truth or name in case.also


def category(name: str) -> str:
    """The category of a cause."""
    return causes.rule_for(causes.cause_rules(), name).category


def same_category(case: Known, name: str) -> bool:
    """Whether an answer is of the cause's category, or of one that is as good."""
    return category(name) in {category(truth) for truth in (case.truth, *case.also)}


def report(cases: Sequence[Known]) -> None:
    """Print all tables."""
    answered = answers(cases)
    for title, own in (("the bench's own forms", False), ("scenes", True)):
        part = [(c, a) for c, a in answered if c.own == own]
        if not part:
            continue
        pairs = [(c.truth, c.truth if right(c, a.name) else a.name) for c, a in part]
        kinds = [
            (category(c.truth), category(c.truth) if same_category(c, a.name) else category(a.name))
            for c, a in part
        ]
        print(
            f"\n{title}: {len(part)} incidents; cause right {np.mean([t == p for t, p in pairs]):.3f}, "
            f"category {np.mean([t == p for t, p in kinds]):.3f}; macro-F1 {f1(pairs)[0]:.3f} "
            f"and {f1(kinds)[0]:.3f}"
        )
        wrong: dict[str, Counter[str]] = defaultdict(Counter)
        count: Counter[str] = Counter(c.form for c, _ in part)
        for c, a in part:
            if not right(c, a.name):
                wrong[c.form][a.name] += 1
        for form, n in count.items():
            good = n - sum(wrong[form].values())
            taken = ", ".join(f"{m}×{name}" for name, m in wrong[form].most_common(4))
            print(f"  {form:<32}{good:>4} of {n:<4}{good / n:>5.0%}  {taken}")
    said = [(a.score, right(c, a.name)) for c, a in answered if a.name != "unknown_pattern"]
    print("\n" + "\n".join(lines(said)))
