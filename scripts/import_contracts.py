"""Who may import whom (house rule 1), checked by import-linter.

    python scripts/import_contracts.py [folder]

The contracts are made from the packages in the folder (`functions/` of this checkout), so that a new family
is held to them on its first day, without a line here or in pyproject.toml:

- the tools stand above the families, the families above `ona`; no family imports another;
- the rooms of `ona` stand in layers; a room that is not named in `ROOMS` is refused;
- in a family, functions stand above the rooms that they share, and no function imports another;
- boto3 is imported in `ona` only.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["api", "repairs", "telemetry | sky | outbox", "store", "config", "documents", "runtime | drawing"]
"""The layers of `ona`, the highest first; rooms in one line do not import each other."""


def families(folder: Path) -> list[str]:
    """The packages beside `ona`, by name."""
    packages = (path.parent.name for path in folder.glob("*/__init__.py"))
    return sorted(name for name in packages if name != "ona")


def rooms(family: Path) -> tuple[list[str], list[str]]:
    """A family's functions, and the rooms that they share."""
    functions, shared = [], []
    for path in sorted(family.iterdir()):
        if (path / "handler.py").exists():
            functions.append(path.name)
        elif (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem != "__init__"):
            shared.append(path.stem)
    return functions, shared


def contract(name: str, kind: str, **fields: list[str] | str) -> str:
    """One contract in import-linter's own form."""
    lines = [f"[importlinter:contract:{abs(hash(name))}]", f"name = {name}", f"type = {kind}"]
    for field, value in fields.items():
        if isinstance(value, str):
            lines.append(f"{field} = {value}")
        else:
            lines += [f"{field} =", *(f"    {item}" for item in value)]
    return "\n".join(lines)


def contracts(folder: Path) -> str:
    """The whole configuration, in import-linter's form."""
    names = families(folder)
    blocks = [
        "[importlinter]\ninclude_external_packages = True\nroot_packages =\n"
        + "\n".join(f"    {name}" for name in ["ona", *names, "local", "ops"]),
        contract(
            "Tools above families above ona",
            "layers",
            layers=["ops", "local", " : ".join(names), "ona"],
        ),
        contract("No family imports another", "independence", modules=names),
        contract(
            "The rooms of ona stand in layers", "layers", layers=ROOMS, containers="ona", exhaustive="True"
        ),
        contract(
            "boto3 lives in ona",
            "forbidden",
            source_modules=names,
            forbidden_modules=["boto3", "botocore"],
            allow_indirect_imports="True",
        ),
    ]
    for family in names:
        functions, shared = rooms(folder / family)
        layers = [" | ".join(functions), *([" : ".join(shared)] if shared else [])]
        blocks.append(
            contract(
                f"{family}: functions above shared rooms, none imports another",
                "layers",
                layers=layers,
                containers=family,
                exhaustive="True",
            )
        )
    return "\n\n".join(blocks) + "\n"


def main(folder: Path) -> int:
    """0 when all contracts are kept, else 1."""
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / ".importlinter"
        config.write_text(contracts(folder))
        status = lint_imports(config_filename=str(config), no_cache=True, no_logo=True)
    return 0 if status == EXIT_STATUS_SUCCESS else 1


if __name__ == "__main__":
    checked = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "functions").resolve()
    sys.path[:0] = [str(checked), str(ROOT)]
    sys.exit(main(checked))
