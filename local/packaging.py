"""From a SAM template to a plain CloudFormation one: what `sam build` and `sam package` do, from the sources."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}

Template = dict[str, Any]
"""A template as it was read: the document that CloudFormation takes."""


def read_template(path: Path) -> Template:
    """A template with its short forms (`!Ref`) written out and nothing shared between its parts.

    YAML anchors are written out too, as `sam build` does it: a later change of one place changes no other.
    """
    from samtranslator.yaml_helper import yaml_parse

    document: Template = json.loads(json.dumps(yaml_parse(path.read_text("utf-8"))))
    return document


def zip_folder(folder: Path) -> bytes:
    """A folder as a zip with fixed dates, so that the same content has the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not _LEFT_OUT & set(path.parts):
                entry = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


class Packager:
    """Uploads code and layers, each folder once however many templates name it."""

    def __init__(self, upload: Callable[[bytes, str], str]) -> None:
        """`upload` takes content and a suffix and says where the content lies (`s3://bucket/key`)."""
        self._upload = upload
        self._places: dict[Path, str] = {}

    def _uploaded(self, folder: Path) -> str:
        where = folder.resolve()
        if where not in self._places:
            self._places[where] = self._upload(zip_folder(where), ".zip")
        return self._places[where]

    def package(self, path: Path) -> Template:
        """The template with code and layers uploaded and state machines' definitions inlined."""
        document = read_template(path)
        shared = document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
        for resource in document["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Serverless::Function":
                properties["CodeUri"] = self._uploaded(path.parent / properties.get("CodeUri", shared))
            elif resource["Type"] == "AWS::Serverless::LayerVersion":
                properties["ContentUri"] = self._uploaded(path.parent / properties["ContentUri"])
            elif resource["Type"] == "AWS::Serverless::StateMachine":
                uri = properties.pop("DefinitionUri", None)
                if isinstance(uri, str):
                    properties["Definition"] = yaml.safe_load((path.parent / uri).read_text("utf-8"))
        return document


def transform(document: Template, parameters: dict[str, str], region: str) -> Template:
    """Serverless resources as plain CloudFormation ones."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    plain: Template = translator.translate(copy.deepcopy(document), parameter_values=dict(parameters))
    plain.pop("Transform", None)
    return plain
