"""`ona tune` judges recorded reports: made-up laws of duration by memory whose best size is known.

The laws, the prices and the arithmetic are this file's own; REPORT lines are written as the Lambda
Developer Guide shows them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.means import tuning, wheels

SIZES = (256, 512, 1024, 1769, 3008)
GB_SECOND, REQUEST = 0.0000133334, 0.0000002
"""USD in Frankfurt on arm64, as Lambda's price page has them."""
Law = Callable[[int], float]


def io_bound(_: int) -> float:
    """Waits for others: memory changes nothing, so the smallest is the best in all."""
    return 200.0


def one_core(memory: int) -> float:
    """Computes on one processor, which is whole at 1 769 MB."""
    return 100.0 + 400_000.0 / min(memory, 1769)


def starved(memory: int) -> float:
    """Suffers more than by half where memory is halved: its cost has a lowest point between the ends."""
    return 100.0 + 7.0e7 / memory**2


def usd(law: Law, memory: int) -> float:
    return 1e6 * (memory / 1024 * law(memory) / 1000 * GB_SECOND + REQUEST)


def report(memory: int, duration: float, used: int = 90, init: float = 0.0, more: str = "") -> str:
    start = f"Init Duration: {init:.2f} ms\t" if init else ""
    billed = int(duration + init) + 1
    return (
        f"REPORT RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95\tDuration: {duration:.2f} ms\t"
        f"Billed Duration: {billed} ms\tMemory Size: {memory} MB\tMax Memory Used: {used} MB\t"
        f"{start}{more}\n"
    )


def reports(law: Law, sizes: tuple[int, ...] = SIZES, seed: int = 1) -> list[str]:
    """Twenty warm runs a size with 5 % of noise, two of them twenty times as long, and one cold start."""
    dice = random.Random(seed)
    lines = []
    for memory in sizes:
        lines.append(report(memory, law(memory) * 2, init=900.0))
        times = [law(memory) * dice.gauss(1.0, 0.05) for _ in range(20)]
        times[3], times[11] = law(memory) * 20, law(memory) * 15
        lines += [report(memory, time) for time in times]
        lines += ["START RequestId: 8f507cfc\n", "REPORT of nothing\n"]
    dice.shuffle(lines)
    return lines


def measured(lines: list[str]) -> list[tuning.Size]:
    return tuning.sizes((run for line in lines if (run := tuning.run_of(line))), GB_SECOND, REQUEST)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("law", [io_bound, one_core, starved])
def test_the_sizes_are_those_that_the_law_has(law: Law, seed: int) -> None:
    found = measured(reports(law, seed=seed))
    assert [size.memory_mb for size in found] == list(SIZES)
    for size in found:
        assert size.warm_ms == pytest.approx(law(size.memory_mb), rel=0.05)
        assert size.usd == pytest.approx(usd(law, size.memory_mb), rel=0.06)
        assert (size.warm, size.cold, size.failed, size.unfit) == (20, 1, 0, "")
        assert size.cold_ms == pytest.approx(900 + 2 * law(size.memory_mb), abs=0.01)


@pytest.mark.parametrize(("law", "cheapest", "fastest"), [(one_core, 256, 1769), (starved, 1024, 3008)])
def test_the_known_best_is_proposed(law: Law, cheapest: int, fastest: int) -> None:
    """`starved` costs least at sqrt(7e7 / 100) = 837 MB, of these sizes at 1 024; one processor is whole at
    1 769 MB, so that 3 008 MB only cost more."""
    assert min(SIZES, key=lambda size: usd(law, size)) == cheapest
    for seed in range(5):
        proposal = tuning.proposal(measured(reports(law, seed=seed)))
        assert proposal is not None
        assert (proposal.cheapest.memory_mb, proposal.fastest.memory_mb) == (cheapest, fastest)


def test_where_memory_changes_nothing_the_smallest_is_all_three() -> None:
    same = [report(memory, 200.0) for memory in SIZES for _ in range(8)]
    proposal = tuning.proposal(measured(same))
    assert proposal is not None
    assert {proposal.cheapest.memory_mb, proposal.fastest.memory_mb, proposal.balanced.memory_mb} == {256}


def test_balanced_moves_from_the_fastest_to_the_cheapest_with_its_weight() -> None:
    found = measured(reports(one_core))
    chosen = [tuning.proposal(found, weight) for weight in (0.0, 0.5, 1.0)]
    assert [one.balanced.memory_mb for one in chosen if one] in ([3008, 1769, 256], [1769, 1769, 256])


def test_a_size_that_fails_or_is_short_of_memory_or_hardly_tried_is_not_proposed() -> None:
    lines = [report(256, 900.0, used=240) for _ in range(9)]
    lines += [report(512, 10.0, more="Status: timeout" if n == 4 else "") for n in range(9)]
    lines += [report(1024, 300.0) for _ in range(4)]
    lines += [report(1769, 400.0) for _ in range(9)]
    found = measured(lines)
    assert [size.unfit for size in found] == [
        "too small: 240 MB were used", "1 of 9 failed: timeout", "only 4 warm invocations", "",
    ]  # fmt: skip
    proposal = tuning.proposal(found)
    assert proposal is not None
    assert proposal.cheapest.memory_mb == proposal.fastest.memory_mb == 1769
    assert tuning.proposal(found[:3]) is None


