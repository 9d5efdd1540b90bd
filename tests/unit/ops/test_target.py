"""Where the APIs answer: one address with a domain or in the embedded cloud, else one for each API."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloud import Cloud
from ops.target import OpsError, Target, account

OWN = {
    "Environment": "prod",
    "ApiUrl": "https://abc.execute-api/prod",
    "OpsApiUrl": "https://def.execute-api/prod",
    "AccessApiUrl": "https://ghi.execute-api/prod",
}


def target(outputs: dict[str, str], embedded: Cloud | None = None) -> Target:
    class Client:
        def describe_stacks(self, **_: Any) -> dict[str, Any]:
            told = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
            return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": told}] if outputs else []}

    return Target("test", "ona-platform-prod", lambda _service: Client(), embedded)


def test_without_a_domain_every_api_has_its_own_address() -> None:
    assert target(OWN).api_urls == {
        "/": "https://abc.execute-api/prod",
        "/ops": "https://def.execute-api/prod",
        "/quota, /health": "https://ghi.execute-api/prod",
    }


def test_a_domain_is_the_one_address() -> None:
    outputs = {**OWN, "ApiUrl": "https://api.example.com", "ApiDomainTarget": "d-1.execute-api"}
    assert target(outputs).api_urls == {"/": "https://api.example.com"}


def test_the_embedded_clouds_front_is_the_one_address() -> None:
    embedded = Cloud(pid=1, port=4566, home="/nowhere")
    assert target(OWN, embedded).api_urls == {"/": "http://127.0.0.1:4566/_api/prod"}


def test_a_platform_that_is_not_deployed_raises_an_error() -> None:
    with pytest.raises(OpsError, match="run `sam deploy`"):
        _ = target({}).api_url


def test_lambda_is_waited_for_as_long_as_a_function_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """900 s, after which Lambda itself ends it: an answer that is late is not asked for a second time."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    ask = account("environment", "eu-central-1")
    assert ask("lambda").meta.config.read_timeout > 900
    assert ask("sqs").meta.config.read_timeout == 60
