"""Addresses for uploads, in every region: signed as AWS says (`tests/builders/sigv4.py`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlsplit

import boto3
import pytest

from ona.runtime import aws
from ona.store import s3
from tests.builders.sigv4 import signature
from tests.paths import ROOT

BUCKET, KEY = "sa-api-client-input", "historical/customer-001/site-001/an upload.csv"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
REGIONS = [region for name in PARTITIONS for region in boto3.Session().get_available_regions("s3", name)]
"""Every region that botocore knows, the opt-in ones included."""


@pytest.fixture(autouse=True)
def _as_in_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token/with+signs=")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the first credentials that it saw
    aws.client.cache_clear()
    yield
    aws.client.cache_clear()


def _signature(url: str, headers: dict[str, str]) -> str:
    return signature("PUT", url, headers, SECRET)


@pytest.mark.parametrize("region", REGIONS)
def test_an_upload_s_address_is_signed_for_its_region_with_its_size(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_REGION", region)
    url = s3.presigned_put(BUCKET, KEY, content_type="text/csv", size=4711, seconds=3600)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    assert parts.scheme == "https"
    assert parts.netloc == f"{BUCKET}.s3.{region}.{suffix}"
    assert parts.path == f"/{quote(KEY)}"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"].split("/")[2:] == [region, "s3", "aws4_request"]
    assert query["X-Amz-Expires"] == "3600"
    assert query["X-Amz-SignedHeaders"].split(";") == [
        "content-length",
        "content-type",
        "host",
        "if-none-match",
    ]
    sent = {
        "content-length": "4711",
        "content-type": "text/csv",
        "host": parts.netloc,
        "if-none-match": "*",
    }
    assert _signature(url, sent) == query["X-Amz-Signature"]
    for other in (
        {"content-length": "4712"},
        {"content-type": "text/html"},
        {"host": "s3.amazonaws.com"},
        {"if-none-match": ""},
    ):
        assert _signature(url, {**sent, **other}) != query["X-Amz-Signature"]


def test_without_a_declared_size_the_size_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "af-south-1")
    url = s3.presigned_put(BUCKET, KEY, content_type="text/csv", size=None, seconds=60)
    assert "X-Amz-SignedHeaders=content-type%3Bhost%3Bif-none-match&" in url


def test_at_an_endpoint_of_its_own_the_bucket_is_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "af-south-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    url = s3.presigned_put(BUCKET, KEY, content_type="text/csv", size=1, seconds=60)
    assert url.startswith(f"http://127.0.0.1:4566/{BUCKET}/historical/")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


def test_clients_have_one_factory() -> None:
    makers = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "functions").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
        )
        if name in ("boto3", "boto3.session", "botocore.session")
    ]
    assert [where.partition(":")[0] for where in makers] == ["functions/ona/runtime/aws.py"]
