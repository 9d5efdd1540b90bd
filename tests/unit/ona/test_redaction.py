"""No secret and no address of a person stands in a line of the log; what only looks like one, stays."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ona.runtime.observability import logger
from ona.runtime.redaction import DEEPEST, GONE, redacted

SECRETS = [
    "ana.souza@example.com",
    "joão+ops@ons.org.br",
    "+55 11 98765-4321",
    "+27 (21) 555 0123",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "ona_8Zr0vTqXyP3mWc5Kd7Lh2Nb9Js4Gf6Ra1UeYoIx",
    "AKIA" + "IOSFODNN7EXAMPLE",  # AWS's own example of an access key
    "ASIAIOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdefABCDEF",
    "hooks.slack.com/services/T000/B000/XXXX",
    "Bearer 9f86d081884c7d65",
    "Basic dXNlcjpwYXNzd29yZA==",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024",
    "-----BEGIN {0}-----\nMIIE\n-----END {0}-----".format("PRIVATE KEY"),
]
HARMLESS = [
    "key-1",
    "email_export.csv",
    "observations/2025/06/10/token_secret.csv",
    "wo-20250611-1f2e3d4c@desk",
    "2025-06-10T11:02:03.004+00:00",
    "1e+10 kW, +0.25 %, +1200 V",
    "basic plan, bearer of bad news",
    "arn:aws:states:us-east-1:000000000000:execution:ona-ooda-dev:17793124-05d4-b198-2fde-7ededc63b103",
    "ona_dev",
    "ona_platform_input",
    "INV-001 @ 12:00",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_taken_out_of_a_text(secret: str) -> None:
    assert redacted(f"told {secret} of it") == f"told {GONE} of it"
    assert secret not in json.dumps(redacted({"why": [{"text": f"x={secret}"}]}))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redacted(text) == text
    assert redacted({"asset_id": text, "key": text, "file": [text]}) == {
        "asset_id": text,
        "key": text,
        "file": [text],
    }


@pytest.mark.parametrize(
    "name", ["api_key", "X-API-Key", "secret", "taskToken", "password", "Authorization", "email", "phone"]
)
def test_a_field_is_taken_out_by_its_name(name: str) -> None:
    assert redacted({name: "plain"}) == {name: GONE}
    assert redacted({name: {"inner": "plain"}}) == {name: GONE}
    assert redacted({name: ""}) == {name: ""}


def test_what_lies_deeper_than_anybody_looks_is_taken_out_whole() -> None:
    value: Any = "ana.souza@example.com"
    for _ in range(DEEPEST + 3):
        value = {"inner": value}
    assert "ana" not in json.dumps(redacted(value))


def test_a_long_line_costs_little() -> None:
    """A text of one long word is the worst of a search for addresses."""
    text = "a" * 200_000 + "@"
    assert redacted(text) == text


def test_the_loggers_lines_are_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    try:
        raise ValueError("refused: ana.souza@example.com")
    except ValueError:
        logger.exception("no answer from ana.souza@example.com", api_key="plain-text", key="key-1")
    written = stream.getvalue()
    assert "souza" not in written
    assert "plain-text" not in written
    assert json.loads(written.splitlines()[-1])["key"] == "key-1"
