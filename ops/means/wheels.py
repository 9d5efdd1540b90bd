"""Whether a function's packages have wheels for Lambda on ARM: pip is asked, as the layers' build does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ops.target import TEMPLATE

_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
"""Those of layers/Makefile: Lambda's image for Python 3.13 has glibc 2.34."""
_MISSING = re.compile(r"No matching distribution found for ([^\s(]+)")
_NO_INDEX = ("connection broken", "Could not fetch URL")
"""What pip says before it calls a package missing that it could not ask for."""
_FUNCTIONS = TEMPLATE.parent / "functions" / "requirements.txt"
Ask = Callable[[Sequence[str]], tuple[int, str]]
"""Runs pip with arguments: its exit code, and what it said."""


def _pip(arguments: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def requirements(layers: Iterable[str]) -> list[Path]:
    """The lists of what a function with these layers (ARNs) imports."""
    of_layers = sorted((TEMPLATE.parent / "layers").glob("*/requirements.txt"))
    names = [arn.lower() for arn in layers]
    return [_FUNCTIONS, *(path for path in of_layers if any(path.parent.name in name for name in names))]


def lacking(files: Iterable[Path], python: str = "3.13", ask: Ask = _pip) -> list[str] | None:
    """The packages of these lists that have no ARM wheel; None where the index cannot be asked."""
    target = [word for one in _PLATFORMS for word in ("--platform", one)]
    common = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:"]
    common += ["--implementation", "cp", "--python-version", python, "--target", "nowhere", *target]
    missing = []
    for path in files:
        for line in path.read_text("utf-8").splitlines():
            package = line.partition("#")[0].strip()
            if not package:
                continue
            code, said = ask([*common, package])
            if any(word in said for word in _NO_INDEX):
                return None
            if found := _MISSING.search(said):
                missing.append(found[1].partition("==")[0])
            elif code:
                return None
    return missing
