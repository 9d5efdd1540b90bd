"""The harness of the pages fails where a page is wrong, and not where only numbers and times differ."""

from __future__ import annotations

import pytest

from tests.builders import runbook

PAGE = """
```console
$ ./ona put a.csv
put observations/2025/01/15/a.csv
…
$ ./ona ops health
queues: 3 ok
# exit 1
```
Text with `code`, and a block that is not run:
```
$ ./ona down
```
```console damaged
$ ./ona health --all
```
"""


def test_blocks_commands_outputs_and_codes_are_read() -> None:
    first, second = runbook.blocks(PAGE)
    assert (first.scene, second.scene) == ("sound", "damaged")
    assert first.steps == [
        runbook.Step(["put", "a.csv"], ["put observations/2025/01/15/a.csv", "…"], 0),
        runbook.Step(["ops", "health"], ["queues: 3 ok"], 1),
    ]
    assert second.steps == [runbook.Step(["health", "--all"], [], 0)]


@pytest.mark.parametrize("body", ["no command\n", "", "$ aws s3 ls\n", "$ rm -r /\n"])
def test_a_block_that_runs_nothing_of_ours_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"command|only"):
        runbook.blocks(f"```console\n{body}```\n")


@pytest.mark.parametrize(
    ("page", "printed", "same"),
    [
        (["a 1", "b 2"], ["a 7", "b 8,000.5"], True),
        (["since 2026-11-28 08:44 UTC"], ["since 2027-01-02 23:59 UTC"], True),
        (["wo-20261126-be7b312e"], ["wo-20270101-00ff00ff"], True),
        (["queues: 3 ok", "rules: 4 ok"], ["rules: 4 ok", "queues: 3 ok"], False),
        (["queues: 3 ok"], ["queues: 3 ok, 1 warning"], False),
        (["functions: 14 ok"], ["functions: 14 critical"], False),
        (["a", "…", "z"], ["a", "z"], True),
        (["a", "…", "z"], ["a", "b", "c", "z"], True),
        (["a", "…", "z"], ["a", "b", "c"], False),
        (["a"], ["a", "Traceback"], False),
        (["a", "b"], ["a"], False),
        (["a (b) [c] *"], ["a (b) [c] *"], True),
        ([], ["a"], False),
    ],
)
def test_a_skeleton_is_held_to(page: list[str], printed: list[str], same: bool) -> None:
    assert runbook.agree(page, printed) is same
