"""Service calls: requests and answers have AWS's shapes."""

from __future__ import annotations

import json

import pytest

from tests.fakes.lab import Lab, task

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_service_calls_have_awss_shapes(lab: Lab) -> None:
    """An object as S3 body is written as JSON; a body that is read comes back as text."""
    bucket = lab.bucket()
    put = task(
        "arn:aws:states:::aws-sdk:s3:putObject", {"Bucket": bucket, "Key": "a b/ü.json", "Body": {"x": [1]}}
    )
    assert lab.run(put)["status"] == "SUCCEEDED"
    get = task(
        "arn:aws:states:::aws-sdk:s3:getObject",
        {"Bucket": bucket, "Key": "a b/ü.json"},
        Output="{% $parse($states.result.Body) %}",
    )
    assert json.loads(lab.run(get)["output"]) == {"x": [1]}
    copy = task(
        "arn:aws:states:::aws-sdk:s3:copyObject",
        {
            "Bucket": bucket,
            "Key": "copy",
            "CopySource": "{% '" + bucket + "/' & $encodeUrlComponent('a b/ü.json') %}",
        },
    )
    assert lab.run(copy)["status"] == "SUCCEEDED"
