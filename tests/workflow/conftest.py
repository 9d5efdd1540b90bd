"""One embedded cloud a test process, with the real template deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import cloud, deploy
from ops.target import EMBEDDED, TEMPLATE, embedded
from tests.fakes.platform import Platform


@pytest.fixture(scope="session")
def _platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("cloud")
    quiet = {"SFN_WAIT_SCALE": "0.02", "ONA_LOCAL_ALARMS": "off"}  # one test's faults ring in no other
    running = cloud.start(home, port=cloud.free_port(0), keep_state=False, extra_environment=quiet)
    try:
        target = embedded(running)
        parameters = {**EMBEDDED, "Environment": "dev", "WeatherProvider": "recorded"}
        deploy.deploy(running.client, TEMPLATE, target.stack, parameters)
        platform = Platform(target, tmp_path_factory.mktemp("faults"), home)
        platform.prepare()
        yield platform
    finally:
        cloud.stop(home)


@pytest.fixture
def platform(_platform: Platform) -> Platform:
    _platform.reset()
    return _platform
