"""What a newcomer runs, and the commands around it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from local import cloud
from ops import seed, validate
from ops.cli import app
from ops.demo import run
from ops.target import embedded
from tests.builders.assets import SITE, make_registry
from tests.builders.telemetry import dead_from, sunny_day, to_csv
from tests.e2e import demo_logs
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("demo")]


@pytest.mark.timeout(600)  # two minutes on an idle machine, which others may share
def test_the_demo_finds_what_was_injected_and_writes_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "ROOT", ROOT)
    monkeypatch.setattr(run, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(run, "HOMES", tmp_path / "homes")
    logged = demo_logs.Logged(monkeypatch)
    output = io.StringIO()
    good = run.main(Console(file=output, width=160), source=None, data=None, keep=False)
    text = output.getvalue()
    assert good, text
    assert "missed" not in text
    assert "every file is accounted for: 86 put = 84 done, 2 quarantined" in text
    assert "false alarms: 0" in text
    assert "level_shift" not in text, "whose neighbours are ill has no wrong meter"
    assert "A new customer, from the key to a forecast" in text
    assert "model v20" in text
    assert "verified: the fault is gone" in text
    assert "first come, first served:" in text
    assert re.search(
        r"heard opened \(version \d\), status .*verified \(version \d\); 0 bad signatures",
        re.sub(r"[│\s]+", " ", text),
    )
    assert "What the operators were told" in text
    page = (tmp_path / "reports" / "demo" / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org", ""), "self-contained"
    orders = list((tmp_path / "reports").rglob("wo-*.json"))
    assert len(orders) == 6
    last = sorted(json.loads(path.read_text())["status"] for path in orders)
    assert last == ["COMPLETE", *["OPEN"] * 5], "a copy has its last status; withdrawn ones are gone"
    demo_logs.check(logged)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cli") / "home"
    yield folder
    cloud.stop(folder, kill=True)


def ona(home: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"ONA_HOME": str(home), "COLUMNS": "200"})
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result.output


def test_the_commands_work_together(home: Path, tmp_path: Path) -> None:
    assert "ona up" in ona(home, "status", code=1)
    said = ona(home, "up", "--port", str(cloud.free_port(0)))
    for words in ("up at http://127.0.0.1", "1 of ", "release none → ", " functions and "):
        assert words in said
    said = ona(home, "up")
    assert "up at" in said, "again is an update"
    assert "nothing changed: release " in said
    history = ona(home, "deploy", "history")
    assert history.count("deployment succeeded") == 1, "what changed nothing is no deployment"
    assert "no record was kept" not in history
    assert "AWS_ENDPOINT_URL" in ona(home, "env")

    assets = tmp_path / "assets.json"
    assets.write_text(make_registry().model_dump_json(exclude_none=True))
    said = ona(home, "put", str(assets))
    assert "put assets.json" in said
    assert "nobody can be sent to 6 of 6 assets: no crew is available" in said, (
        "another plant than the sample"
    )
    assert "nobody can be sent to 6 of 6 assets" in ona(home, "up")
    up = cloud.running(home)
    assert up is not None
    assert seed.put_crews(embedded(up), seed.example_crews(SITE)) == 2
    assert "nobody" not in ona(home, "put", str(assets))
    (tmp_path / "INV-001_20250610.csv").write_bytes(to_csv(dead_from(9)))
    (tmp_path / "empty.csv").write_bytes(b"")
    ona(home, "put", str(tmp_path / "INV-001_20250610.csv"), str(tmp_path / "empty.csv"), code=1)
    _settle(home)
    status = ona(home, "status")
    assert "quarantined" in status
    assert "empty_file" in status
    table = ona(home, "executions")
    assert "SUCCEEDED" in table
    assert "found" in table
    name = next(item["name"] for item in _executions(home) if "INV-001" in item["input"])
    told = ona(home, "explain", name[:8])
    for state in ("Detect", "Diagnose", "Schedule", "Order", "Publish"):
        assert state in told
    assert "ordered wo-" in told
    assert "ordered" in table
    assert "quarantine" in ona(home, "dlq", "list")
    assert "0 given up" in ona(home, "outbox", "list")
    assert "due again: 0 deliveries" in ona(home, "outbox", "redrive")
    assert "1 piece of work started" in ona(home, "dlq", "redrive")

    running = cloud.running(home)
    assert running is not None
    version = running.client("s3").head_object(
        Bucket="ona-dev-input-000000000000", Key="observations/2025/06/10/INV-001_20250610.csv"
    )["VersionId"]
    event = json.loads((ROOT / "events" / "ooda" / "detect.json").read_text())
    event["source"] |= {"key": "observations/2025/06/10/INV-001_20250610.csv", "version_id": version}
    (tmp_path / "event.json").write_text(json.dumps(event))
    answer = ona(home, "invoke", "detect", "-e", str(tmp_path / "event.json"))
    assert '"status": "found"' in answer
    assert "InvalidPayload" in ona(
        home, "invoke", "detect", "-e", str(ROOT / "events" / "ooda" / "ooda.json"), code=1
    )
    assert "0 executions beginning with" in ona(home, "explain", "zzz", code=1)
    assert "no source profile" in ona(home, "put", str(tmp_path), "--source", "acme", code=1)
    _keys_and_models(home)
    assert "stopped" in ona(home, "down")


def _keys_and_models(home: Path) -> None:
    """API keys are handed out, listed by their hash and taken back; models are looked at."""
    given = ona(home, "customers", "add", "acme", "--tier", "premium")
    key = re.search(r"ona_[\w-]{30,}", given)
    assert key is not None
    assert "/_api/dev" in given
    role = "arn:aws:iam::123456789012:role/x"
    assert "may call as acme" in ona(home, "customers", "add", "acme", "--arn", role)
    listed = ona(home, "customers", "list")
    assert key[0] not in listed, "a key is shown once"
    beginning = re.search(r"key ([0-9a-f]{12})", listed)
    assert beginning is not None
    assert "revoked a credential of acme" in ona(home, "customers", "revoke", beginning[1])
    assert "revoked" in ona(home, "customers", "list")
    assert "0 credentials" in ona(home, "customers", "revoke", "zzzzzzzz", code=1)
    assert "tier" in ona(home, "customers", "add", "acme", "--tier", "gold", code=1)
    assert "no models yet" in ona(home, "models", "list")
    assert "no model in service" in ona(home, "models", "rollback", "acme", code=1)
    assert "no workflow" in ona(home, "executions", "--workflow", "nonsense", code=1)
    ona(home, "executions", "--workflow", "forecast_upload")


def test_validate_names_what_is_wrong(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for check in ("template", "state_machines"):  # minutes: `make lint` asks them of this checkout
        monkeypatch.setattr(validate, check, lambda *_, name=check: asked.append(name) or [])
    said = ona(home, "validate")
    assert "✓ configs" in said
    assert "✓ template" in said
    assert asked == ["state_machines", "template"], "the checkout is asked whole"
    assert "checking template" in said, "it says what it does"
    for check in ("template", "state_machines", "configurations"):
        monkeypatch.setattr(validate, check, None)  # who names one file waits for no other
    bad = tmp_path / "assets.json"
    bad.write_text('{"assets": [{"id": "A"}]}')
    said = ona(home, "validate", "--assets", str(bad), code=1)
    assert "configs" not in said
    assert "capacity_kw" in said


def test_a_day_of_a_sound_inverter_is_put_under_its_own_date(tmp_path: Path) -> None:
    from ops.ingest import key_for, upload_for

    path = tmp_path / "my export (1).csv"
    path.write_bytes(to_csv(sunny_day()))
    assert upload_for(path).key == "observations/2025/06/10/my-export-1_20250610.csv"
    assert key_for("../../x.csv", sunny_day()["timestamp"].iloc[0]).count("/") == 4


def _executions(home: Path) -> list[dict[str, str]]:
    running = cloud.running(home)
    assert running is not None
    states = running.client("stepfunctions")
    machine = "arn:aws:states:af-south-1:000000000000:stateMachine:ona-ooda-dev"
    return [
        states.describe_execution(executionArn=item["executionArn"])
        for item in states.list_executions(stateMachineArn=machine)["executions"]
    ]


def _settle(home: Path) -> None:
    import time

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        executions = _executions(home)
        if len(executions) >= 2 and all(item["status"] != "RUNNING" for item in executions):
            return
        time.sleep(0.2)


def test_the_linters_are_really_asked(tmp_path: Path) -> None:
    from ops.validate import cfn_lint

    bad = tmp_path / "bad.yaml"
    bad.write_text("Resources:\n  B: {Type: 'AWS::S3::Bucket', Properties: {Nonsense: 1}}\n")
    assert any("Nonsense" in line for line in cfn_lint(bad))
