"""A forked sandbox is as one that was started: nothing of the fork server or of another is in it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.hooks.forked_sandboxes import ForkServers, Sandbox, modules_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are forked on Linux only")

SCRIPT = """
import sys
loaded = set(sys.modules)
import json, os, random, time
for line in sys.stdin:
    asked = json.loads(line)
    print("heard", asked, file=sys.stderr, flush=True)
    print(json.dumps(eval(asked)), flush=True)
"""
FACTS = """{
    "environment": dict(os.environ), "folder": os.getcwd(), "argv": sys.argv, "path": sys.path[0],
    "main": sys.modules["__main__"].__file__, "globals": sorted(k for k in globals() if k[0] != "_"),
    "loaded": sorted(loaded), "zone": time.tzname[0], "open": sorted(os.listdir("/proc/self/fd")),
    "random": random.random(), "line": ["requirements.txt"] == sorted(os.listdir(".")),
}"""
LIBRARY = ("PyYAML", "yaml")


@pytest.fixture(scope="module")
def servers() -> ForkServers:
    return ForkServers()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "t_worker.py").write_text(SCRIPT)
    return tmp_path / "code"


@pytest.fixture
def environment() -> dict[str, str]:
    """The server's own environment, with a function's variables."""
    return {**os.environ, "MINE": "ü 1", "TZ": "Asia/Kolkata"}


def pin(folder: Path, version: str = "") -> None:
    (folder / "requirements.txt").write_text(
        f"# a list\n{LIBRARY[0]}=={version or importlib.metadata.version(LIBRARY[0])}\n"
    )


def started(servers: ForkServers, package: Path, environment: dict[str, str]) -> Sandbox:
    sandbox = servers.start(str(package.parent / "t_worker.py"), str(package), environment, [])
    assert sandbox is not None
    return sandbox


def ask(sandbox: Sandbox, expression: str) -> Any:
    sandbox.stdin.write(json.dumps(" ".join(expression.split())) + "\n")
    return json.loads(sandbox.stdout.readline())


@pytest.fixture
def ended() -> Iterator[list[Sandbox]]:
    """Sandboxes to end after a test."""
    sandboxes: list[Sandbox] = []
    yield sandboxes
    for sandbox in sandboxes:
        sandbox.kill()
        sandbox.wait(10)


def test_it_is_as_a_process_that_was_started_with_the_script(
    servers: ForkServers, package: Path, environment: dict[str, str], ended: list[Sandbox]
) -> None:
    pin(package)
    forked = started(servers, package, environment)
    ended.append(forked)
    plain = subprocess.Popen(
        [sys.executable, str(package.parent / "t_worker.py")],
        cwd=package, env=environment, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    told = ask(forked, FACTS)
    with plain:
        assert plain.stdin
        expected = ask(plain, FACTS)  # type: ignore[arg-type]  # it has the same three streams
        plain.stdin.close()
    different = {name for name in expected if told[name] != expected[name]}
    assert different == {"loaded", "random"}
    assert set(expected["loaded"]) <= {*told["loaded"], "_distutils_hack", "sitecustomize", "usercustomize"}
    assert forked.stderr.readline().startswith("heard {")


def test_two_of_one_package_share_nothing(
    servers: ForkServers, package: Path, environment: dict[str, str], ended: list[Sandbox]
) -> None:
    pin(package)
    (package / "mine.py").write_text("X = []")
    one, two = (started(servers, package, environment | {"WHO": who}) for who in "12")
    ended += [one, two]
    assert ask(
        one, "[sys.path.insert(0, os.getcwd()), __import__('mine').X.append(1), __import__('mine').X][2]"
    )
    assert ask(two, "'mine' in sys.modules or 'boto3' not in sys.modules") is False
    assert [ask(each, "os.environ['WHO']") for each in (one, two)] == ["1", "2"]
    assert ask(one, "random.random()") != ask(two, "random.random()")
    draw = "[__import__('numpy.random'), sys.modules['numpy.random'].random()][1:]"
    assert ask(one, draw) != ask(two, draw)


def test_only_what_a_list_names_in_this_very_version_is_loaded_before(package: Path) -> None:
    plain = modules_for([package / "requirements.txt"])
    pin(package)
    assert set(modules_for([package / "requirements.txt"])) - set(plain) == {LIBRARY[1]}
    pin(package, "0.0.1")
    assert modules_for([package / "requirements.txt"]) == plain
    (package / "requirements.txt").write_text("unknown==1\npandas\n")
    assert modules_for([package / "requirements.txt"]) == plain


def test_a_layer_is_known_by_its_name_where_it_lies_unbuilt(
    servers: ForkServers, package: Path, environment: dict[str, str], ended: list[Sandbox]
) -> None:
    for name in ("sums", "words"):
        (package.parent / "layer" / name).mkdir(parents=True)
    pin(package.parent / "layer" / "words")
    given = environment | {"_LAMBDA_LAYERS_DIRS": str(package.parent / "layer")}
    script = str(package.parent / "t_worker.py")
    for layers, there in ((["ona-sums-dev"], False), (["ona-words-dev"], True)):
        sandbox = servers.start(script, str(package), given, layers)
        assert sandbox is not None
        ended.append(sandbox)
        assert ask(sandbox, f"{LIBRARY[1]!r} in loaded") is there


@pytest.mark.parametrize("own", ["yaml/__init__.py", "yaml.py", "queue.py", "python/yaml.py"])
def test_what_a_package_brings_itself_is_not_loaded_before(
    servers: ForkServers, package: Path, environment: dict[str, str], own: str
) -> None:
    pin(package)
    (package / own).parent.mkdir(exist_ok=True)
    (package / own).write_text("X = 1")
    fresh = ForkServers()
    if "yaml" in own:
        assert fresh.start(str(package.parent / "t_worker.py"), str(package), environment, []) is None
        assert not fresh._servers, "none is started for nothing"
    assert servers.start(str(package.parent / "t_worker.py"), str(package), environment, []) is None


@pytest.mark.parametrize("name", ["PYTHONUTF8", "LD_PRELOAD", "OMP_NUM_THREADS", "POWERTOOLS_DEBUG"])
def test_a_variable_that_is_read_at_the_start_needs_a_start(
    servers: ForkServers, package: Path, environment: dict[str, str], name: str
) -> None:
    given = environment | {name: "17"}
    assert servers.start(str(package.parent / "t_worker.py"), str(package), given, []) is None


def test_its_end_is_seen_and_it_can_be_ended(
    servers: ForkServers, package: Path, environment: dict[str, str]
) -> None:
    done, asked, killed = (started(servers, package, environment) for _ in range(3))
    assert [each.poll() for each in (done, asked, killed)] == [None] * 3
    with pytest.raises(subprocess.TimeoutExpired):
        done.wait(0.01)
    done.stdin.close()
    asked.terminate()
    killed.kill()
    for each in (done, asked, killed):
        each.wait(10)
        assert each.poll() is not None
        assert not Path(f"/proc/{each.pid}").exists()
        each.kill()  # of one that has ended: nothing happens


def test_fork_servers_end_with_their_server(package: Path, environment: dict[str, str]) -> None:
    pin(package)
    own = ForkServers()
    started(own, package, environment).kill()
    (server,) = [each for each in own._servers.values() if each]
    assert server.process
    assert server.process.poll() is None
    server._channel.close()
    server.process.wait(20)
    assert own.start(str(package.parent / "t_worker.py"), str(package), environment, []) is None
