"""Lambda: errors by class, `/opt`, packages of other machines, the dead-letter queue."""

from __future__ import annotations

import base64
import io
import json
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.fakes.lab import Lab, task, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_a_handlers_exception_has_its_class_as_error_type(lab: Lab) -> None:
    arn = lab.function(
        "class Poisoned(ValueError): pass\nn = 0\n"
        "def handler(e, c):\n    global n\n    n += 1\n"
        "    if e.get('raise'): raise Poisoned('bad row')\n    return n\n"
    )
    answer = lab.functions.invoke(FunctionName=arn, Payload=b'{"raise": 1}')
    body = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("Poisoned", "bad row")
    assert body["stackTrace"]
    again = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    assert json.loads(again["Payload"].read()) == 2, "the sandbox lives on after an exception"


def test_retry_and_catch_match_by_the_class(lab: Lab) -> None:
    arn = lab.function("class Odd(Exception): pass\ndef handler(e, c): raise Odd('x')\n")
    definition = task(
        "arn:aws:states:::lambda:invoke",
        {"FunctionName": arn, "Payload": {}},
        Catch=[
            {"ErrorEquals": ["Other"], "Next": "No"},
            {"ErrorEquals": ["Odd"], "Output": "{% $states.errorOutput %}", "Next": "Yes"},
        ],
    )
    definition["States"] |= {"Yes": {"Type": "Succeed"}, "No": {"Type": "Fail"}}
    done = lab.run(definition)
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"])["Error"] == "Odd"


def test_a_worker_that_dies_is_an_exit_error_and_a_slow_one_timed_out(lab: Lab) -> None:
    dying = lab.function("import os\ndef handler(e, c): os._exit(3)\n")
    body = json.loads(lab.functions.invoke(FunctionName=dying, Payload=b"{}")["Payload"].read())
    assert body["errorType"] == "Runtime.ExitError"
    slow = lab.function("import time\ndef handler(e, c): time.sleep(5)\n", Timeout=1)
    body = json.loads(lab.functions.invoke(FunctionName=slow, Payload=b"{}")["Payload"].read())
    assert body["errorType"] == "Sandbox.Timedout"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("{1, 2}", '"errorType": "Runtime.MarshalError"'),
        ("b'x'", "Unable to marshal response: Object of type bytes is not JSON serializable"),
        ("decimal.Decimal('1.5')", "1.5"),
        ("{'a': [None, 'ü']}", '{"a": [null'),
    ],
)
def test_an_answer_is_marshalled_as_by_the_runtime_of_aws(lab: Lab, answer: str, text: str) -> None:
    arn = lab.function(f"import decimal\ndef handler(e, c): return {answer}\n")
    got = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    assert text in got["Payload"].read().decode()
    assert ("FunctionError" in got) == ("Error" in text or "marshal" in text)


TALKING = (
    "import sys\n"
    "def handler(e, c):\n"
    "    for line in e['lines']: print(line)\n"
    "    print(e['rest'], end='')\n"
    "    if e.get('raise'): raise ValueError('odd')\n"
)


def _said(lab: Lab, arn: str, **event: object) -> list[str]:
    """The lines that an invocation's log has of the handler."""
    answer = lab.functions.invoke(FunctionName=arn, LogType="Tail", Payload=json.dumps(event))
    lines = base64.b64decode(answer.get("LogResult", b"")).decode().splitlines()  # none: nothing was said
    return [line for line in lines if not line.startswith(("START ", "END ", "REPORT "))]


def test_a_log_has_all_lines_of_its_invocation_and_none_of_another(lab: Lab) -> None:
    arn = lab.function(TALKING)
    for number in range(20):
        lines = [f"{number}: {n}" for n in range(number * 7)]
        rest = f"{number}: half a line" if number % 2 else ""
        assert _said(lab, arn, lines=lines, rest=rest) == [*lines, rest][: len(lines) + len(rest[:1])]
    said = _said(lab, arn, lines=["before"], rest="", **{"raise": True})
    assert said[0] == "before"
    assert said[-1] == "ValueError: odd"
    assert _said(lab, arn, lines=["after"], rest="") == ["after"]


def test_nobody_waits_for_the_log_of_a_function_that_says_nothing(lab: Lab) -> None:
    arn = lab.function("def handler(e, c): return 1\n")
    taken = []
    for _ in range(12):
        begun = time.perf_counter()
        lab.functions.invoke(FunctionName=arn, Payload=b"{}")["Payload"].read()
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.04, "ministack waited 50 ms"


