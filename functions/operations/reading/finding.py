"""What a check answers: a finding, and the report of all of them.

>>> found = [Finding.ok("tables", "crews", "ACTIVE"), Finding.warning("queues", "letters", "2 letters")]
>>> worst(found), exit_code(worst(found))
('warning', 1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from ona.documents.base import Document

State = Literal["ok", "warning", "critical", "unknown"]
_ORDER: tuple[State, ...] = ("ok", "warning", "unknown", "critical")
"""From the best to the worst."""
_EXIT_CODES: dict[State, int] = {"ok": 0, "warning": 1, "unknown": 2, "critical": 2}
"""What a monitoring system reads: 0 well, 1 warning, 2 critical. Whatever could not be asked is no better
than critical: nobody knows that it works."""
Client = Callable[[str], Any]
"""Gives the boto3 client of a service, for instance of `s3`."""


class Finding(Document):
    """What was seen of one thing."""

    state: State
    check: str = Field(description="functions, buckets, tables, apis, …")
    about: str = Field(description="the thing's name")
    text: str = Field(description="what was seen, for people")
    page: str = Field(default="", description="where docs/ say what to do")
    since: datetime | None = Field(default=None, description="UTC, where it is known")
    course: str = Field(default="", description="what became of it since, for people")

    @classmethod
    def ok(cls, check: str, about: str, text: str) -> Finding:
        """Nothing to do."""
        return cls(state="ok", check=check, about=about, text=text)

    @classmethod
    def warning(cls, check: str, about: str, text: str, since: datetime | None = None) -> Finding:
        """The platform works; somebody should look today."""
        return cls(state="warning", check=check, about=about, text=text, page=page_of(check), since=since)

    @classmethod
    def critical(cls, check: str, about: str, text: str, since: datetime | None = None) -> Finding:
        """Something does not work now."""
        return cls(state="critical", check=check, about=about, text=text, page=page_of(check), since=since)

    @classmethod
    def unknown(cls, check: str, about: str, error: Exception) -> Finding:
        """It could not be asked."""
        text = f"could not be asked: {_in_a_sentence(error)}"
        return cls(state="unknown", check=check, about=about, text=text, page=page_of(check))


class Report(Document):
    """The answer of a routine."""

    kind: str
    platform: str = Field(description="the root's stack")
    at: datetime = Field(description="UTC")
    state: State
    findings: list[Finding]


_OWN_PAGES = {"freshness": "site-stale", "stop": "platform-stopped", "certificates": "certificate-expires"}
"""Checks whose findings have a page of their own, docs/operations/symptoms/<page>.md."""


def page_of(check: str) -> str:
    """Where the docs say what to do about a check's findings."""
    if check in _OWN_PAGES:
        return f"docs/operations/symptoms/{_OWN_PAGES[check]}.md"
    return f"docs/operations/health.md#{check}"


_NO_ANSWER = ("ReadTimeoutError", "ConnectTimeoutError")
_UNREACHED = ("EndpointConnectionError", "ConnectionClosedError", "ProxyConnectionError")
"""Names of botocore's errors (botocore/exceptions.py)."""


def _in_a_sentence(error: Exception) -> str:
    """What an error says, for people: where, and how to go on.

    >>> _in_a_sentence(KeyError("a"))
    "KeyError: 'a'"
    """
    where = str(getattr(error, "kwargs", {}).get("endpoint_url") or "the service")
    name = type(error).__name__
    if name in _NO_ANSWER:
        return f"{where} gave no answer in time: it is busy or hangs; ask again in a minute"
    if name in _UNREACHED:
        return f"{where} cannot be reached ({name}): look at the network, and whether the platform runs"
    return f"{name}: {' '.join(str(error).split())}"


def worst(findings: Iterable[Finding]) -> State:
    """The worst state of all; ok where there are none."""
    return max((found.state for found in findings), key=_ORDER.index, default="ok")


def exit_code(state: State) -> int:
    """0 for ok, 1 for a warning, 2 for critical, and for what could not be asked."""
    return _EXIT_CODES[state]


def code_of(error: Exception) -> str:
    """The error code of an AWS service's answer; empty for any other error."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def each(check: str, names: Iterable[str], look: Callable[[str], Finding]) -> Iterator[Finding]:
    """The finding of each thing. One that cannot be asked is a finding too, so that the others are seen."""
    for name in names:
        try:
            yield look(name)
        except Exception as error:
            yield Finding.unknown(check, name.rpartition("/")[2], error)
