"""Histories of nothing, of folders, of bad files: each has an outcome in words, and nothing is lost."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ops import mapresults
from ops.cli import app, executions, files
from tests.builders.telemetry import sunny_day, to_csv
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

BAD = b"PK\x03\x04"
GOOD = to_csv(sunny_day())
NOTHING: dict[str, list[str]] = {
    "no object": [],
    "a folder's own object": ["backfill/2024/"],
    "folders in a folder": ["backfill/2024/", "backfill/2024/a/", "backfill/2024/b/"],
    "files beside it": ["backfill/2023/x.csv", "backfill/2024.csv"],
    "another case": ["Backfill/2024/x.csv", "backfill/2024 /x.csv"],
}


@pytest.mark.parametrize("kind", NOTHING)
def test_a_history_of_nothing_is_one_letter_that_can_be_redriven(
    platform: Platform, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in NOTHING[kind]:
        platform.s3.put_object(Bucket=platform.target.input_bucket, Key=key, Body=b"")
    done = platform.run({"prefix": "backfill/2024/"}, "fleet_history")
    assert (done["status"], done["error"]) == ("FAILED", "ObjectMissing"), done
    assert "no file lies under backfill/2024/ in the input bucket" in done["cause"]
    [letter] = platform.letters()
    assert (letter.body["kind"], letter.body["state"]) == ("execution", "FindFiles")
    assert letter.body["input"] == {"prefix": "backfill/2024/"}
    monkeypatch.setattr(files, "resolve", lambda *_: platform.target)
    refused = CliRunner().invoke(app, ["history", "backfill/2024/"])
    assert refused.exit_code == 1
    assert "no file lies under backfill/2024/" in refused.output
    lies = "backfill/2024 /" if kind == "another case" else "backfill/2023/"
    assert (lies in refused.output) is (kind in ("files beside it", "another case"))


ENDS: dict[str, tuple[dict[str, bytes], str, int]] = {
    "all of them bad": ({"a.csv": BAD, "b.csv": b"", "c.csv": b"x,y\n1,2\n"}, "all_failed", 3),
    "one, and it is bad": ({"a.csv": BAD}, "all_failed", 1),
    "some of them bad": ({"a.csv": BAD, "INV-001.csv": GOOD}, "some_failed", 1),
    "a folder and a good file": ({"": b"", "INV-001.csv": GOOD}, "done", 0),
    "good files only": ({"INV-001.csv": GOOD}, "done", 0),
}


@pytest.mark.parametrize("kind", ENDS)
def test_a_history_says_how_it_ended_and_each_bad_file_has_a_letter(
    platform: Platform, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies, outcome, bad = ENDS[kind]
    for name, body in bodies.items():
        platform.s3.put_object(Bucket=platform.target.input_bucket, Key=f"backfill/x/{name}", Body=body)
    done = platform.run({"prefix": "backfill/x/"}, "fleet_history")
    assert done["status"] == "SUCCEEDED", done
    told = json.loads(done["output"])
    assert (told["outcome"], told["files"], told["failed"]) == (outcome, len(bodies), bad)
    failed = list(mapresults.failed_items(platform.target, told["results"]))
    letters = platform.letters()
    assert sorted(letter.body["item"] for letter in letters) == sorted(item.name for item in failed)
    assert len(letters) == bad
    monkeypatch.setattr(executions, "resolve", lambda *_: platform.target)
    printed = CliRunner().invoke(app, ["explain", done["executionArn"].rsplit(":", 1)[-1]]).output
    assert ("nothing was taken in" in printed) is (outcome == "all_failed"), printed
