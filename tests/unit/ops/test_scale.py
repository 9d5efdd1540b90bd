"""`ona scale`: reckoned once more from the raw counts by small formulae of this test's own.

Nothing of the arithmetic is imported: the counts are read as YAML, the prices too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ops.cli import app
from tests.builders.deployed import functions
from tests.paths import ROOT

RAW = yaml.safe_load((ROOT / "configs/operations/scaling.yaml").read_text())
PAGE = ROOT / "docs/operations/scaling.md"


def changed(folder: Path, **figures: Any) -> str:
    """A copy of the figures with other values."""
    path = folder / "figures.yaml"
    path.write_text(yaml.safe_dump({**RAW, **figures}))
    return str(path)


def ask(*words: str) -> str:
    done = CliRunner().invoke(app, ["scale", *words], env={"COLUMNS": "400"})
    assert done.exit_code == 0, done.output
    return done.output


def load_of(*words: str) -> dict[str, Any]:
    (only,) = json.loads(ask("--json", *words))["loads"]
    return dict(only)


def count(by: str, what: str) -> float:
    """Of one small file."""
    return next(row["small"] for row in RAW["per_file"] if (row["by"], row["what"]) == (by, what)) / 60


def price(name: str, region: str = "af-south-1") -> float:
    newest = max((ROOT / "configs/operations/prices").glob("*.yaml"))
    return float(yaml.safe_load(newest.read_text())["regions"][region][name]["usd"])


def test_ten_thousand_assets_every_five_minutes_by_hand() -> None:
    """288 files a day and asset; 33.33 files a second; a file waits for its calls and then works."""
    steps = load_of("--assets", "10000")["steps"]
    assert steps["files_a_day"] == 10_000 * 288
    assert steps["files_peak"] == pytest.approx(3 * 10_000 / 300)
    calls = (1388 + 674 + 20 + 341 + 7) / 60
    assert steps["seconds_a_file"] == pytest.approx(0.25 + 0.015 * calls)
    order_s = [0.57 + 0.015 * 11, 0.58 + 0.015 * 46.1, 0.22 + 0.015 * 31.4, 0.5 + 0.015 * 8.9]
    a_second = (10_000 / 300) * (0.25 + 0.015 * calls) + 10_000 * 0.1 / 30 / 86_400 * sum(order_s)
    assert steps["concurrency"] == pytest.approx(a_second)
    assert steps["writes_peak"] == pytest.approx(3 * (10_000 / 300 * 341 / 60 + 1000 / 30 / 86_400 * 55.8))
    assert steps["one_key_peak"] == pytest.approx(3 * 10_000 / 300 * 144 / 60)
    assert steps["transitions_peak"] == pytest.approx(
        3 * (10_000 / 300 * 573 / 60 + 1000 / 30 / 86_400 * 8.1)
    )
    assert steps["athena_gb_a_day"] == pytest.approx(10_000 * 9636 / 1e9)
    assert steps["log_gb_a_day"] == pytest.approx(2_880_000 * (202_726 + 1_714_381) / 60 / 2**30)


def test_a_month_costs_what_the_bill_would_add_up(tmp_path: Path) -> None:
    """Each use of a file by itself, 8 640 000 files a month of 1 000 assets, without any order."""
    figures = changed(tmp_path, orders_per_asset_month=0.0)
    told = load_of("--assets", "1000", "--figures", figures)
    files = 1000 * 288 * 30
    calls = (1388 + 674 + 20 + 341 + 7) / 60
    ooda = files * (
        count("detect", "lambda_request") * price("lambda_request")
        + 2.0 * (0.25 + 0.015 * calls) * price("lambda_arm64_gb_second")
        + count("detect", "s3_get") * price("s3_get")
        + (count("detect", "s3_put") + count("workflow ooda", "s3_put") + 1) * price("s3_put")
        + count("detect", "dynamodb_read_unit") * price("dynamodb_read_unit")
        + count("detect", "dynamodb_write_unit") * price("dynamodb_write_unit")
        + (count("detect", "events_event") + 1) * price("events_event")  # and the bucket's own
        + count("workflow ooda", "states_transition") * price("states_transition")
        + (202_726 + 1_714_381) / 60 / 2**30 * price("logs_gb_in")
        + 147_470 / 60 / 2**30 * price("s3_gb_month")
    ) + 1000 * 9636 * 30 / 2**30 * price("s3_gb_month")
    assert told["usd_a_month"]["ooda"] == pytest.approx(ooda)
    standing = 185 * price("alarm_month") + 57 * price("alarm_composite_month")
    standing += 8 * price("dashboard_month") + 100 * price("metric_month")
    standing += 5 * 3008 / 1024 * 30 * 86_400 * price("lambda_arm64_provisioned_gb_second")
    assert told["usd_a_month"]["standing"] == pytest.approx(standing)
    assert sum(told["usd_a_month_by_kind"].values()) == pytest.approx(sum(told["usd_a_month"].values()))
    assert told["usd_a_month"].get("delivery", 0) == 0


def test_a_file_of_more_assets_lies_on_the_line_through_both_measurements() -> None:
    """At 20 assets the measured large file itself; at 39 as much again as lies between both."""
    twenty = load_of("--assets", "20000", "--together", "20")
    assert twenty["steps"]["files_a_day"] == 1000 * 288
    gets = {
        k: load_of("--assets", str(k * 1000), "--together", str(k))["steps"]["gets_peak"]
        for k in (1, 20, 39)
    }
    a_second, of_orders = 3 * 1000 / 300, 3 / 86_400 * 0.1 / 30 * 13.2
    assert gets[20] == pytest.approx(a_second * 156 + of_orders * 20_000, rel=1e-6)
    assert gets[39] - gets[20] == pytest.approx(gets[20] - gets[1])


def test_puts_are_one_number_in_the_load_and_in_the_money() -> None:
    """The busiest second has three times the mean; what a month pays for is the same rate."""
    told = load_of("--assets", "10000")
    paid = sum(one["amount"] for one in told["amounts"] if one["what"] == "s3_put")
    assert told["steps"]["puts_peak"] == pytest.approx(3 * paid / 30 / 86_400)
    assert told["steps"]["puts_peak"] > 3 * 10_000 / 300, "each file is put"


def seconds_of_detect(together: int) -> float:
    """Its work and its calls for a file, on the line through both measurements."""
    calls = ("s3_get", "s3_put", "dynamodb_read_unit", "dynamodb_write_unit", "events_event")
    rows = [row for row in RAW["per_file"] if row["by"] == "detect" and row["what"] in calls]
    share = (together - 1) / 19
    cpu = RAW["functions"]["detect"]["cpu_s"]
    total = cpu["small"] + (cpu["large"] - cpu["small"]) * share
    for row in rows:
        total += 0.015 * max(row["small"] / 60 + (row["large"] - row["small"] / 60) * share, 0)
    return total


def test_a_file_that_detect_cannot_end_in_time_is_said_and_one_that_it_can_is_not() -> None:
    most = next(n for n in range(2000, 1, -1) if seconds_of_detect(n) <= 240)
    fits, over = (load_of("--assets", "10000", "--together", str(n))["warnings"] for n in (most, most + 1))
    assert not [text for text in fits if "stopped after" in text]
    (told,) = [text for text in over if "stopped after 240 s" in text]
    assert f"at most {most:,} assets in one file".replace(",", " ") in told
    assert load_of("--assets", "10000", "--together", "20")["warnings"] == [], "as it was measured"
    assert "**Beware:**" in ask("--assets", "10000", "--together", "5000")


def test_time_limits_are_those_that_are_deployed() -> None:
    deployed = {
        str(item["FunctionName"]["Fn::Sub"]).split("-")[1]: item["Timeout"] for item in functions().values()
    }
    assert {name: item["timeout_s"] for name, item in RAW["functions"].items()} == {
        name: deployed[name] for name in RAW["functions"]
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--assets", "0"], "0 assets: give a number from 1 to 1 000 000 000"),
        (["--assets=-5"], "-5 assets: give"),
        (["--assets", "1" + "0" * 30], "assets: give a number"),
        (["--every", "nan"], "nan minutes between two files: give a number from 0.1 to 527 040"),
        (["--every", "inf"], "inf minutes"),
        (["--every", "1e30"], "1e+30 minutes"),
        (["--every=-1"], "-1 minutes"),
        (["--together", "0"], "0 assets in one file"),
    ],
)
def test_a_number_that_no_fleet_has_is_refused(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["scale", *words], env={"COLUMNS": "400"})
    assert done.exit_code == 1
    assert said in done.output


def test_figures_that_cannot_be_are_refused_with_their_file(tmp_path: Path) -> None:
    for key, wrong in (("peak", 0.5), ("small", {"files": 60, "assets": 20}), ("measured", "soon")):
        done = CliRunner().invoke(app, ["scale", "--figures", changed(tmp_path, **{key: wrong})])
        assert done.exit_code == 1
        assert "figures.yaml" in done.output.replace("\n", "")


def test_the_tables_of_the_page_are_those_that_the_command_prints() -> None:
    text = PAGE.read_text("utf-8")
    for words in ([], ["--together", "500"], ["--every", "1440"]):
        command = " ".join(["./ona scale", *words])
        block = text.split(f"```console\n$ {command}\n")[1].split("```")[0]
        assert block == ask(*words), command
