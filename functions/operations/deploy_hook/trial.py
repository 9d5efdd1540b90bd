"""Which version is new, and what its probe says. Pure: no AWS, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from ona.runtime import probe
from ona.runtime.errors import InvalidPayload

_EXAMPLE = re.compile(r"ona-dev-(input|output)-000000000000")
"""The buckets that sample events name."""
_NAMED = re.compile(r'\b(ona-[A-Za-z-]+)-dev\b|("(?:environment|stage)": ")dev(?=")')
"""The names of an environment, and where it stands by itself."""


@dataclass(frozen=True)
class Target:
    """The version that is to get calls."""

    function: str
    version: str


@dataclass(frozen=True)
class Verdict:
    """Whether the version gets calls, and why."""

    ok: bool
    text: str


NO_SAMPLE = Verdict(True, "it has no sample event, and was not tried")


def spec_of(deployment: dict[str, Any]) -> str:
    """The AppSpec of a deployment as GetDeployment tells it; empty where it has none."""
    revision = deployment.get("revision") or {}
    return str((revision.get("appSpecContent") or revision.get("string") or {}).get("content", ""))


def target(spec: str) -> Target:
    """The new version in a deployment's AppSpec, which is JSON or YAML. Raises InvalidPayload.

    >>> of = '{"f": {"Properties": {"Name": "ona-detect-dev", "TargetVersion": "7"}}}'
    >>> target('{"version": 0.0, "Resources": [' + of + ']}')
    Target(function='ona-detect-dev', version='7')
    """
    try:
        [resource] = yaml.safe_load(spec)["Resources"]
        [item] = resource.values()
        properties = item["Properties"]
        return Target(str(properties["Name"]), str(properties["TargetVersion"]))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidPayload(f"the deployment's AppSpec names no function and version: {error}") from error


def stem(function: str, environment: str) -> str:
    """The name of a function's sample event, which is its folder's.

    >>> stem("ona-dataIngestion-dev", "dev")
    'data_ingestion'
    """
    name = function.rsplit(":", 1)[-1].removeprefix("ona-").removesuffix(f"-{environment}")
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def at_home(sample: str, buckets: dict[str, str], environment: str) -> str:
    """A sample event, which is of dev, with this platform's buckets (`input`, `output`) and environment.

    >>> mine = {"input": "mine", "output": "ours"}
    >>> at_home('{"bucket": "ona-dev-input-000000000000", "stage": "dev"}', mine, "prod")
    '{"bucket": "mine", "stage": "prod"}'
    >>> at_home('"alarm:ona-detect-duration-dev", "ona-dev-output-000000000000"', mine, "prod")
    '"alarm:ona-detect-duration-prod", "ours"'
    """
    named = _NAMED.sub(lambda found: f"{found[2] or f'{found[1]}-'}{environment}", sample)
    return _EXAMPLE.sub(lambda found: buckets[found[1]], named)


def verdict(answer: Any, failed: bool) -> Verdict:
    """What a probe's answer says. `failed`: Lambda says that the invocation ended with an error.

    >>> verdict({"probe": {"ok": True, "answer": "answered", "error": ""}}, False)
    Verdict(ok=True, text='answered')
    >>> verdict({"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named 'x'"}, True)
    Verdict(ok=False, text="Runtime.ImportModuleError: No module named 'x'")
    >>> verdict("VERSION 1", False)
    Verdict(ok=False, text='it knows no probe')
    """
    told = probe.told(answer)
    if failed or told is None:
        error = answer if isinstance(answer, dict) else {}
        text = ": ".join(filter(None, (error.get("errorType"), error.get("errorMessage"))))
        return Verdict(False, text or "it knows no probe")
    return Verdict(bool(told["ok"]), str(told["error"] or told["answer"]))
