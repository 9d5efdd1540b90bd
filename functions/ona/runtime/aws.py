"""AWS clients, AWS errors as ours, and the environment variables of a function."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
import botocore
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, EndpointConnectionError, HTTPClientError

from ona.runtime import probe, versions
from ona.runtime.errors import DependencyBusy, InvalidConfiguration, ObjectMissing, TableThrottled

versions.check(
    {library.__name__: str(vars(library)["__version__"]) for library in (boto3, botocore, urllib3)}
)

_BUSY = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",
    "ThrottlingError",
    "KMSThrottling",
    "KmsThrottled",
    "RequestThrottled",
    "RequestThrottledException",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "OverLimit",
    "TooManyRequestsException",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "TransactionInProgressException",
    "TransactionConflictException",
}
"""Error codes after which the same call may succeed (AWS's API references). Each service has its own word
for "too many at once": SNS says Throttled, SQS RequestThrottled, a DynamoDB transaction ThrottlingError."""
_NO_UNITS = {
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingException",
    "ThrottlingError",
}
"""Those of them that DynamoDB's calls of items end with where a table takes no more. An on-demand table
says ThrottlingException (Developer Guide, "Error handling with DynamoDB")."""
_CALLS_OF_ITEMS = {
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "Scan",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactGetItems",
    "TransactWriteItems",
}
TOO_MANY_REQUESTS = 429
"""The HTTP status of the same (RFC 6585)."""
_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound", "NoSuchBucket"}
"""Error codes of S3 for an object that does not exist."""
_REFUSED = {"AccessDenied", "403", "Forbidden", "AllAccessDisabled"}
"""Error codes of S3 for an object that may not be read; those of its key begin with `KMS.`."""
CONNECT_S, READ_S, ATTEMPTS = 5, 30, 4
"""Seconds to connect, seconds to wait for an answer, and calls in all (ours)."""
HINTS, HINTS_S = ("appconfigdata",), 2
"""Services whose answer is no more than a hint: they are waited for so many seconds, once (ours)."""
CONNECTIONS = 25
"""Connections that a client keeps (ours): so many objects are read at once. botocore keeps ten, and closes
what was opened beyond."""


@cache
def client(service: str, patience_s: int = 0) -> Any:
    """The boto3 client of a service like `s3`, built once a process. The only factory of clients.

    `patience_s`: seconds to wait for the answer of a call that takes long and is made once.

    S3 gets Signature Version 4 and the region's own host. botocore's default presigns an address at the
    global host. Opt-in regions like af-south-1 refuse the credentials there. In older regions the default
    signs with version 2, which signs no size (S3 User Guide, "Making requests to Amazon S3").
    """
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
    )
    if service in HINTS:
        quick = Config(connect_timeout=HINTS_S, read_timeout=HINTS_S, retries={"total_max_attempts": 1})
        config = config.merge(quick)
    if patience_s:
        config = config.merge(Config(read_timeout=patience_s, retries={"total_max_attempts": 1}))
    if service == "s3":
        s3 = {"addressing_style": _addressing_style(), "us_east_1_regional_endpoint": "regional"}
        config = config.merge(Config(signature_version="s3v4", s3=s3))
    return probe.guard(boto3.client(service, config=config))


def _addressing_style() -> str:
    """`virtual` on AWS; `path` at an endpoint like the embedded cloud's, whose buckets no DNS knows."""
    own = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return "path" if own else "virtual"


os.register_at_fork(after_in_child=client.cache_clear)  # two processes must not share a connection


def is_busy(code: str) -> bool:
    """Whether a call that ended with this error code may succeed later.

    >>> is_busy("RequestThrottled"), is_busy("AccessDenied")
    (True, False)
    """
    return code in _BUSY


def is_throttled(code: str) -> bool:
    """Whether DynamoDB says with this error code, or reason of a transaction, that a table takes no more.

    >>> is_throttled("ProvisionedThroughputExceeded"), is_throttled("TransactionConflictException")
    (True, False)
    """
    return code in _NO_UNITS


def is_refused(error: Exception) -> bool:
    """Whether AWS refuses to give this one object: by a policy, by the object's own rights, or by its key.

    >>> is_refused(ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")), is_refused(ValueError())
    (True, False)
    """
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    return code in _REFUSED or code.startswith("KMS.")


def translate(error: Exception, what: str) -> Exception:
    """Our error for a botocore error about `what`; any other error is returned as it is.

    DependencyBusy where the same call may succeed later, TableThrottled where a table of DynamoDB has no
    units for it, ObjectMissing where an object does not exist or is archived.
    """
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if is_throttled(code) and error.operation_name in _CALLS_OF_ITEMS:
            return TableThrottled(f"{what}: {code}")
        if is_busy(code) or status == TOO_MANY_REQUESTS or status >= 500:
            return DependencyBusy(f"{what}: {code or status}")
        if code in _MISSING:
            return ObjectMissing(f"{what}: not found ({code})")
        if code == "InvalidObjectState":  # S3 of an object in Glacier
            return ObjectMissing(f"{what}: it is archived; restore it first (docs/operations/retention.md)")
    if isinstance(error, (EndpointConnectionError, ConnectionError, HTTPClientError)):
        return DependencyBusy(f"{what}: {error}")
    return error


def environment(name: str) -> str:
    """An environment variable that the template must set.

    Raises InvalidConfiguration when it is absent, naming it.
    """
    value = os.environ.get(name, "")
    if not value:
        raise InvalidConfiguration(f"environment variable {name} is not set; see template.yaml")
    return value
