"""The APIs as a client sees them: wrong methods, preflights, unknown paths and stages, forged events."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import urllib3

from local.cloud import REGION
from ops import customers
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

CUSTOMER = "customer-doors"
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
PATHS = {
    path.replace("{work_order_id}", "wo-20250610-0a1b2c3d").replace(
        "{subscription_id}", "sub-0a1b2c3d4e5f"
    ): {method.upper() for method in methods}
    for path, methods in DOCUMENT["paths"].items()
}
"""Every path of the document, with example ids, and its methods."""
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Client:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.url = platform.target.api_url
        self.key = customers.add_key(platform.target, CUSTOMER, "premium")

    def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        url: str = "",
        body: bytes | str | None = None,
        **headers: str,
    ) -> Any:
        sent = {"X-API-Key": self.key if key is None else key, **headers}
        sent = {name: value for name, value in sent.items() if value}
        # urllib3 normalises paths: the target is given as it is
        parts = urllib3.util.parse_url(url or self.url)
        pool = urllib3.connectionpool.connection_from_url(f"http://{parts.host}:{parts.port}")
        target = f"{parts.path or ''}{path}"
        return pool.urlopen(method, target, body=body, headers=sent, retries=False, timeout=60)


@pytest.fixture(scope="module")
def client(_platform: Platform) -> Client:
    return Client(_platform)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status == status, answer.data
    body: dict[str, Any] = json.loads(answer.data)
    assert set(body) == {"success", "data", "metadata", "errors"}
    assert body["success"] is False
    assert [error["code"] for error in body["errors"]] == [code]
    assert ISO.fullmatch(body["metadata"]["timestamp"]), body
    return body


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method_is_405_and_names_the_right_ones(client: Client, path: str) -> None:
    for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - PATHS[path]):
        answer = client.send(method, path, key="" if method == "PUT" else None)
        refused(answer, 405, "METHOD_NOT_ALLOWED")
        assert set(answer.headers["Allow"].split(", ")) == {*PATHS[path], "OPTIONS"}
    assert client.send("HEAD", path).status == 405


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_may_send_what_the_path_takes(client: Client, path: str) -> None:
    for method in PATHS[path]:
        asked = {"Origin": "https://localhost", "Access-Control-Request-Method": method}
        answer = client.send("OPTIONS", path, key="", **asked)
        assert answer.status == 204
        assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://localhost"
        assert "X-API-Key" in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/quota", "/quota/other", "/ops", "/ops/orders", "/health/x"]
)
def test_an_unknown_path_is_404_with_and_without_a_key(client: Client, path: str) -> None:
    for key in (None, ""):
        for method in ("GET", "OPTIONS"):
            refused(client.send(method, path, key=key), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "path", ["/ops%2Fwork-orders", "/ops%2fwork-orders", "/quota%2Fusage", "/ops/work%2Dorders"]
)
def test_an_encoded_slash_does_not_separate(client: Client, path: str) -> None:
    answer = client.send("GET", path)
    if "2D" in path:  # an encoded hyphen is a hyphen
        assert answer.status == 200
    else:
        refused(answer, 404, "NOT_FOUND")


def test_without_a_key_401_has_the_time_as_everywhere(client: Client) -> None:
    for path, methods in PATHS.items():
        for method in methods:
            for key in ("", "ona_wrong"):
                if path != "/health":
                    answer = client.send(method, path, key=key)
                    refused(answer, 401, "UNAUTHORIZED")
                    assert answer.headers["Access-Control-Allow-Origin"]
    assert client.send("GET", "/health", key="").status == 200


@pytest.mark.parametrize(
    "path", ["/_api", "/_api/", "/_api/prod", "/_api/prod/forecast", "/_api/dev2/health"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_another_stage_is_forbidden_as_by_api_gateway(client: Client, method: str, path: str) -> None:
    base = client.url.removesuffix("/_api/dev")
    answer = client.send(method, path, url=base)
    assert (answer.status, json.loads(answer.data)) == (403, {"message": "Forbidden"})


def test_an_api_has_one_stage(client: Client) -> None:
    gateway = client.platform.target.client("apigateway")
    for api in gateway.get_rest_apis(limit=500)["items"]:
        stages = [stage["stageName"] for stage in gateway.get_stages(restApiId=api["id"])["item"]]
        assert stages == ["dev"], api["name"]


@pytest.mark.parametrize(
    "name", ["access/account_api", "forecasting/forecasting_api", "ooda/operations_api"]
)
def test_an_event_that_came_through_no_api_is_refused(client: Client, name: str) -> None:
    """Whoever may invoke the function cannot just copy an event; docs/access.md says what is left."""
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    event["requestContext"]["authorizer"] = {"customer_id": CUSTOMER, "tier": "enterprise"}
    functions = client.platform.target.client("lambda")
    title = Path(name).name.split("_")
    function = f"ona-{title[0]}{title[1].capitalize()}-dev"
    answer = functions.invoke(FunctionName=function, Payload=json.dumps(event))
    result = json.loads(answer["Payload"].read())
    assert result["statusCode"] == 403
    assert json.loads(result["body"])["errors"][0]["code"] == "FORBIDDEN"


def test_the_signed_api_believes_the_signature_and_no_key(client: Client) -> None:
    url = client.platform.target.outputs["AccessIamApiUrl"]
    stage = client.platform.target.client("apigateway")
    api_id = url.split("//")[1].split(".")[0]
    assert stage.get_stages(restApiId=api_id)["item"]
    base = client.url.removesuffix("/_api/dev")
    path = f"/_aws/execute-api/{api_id}/dev/quota/usage"
    answer = client.send("GET", path, url=base)
    assert (answer.status, json.loads(answer.data)["errors"][0]["code"]) == (401, "UNAUTHORIZED")
    iam, name = client.platform.target.client("iam"), "signer-of-doors"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    signed = _signed(f"{base}{path}", key)
    assert client.send("GET", path, url=base, **signed).status == 403, "its user may call no API"
    invoke = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:{REGION}:000000000000:{api_id}/dev/GET/quota/usage",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [invoke]})
    iam.put_user_policy(UserName=name, PolicyName="invoke", PolicyDocument=document)
    assert client.send("GET", path, url=base, **signed).status == 401, "it is no customer"
    customers.add_principal(client.platform.target, arn, CUSTOMER, "standard")
    answer = client.send("GET", path, url=base, **signed)
    assert answer.status == 200, answer.data
    assert json.loads(answer.data)["data"]["tier"] == "standard"


def _signed(url: str, key: dict[str, str]) -> dict[str, str]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("GET", url)
    SigV4Auth(
        Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "execute-api", "af-south-1"
    ).add_auth(request)
    return dict(request.headers)


BODIES = {
    "text": ({"Content-Type": "text/plain"}, b"{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    "a form": (
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"a=b",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "bytes that are no UTF-8": ({"Content-Type": "application/json"}, b"\xff\xfe", 400, "VALIDATION_ERROR"),
    "deep JSON": ({"Content-Type": "application/json"}, b"[" * 100_000, 400, "VALIDATION_ERROR"),
    "no type, no JSON": ({}, b"x", 400, "VALIDATION_ERROR"),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies_are_refused_behind_the_gateway_too(client: Client, case: str) -> None:
    headers: dict[str, Any]
    headers, body, status, code = BODIES[case]
    refused(client.send("POST", "/upload_train", body=body, **headers), status, code)
