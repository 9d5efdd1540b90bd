"""The hook of the health answer: it names the home and the process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local import ports
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_the_health_answer_proves_which_home_is_served(platform: Platform) -> None:
    cloud = platform.target.embedded
    assert cloud is not None
    answer = ports.health(cloud.port)
    assert answer is not None
    assert answer["services"], "what ministack itself says stays"
    assert ports.served(answer) == (cloud.home, cloud.pid)
    assert cloud.healthy()
    assert not replace(cloud, home="/another").healthy()
