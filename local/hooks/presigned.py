"""S3: what AWS refuses in a presigned request, and ministack 1.5.33 tolerates.

ministack computes the signature and looks at the expiry where there is one. These are refused here besides:

- a request without any credentials: the buckets block public access;
- Signature Version 2 in the query, which regions after 2014 do not know;
- an incomplete or ill-formed set of parameters, another algorithm, a life of more than seven days;
- a signature that leaves out the host, or an `x-amz-*` header that was sent;
- a body that is larger than one PUT may bring.

Sources: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version
4)" and "Error responses"; Amazon S3 User Guide, "Uploading objects".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local.hooks.base import private, replace

PARAMETERS = ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires")
"""What a version 4 query holds, each with the prefix `X-Amz-` (S3 API Reference)."""
ALGORITHMS = ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
MOST_SECONDS = 604_800
"""The longest life of a presigned address in seconds: seven days (S3 API Reference)."""
AHEAD = timedelta(minutes=15)
"""How far the signer's clock may be ahead (S3 API Reference, RequestTimeTooSkewed)."""
MOST_BYTES = 5 * 1024**3
"""Bytes of one PUT: 5 GiB (S3 User Guide, "Uploading objects")."""

Query = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Refusal:
    """An error of S3: its code, its message, the HTTP status, further elements of the XML document."""

    code: str
    message: str
    status: int
    extra: dict[str, str] = field(default_factory=dict)


def refusal(method: str, headers: Mapping[str, str], query: Query, now: datetime) -> Refusal | None:
    """Why AWS refuses a request before it looks at the signature; None where it goes on.

    Names of `headers` are in lower case.

    >>> now = datetime(2025, 6, 10, 8, tzinfo=UTC)
    >>> refusal("PUT", {"host": "s3"}, {}, now).code
    'AccessDenied'
    >>> refusal("PUT", {"host": "s3", "authorization": "AWS4-HMAC-SHA256 …"}, {}, now)
    """
    given = {name.lower(): value if isinstance(value, str) else value[0] for name, value in query.items()}
    if int(headers.get("content-length") or 0) > MOST_BYTES and method == "PUT":
        return Refusal("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)
    if "signature" in given and "awsaccesskeyid" in given:
        words = (
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        )
        return Refusal("InvalidRequest", words, 400)
    if not any(f"x-amz-{name.lower()}" in given for name in PARAMETERS):
        form = method == "POST" and "multipart/form-data" in headers.get("content-type", "")
        if headers.get("authorization") or form or "host" not in headers:
            return None  # signed in a header or a form, or a call inside the embedded cloud
        return Refusal("AccessDenied", "Access Denied", 403)
    return _parameters(given, now) or _signed_headers(headers, given["x-amz-signedheaders"])


def _wrong(message: str) -> Refusal:
    return Refusal("AuthorizationQueryParametersError", message, 400)


def _parameters(given: Mapping[str, str], now: datetime) -> Refusal | None:
    """What is wrong with the parameters of a version 4 query, in S3's words."""
    if not all(given.get(f"x-amz-{name.lower()}") for name in PARAMETERS):
        return _wrong(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    if given["x-amz-algorithm"] not in ALGORITHMS:
        return _wrong(f'X-Amz-Algorithm only supports "{" and ".join(ALGORITHMS)}"')
    scope = given["x-amz-credential"].split("/")
    if len(scope) != 5 and given["x-amz-algorithm"] == ALGORITHMS[0]:
        return _wrong(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    if scope[-2] != "s3":
        return _wrong(
            f'Error parsing the X-Amz-Credential parameter; incorrect service "{scope[-2]}". '
            'This endpoint belongs to "s3".'
        )
    try:
        signed_at = datetime.strptime(given["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return _wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if scope[1] != f"{signed_at:%Y%m%d}":
        return _wrong(
            f'Invalid credential date "{scope[1]}". This date is not the same as X-Amz-Date: '
            f'"{signed_at:%Y%m%d}".'
        )
    return _life(given["x-amz-expires"], signed_at, now)


def _life(expires: str, signed_at: datetime, now: datetime) -> Refusal | None:
    """What is wrong with an address's life of so many seconds."""
    try:
        seconds = int(expires)
    except ValueError:
        return _wrong("X-Amz-Expires should be a number")
    if seconds < 0:
        return _wrong("X-Amz-Expires must be non-negative")
    if seconds > MOST_SECONDS:
        return _wrong(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            f"less than {MOST_SECONDS} seconds"
        )
    if signed_at > now + AHEAD:
        return Refusal("AccessDenied", "Request is not yet valid", 403)
    if now >= signed_at + timedelta(seconds=seconds):
        return Refusal("AccessDenied", "Request has expired", 403, {"X-Amz-Expires": expires})
    return None


def _signed_headers(headers: Mapping[str, str], signed: str) -> Refusal | None:
    """The host, and every `x-amz-*` header that is sent, must be signed."""
    names = set(signed.split(";"))
    unsigned = [name for name in sorted(headers) if name.startswith("x-amz-") and name not in names]
    if "host" not in names:
        unsigned.insert(0, "host")
    if not unsigned:
        return None
    words = "There were headers present in the request which were not signed"
    return Refusal("AccessDenied", words, 403, {"HeadersNotSigned": ", ".join(unsigned)})


def install() -> None:
    """Apply the hook."""
    from ministack.services import s3

    verify, error = private(s3, "_verify_presigned_sigv4"), private(s3, "_error")

    def verified(method: str, path: str, headers: dict[str, str], query: Query) -> object:
        wrong = refusal(method, headers, query, datetime.now(UTC))
        if wrong is not None:
            return error(wrong.code, wrong.message, wrong.status, path, extra=wrong.extra)
        return verify(method, path, headers, query)

    validate = private(s3, "validate_object_request")

    def validated(method: str, path: str, headers: dict[str, str], query: Query) -> object:
        """S3 looks at a request's form, then at its signature, then at permissions."""
        return verified(method, path, headers, query) or validate(method, path, headers, query)

    replace(s3, "_verify_presigned_sigv4", verified)
    replace(s3, "validate_object_request", validated)
