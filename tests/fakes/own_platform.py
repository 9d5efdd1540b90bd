"""The deployed platform in an embedded cloud that one test has for itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import cloud, deploy
from ops.target import EMBEDDED, TEMPLATE, embedded
from tests.fakes.platform import Platform


@contextmanager
def own_platform(folder: Path, **environment: str) -> Iterator[Platform]:
    """Start it in a folder, deploy, and remove it afterwards. No alarm rings by itself."""
    home, faults = folder / "cloud", folder / "faults"
    given = {"SFN_WAIT_SCALE": "0.02", "ONA_LOCAL_ALARMS": "off", **environment}
    started = cloud.start(home, port=cloud.free_port(0), keep_state=False, extra_environment=given)
    try:
        target = embedded(started)
        parameters = {**EMBEDDED, "Environment": "dev", "WeatherProvider": "recorded"}
        deploy.deploy(started.client, TEMPLATE, target.stack, parameters)
        faults.mkdir()
        made = Platform(target, faults, home)
        made.prepare()
        made.reset()
        yield made
    finally:
        cloud.stop(home)
