"""The body of a request: what its Content-Type says, and the one JSON text that is taken.

A body is JSON (RFC 8259) in UTF-8. `Content-Type` is `application/json`, in any case and with
`charset=utf-8` or none; a request without the header counts as JSON, as it always did. All else is refused
with 415: forms (which `curl -d` sends by itself), files, and other types of JSON as
`application/vnd.api+json`, whose documents have a form of their own.

>>> is_json(["Application/JSON; charset=UTF-8"]), is_json([])
(True, True)
>>> is_json(["application/json", "text/plain"]), is_json(["application/vnd.api+json"])
(False, False)
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Any, NoReturn

from ona.api.envelope import JSON, ApiError

WITH_BODY = ("PATCH", "POST", "PUT")
"""Methods whose body is read."""
_HEADER = "content-type"


def is_json(content_types: Sequence[str]) -> bool:
    """Whether all values of the header `Content-Type` say JSON in UTF-8."""
    for text in content_types:
        message = Message()
        message[_HEADER] = " ".join(text.split())
        charset = message.get_content_charset("utf-8")
        if text.split(";")[0].strip().lower() != JSON or charset not in ("utf-8", "utf8", "us-ascii"):
            return False
    return True


def with_plain_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as the resolver reads it: the body as text, and at most one Content-Type.

    The type is `application/json` where the request's is; else one that the resolver refuses, whatever it
    was. Bytes that are no UTF-8 stay in the text as lone surrogates, which `parsed` refuses.
    """
    plain = dict(event)
    if event.get("isBase64Encoded") and event.get("body"):
        plain["body"] = base64.b64decode(event["body"]).decode("utf-8", "surrogateescape")
        plain["isBase64Encoded"] = False
    if event["httpMethod"] not in WITH_BODY:
        return plain
    kind = JSON if is_json(_content_types(event)) else "unsupported"
    plain["headers"] = {**_without(event.get("headers")), "Content-Type": kind}
    plain["multiValueHeaders"] = {**_without(event.get("multiValueHeaders")), "Content-Type": [kind]}
    return plain


def _without(headers: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (headers or {}).items() if name.lower() != _HEADER}


def _content_types(event: Mapping[str, Any]) -> list[str]:
    """All values of the header, however its name is written."""
    single = [v for name, v in (event.get("headers") or {}).items() if name.lower() == _HEADER]
    several = (event.get("multiValueHeaders") or {}).items()
    return [*single, *(value for name, values in several if name.lower() == _HEADER for value in values)]


class NotJson(ValueError):
    """A text is no JSON that has one meaning; the message says why."""


def parsed(text: str) -> Any:
    """The JSON of a body. Raises ApiError (400)."""
    try:
        return read(text)
    except NotJson as error:
        raise ApiError(400, "VALIDATION_ERROR", str(error), field="body") from error


def read(text: str) -> Any:
    """The JSON of a caller's text. Raises NotJson for what RFC 8259 does not have or leaves open: NaN and
    Infinity, a number beyond a double's range, a name twice in an object, characters that are none; also
    for an integer of more than 4 300 digits (Python's limit), and for thousands of brackets."""
    try:
        content = json.loads(text, parse_constant=_no_number, parse_float=_float, object_pairs_hook=_once)
        json.dumps(content, ensure_ascii=False).encode()
    except NotJson:
        raise
    except UnicodeEncodeError as error:
        raise NotJson("must be UTF-8") from error
    except RecursionError as error:
        raise NotJson("JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"must be JSON; it is none from character {error.pos + 1} on") from error
    except ValueError as error:
        raise NotJson("an integer has too many digits") from error
    return content


def _no_number(name: str) -> NoReturn:
    raise NotJson(f"{name} is no number of JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotJson("a number is too large")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Which of two values counts, two readers may see differently: neither is taken."""
    whole = dict(pairs)
    if len(whole) < len(pairs):
        raise NotJson("an object has a name twice")
    return whole
