"""List or print what lies in S3, without the AWS command line:

    eval "$(./ona env)"                                                              # the embedded cloud
    .venv/bin/python samples/objects.py s3://ona-dev-output-000000000000/work-orders/        # lists
    .venv/bin/python samples/objects.py s3://ona-dev-output-000000000000/<key>               # prints

On AWS: AWS_PROFILE=<profile> instead of the first line.
"""

from __future__ import annotations

import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main(address: str) -> int:
    """Print the object of this address; else list what begins with it. 1 when there is nothing."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    s3, found = boto3.client("s3"), False
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
    for item in (item for page in pages for item in page.get("Contents", [])):
        if item["Key"] == key:
            sys.stdout.buffer.write(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            return 0
        print(f"{item['Size']:>10}  s3://{bucket}/{item['Key']}")
        found = True
    if not found:
        print(f"nothing begins with {address}", file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(sys.argv[1]))
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
    except (BotoCoreError, ClientError) as error:
        sys.exit(f'{error}. For the embedded cloud: eval "$(./ona env)" first')
