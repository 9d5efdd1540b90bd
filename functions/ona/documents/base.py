"""The one base of all models, and the pointer that travels instead of large data.

Unknown keys are refused, so that a typing error is seen at once; infinity and NaN are refused, because
JSON has neither. So are times before 1970 and after 2999. A document does not change after it was made
(`model_copy(update=…)` makes another).

>>> Document.read({"typo": 1}, "order.json")
Traceback (most recent call last):
...
ona.runtime.errors.InvalidPayload: order.json is no valid Document: typo: Extra inputs are not permitted
"""

from __future__ import annotations

from datetime import date
from functools import cache
from types import UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ona.runtime.clock import FIRST_YEAR, LAST_YEAR, is_plausible
from ona.runtime.errors import InvalidPayload
from ona.runtime.words import shortened

MOST_PROBLEMS = 10
"""So many wrong fields are named in one error; the rest is counted."""
LONGEST_PROBLEM = 300
"""Characters of one wrong field's name, and of what is wrong with it: a value may stand in it (ours)."""


def problems_of(error: ValidationError, whole: str) -> str:
    """What is wrong, field by field, in one line; `whole` stands for the document itself."""
    problems = [
        f"{shortened('.'.join(str(part) for part in item['loc']) or whole, LONGEST_PROBLEM)}: "
        f"{shortened(item['msg'], LONGEST_PROBLEM)}"
        for item in error.errors()
    ]
    rest = len(problems) - MOST_PROBLEMS
    return "; ".join(problems[:MOST_PROBLEMS]) + (f"; and {rest} more" if rest > 0 else "")


class Document(BaseModel):
    """Base of everything that is read from outside or written for others: documents in S3, payloads between
    states, configuration files, requests and answers of the APIs."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _of_our_time(self) -> Self:
        """Times and days lie in plausible years: one of the year 1 breaks whoever computes with it."""
        for name in _fields_of_time(type(self)):
            value = getattr(self, name)
            if isinstance(value, date) and not is_plausible(value):
                raise ValueError(f"{name} must be in the years {FIRST_YEAR} to {LAST_YEAR}")
        return self

    @classmethod
    def read(cls, value: Any, where: str = "input") -> Self:
        """Validate what came from `where`: an S3 key, an event, a row of a table.

        Raises InvalidPayload, which names `where` and every wrong field.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise InvalidPayload(
                f"{where} is no valid {cls.__name__}: {problems_of(error, 'document')}"
            ) from error

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return self.model_dump(mode="json")


NO_TIMES = (str, int, float, list, tuple, dict, set, BaseModel)
"""Types whose values are no times by themselves; pydantic's own `AwareDatetime` is no kind of `date`."""


@cache
def _fields_of_time(model: type[Document]) -> tuple[str, ...]:
    """The fields of a model that may hold a time or a day; the others need not be looked at each time."""
    return tuple(name for name, field in model.model_fields.items() if _may_be_time(field.annotation))


def _may_be_time(declared: Any) -> bool:
    """Whether a value of a declared type may be a time or a day; what is not known here may be.

    >>> from pydantic import AwareDatetime
    >>> [_may_be_time(kind) for kind in (date | None, AwareDatetime, Any)]
    [True, True, True]
    >>> [_may_be_time(kind) for kind in (str, dict[str, date], Literal["a"])]
    [False, False, False]
    """
    kind = get_origin(declared) or declared
    if kind in (Union, UnionType):
        return any(_may_be_time(part) for part in get_args(declared))
    if kind is Literal:
        return False
    if kind is Any or not isinstance(kind, type):  # `Any` is a class from Python 3.11 on
        return True
    return not issubclass(kind, NO_TIMES)


class S3Pointer(Document):
    """Where a document lies. `version_id` is empty for a bucket without versions."""

    bucket: str = Field(min_length=3, max_length=63)
    key: str = Field(min_length=1, max_length=1024)
    version_id: str = ""
