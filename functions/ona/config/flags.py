"""Feature flags: what AWS AppConfig has deployed, read through Powertools; else `operations/flags.yaml`.

The environment variable FLAGS is `<application>/<environment>/<environment>/<profile>`, all by id. The
first environment has the features, the second `maintenance_mode` alone (docs/decisions/0051-flags.md).
Without FLAGS, and until somebody sets a flag, the file's defaults hold. AppConfig that is down, slow or
that gives something else than flags changes nothing: the last good value stays.

>>> enabled("maintenance_mode")
False
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any, Literal, get_args

from aws_lambda_powertools.utilities.feature_flags import AppConfigStore, FeatureFlags
from aws_lambda_powertools.utilities.feature_flags.base import StoreProvider
from aws_lambda_powertools.utilities.feature_flags.schema import SchemaValidator
from pydantic import ConfigDict, Field, RootModel, model_validator

from ona.config.files import ConfigFile
from ona.documents.base import Document
from ona.runtime.aws import client
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.observability import logger

FlagName = Literal[
    "maintenance_mode",
    "enable_new_api_endpoint",
    "insurance_automation",
    "webhooks",
    "ticketing",
    "regions_planning",
    "container_training",
    "experts",
]
"""Every flag that code may ask for."""
Place = Literal["features", "maintenance"]
"""An environment of AppConfig. It has one deployment at a time: one that takes its time must not hold up
maintenance, and an alarm that takes features back must not end it."""
MAINTENANCE: FlagName = "maintenance_mode"
MAX_AGE_S = 30.0
"""So long an answer of AppConfig is used (ours), also that there was none."""


class Flag(Document):
    """One switch."""

    default: bool = Field(description="what holds as long as nobody has set it")
    by_customer: bool = Field(default=False, description="whether it can be set for single customers")
    switches: str = Field(min_length=10, description="what it switches, for people")


class FlagsConfig(RootModel[dict[FlagName, Flag]]):
    """`configs/operations/flags.yaml`: the flags by name, all of them."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _all(self) -> FlagsConfig:
        missing = sorted(set(get_args(FlagName)) - set(self.root))
        if missing:
            raise ValueError(f"flags without a default: {', '.join(missing)}")
        return self


FILE = ConfigFile("operations/flags.yaml", FlagsConfig)


def flags_config() -> dict[FlagName, Flag]:
    """The flags by name. Raises InvalidConfiguration."""
    return FILE.read().root


def place_of(name: FlagName) -> Place:
    """The environment of AppConfig that has a flag.

    >>> place_of("maintenance_mode"), place_of("webhooks")
    ('maintenance', 'features')
    """
    return "maintenance" if name == MAINTENANCE else "features"


def enabled(name: FlagName, customer_id: str = "") -> bool:
    """Whether a feature is switched on, for a customer where it can be set for one.

    It never fails for AppConfig's sake. Raises InvalidConfiguration when the file is wrong.
    """
    default = flags_config()[name].default
    reader = _reader(place_of(name))
    if reader is None:
        return default
    return reader.enabled(name, {"customer_id": customer_id} if customer_id else {}, default)


class Reader:
    """The flags of one environment, as one process sees them; at most one question in MAX_AGE_S."""

    def __init__(self, application: str, environment: str, profile: str) -> None:
        self._application, self._environment, self._profile = application, environment, profile
        self._store: AppConfigStore | None = None
        self._document: dict[str, Any] = {}
        self._ask_at, self._trouble = 0.0, ""

    def enabled(self, name: str, context: dict[str, Any], default: bool) -> bool:
        """A flag's value; `default` where the document has none."""
        self._renew()
        if name not in self._document:
            return default
        return bool(
            FeatureFlags(_Given(self._document)).evaluate(name=name, context=context, default=default)
        )

    def _renew(self) -> None:
        """Ask AppConfig when it is time. What is no answer is logged, and the next question is asked in a
        new session: a token is good for one call and for a day (AppConfig API, GetLatestConfiguration)."""
        if time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + MAX_AGE_S
        try:
            if self._store is None:
                data = client("appconfigdata")
                place = (self._environment, self._application, self._profile)
                self._store = AppConfigStore(*place, max_age=0, boto3_client=data)
            document = self._store.get_configuration()
            SchemaValidator(document).validate()
            self._document = document
        except Exception as error:
            if _is_nothing_deployed(error):
                return
            self._store, reason = None, str(error).rstrip().rpartition("\n")[2]
            if reason != self._trouble:
                logger.warning("flags stay as they are", reason=reason)
            self._trouble = reason
        else:
            self._trouble = ""


class _Given(StoreProvider):
    """A store of Powertools whose document is at hand."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    @property
    def get_raw_configuration(self) -> dict[str, Any]:
        """The document."""
        return self._document

    def get_configuration(self) -> dict[str, Any]:
        """The document."""
        return self._document


def _is_nothing_deployed(error: Exception) -> bool:
    """A first answer without a document: Powertools then looks for the last one, which is none."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@cache
def _reader(place: Place) -> Reader | None:
    ids = os.environ.get("FLAGS", "")
    if not ids:
        return None
    parts = ids.split("/")
    if len(parts) != 4:
        raise InvalidConfiguration(f"FLAGS is {ids}: give application/environment/environment/profile")
    application, features, maintenance, profile = parts
    return Reader(application, maintenance if place == "maintenance" else features, profile)
