"""AWS clients, the environment, and AWS errors as ours."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, EndpointConnectionError, HTTPClientError

from ona.runtime.errors import DependencyBusy, InvalidConfiguration, ObjectMissing

_BUSY = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionInProgressException",
    "TransactionConflictException",
}


_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound", "NoSuchBucket"}


@cache
def client(service: str) -> Any:
    """A boto3 client with time-outs that fit inside a function's own, built once a process."""
    return boto3.client(
        service,
        config=Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 4}),
    )


os.register_at_fork(after_in_child=client.cache_clear)  # two processes must not talk over one connection


def translate(error: Exception, what: str) -> Exception:
    """Turn a botocore error into ours; an error that is neither busy nor missing stays itself."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _BUSY or status >= 500:
            return DependencyBusy(f"{what}: {code or status}")
        if code in _MISSING:
            return ObjectMissing(f"{what}: not found ({code})")
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
