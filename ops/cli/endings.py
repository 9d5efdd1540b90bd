"""How a command ends that has to write so: errors, Ctrl-C, and the signals that end others at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from local.packaging import DeployError
from ops.cli.shared import in_a_line

_SILENT = (signal.SIGTERM, signal.SIGHUP)
"""End a process at once, where nobody hears them: `kill`, a machine that goes down, a lost terminal."""
_SHELL = 128
"""A process that a signal ended has this and the signal's number as its status, as shells write it."""


class Ended(SystemExit):
    """A signal asked the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(_SHELL + number)
        self.name = signal.Signals(number).name


@contextmanager
def heard() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end what follows as an exception, so that it can write how it ended.

    A SIGKILL cannot be heard. A signal that somebody ignores, as `nohup` does, stays ignored. Only the main
    thread hears signals (Python documentation, `signal`).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        raise Ended(number)

    before = {number: signal.getsignal(number) for number in _SILENT}
    silent = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in silent:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in silent:
            signal.signal(number, signal.SIG_DFL)


def by_hand(error: BaseException) -> bool:
    """Whether somebody ended the command, and no fault did."""
    return isinstance(error, (KeyboardInterrupt, click.Abort, Ended))


def in_words(error: BaseException) -> str:
    """Why a command ended, for its record.

    >>> in_words(KeyboardInterrupt()), in_words(Ended(15))
    ('it was interrupted (Ctrl-C)', 'it was ended by SIGTERM')
    >>> in_words(OSError(28, "No space left on device"))
    '[Errno 28] No space left on device'
    """
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "it was interrupted (Ctrl-C)"
    if isinstance(error, Ended):
        return f"it was ended by {error.name}"
    if isinstance(error, SystemExit | click.exceptions.Exit):
        status = error.code if isinstance(error, SystemExit) else error.exit_code
        return f"it ended with status {status}"
    if isinstance(error, DeployError) and error.summary:
        return error.summary
    return in_a_line(error) if isinstance(error, Exception) else type(error).__name__
