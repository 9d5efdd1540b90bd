"""Moto answers as it does, in less than half the time.

What was done again and again for the same answer is done once a process:

- Moto forgets boto3's session with each test, and a new session reads the models of AWS from the disk. That
  is megabytes of JSON. Files do not change while tests run, so each is read once.
- Moto writes each answer member by member of its model. For each member it makes a context and tries up to
  twelve names, also where the answer has no such member. An attribute of DynamoDB has ten possible types:
  ten looks a value. Which names a member can have depends on its model only, where the answer is
  a plain dictionary: so moto is asked for them once.
- With each call moto lists the service's addresses (S3's module of them is loaded anew), and the handler's
  methods. Both depend on the service only; no test changes the variables of other addresses.
- With each client botocore asks of a hundred functions whether they take any keyword.
- With each call botocore cleans the same words of its user agent, and reads the same moments: both are
  functions of their arguments.
- boto3 makes each client from the service's model and its rules for endpoints: that costs as much as two
  calls, and a test makes ten. While moto answers, whoever asks for a client gets a copy of one that was
  made in the same circumstances. What is changed or registered at a copy is changed there only.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from functools import cache, lru_cache
from types import FunctionType
from typing import Any

from boto3.session import Session
from botocore import compat, hooks, useragent, utils
from botocore.loaders import JSONFileLoader, Loader
from botocore.model import Shape
from moto.core import responses
from moto.core.base_backend import BaseBackend
from moto.core.models import botocore_stubber
from moto.core.serialize import (
    AttributePicker,
    AttributePickerContext,
    ResponseSerializer,
    XFormedAttributePicker,
)

AS_MOTO = ResponseSerializer.get_value
"""What moto does itself."""
_LISTED = Loader.list_available_services
_ADDRESSES: Callable[[BaseBackend], dict[str, Any]] = vars(BaseBackend)["urls"].fget
_MADE = Session.client
_read = cache(JSONFileLoader().load_file)


def quicken() -> None:
    """From now on each model is read once, and what one call found serves the next."""
    if Loader.list_available_services is _services:
        return
    JSONFileLoader.load_file = lambda _, file_path: _read(file_path)  # type: ignore[method-assign]
    Loader.list_available_services = _services  # type: ignore[method-assign]
    ResponseSerializer.get_value = get_value  # type: ignore[method-assign]
    BaseBackend.urls = property(_addresses)  # type: ignore[assignment,method-assign]
    for module, name in (
        (responses, "method_names_from_class"),
        (useragent, "sanitize_user_agent_string_component"),
        (utils, "_parse_timestamp_with_tzinfo"),
    ):
        setattr(module, name, lru_cache(1000)(getattr(module, name)))
    Session.client = client  # type: ignore[method-assign]
    hooks.accepts_kwargs = _accepts_kwargs


_accepts = lru_cache(1000)(compat.accepts_kwargs)


def _accepts_kwargs(function: Any) -> bool:
    """Of functions only: a method would keep its client."""
    return bool((_accepts if type(function) is FunctionType else compat.accepts_kwargs)(function))


_SERVICES: dict[tuple[str, ...], list[str]] = {}
_ADDRESSES_OF: dict[type[BaseBackend], dict[str, Any]] = {}


def _addresses(self: BaseBackend) -> dict[str, Any]:
    """What answers at which address of the service."""
    kind = type(self)
    if kind not in _ADDRESSES_OF:
        _ADDRESSES_OF[kind] = _ADDRESSES(self)
    return _ADDRESSES_OF[kind]


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


_CLIENTS: dict[tuple[Any, ...], Any] = {}


def client(self: Session, service: str, *more: Any, **given: Any) -> Any:
    """A client of a service. Without moto, or with more than a region and a Config, boto3 makes a new one.

    botocore's Config says no more than what it was given, and a client reads it when it is made.
    """
    if more or not given.keys() <= {"region_name", "config"} or not botocore_stubber.enabled:
        return _MADE(self, service, *more, **given)
    options = getattr(given.get("config"), "_user_provided_options", None)
    around = sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
    known = (service, given.get("region_name"), repr(options), *_of(self), tuple(around))
    if known not in _CLIENTS:
        _CLIENTS[known] = _MADE(self, service, **given)
    return _copied(_CLIENTS[known])


def _of(session: Session) -> tuple[Any, ...]:
    """What of a session's own goes into its clients."""
    keys = session.get_credentials()
    return session.profile_name, session.region_name, keys and keys.get_frozen_credentials()


def _copied(client: Any) -> Any:
    """The same client with its own methods and its own listeners."""
    mine = object.__new__(type(client))  # copy.copy would ask it for methods that it does not have yet
    mine.__dict__.update(client.__dict__)
    mine.meta = copy.copy(client.meta)
    mine.meta.events = copy.copy(client.meta.events)
    mine._endpoint = copy.copy(client._endpoint)
    mine._endpoint._event_emitter = mine.meta.events
    return mine