def test_a_function_sees_no_variable_of_the_shell(lab: Lab) -> None:
    """`OMP_NUM_THREADS` and the server's own variables stand in the server's environment."""
    arn = lab.function(
        "import os\ndef handler(e, c): return sorted(os.environ)\n",
        Environment={"Variables": {"MINE": "1", "ONA_ENVIRONMENT": "dev"}},
    )
    seen = set(json.loads(lab.functions.invoke(FunctionName=arn, Payload=b"{}")["Payload"].read()))
    assert {"MINE", "ONA_ENVIRONMENT", "PATH", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION"} <= seen
    assert not seen & {"STATE_DIR", "S3_DATA_DIR", "GATEWAY_PORT", "ONA_HOME", "ONA_CONFIG_DIR", "PWD"}


def test_opt_is_where_the_layer_lies(lab: Lab) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("settings/a.txt", "from the layer")
    layer = lab.functions.publish_layer_version(
        LayerName=unique("layer"), Content={"ZipFile": buffer.getvalue()}
    )["LayerVersionArn"]
    arn = lab.function(
        "import os, pathlib\n"
        "def handler(e, c): return (pathlib.Path(os.environ['WHERE']) / 'a.txt').read_text()\n",
        Layers=[layer],
        Environment={"Variables": {"WHERE": "/opt/settings"}},
    )
    answer = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == "from the layer"


WRITING = (
    "import os, tempfile\n"
    "def attempt(act, *given):\n"
    "    try: act(*given)\n"
    "    except OSError as error: return [error.errno, error.strerror]\n"
    "def handler(e, c):\n"
    "    task, free = os.environ['LAMBDA_TASK_ROOT'], tempfile.mkdtemp()\n"
    "    return [[attempt(open, place + '/a', 'w'), attempt(os.mkdir, place + '/b'),\n"
    "             attempt(os.rename, free + '/' + place[-1], place + '/c')] for place in (task, '.')] + [\n"
    "        attempt(os.remove, task + '/app.py'), attempt(open, task + '/app.py'),\n"
    "        open(free + '/a', 'w').write('abc'), os.listdir(task)]\n"
)


def test_a_package_is_read_only_and_the_temporary_folder_is_not(lab: Lab) -> None:
    """The error of AWS: a test of its own would read `[Errno 30] Read-only file system`."""
    arn = lab.function(WRITING)
    task, here, removed, read, written, there = json.loads(
        lab.functions.invoke(FunctionName=arn, Payload=b"{}")["Payload"].read()
    )
    assert [*task, *here, removed] == [[30, "Read-only file system"]] * 7
    assert (read, written) == (None, 3)
    assert set(there) <= {"app.py", "__pycache__"}


def test_a_package_built_for_another_machine_uses_this_environments_dependencies(lab: Lab) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "app.py", "import yaml\ndef handler(e, c): return [yaml.__version__, mine.X]\nimport mine"
        )
        archive.writestr("mine.py", "X = 7")
        archive.writestr("yaml/__init__.py", "from yaml._yaml import nothing")
        archive.writestr("yaml/_yaml.cpython-313-aarch64-linux-gnu.so", "")
    arn = lab.function("", Timeout=20)
    lab.functions.update_function_code(FunctionName=arn, ZipFile=buffer.getvalue())
    answer = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    version, mine = json.loads(answer["Payload"].read())
    assert (version[0], mine) == ("6", 7)


def test_a_shared_library_of_another_machine_is_noticed_without_a_python_tag(lab: Lab) -> None:
    """xgboost's library carries no tag in its name; its ELF header tells the machine."""
    header = bytearray(Path(sys.executable).resolve().read_bytes()[:20])
    header[18:20] = b"\xb7\x00" if header[18:20] != b"\xb7\x00" else b"\x3e\x00"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "import yaml\ndef handler(e, c): return yaml.__version__")
        archive.writestr("yaml/__init__.py", "raise OSError('cannot open shared object file')")
        archive.writestr("yaml/lib/libyaml.so", bytes(header))
    arn = lab.function("", Timeout=20)
    lab.functions.update_function_code(FunctionName=arn, ZipFile=buffer.getvalue())
    answer = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    assert json.loads(answer["Payload"].read())[0] == "6"


def test_a_failed_asynchronous_invocation_reaches_the_functions_dead_letter_queue(lab: Lab) -> None:
    """The template's DeadLetterQueue survives the deployment."""
    target = lab.platform.target
    config = lab.functions.get_function_configuration(FunctionName=target.function("order"))
    assert config["DeadLetterConfig"]["TargetArn"].endswith("ona-function-dead-letters-dev")
