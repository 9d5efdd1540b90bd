"""Field types that several configuration files share."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _address(url: str) -> str:
    """An endpoint: https, or http on this machine, where tests and trials run."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost")
    if not parts.hostname or parts.scheme not in (("http", "https") if local else ("https",)):
        raise ValueError("must be https://host[/path]")
    if parts.username or parts.password:
        raise ValueError("must hold no user and no password: those go to Parameter Store")
    return url.rstrip("/")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except Exception as error:
        raise ValueError(f"{name!r} is no IANA time zone") from error
    return name


Address = Annotated[str, AfterValidator(_address)]


Zone = Annotated[str, AfterValidator(_zone)]
