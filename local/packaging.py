"""From a SAM template to a plain CloudFormation one: as `sam build` and `sam package`, from the sources."""

from __future__ import annotations

import copy
import functools
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from local.root_template import Application

_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C is eight times as fast; it is not in every PyYAML."""

Template = dict[str, Any]
"""A template as it was read: the document that CloudFormation takes."""


class DeployError(RuntimeError):
    """A deployment failed; the text names what did, and why."""

    summary = ""
    """What refused and why, and where the whole stands, in a line; empty where the text says no more."""


def read_template(path: Path) -> Template:
    """A template with its short forms (`!Ref`) written out and nothing shared between its parts.

    YAML anchors are written out too, as `sam build` does it: a later change of one place changes no other.
    """
    from samtranslator.yaml_helper import intrinsics_multi_constructor

    class Loader(_SafeLoader):  # type: ignore[misc]
        """YAML with CloudFormation's short forms."""

    Loader.add_multi_constructor("!", intrinsics_multi_constructor)
    document: Template = json.loads(json.dumps(_read(path, Loader)))
    return document


def _read(path: Path, loader: Any) -> Any:
    """One YAML file, by a loader that makes plain values only. Raises DeployError, which names the file."""
    try:
        reader = loader(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise DeployError(f"{path}: cannot be read: {error}") from error
    try:
        return reader.get_single_data()
    except yaml.YAMLError as error:
        raise DeployError(f"{path}: no valid YAML: {error}") from error
    finally:
        reader.dispose()


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

    def package_all(self, nested: Mapping[str, Application]) -> dict[str, Template]:
        """Every application's template as `package` makes it, by the application's name."""
        return {name: self.package(item.template, item.path.parent) for name, item in nested.items()}

    def package(self, template: Template, folder: Path) -> Template:
        """The template with code and layers uploaded and state machines' definitions inlined.

        `folder` is the template's own: its paths begin there.
        """
        document = copy.deepcopy(template)
        shared = document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
        for resource in document["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Serverless::Function":
                properties["CodeUri"] = self._uploaded(folder / properties.get("CodeUri", shared))
            elif resource["Type"] == "AWS::Serverless::LayerVersion":
                properties["ContentUri"] = self._uploaded(folder / properties["ContentUri"])
            elif resource["Type"] == "AWS::Serverless::StateMachine":
                uri = properties.pop("DefinitionUri", None)
                if isinstance(uri, str):
                    properties["Definition"] = _read(folder / uri, _SafeLoader)
        return document


class Unread(Packager):
    """Names a place for code and layers without reading them: for whoever looks at templates alone."""

    def __init__(self) -> None:
        """Every folder has the same place."""
        super().__init__(lambda _, suffix: f"s3://artifacts/package{suffix}")

    def _uploaded(self, folder: Path) -> str:
        return self._upload(b"", ".zip")


def digest(document: Template, parameters: dict[str, str]) -> str:
    """What a packaged template and its parameters come to: the same digest, the same stack."""
    import samtranslator

    text = json.dumps([samtranslator.__version__, document, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def transform(document: Template, parameters: dict[str, str], region: str) -> Template:
    """Serverless resources as plain CloudFormation ones."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    translator = Translator({}, Parser(), boto_session=_prepared(region))
    plain: Template = translator.translate(copy.deepcopy(document), parameter_values=dict(parameters))
    translator.metrics.publish()  # to nobody; else it complains when it is collected
    plain.pop("Transform", None)
    return plain


@functools.cache
def _prepared(region: str) -> Any:
    """The session of a region, made once. From then on SAM checks its own list of policies once, too."""
    import logging

    import boto3
    from samtranslator.translator import translator

    # it warns of a switch that only AWS's own service sets
    logging.getLogger("samtranslator.feature_toggle.feature_toggle").setLevel(logging.ERROR)
    policies = translator.make_policy_template_for_function_plugin
    if not hasattr(policies, "cache_info"):
        translator.make_policy_template_for_function_plugin = functools.cache(policies)
    return boto3.Session(region_name=region)
