"""The oldest AWS SDK that the functions work with; one that is older is refused when a function starts.

Functions ship no boto3: they use what Lambda's runtime has, and heavy ones the analytics layer's urllib3.
Lambda renews its runtime by itself. One that was held back (RuntimeManagementConfig), or a container's own
SDK, may be too old, and would fail in the middle of somebody's work order.

`scripts/oldest-sdk` runs the tests of all that touches AWS or HTTP with these versions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ona.runtime.errors import InvalidConfiguration

NEEDED = {"boto3": "1.35.69", "botocore": "1.35.69", "urllib3": "1.26.0"}
"""The oldest versions. botocore 1.35.69 is the first whose PutObject takes `IfMatch` (tried: 1.35.68 does
not); urllib3 1.26 is what Lambda's runtime has beside boto3."""
_FIX = "update the runtime (Lambda: RuntimeManagementConfig Auto) or ship a newer SDK"


def number(version: str) -> tuple[int, ...]:
    """A version as numbers, the first three; what follows a number in a part is left out.

    >>> number("1.26.20") < number("2.0.0rc1") == (2, 0, 0)
    True
    """
    return tuple(int(match[0]) for part in version.split(".")[:3] if (match := re.match(r"\d+", part)))


def check(installed: Mapping[str, str]) -> None:
    """Raises InvalidConfiguration when a library (name → version) is older than what is needed.

    >>> check({"botocore": "1.34.145"})
    Traceback (most recent call last):
        ...
    ona.runtime.errors.InvalidConfiguration: botocore 1.34.145 is too old, 1.35.69 is needed: update the \
runtime (Lambda: RuntimeManagementConfig Auto) or ship a newer SDK
    """
    old = [
        f"{name} {version} is too old, {NEEDED[name]} is needed"
        for name, version in installed.items()
        if number(version) < number(NEEDED[name])
    ]
    if old:
        raise InvalidConfiguration(f"{'; '.join(old)}: {_FIX}")
