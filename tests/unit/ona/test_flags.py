"""Reading flags: what AppConfig gives, and that nothing changes when it gives nothing.

The fake service is written from AWS AppConfig's API reference: a token is good for one call, the answer is
empty where the caller has the newest version, and a session that is a day old has to begin anew.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from ona.config import flags
from tests.builders.flags import only
from tests.fakes import own_clock


class AppConfigData:
    """The data plane of AppConfig, for one configuration."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.fault: Exception | None = None
        self.calls: list[str] = []
        self._had: dict[str, bytes | None] = {}

    def deploy(self, document: Any) -> None:
        self.body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def expire(self) -> None:
        self._had.clear()

    def start_configuration_session(self, **names: str) -> dict[str, str]:
        assert set(names) == {
            "ApplicationIdentifier",
            "EnvironmentIdentifier",
            "ConfigurationProfileIdentifier",
        }
        return {"InitialConfigurationToken": self._token("start", None)}

    def get_latest_configuration(self, ConfigurationToken: str) -> dict[str, Any]:  # noqa: N803
        if ConfigurationToken not in self._had:
            refused = {"Error": {"Code": "BadRequestException", "Message": "the token is used or expired"}}
            raise ClientError(refused, "GetLatestConfiguration")
        had = self._had.pop(ConfigurationToken)
        token = self._token("get", self.body)
        body = b"" if self.body is None or self.body == had else self.body
        return {"Configuration": io.BytesIO(body), "NextPollConfigurationToken": token}

    def _token(self, call: str, had: bytes | None) -> str:
        self.calls.append(call)
        if self.fault:
            raise self.fault
        self._had[token := str(len(self.calls))] = had
        return token


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> AppConfigData:
    made = AppConfigData()
    monkeypatch.setenv("FLAGS", "app/features/maintenance/profile")
    monkeypatch.setattr(flags, "client", lambda _name: made)
    flags._reader.cache_clear()
    return made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let half a minute pass."""
    now = [1000.0]
    own_clock.give(monkeypatch, flags, monotonic=lambda: now[0])

    def passed(seconds: float = 31.0) -> None:
        now[0] += seconds

    yield passed
    flags._reader.cache_clear()


def test_without_flags_in_the_environment_the_defaults_hold_and_nobody_is_asked(
    service: AppConfigData, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLAGS")
    assert flags.enabled("webhooks")
    assert not flags.enabled("maintenance_mode")
    assert service.calls == []


def test_what_is_deployed_holds_and_is_asked_for_every_half_minute(
    service: AppConfigData, later: Any
) -> None:
    assert flags.enabled("webhooks"), "nothing is deployed: the default"
    service.deploy({"webhooks": {"default": False}})
    assert flags.enabled("webhooks"), "within half a minute nobody asks"
    assert service.calls == ["start", "get"]
    later()
    assert not flags.enabled("webhooks")
    assert flags.enabled("ticketing"), "the document has no word of it: the default"
    later()
    assert not flags.enabled("webhooks"), "the newest is known already; the answer is empty"
    assert service.calls == ["start", "get", "get", "get"]


def test_a_rule_holds_for_its_customers(service: AppConfigData, later: Any) -> None:
    service.deploy({"experts": only(False, "acme"), "webhooks": {"default": False}})
    assert [flags.enabled("experts", who) for who in ("acme", "other", "")] == [False, True, True]


@pytest.mark.parametrize(
    "fault",
    [
        ConnectTimeoutError(endpoint_url="https://appconfigdata.example"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "StartConfigurationSession"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "GetLatestConfiguration"),
    ],
)
def test_appconfig_that_is_down_changes_nothing(
    service: AppConfigData, later: Any, fault: Exception
) -> None:
    service.fault = fault
    assert flags.enabled("webhooks"), "it was never up: the default"
    assert len(service.calls) == 1
    assert flags.enabled("webhooks")
    assert len(service.calls) == 1, "who is down is not asked at every request"
    service.fault = None
    service.deploy({"webhooks": {"default": False}})
    later()
    assert not flags.enabled("webhooks")
    service.fault = fault
    service.deploy({"webhooks": {"default": True}})
    later()
    assert not flags.enabled("webhooks"), "the last good value"
    service.fault = None
    later()
    assert flags.enabled("webhooks")


@pytest.mark.parametrize("document", [b"no json", b"[]", {"webhooks": {"rules": {}}}, {"webhooks": "on"}])
def test_what_is_no_document_of_flags_changes_nothing(
    service: AppConfigData, later: Any, document: Any
) -> None:
    service.deploy({"webhooks": {"default": False}})
    assert not flags.enabled("webhooks")
    service.deploy(document)
    later()
    assert not flags.enabled("webhooks")
    service.deploy({"webhooks": {"default": True}})
    later()
    assert flags.enabled("webhooks")


def test_a_process_that_slept_for_a_day_begins_a_new_session(service: AppConfigData, later: Any) -> None:
    service.deploy({"webhooks": {"default": False}})
    assert not flags.enabled("webhooks")
    service.expire()
    later(86_400)
    assert not flags.enabled("webhooks"), "this question is refused"
    later()
    service.deploy({"webhooks": {"default": True}})
    assert flags.enabled("webhooks")


def test_maintenance_is_read_from_its_own_place(
    service: AppConfigData, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    start = service.start_configuration_session

    def starting(**names: str) -> dict[str, str]:
        asked.append(names["EnvironmentIdentifier"])
        return start(**names)

    monkeypatch.setattr(service, "start_configuration_session", starting)
    flags.enabled("maintenance_mode")
    flags.enabled("webhooks")
    assert asked == ["maintenance", "features"]
