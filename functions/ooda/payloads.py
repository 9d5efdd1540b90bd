"""What travels between the states of the loop."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, field_validator

from ona.documents.base import Document, S3Pointer
from ona.documents.names import SITE_PATTERN
from ooda.documents.site_days import SiteDay


class DetectRequest(Document):
    """Input of Detect: the telemetry file that arrived, its id, and the execution that handles it.

    `file_id` is the same for the same version of the same object (`ona.runtime.identity.file_id`).
    """

    source: S3Pointer
    file_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    execution_id: str = Field(min_length=1)


class DetectResult(Document):
    """Output of Detect. `actionable` counts incidents at or above the detection threshold."""

    status: Literal["found", "nothing_found"]
    detection: S3Pointer
    detection_id: str
    assets: int = Field(ge=0)
    incidents: int = Field(ge=0)
    actionable: int = Field(ge=0)
    not_judged: str = Field(default="", description="assets without any reference, and why, in words")
    unmeasured: list[str] = Field(default=[], description="columns of the contract without a value")
    event_log: str = Field(default="", description="what came of an event log, in words")
    suspected: str = Field(default="", description="losses that are suspected, in words")
    over: str = Field(default="", description="faults that began and ended within the file, in words")
    sites: list[str] = Field(default=[], description="sites whose day is complete with this file")


class SiteDue(Document):
    """Detail of the event "Site Day Due": which site is to be looked at."""

    environment: str = ""
    version: Literal["1"] = "1"
    id: str = Field(min_length=1)
    time: datetime
    site_id: str = Field(pattern=SITE_PATTERN)
    correlation_id: str = ""


class SiteDayRequest(Document):
    """Input of Detect for the site layer. `source` stands for the file that there is not: the input bucket,
    and a key that names the site."""

    site_day: SiteDue
    source: S3Pointer
    execution_id: str = Field(min_length=1)


class SiteDayResult(Document):
    """Output of the site layer: a DetectResult, with what it judged. `site_day`: the run's document, None
    where nothing was due; `done`: the days with the tokens of their marks; `settled`: runs to be looked at
    once more."""

    status: Literal["found", "nothing_found"]
    detection: S3Pointer | None = None
    detection_id: str = ""
    assets: int = Field(default=0, ge=0)
    incidents: int = Field(default=0, ge=0)
    actionable: int = Field(default=0, ge=0)
    not_judged: str = ""
    site_id: str = ""
    site_day: S3Pointer | None = None
    done: dict[str, str] = {}
    settled: list[str] = []

    @classmethod
    def idle(cls) -> Self:
        """Nothing was due, or another run has it."""
        return cls(status="nothing_found")

    @classmethod
    def of(cls, document: SiteDay, pointer: S3Pointer) -> Self:
        """The answer for a run whose document lies there; the same when it is asked for again."""
        return cls(
            status="found" if document.found else "nothing_found",
            detection=document.detection or pointer,
            detection_id=f"det-{document.run}",
            assets=document.machines,
            incidents=document.found,
            actionable=document.found,
            site_day=pointer,
        )


class SettleRequest(Document):
    """Input of Order for what a run of the site layer superseded."""

    superseding: SiteDayResult
    execution_id: str = Field(min_length=1)


class SettleResult(Document):
    """Output of the same: how many orders were cancelled, and how many got a note."""

    cancelled: int = Field(ge=0)
    noted: int = Field(ge=0)


class DiagnoseRequest(Document):
    """Input of Diagnose: the detection record."""

    detection: S3Pointer


class DiagnoseResult(Document):
    """Output of Diagnose: where the diagnostics lie (one document an asset), or where their list lies."""

    diagnostics: list[S3Pointer] | S3Pointer
    findings: int = Field(ge=0)


class ScheduleRequest(Document):
    """Input of Schedule: the diagnostics whose findings want a crew, or where their list lies, and the
    execution asking."""

    diagnostics: list[S3Pointer] | S3Pointer
    execution_id: str = Field(min_length=1)


class JobReference(Document):
    """One item of the Order map: a finding and where its schedule lies, or a part of that."""

    schedule: S3Pointer
    finding_id: str = Field(min_length=1)


class ScheduleResult(Document):
    """Output of Schedule: jobs to order now, or where their list lies; the rest is in the schedule with its
    reason."""

    schedule: S3Pointer
    jobs: list[JobReference] | S3Pointer
    scheduled: int = Field(ge=0)
    deferred: int = Field(ge=0)
    already_ordered: int = Field(ge=0)
    unschedulable: int = Field(ge=0)


class DivisionResult(Document):
    """Output of Schedule where there is too much for one plan: where the division lies, and the numbers of
    the regions that have something to plan."""

    division: S3Pointer
    regions: list[int]


class RegionRequest(Document):
    """Input of Schedule for one region. `simply`: by the simple rules alone, because its plan failed."""

    division: S3Pointer
    region: int = Field(ge=0)
    simply: bool = False
    execution_id: str = Field(min_length=1)


class RegionResult(Document):
    """Output of the same."""

    region: int
    jobs: int = Field(ge=0)


class JoinRequest(Document):
    """Input of Schedule once each region was tried: the answer is a ScheduleResult."""

    join: S3Pointer
    execution_id: str = Field(min_length=1)


class OrderRequest(Document):
    """Input of Order: one job of one schedule."""

    job: JobReference
    execution_id: str = Field(min_length=1)


class OrderResult(Document):
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


class GatherRequest(Document):
    """Input of Order once many orders were made: the manifest of what became of them."""

    gather: S3Pointer
    execution_id: str = Field(min_length=1)


class GatherResult(Document):
    """Output of the same: where the list of orders lies, how many were made, how many failed and have a
    letter, and how many are `lost`: neither ordered nor in the dead-letter queue."""

    orders: S3Pointer
    ordered: int = Field(ge=0)
    failed: int = Field(ge=0)
    lost: int = Field(ge=0)
