"""API Gateway: the refusals of an imported body are given."""

from __future__ import annotations

import pytest

from tests.fakes.lab import Lab

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_gateway_responses_of_an_imported_body_are_given(lab: Lab) -> None:
    """SAM puts them into the OpenAPI body; a refused caller gets our envelope, not API Gateway's words."""
    api = lab.platform.target.client("apigateway")
    responses = api.get_gateway_responses(restApiId=lab.platform.target.outputs["ApiId"])["items"]
    by_type = {item["responseType"]: item for item in responses if not item["defaultResponse"]}
    assert by_type["ACCESS_DENIED"]["statusCode"] == "401"
    assert '"code":"UNAUTHORIZED"' in by_type["ACCESS_DENIED"]["responseTemplates"]["application/json"]
