"""Whose turn it is: one command at a time changes what a stop holds back.

Two people may give `ona stop` and `ona resume` at the same moment. Where both changed targets, a rule could
be left without any, and its events would be lost. So a command takes a turn first: an object in the output
bucket, which S3 lets one of them write (Amazon S3 User Guide, "How to prevent object overwrites with
conditional writes"). It is renewed while the command runs. The turn of a command that was killed is free
at once on its own machine, and elsewhere after `LEASE_S`.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AwareDatetime

from ona.documents.base import Document
from ona.runtime.clock import utc_now
from ona.runtime.errors import InvalidPayload
from operations.layout import TURN
from ops.emergency import documents
from ops.target import OpsError, Target

LEASE_S = 120.0
"""How long a turn lasts after it was taken or renewed, s (ours)."""
_ABSENT = ("NoSuchKey", "404")
_MINE: ContextVar[bool] = ContextVar("turn", default=False)
"""Whether the command that runs here has the turn."""


class Turn(Document):
    """Who changes something just now."""

    version: str = "1"
    turn_id: str
    command: str
    by: str
    machine: str
    process: int
    at: AwareDatetime
    until: AwareDatetime
    """When it is over, unless it is renewed; the past where it was given back."""

    @property
    def is_held(self) -> bool:
        """Whether its command may still run."""
        return self.until > utc_now() and not (self.machine == machine() and not lives(self.process))


def machine() -> str:
    """A name of this machine that no other has."""
    return f"{socket.gethostname()}-{uuid.getnode():x}"


def lives(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is somebody else's
    return True


@contextmanager
def taken(target: Target, command: str, by: str) -> Iterator[None]:
    """Change something while nobody else does. Inside another turn of the same command it does nothing.

    Raises OpsError while somebody else has the turn.
    """
    if _MINE.get():
        yield
        return
    known, etag = _read(target)
    if known is not None and known.is_held:
        raise OpsError(
            f"`ona {known.command}` of {known.by} is at work just now, since {known.at:%H:%M:%S} "
            "UTC; give the command again when it has ended (Ctrl-C ends it where it runs) or, should it "
            f"have been killed, after {known.until:%H:%M:%S} UTC"
        )
    now = utc_now()
    mine = Turn(
        turn_id=uuid.uuid4().hex,
        command=command,
        by=by,
        machine=machine(),
        process=os.getpid(),
        at=now,
        until=now + timedelta(seconds=LEASE_S),
    )
    holder = _Holder(target, mine, documents.put(target, TURN, mine, etag))
    token = _MINE.set(True)
    try:
        yield
    except (Exception, KeyboardInterrupt):
        holder.give_back()
        raise
    else:
        holder.give_back()
    finally:
        _MINE.reset(token)
        holder.ended.set()


class _Holder:
    """Renews a turn until it is given back."""

    def __init__(self, target: Target, turn: Turn, etag: str) -> None:
        self._target, self._turn, self._etag = target, turn, etag
        self._lock, self.ended = threading.Lock(), threading.Event()
        threading.Thread(target=self._renew, name="turn", daemon=True).start()

    def _renew(self) -> None:
        while not self.ended.wait(LEASE_S / 3):
            with self._lock, suppress(OpsError, ClientError, BotoCoreError):
                if not self.ended.is_set():
                    self._until(utc_now() + timedelta(seconds=LEASE_S))

    def give_back(self) -> None:
        """End the turn. Where that does not succeed it ends by itself."""
        with self._lock:
            self.ended.set()
            with suppress(OpsError, ClientError, BotoCoreError):
                self._until(utc_now())

    def _until(self, moment: datetime) -> None:
        self._turn = self._turn.model_copy(update={"until": moment})
        self._etag = documents.put(self._target, TURN, self._turn, self._etag)


def _read(target: Target) -> tuple[Turn | None, str]:
    """The last turn and its version in S3. None where there never was one, or nobody can read it: a stop
    must be possible then, too."""
    try:
        answer = target.client("s3").get_object(Bucket=target.output_bucket, Key=TURN)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _ABSENT:
            raise
        return None, ""
    try:
        turn: Turn | None = Turn.read(json.loads(answer["Body"].read()), TURN)
    except (ValueError, InvalidPayload):
        turn = None
    return turn, str(answer["ETag"])
