"""`configs/ooda/event_codes.yaml`: what the columns, codes and texts of event logs mean."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from ona.config.files import ConfigFile
from ona.documents.base import Document
from ooda.documents.detections import EventClass


def _compiles(pattern: str) -> str:
    """The pattern. Raises ValueError for what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


class TextRule(Document):
    """What a text, or a log's own category, means."""

    pattern: str = Field(min_length=1, description="searched for in the text; case does not count")
    means: EventClass
    cause: str = Field(default="", description="of causes.yaml: what it hints at")
    yields: bool = Field(default=False, description="it does not hold beside one of `fault_words`")
    needs_fault: bool = Field(default=False, description="it holds only beside one of `fault_words`")

    _pattern = field_validator("pattern")(_compiles)


class CodeRule(Document):
    """What a code of one maker means: one code, or a pattern that the whole code must match."""

    code: str = ""
    pattern: str = ""
    means: EventClass
    cause: str = ""

    _pattern = field_validator("pattern")(_compiles)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.code) == bool(self.pattern):
            raise ValueError("give either code or pattern")
        return self


class Vendor(Document):
    """The codes of one maker; `oem`: words of which one stands in `components[].oem` of its assets."""

    oem: list[str] = Field(min_length=1)
    source: str = Field(description="where the meanings were taken from")
    codes: list[CodeRule]


class LogColumns(Document):
    """What each column of a log may be called, in lower case."""

    start: list[str]
    end: list[str]
    duration: list[str]
    time: list[str]
    asset: list[str]
    code: list[str]
    text: list[str]
    category: list[str]
    severity: list[str]
    zone: list[str]


class States(Document):
    """The words of rows that say that an event came or went, in lower case."""

    on: list[str]
    off: list[str]


class EventCodes(Document):
    """`configs/ooda/event_codes.yaml`."""

    columns: LogColumns
    states: States
    categories: list[TextRule]
    fault_words: str
    texts: list[TextRule]
    vendors: dict[str, Vendor]

    _fault_words = field_validator("fault_words")(_compiles)

    def causes(self) -> set[str]:
        """All causes that are hinted at."""
        codes = [rule.cause for vendor in self.vendors.values() for rule in vendor.codes]
        return {name for name in [*codes, *(rule.cause for rule in self.texts)] if name}


FILE = ConfigFile("ooda/event_codes.yaml", EventCodes)


def event_codes() -> EventCodes:
    """`ooda/event_codes.yaml`."""
    return FILE.read()
