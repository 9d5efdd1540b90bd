"""What travels between states: small models, checked on the way in and on the way out.

Large data never travels here; a payload holds `S3Pointer`s to it (a state is limited to 256 KiB).
`tests/contract/test_payloads.py` checks that what one handler returns is what the next one takes.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ona.errors import InvalidPayload

PayloadT = TypeVar("PayloadT", bound="Payload")


class Payload(BaseModel):
    """Base of all payloads: unknown keys are refused, so that a typing error is seen at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls: type[PayloadT], event: Any) -> PayloadT:
        """Validate a handler's event.

        Raises InvalidPayload naming every field that is wrong.
        """
        try:
            return cls.model_validate(event)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in item['loc']) or 'payload'}: {item['msg']}"
                for item in error.errors()
            )
            raise InvalidPayload(f"{cls.__name__}: {problems}") from error

    def dump(self) -> dict[str, Any]:
        """The JSON form that goes back into the state machine."""
        return self.model_dump(mode="json")


class S3Pointer(Payload):
    """Where a document lies. `version_id` is empty for a bucket without versions."""

    bucket: str = Field(min_length=3, max_length=63)
    key: str = Field(min_length=1, max_length=1024)
    version_id: str = ""


class DetectRequest(Payload):
    """Input of Detect: the telemetry file that arrived, its id, and the execution that handles it.

    `file_id` is the same for the same version of the same object (`ona.identity.file_id`).
    """

    source: S3Pointer
    file_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    execution_id: str = Field(min_length=1)


class DetectResult(Payload):
    """Output of Detect. `actionable` counts incidents at or above the detection threshold."""

    status: Literal["found", "nothing_found"]
    detection: S3Pointer
    detection_id: str
    assets: int = Field(ge=0)
    incidents: int = Field(ge=0)
    actionable: int = Field(ge=0)


class DiagnoseRequest(Payload):
    """Input of Diagnose: the detection record."""

    detection: S3Pointer


class DiagnoseResult(Payload):
    """Output of Diagnose: where the diagnostics lie (one document an asset)."""

    diagnostics: list[S3Pointer]
    findings: int = Field(ge=0)


class ScheduleRequest(Payload):
    """Input of Schedule: the diagnostics whose findings want a crew, and the execution asking."""

    diagnostics: list[S3Pointer]
    execution_id: str = Field(min_length=1)


class JobReference(Payload):
    """One item of the Order map: a finding and where the schedule that decided on it lies."""

    schedule: S3Pointer
    finding_id: str = Field(min_length=1)


class ScheduleResult(Payload):
    """Output of Schedule: jobs to order now; the rest is in the schedule with its reason."""

    schedule: S3Pointer
    jobs: list[JobReference]
    scheduled: int = Field(ge=0)
    deferred: int = Field(ge=0)
    already_ordered: int = Field(ge=0)
    unschedulable: int = Field(ge=0)


class OrderRequest(Payload):
    """Input of Order: one job of one schedule."""

    job: JobReference
    execution_id: str = Field(min_length=1)


class OrderResult(Payload):
    """Output of Order. A refused or repeated order is an outcome, not an error."""

    finding_id: str
    status: Literal["ordered", "moved", "already_ordered", "refused"]
    work_order_id: str = ""
    work_order: S3Pointer | None = None
    reason: str = ""

    @field_validator("reason")
    @classmethod
    def _short(cls, value: str) -> str:
        return value[:1000]
