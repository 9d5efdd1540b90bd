"""What of the installed packages a layer carries, and byte code for all that a function imports.

    python3.13 package.py layer <its python folder>     trims it, then compiles it (layers/Makefile)
    python3.13 package.py code <a function's folder>…   compiles it (scripts/build)

On AWS both lie where Python cannot write. What is not compiled here is compiled anew at each cold start.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import sys
from pathlib import Path, PurePosixPath

RUNTIME = (3, 13)
"""The functions' Python. Byte code of another minor version is never read."""
AT = {"layer": "/opt/python", "code": "/var/task"}
"""Where Lambda unpacks the two: a traceback names files there."""

_FOLDERS = {"tests", "include", "__pycache__"}
_SUFFIXES = {".pyi", ".pyx", ".pxd", ".c", ".h", ".a"}
_AT_THE_TOP = {"bin", "share"}
_SCIPY = {
    *(
        "cluster",
        "constants",
        "datasets",
        "differentiate",
        "fft",
        "fftpack",
        "integrate",
        "interpolate",
        "io",
    ),
    *("linalg", "misc", "ndimage", "odr", "optimize", "signal", "spatial", "stats"),
}
"""Its folders that nothing imports: LightGBM and xgboost want its sparse matrices and special functions."""
_KEPT = {"bottleneck/tests/__init__.py", "bottleneck/tests/util.py"}
"""Tests that their package imports itself."""


def left_out(path: PurePosixPath) -> bool:
    """Whether a layer goes without this file; `path` begins at the folder that is on Python's path.

    >>> left_out(PurePosixPath("pandas/tests/test_take.py")), left_out(PurePosixPath("pandas/core/take.py"))
    (True, False)
    """
    if str(path) in _KEPT:
        return False
    top, *folders = path.parts[:-1] or ("",)
    return (
        bool(_FOLDERS & {top, *folders})
        or top in _AT_THE_TOP
        or (top == "scipy" and bool(folders) and folders[0] in _SCIPY)
        or path.suffix in _SUFFIXES
        or path.name.startswith("_test_")
        or path.name == "conftest.py"
    )


def trim(site: Path) -> None:
    """Delete what is left out, and the folders that are empty then."""
    for path in sorted(site.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif left_out(PurePosixPath(path.relative_to(site))):
            path.unlink()


def compile_all(folder: Path, at: str) -> bool:
    """Byte code beside each module, never compared with its source; whether all could be compiled.

    The same sources give the same bytes, so that `sam deploy` uploads what changed and nothing else.
    """
    for old in list(folder.rglob("__pycache__")):
        shutil.rmtree(old)
    done = compileall.compile_dir(
        folder,
        maxlevels=50,
        quiet=1,
        stripdir=str(folder),
        prependdir=at,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return bool(done)


def main(arguments: list[str]) -> int:
    """The exit status: 1 where a module cannot be compiled, 2 for a Python that is not the functions'."""
    if sys.version_info[:2] != RUNTIME:
        needed, here = (".".join(map(str, version)) for version in (RUNTIME, sys.version_info[:2]))
        print(f"byte code for the functions needs python{needed}; this is {here}", file=sys.stderr)
        return 2
    kind, *folders = arguments
    done = True
    for folder in map(Path, folders):
        if kind == "layer":
            trim(folder)
        done = compile_all(folder, AT[kind]) and done
    return int(not done)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
