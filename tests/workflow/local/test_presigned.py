"""S3: a presigned upload is refused where AWS refuses it, in AWS's words; the valid one passes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import urllib3

from local.cloud import REGION
from local.hooks.presigned import refusal
from ona.runtime.clock import utc_now
from tests.builders.sigv4 import presigned
from tests.fakes.lab import Lab, unique
from tests.fakes.roles import policy

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

BODY = b"x" * 10


class Door:
    """Tries an upload; says status, error code and message."""

    def __init__(self, lab: Lab) -> None:
        running = lab.platform.target.embedded
        assert running is not None
        self.endpoint = running.endpoint
        iam, name = lab.platform.target.client("iam"), unique("signer")
        iam.create_user(UserName=name)
        self.key = iam.create_access_key(UserName=name)["AccessKey"]
        uploads = f"arn:aws:s3:::{lab.platform.target.input_bucket}/historical/*"
        may = policy([{"Effect": "Allow", "Action": "s3:PutObject", "Resource": uploads}])
        iam.put_user_policy(UserName=name, PolicyName="uploads", PolicyDocument=may)
        self.url = f"{self.endpoint}/{lab.platform.target.input_bucket}/historical/lab/{unique('up')}.txt"
        self.headers = {
            "content-length": "10",
            "content-type": "text/csv",
            "host": self.endpoint.removeprefix("http://"),
        }

    def signed(self, **options: Any) -> str:
        who = {"key_id": self.key["AccessKeyId"], "secret": self.key["SecretAccessKey"], "region": REGION}
        return presigned(self.url, self.headers, **{**who, **options})

    def put(self, url: str, body: bytes = BODY, **headers: str) -> tuple[int, str, str]:
        sent = {"Content-Type": "text/csv", **headers}
        answer = urllib3.request("PUT", url, body=body, headers=sent, timeout=60, retries=False)
        text = answer.data.decode()
        code, message = (re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S) for tag in ("Code", "Message"))
        return answer.status, code[1] if code else "", message[1] if message else text


@pytest.fixture
def door(lab: Lab) -> Door:
    return Door(lab)


def test_the_upload_that_was_signed_passes(door: Door) -> None:
    assert door.put(door.signed()) == (200, "", "")
    # one header more is signed, and sent: valid, although it looks like a stranger
    door.headers["x-amz-meta-note"] = "from the plant"
    assert door.put(door.signed(), **{"x-amz-meta-note": "from the plant"}) == (200, "", "")


@pytest.mark.parametrize(
    ("body", "headers"),
    [(BODY + b"x", {}), (BODY[:-1], {}), (BODY, {"Content-Type": "text/html"}), (BODY, {"Host": "other"})],
)
def test_another_size_type_or_host_than_signed_is_refused(
    door: Door, body: bytes, headers: dict[str, str]
) -> None:
    status, code, _ = door.put(door.signed(), body, **headers)
    assert (status, code) == (403, "SignatureDoesNotMatch")


def test_another_object_or_key_than_signed_is_refused(door: Door) -> None:
    elsewhere = door.signed().replace("/historical/", "/observations/")
    assert door.put(elsewhere)[:2] == (403, "SignatureDoesNotMatch")
    assert door.put(door.signed(secret="other"))[:2] == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("changes", "status", "code", "words"),
    [
        ({"X-Amz-Expires": None}, 400, "AuthorizationQueryParametersError", "requires the X-Amz-Algorithm"),
        ({"X-Amz-Expires": "604801"}, 400, "AuthorizationQueryParametersError", "less than a week"),
        ({"X-Amz-Expires": "-1"}, 400, "AuthorizationQueryParametersError", "non-negative"),
        ({"X-Amz-Expires": "soon"}, 400, "AuthorizationQueryParametersError", "should be a number"),
        ({"X-Amz-Expires": "0"}, 403, "AccessDenied", "Request has expired"),
        ({"X-Amz-Algorithm": "AWS4-HMAC-SHA1"}, 400, "AuthorizationQueryParametersError", "only supports"),
        ({"X-Amz-Date": "today"}, 400, "AuthorizationQueryParametersError", "ISO8601"),
        ({"X-Amz-Date": "20200101T000000Z"}, 400, "AuthorizationQueryParametersError", "not the same"),
        ({"X-Amz-Credential": "me"}, 400, "AuthorizationQueryParametersError", "mal-formed"),
        ({"X-Amz-SignedHeaders": "content-type"}, 403, "AccessDenied", "not signed"),
    ],
)
def test_a_wrong_parameter_is_refused_in_s3_s_words(
    door: Door, changes: dict[str, str | None], status: int, code: str, words: str
) -> None:
    answer = door.put(door.signed(changes=changes))
    assert answer[:2] == (status, code)
    assert words in answer[2]


def test_a_header_that_is_not_signed_is_refused(door: Door) -> None:
    status, code, words = door.put(door.signed(), **{"x-amz-acl": "public-read"})
    assert (status, code) == (403, "AccessDenied")
    assert "not signed" in words


def test_version_2_and_no_signature_are_refused(door: Door) -> None:
    old = f"{door.url}?AWSAccessKeyId=testing&Signature=abc%3D&Expires=4102444800"
    assert door.put(old)[:2] == (400, "InvalidRequest")
    assert door.put(door.url)[:2] == (403, "AccessDenied")


def test_one_put_brings_five_gibibytes_at_most() -> None:
    headers = {"host": "s3", "authorization": "AWS4-HMAC-SHA256 x", "content-length": str(5 * 1024**3)}
    assert refusal("PUT", headers, {}, utc_now()) is None
    wrong = refusal("PUT", {**headers, "content-length": str(5 * 1024**3 + 1)}, {}, utc_now())
    assert wrong is not None
    assert wrong.code == "EntityTooLarge"
