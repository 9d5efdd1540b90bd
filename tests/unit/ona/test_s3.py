"""An object is streamed from where it is asked for, whatever the server makes of a range."""

from __future__ import annotations

import io
from typing import Any
from unittest import mock

import pytest
from botocore.response import StreamingBody

from ona.documents.base import S3Pointer
from ona.store import s3

BODY = bytes(range(256)) * 3


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("start", [0, 1, 99, 100, 101, 767, 768])
def test_a_stream_begins_at_the_given_offset(start: int, ranges: bool) -> None:
    asked: list[dict[str, Any]] = []

    def get_object(**request: Any) -> dict[str, Any]:
        asked.append(request)
        whole = not ranges or "Range" not in request
        body = BODY if whole else BODY[start:]
        answer = {"Body": StreamingBody(io.BytesIO(body), len(body))}
        return answer if whole else answer | {"ContentRange": f"bytes {start}-767/768"}

    pointer = S3Pointer(bucket="bucket", key="observations/x.csv", version_id="v")
    with mock.patch.object(s3, "client", return_value=mock.Mock(get_object=get_object)):
        assert b"".join(s3.stream(pointer, start, 100)) == BODY[start:]
    assert asked[0].get("Range") == (f"bytes={start}-" if start else None)
    assert asked[0]["VersionId"] == "v"
