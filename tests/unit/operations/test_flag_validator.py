"""A document of flags is deployed only when it says what code can ask for."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ona.runtime.errors import InvalidConfiguration
from operations.flag_validator.handler import lambda_handler
from tests.builders.flags import only
from tests.builders.orders import Context


def ask(content: Any) -> Any:
    """As AppConfig calls it (AppConfig User Guide, "Understanding validators")."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    event = {
        "applicationId": "abc1234",
        "configurationProfileId": "def1234",
        "configurationVersion": "2",
        "content": base64.b64encode(body).decode(),
        "uri": "hosted",
    }
    return lambda_handler(event, Context())


def test_sound_documents_pass() -> None:
    assert ask({"webhooks": {"default": False}}) == {"flags": 1}
    assert ask({"experts": only(False, "acme", "other"), "ticketing": {"default": True}}) == {"flags": 2}


UNKNOWN_KEY = only(False, "acme")
UNKNOWN_KEY["rules"]["some"]["conditions"][0]["key"] = "tier"
UNKNOWN_ACTION = only(False, "acme")
UNKNOWN_ACTION["rules"]["some"]["conditions"][0]["action"] = "LIKE"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff", "no JSON"),
        ([], "no JSON object"),
        ({}, "at least one flag"),
        ({"webhoks": {"default": True}}, "webhoks: no code asks for such a flag"),
        ({"webhooks": {"default": "off"}}, 'webhooks: default is true or false, not "off"'),
        ({"webhooks": only(False, "acme")}, "webhooks: it holds for all customers"),
        ({"experts": UNKNOWN_KEY}, "experts: a rule looks at tier"),
        ({"experts": UNKNOWN_ACTION}, "LIKE"),
        ({"webhooks": True}, "webhooks"),
    ],
)
def test_what_is_wrong_is_named(content: Any, why: str) -> None:
    with pytest.raises(InvalidConfiguration, match=why):
        ask(content)
