"""Moto answers as it does, in half the time.

Two things that were done again and again are done once a process:

- Moto forgets boto3's session with each test, and a new session reads the models of AWS from the disk. That
  is megabytes of JSON. Files do not change while tests run, so each is read once.
- Moto writes each answer member by member of its model. For each member it makes a context and tries up to
  twelve names, also where the answer has no such member. An attribute of DynamoDB has ten possible types:
  ten looks a value. Which names a member can have depends on its model only, where the answer is
  a plain dictionary: so moto is asked for them once.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader, Loader
from botocore.model import Shape
from moto.core.serialize import (
    AttributePicker,
    AttributePickerContext,
    ResponseSerializer,
    XFormedAttributePicker,
)

AS_MOTO = ResponseSerializer.get_value
"""What moto does itself."""
_LISTED = Loader.list_available_services
_read = cache(JSONFileLoader().load_file)


def quicken() -> None:
    """From now on each model is read once, and answers are written with the names that were asked once."""
    JSONFileLoader.load_file = lambda _, file_path: _read(file_path)  # type: ignore[method-assign]
    Loader.list_available_services = _services  # type: ignore[method-assign]
    ResponseSerializer.get_value = get_value  # type: ignore[method-assign]


_SERVICES: dict[tuple[str, ...], list[str]] = {}


def _services(self: Loader, type_name: str) -> list[str]:
    """The services that lie on the disk with a model of this type."""
    asked = type_name, *self.search_paths
    if asked not in _SERVICES:
        _SERVICES[asked] = _LISTED(self, type_name)
    return _SERVICES[asked]


def get_value(self: ResponseSerializer, value: Any, key: str, shape: Shape) -> Any:
    """The value of member `key` of an answer, None where it has none: as moto finds it.

    The names are kept at the member's shape. Moto may tell a shape its parent after the first look, and
    then knows more names.
    """
    picker = self._value_picker
    if type(value) is dict and type(picker) is XFormedAttributePicker and not picker.response_transformers:
        known = shape.__dict__.setdefault("_names", {})
        which = key, "parent" in shape.__dict__
        if which not in known:
            known[which] = _possible(picker, key, shape)
        names = known[which]
        if names is not None:
            for name in names:
                if name in value:
                    return value[name]
            return None
    return AS_MOTO(self, value, key, shape)


def _possible(picker: AttributePicker, key: str, shape: Shape) -> tuple[str, ...] | None:
    """The names in moto's order, each once; None where one is a path, which moto follows itself."""
    context = AttributePickerContext(obj={}, key=key, shape=shape)
    names = tuple(dict.fromkeys(picker.get_possible_keys(context)))
    return None if any("." in name for name in names) else names
