"""AWS Signature Version 4 in the query, computed by hand.

It follows "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" in the Amazon S3 API
Reference, and shares no code with botocore or ministack.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit


def signature(method: str, url: str, headers: dict[str, str], secret: str) -> str:
    """The signature that S3 computes for a request of these headers (names in lower case)."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    _, date, region, service, end = query["X-Amz-Credential"].split("/")
    signed = query["X-Amz-SignedHeaders"]
    pairs = sorted((quote(n, "-_.~"), quote(v, "-_.~")) for n, v in query.items() if n != "X-Amz-Signature")
    canonical = "\n".join(
        [
            method,
            parts.path,
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{headers[name].strip()}" for name in signed.split(";")),
            "",
            signed,
            "UNSIGNED-PAYLOAD",
        ]
    )
    scope = f"{date}/{region}/{service}/{end}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, end):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def presigned(
    url: str,
    headers: dict[str, str],
    *,
    key_id: str,
    secret: str,
    region: str,
    method: str = "PUT",
    signed: str = "",
    changes: dict[str, str | None] | None = None,
) -> str:
    """An address signed now, with all `headers` signed unless `signed` names others.

    `changes` replaces parameters before the signing (None: leaves one out).
    """
    now = datetime.now(UTC)
    parameters: dict[str, str | None] = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key_id}/{now:%Y%m%d}/{region}/s3/aws4_request",
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": signed or ";".join(sorted(headers)),
        **(changes or {}),
    }
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    whole = f"{url}?{query}"
    try:
        made = signature(method, whole, headers, secret)
    except (KeyError, ValueError):  # it lacks what a signature needs
        made = "0" * 64
    return f"{whole}&X-Amz-Signature={made}"
