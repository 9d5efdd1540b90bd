"""Does this environment have the Python and the packages that the embedded cloud is made for?"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata

from local.home import ROOT
from ops.doctor.finding import Finding, Subject

TITLE = "versions"
ORDER = 50
PYTHONS = ((3, 11), (3, 13))
"""The oldest and the newest Python that the tests run on."""
_PINNED = ("ministack", "moto")
"""Packages whose private names the hooks use (`local/hooks`)."""
_PINS = ROOT / "requirements" / "dev.in"


def examine(subject: Subject) -> Iterator[Finding]:
    """Python, ministack, moto."""
    if subject.home is None:
        return
    version = sys.version_info[:2]
    said = [f"Python {version[0]}.{version[1]}"]
    if not PYTHONS[0] <= version <= PYTHONS[1]:
        yield Finding.problem(
            f"{said[0]}; 3.11 to 3.13 are tested",
            where=sys.executable,
            mend="make the environment anew with one of them: `make setup`",
        )
    for name, wanted in pins(_PINS.read_text()).items():
        found = _installed(name)
        said.append(f"{name} {found}")
        if found != wanted:
            yield Finding.problem(
                f"{name} {found or 'is not installed'}; {wanted} is needed",
                where=str(_PINS),
                mend="`make setup` installs the pinned versions",
            )
    yield Finding.good(", ".join(said))


def pins(text: str) -> dict[str, str]:
    """The exact versions that the hooks need, from a requirements file.

    >>> pins("moto[stepfunctions]==5.2.5  # hooks\\nministack == 1.5.33\\nnumpy>=2")
    {'ministack': '1.5.33', 'moto': '5.2.5'}
    """
    found = {}
    for name in _PINNED:
        if match := re.search(rf"^{name}(?:\[[^\]]*\])?\s*==\s*([\w.]+)", text, re.MULTILINE):
            found[name] = match[1]
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
