"""Killed midway and started again: every file is accounted for, and what was lost can be mended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import cloud, deploy
from ona.documents.assets import Location
from ops import accounting, ingest, seed
from ops.target import TEMPLATE, Target, embedded
from tests.builders.assets import make_registry
from tests.builders.telemetry import DAY, dead_from, sunny_day, to_csv

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("restart")]
FILES = 24


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    cloud.stop(tmp_path / "home", kill=True)


def up(home: Path) -> Target:
    running = cloud.start(home, port=cloud.free_port(0), extra_environment={"SFN_WAIT_SCALE": "0.02"})
    target = embedded(running)
    deploy.deploy(running.client, TEMPLATE, target.stack, {"Environment": "dev"})
    ingest.put_registry(target, make_registry())
    seed.put_crews(target, seed.example_crews(Location(latitude=-26.2, longitude=28.0)))
    return target


def settled(target: Target, seconds: float = 90) -> list[accounting.FileAccount]:
    deadline = time.monotonic() + seconds
    while True:
        accounts = accounting.account(target)
        if not any(item.state == "running" for item in accounts) or time.monotonic() > deadline:
            return accounts
        time.sleep(0.2)


def test_a_kill_midway_loses_nothing_that_is_not_named_and_redrive_mends_it(home: Path) -> None:
    from typer.testing import CliRunner

    from ops.cli import app

    target = up(home)
    for number in range(FILES):
        asset = f"INV-{number % 6 + 1:03d}"
        day = DAY.replace(day=1 + number // 6)
        frame = dead_from(9, asset) if number == 0 else sunny_day(asset, day)
        key = f"observations/{day:%Y/%m/%d}/{asset}_{day:%Y%m%d}.csv"
        ingest.put(target, ingest.Upload(key, to_csv(frame)))
    time.sleep(3.0)  # a snapshot, and some files through
    cloud.stop(home, kill=True)

    target = up(home)
    accounts = settled(target)
    counts = accounting.totals(accounts)
    assert len(accounts) == FILES, "every object survived the kill"
    assert set(counts) <= {"done", "lost"}
    lost = {item.key for item in accounts if item.state == "lost"}

    runner, environment = CliRunner(), {"ONA_HOME": str(home)}
    status = runner.invoke(app, ["status"], env=environment)
    assert status.exit_code == 0, status.output
    for key in lost:
        assert key.removeprefix("observations/") in status.output.replace("\n", "")
    redrive = runner.invoke(app, ["dlq", "redrive"], env=environment)
    assert f"{len(lost)} pieces of work started" in redrive.output
    accounts = settled(target)
    assert accounting.totals(accounts) == {"done": FILES}
    orders = target.client("s3").list_objects_v2(Bucket=target.output_bucket, Prefix="work-orders/")
    assert orders["KeyCount"] == 1


def test_state_survives_a_restart(home: Path) -> None:
    target = up(home)
    ingest.put(target, ingest.Upload("observations/2025/06/10/a.csv", to_csv(sunny_day())))
    time.sleep(1)
    assert accounting.totals(settled(target)) == {"done": 1}
    executions = target.client("stepfunctions").list_executions(stateMachineArn=target.machine)
    cloud.stop(home)
    started = time.monotonic()
    running = cloud.start(home)
    assert time.monotonic() - started < 30
    again = embedded(running)
    assert accounting.totals(accounting.account(again)) == {"done": 1}
    kept = again.client("stepfunctions").list_executions(stateMachineArn=again.machine)
    assert [e["name"] for e in kept["executions"]] == [e["name"] for e in executions["executions"]]
    ingest.put(again, ingest.Upload("observations/2025/06/11/b.csv", to_csv(sunny_day())))
    time.sleep(1)
    assert accounting.totals(settled(again)) == {"done": 2}, "and the rule still works"


def test_it_listens_on_loopback_only(home: Path) -> None:
    running = cloud.start(home, port=cloud.free_port(0), keep_state=False)
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("needs /proc/net/tcp")
    wanted = f":{running.port:04X}"
    listening = [
        line.split()[1]
        for path in (table, Path("/proc/net/tcp6"))
        if path.exists()
        for line in path.read_text().splitlines()[1:]
        if line.split()[1].endswith(wanted) and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F{wanted}"]


def test_a_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(cloud.CloudError, match="is taken by another program"):
            cloud.start(tmp_path / "home", port=other.getsockname()[1], keep_state=False)
