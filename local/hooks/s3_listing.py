"""S3: listings of versions with keys of all kinds.

XML 1.0 has no way to write most control characters, and a key may hold them. A client that asks with
`encoding-type=url`, as boto3 does by itself, gets names in percent-encoding (Amazon S3 API Reference,
ListObjectVersions). ministack 1.5.33 does so for objects, and passes it over for versions: one such key
made every listing unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import quote

from local.hooks.base import private, replace

_NAME = re.compile(rb"<(Key|Prefix|Delimiter|KeyMarker|NextKeyMarker)>([^<]*)</\1>")
"""An element that is encoded (S3 API Reference, as above). Text of an element has no `<`."""
_BEGINNING = re.compile(rb"<ListVersionsResult[^>]*>")


def encoded(body: bytes) -> bytes:
    """A listing of versions with its names in percent-encoding.

    >>> encoded(b"<ListVersionsResult><Key>a \\x07&amp;/b</Key></ListVersionsResult>")
    b'<ListVersionsResult><EncodingType>url</EncodingType><Key>a%20%07%26/b</Key></ListVersionsResult>'
    """

    def name(match: re.Match[bytes]) -> bytes:
        element, text = match.group(1), unescape(match.group(2).decode())
        return b"<%s>%s</%s>" % (element, quote(text, safe="/").encode(), element)

    said = _BEGINNING.sub(lambda match: match.group() + b"<EncodingType>url</EncodingType>", body, count=1)
    return _NAME.sub(name, said)


def install() -> None:
    """Apply the hook."""
    from ministack.services import s3

    listed, parameter = private(s3, "_list_object_versions"), private(s3, "_qp")

    def versions(bucket: str, query: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = listed(bucket, query)
        wanted = status == 200 and parameter(query, "encoding-type", "") == "url"
        return status, headers, encoded(body) if wanted else body

    replace(s3, "_list_object_versions", versions)
