"""An error that a function dies of, without what no log line may hold.

Lambda's runtime writes an uncaught error's text past our logger, and passes it on as `errorMessage`: into
the history of an execution, its cause, and dead letters. So the text itself must be clean.
Source: AWS Lambda Developer Guide, "Using Lambda errors in Python".
"""

from __future__ import annotations

import json
import traceback

from ona.runtime.redaction import redacted


def without_secrets(error: Exception) -> Exception:
    """The same error where nothing is to be taken out; else one in its place. Raise it outside `except`.

    It has the same class name (state machines match on it), is of the same class, and has the text without
    secrets and addresses. It has neither cause nor context nor notes: their texts are printed as well.
    Its traceback is the error's.

    >>> known = KeyError("asset key-1")
    >>> without_secrets(known) is known
    True
    >>> told = without_secrets(ValueError("refused: ana.souza@example.com"))
    >>> type(told).__name__, str(told), isinstance(told, ValueError)
    ('ValueError', 'refused: [redacted]', True)
    """
    said = [*traceback.TracebackException.from_exception(error).format(), str(error)]
    if redacted(said) == said:
        return error
    kind, text = type(error), _told(str(error))
    try:
        stand_in = _named_as(kind, kind, text)
    except TypeError:  # a class that is made of more than a text
        stand_in = _named_as(kind, Exception, text)
    return stand_in.with_traceback(error.__traceback__)


def _told(text: str) -> str:
    """A text without secrets; one that is a JSON object stays one, because workflows parse it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    return json.dumps(redacted(document)) if isinstance(document, dict) else str(redacted(text))


def _named_as(kind: type[Exception], base: type[Exception], text: str) -> Exception:
    """An error of a class that is named as `kind`, made without its own `__init__`."""
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__str__": lambda _: text}
    made: type[Exception] = type(kind.__name__, (base,), names)
    return made.__new__(made, text)