def test_the_json_form_of_a_report_is_read_and_other_lines_are_not() -> None:
    metrics = {"durationMs": 101.51, "billedDurationMs": 300, "memorySizeMB": 512, "maxMemoryUsedMB": 33,
               "initDurationMs": 116.67}  # fmt: skip
    record = {"requestId": "7", "status": "success", "metrics": metrics}
    run = tuning.run_of(json.dumps({"time": "2026", "type": "platform.report", "record": record}))
    assert run == tuning.Run(101.51, 300, 512, 33, 116.67)
    for line in (
        '{"type": "platform.report"}',
        '{"type": "platform.start", "record": {}}',
        "REPORT",
        "",
        "{",
    ):
        assert tuning.run_of(line) is None


# ------------------------------------------------------------------ the command


def recorded(path: Path, **functions: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"region": "eu-central-1", "functions": functions}), "utf-8")
    return path


def tune(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, ["tune", *words], env={"COLUMNS": "160"})
    return done.exit_code, done.output


def test_the_command_tells_what_is_cheaper_and_what_is_faster(tmp_path: Path) -> None:
    one = {"memory_mb": 512, "reports": reports(starved)}
    early = {"memory_mb": 512, "reports": reports(one_core), "early": "ObjectMissing"}
    file = recorded(tmp_path / "r.json", detect=one, order=early)
    code, said = tune("--reports", str(file), "--page", str(tmp_path / "p.html"))
    assert code == 0, said
    assert "cheapest: 1024 MB" in said
    change = usd(starved, 1024) / usd(starved, 512) - 1
    told = next(line for line in said.splitlines() if "cheapest:" in line)
    assert abs(int(told.split("(")[1].split(" %")[0]) - 100 * change) < 5, told
    assert "no size is proposed: ObjectMissing" in said
    assert "balanced: 0.5 × cost + 0.5 × time" in said
    assert "arm64 already: a GB-second on x86_64 costs 25 % more" in said
    text = (tmp_path / "p.html").read_text("utf-8")
    root = ET.fromstring(text.replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', ""))
    titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["detect: time", "detect: cost", "order: time", "order: cost"]
    assert "cheapest" in text


def test_json_has_the_proposal_the_weights_and_no_number_that_is_none(tmp_path: Path) -> None:
    lines = [line for line in reports(starved) if "Init" not in line]
    file = recorded(tmp_path / "r.json", detect={"memory_mb": 512, "reports": lines})
    code, said = tune("--reports", str(file), "--weight", "1", "--json")
    document = json.loads(said)
    [one] = document["functions"]
    assert (code, document["weights"]) == (0, {"cost": 1.0, "time": 0.0})
    assert one["proposal"] == {"cheapest": 1024, "fastest": 3008, "balanced": 1024}
    assert one["sizes"][0]["cold_ms"] is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON"),
        ('{"functions": {"detect": {"reports": []}}}', "memory_mb"),
        ('{"functions": {"detect": {"memory_mb": 512, "reports": ["nothing"]}}}', "nothing was measured"),
    ],
)
def test_what_is_no_record_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "r.json").write_text(text, "utf-8")
    code, said = tune("--reports", str(tmp_path / "r.json"))
    assert (code, why in said) == (1, True), said


# ------------------------------------------------------------------ ARM


def test_arm_is_proposed_only_where_every_package_has_a_wheel(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# a list\npydantic==2\nfortran-thing==1 # old\n\n", "utf-8")
    prices = {"arm64": 0.8, "x86_64": 1.0}

    def pip(arguments: Any) -> tuple[int, str]:
        missing = arguments[-1].startswith("fortran")
        said = "ERROR: No matching distribution found for fortran-thing==1" if missing else ""
        return int(missing), said

    lacking = wheels.lacking([tmp_path / "a.txt"], ask=pip)
    assert lacking == ["fortran-thing"]
    assert tuning.processor("x86_64", lacking, prices) == "stays x86_64: no arm64 wheel of fortran-thing"
    whole = wheels.lacking([tmp_path / "a.txt"], ask=lambda _: (0, ""))
    assert tuning.processor("x86_64", whole, prices).startswith("arm64: each of its packages has a wheel")
    alone = "WARNING: Retrying after connection broken\nERROR: No matching distribution found for pydantic"
    assert wheels.lacking([tmp_path / "a.txt"], ask=lambda _: (1, alone)) is None, "nobody could be asked"


def test_the_lists_are_those_of_the_functions_own_layers() -> None:
    arns = ["arn:aws:lambda:eu-central-1:1:layer:AnalyticsLayer1f:3", "arn:aws:lambda:x:1:layer:Config:1"]
    names = [path.parent.name for path in wheels.requirements(arns)]
    assert names == ["functions", "analytics"]
