"""`python -m ops`, which the script `ona` calls."""

from __future__ import annotations

import contextlib
import io
import os
import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""


def main() -> None:
    """Run the command line. No end of it prints a traceback: Ctrl-C, a closed pipe, closed streams."""
    _open_closed_streams()
    _take_every_letter()
    try:
        import typer

        from ops.cli import app  # takes a second: Ctrl-C may come now
        from ops.cli.hints import called, told_as_called

        told_as_called(typer.main.get_command(app))(prog_name=called())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        _flush()


def _open_closed_streams() -> None:
    """With `ona … >&-` the next file that is opened would become the standard output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _take_every_letter() -> None:
    """A letter that the terminal's encoding lacks (`PYTHONIOENCODING=ascii`, a Latin-1 locale) is printed
    as its number: a file's name, or a tick, must not end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Write what is left now; the interpreter would complain of a reader that is gone."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
