"""What AWS answers under load and of conditions, whichever word the service has for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unittest import mock

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker

from ona.runtime import aws
from ona.runtime.errors import DependencyBusy, ObjectMissing, TableThrottled
from ona.store import s3, tables
from ona.store.tables import Write

CALLED = ("dynamodb", "s3", "sns", "sqs", "ssm")
"""The services that functions call."""
TOO_MANY = re.compile(r"throttl|toomanyrequests|requestlimit|overlimit|throughputexceeded", re.IGNORECASE)
"""How AWS's models name it that calls came too fast."""
TRIED_AGAIN = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
NOT_OURS = {
    "LimitExceededException": "DynamoDB: too many tables are made at once; functions make none",
    "EC2ThrottledException": "Lambda in a VPC; functions call no Lambda",
}


def refusal(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError({**answer, "CancellationReasons": [{"Code": reason} for reason in reasons]}, "Call")


def named_in_models() -> Iterator[tuple[str, str]]:
    session = botocore.session.get_session()
    for service in CALLED:
        for shape in session.get_service_model(service).error_shapes:
            code = str(shape.metadata.get("error", {}).get("code", shape.name))
            if TOO_MANY.search(code):
                yield service, code


@pytest.mark.parametrize(("service", "code"), sorted(named_in_models()))
def test_a_throttled_call_may_succeed_later(service: str, code: str) -> None:
    assert isinstance(aws.translate(refusal(code), service), DependencyBusy)


@pytest.mark.parametrize("code", sorted(TRIED_AGAIN - set(NOT_OURS)))
def test_what_boto3_tries_again_we_try_again(code: str) -> None:
    assert isinstance(aws.translate(refusal(code), "call"), DependencyBusy)


def test_a_status_of_too_many_requests_is_enough() -> None:
    assert isinstance(aws.translate(refusal("SomethingNew", 429), "call"), DependencyBusy)


@pytest.mark.parametrize(
    ("code", "call", "table"),
    [
        ("ProvisionedThroughputExceededException", "PutItem", True),
        ("ThrottlingException", "TransactWriteItems", True),  # a table on demand says this
        ("RequestLimitExceeded", "Query", True),
        ("ThrottlingException", "GetParameter", False),  # Parameter Store, which has no units
        ("ThrottlingException", "DescribeTable", False),
        ("SlowDown", "PutObject", False),
        ("InternalServerError", "PutItem", False),
    ],
)
def test_a_table_without_units_is_told_from_another_service_that_is_busy(
    code: str, call: str, table: bool
) -> None:
    status = 500 if code == "InternalServerError" else 400
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    found = aws.translate(ClientError(answer, call), "there")
    assert isinstance(found, DependencyBusy)
    assert isinstance(found, TableThrottled) == table


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationException", "TopicLimitExceeded"])
def test_what_no_later_try_mends_is_not_busy(code: str) -> None:
    assert not isinstance(aws.translate(refusal(code), "call"), DependencyBusy)


@pytest.mark.parametrize(
    ("reasons", "busy"),
    [
        (("None", "ThrottlingError"), True),
        (("ProvisionedThroughputExceeded", "None"), True),
        (("ConditionalCheckFailed", "ThrottlingError"), False),
        (("None", "TransactionConflict"), False),
    ],
)
def test_a_transaction_without_capacity_may_succeed_later(reasons: tuple[str, ...], busy: bool) -> None:
    fails = mock.Mock(side_effect=refusal("TransactionCanceledException", 400, reasons))
    with mock.patch.object(tables, "client", return_value=mock.Mock(transact_write_items=fails)):
        if busy:
            with pytest.raises(TableThrottled, match=r"Throttling|Throughput"):
                tables.transact([Write("Put", {})])
        else:
            assert tables.transact([Write("Put", {})]) is False


def test_a_transaction_that_is_wrong_stays_wrong() -> None:
    fails = mock.Mock(side_effect=refusal("TransactionCanceledException", 400, ("ValidationError",)))
    with (
        mock.patch.object(tables, "client", return_value=mock.Mock(transact_write_items=fails)),
        pytest.raises(ClientError),
    ):
        tables.transact([Write("Put", {})])


@pytest.mark.parametrize(
    ("code", "status"),
    [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("NoSuchKey", 404)],
)
def test_an_object_that_is_not_as_it_was_read_is_read_again(code: str, status: int) -> None:
    fails = mock.Mock(side_effect=refusal(code, status))
    with mock.patch.object(s3, "client", return_value=mock.Mock(put_object=fails)):
        assert s3.write_bytes_if("bucket", "key", b"", "text/plain", '"etag"') is None


def test_a_bucket_that_is_gone_is_no_reason_to_read_again() -> None:
    fails = mock.Mock(side_effect=refusal("NoSuchBucket", 404))
    with (
        mock.patch.object(s3, "client", return_value=mock.Mock(put_object=fails)),
        pytest.raises(ObjectMissing),
    ):
        s3.write_bytes_if("bucket", "key", b"", "text/plain", '"etag"')
