"""AWS's limits, in one table: name, value, unit, the page of AWS's documentation that says it.

"Model" is the service's API model as botocore ships it. `docs/embedded-cloud/limits.md` shows them all.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

STATE_BYTES: Final = 256 * KIB
"""Input and output of a state, task, execution, as UTF-8. "Step Functions service quotas"."""
VARIABLE_BYTES: Final = 256 * KIB
"""One variable, and all of one Assign together. "Step Functions service quotas"."""
VARIABLES_BYTES: Final = 10 * MIB
"""All variables of an execution. "Step Functions service quotas"."""
DEFINITION_BYTES: Final = 1 * MIB
"""A state machine's definition. Model of CreateStateMachine."""
HISTORY_EVENTS: Final = 25_000
"""Events of a standard execution. "Step Functions service quotas"."""
EXPRESS_SECONDS: Final = 300
"""Duration of an express execution. "Step Functions service quotas"."""

REQUEST_BYTES: Final = 6 * MIB
"""Lambda: payload of a synchronous invocation. "Lambda quotas"."""
RESPONSE_BYTES: Final = 6 * MIB + 100
"""Lambda: response of a synchronous invocation; 100 more than the request, as the error says."""
ASYNCHRONOUS_BYTES: Final = 1 * MIB
"""Lambda: payload of an asynchronous invocation. API reference of Invoke; 256 KB until October 2025."""
ENVIRONMENT_BYTES: Final = 4 * KIB
"""Lambda: all environment variables together. "Lambda quotas"."""
LAYERS: Final = 5
"""Lambda: layers of a function. "Lambda quotas"."""
TIMEOUT_SECONDS: Final = 900
"""Lambda: greatest time-out. "Lambda quotas"; the model's 5 400 is for managed instances."""
MEMORY_MIB: Final = (128, 10_240)
"""Lambda: least and greatest memory. "Lambda quotas"; the model's 32 768 is for managed instances."""
EPHEMERAL_MIB: Final = (512, 10_240)
"""Lambda: least and greatest `/tmp`. "Lambda quotas"."""

GATEWAY_SECONDS: Final = 29.0
"""API Gateway: integration time-out. "Quotas for configuring and running a REST API"."""
GATEWAY_BYTES: Final = 10 * MIB
"""API Gateway: payload. The same page."""
GATEWAY_HEADER_BYTES: Final = 10_240
"""API Gateway: all headers' names and values together. The same page."""

EVENTS_REQUEST_BYTES: Final = 1 * MIB
"""EventBridge: all entries of PutEvents. AWS Compute Blog, January 2026; 256 KB before."""
EVENT_DETAIL_TYPE_CHARACTERS: Final = 128
"""EventBridge: an event's detail type. Model of PutEvents."""
EVENT_PATTERN_CHARACTERS: Final = 2_048
"""EventBridge: a rule's pattern, unless raised to 4 096. "Amazon EventBridge quotas"."""
EVENT_TARGETS_PER_RULE: Final = 5
"""EventBridge: targets of a rule. "Amazon EventBridge quotas"."""
SQS_DELAY_SECONDS: Final = 900
"""SQS: how long a message may be held back. API reference of SendMessage."""
SNS_SUBJECT_CHARACTERS: Final = 100
"""SNS: a subject is shorter than this. API reference of Publish."""
SNS_POLICIES_PER_TOPIC: Final = 200
"""SNS: filter policies of a topic. Developer guide, "Filter policy constraints in Amazon SNS"."""
SNS_POLICIES_PER_ACCOUNT: Final = 10_000
"""SNS: filter policies of an account. As above."""
SNS_POLICY_KEYS: Final = 5
"""SNS: keys of a filter policy. As above."""
SNS_POLICY_COMBINATIONS: Final = 150
"""SNS: the numbers of values of a filter policy's keys, multiplied. As above."""
SSM_STANDARD_BYTES: Final = 4 * KIB
"""Systems Manager: value of a standard parameter. "Managing parameter tiers"."""
SSM_ADVANCED_BYTES: Final = 8 * KIB
"""Systems Manager: value of an advanced parameter. "Managing parameter tiers"."""
LOG_EVENT_BYTES: Final = 1 * MIB
"""CloudWatch Logs: one event, with its overhead. API reference of PutLogEvents."""
LOG_BATCH_BYTES: Final = 1 * MIB
"""CloudWatch Logs: one call. API reference of PutLogEvents."""
LOG_EVENT_OVERHEAD_BYTES: Final = 26
"""CloudWatch Logs: what each event counts besides its text. API reference of PutLogEvents."""

S3_KEY_BYTES: Final = 1_024
"""S3: an object's key, as UTF-8. "Naming Amazon S3 objects"."""
S3_METADATA_BYTES: Final = 2 * KIB
"""S3: user metadata, names and values. "Working with object metadata"."""
S3_SINGLE_PUT_BYTES: Final = 5 * 1024 * MIB
"""S3: an upload in one piece. "Amazon S3 multipart upload limits"."""
S3_MINIMUM_PART_BYTES: Final = 5 * MIB
"""S3: a part that is not the last. "Amazon S3 multipart upload limits"."""
S3_DELETE_KEYS: Final = 1_000
"""S3: keys of DeleteObjects. API reference of DeleteObjects."""

DYNAMODB_BATCH_GET_BYTES: Final = 16 * MIB
"""DynamoDB: what BatchGetItem returns. API reference of BatchGetItem."""
DYNAMODB_IN_OPERANDS: Final = 100
"""DynamoDB: operands of IN. "Quotas in Amazon DynamoDB"."""
DYNAMODB_EXPRESSION_OPERATORS: Final = 300
"""DynamoDB: operators and functions of an expression. "Quotas in Amazon DynamoDB"."""
DYNAMODB_EXPRESSION_VALUE_BYTES: Final = 2 * MIB
"""DynamoDB: the values of a request's expressions. "Quotas in Amazon DynamoDB"."""
