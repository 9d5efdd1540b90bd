"""The root template: its nested applications, their order, and the values that pass between them.

The embedded cloud deploys each `AWS::Serverless::Application` as a stack of its own, so what CloudFormation
would evaluate in the root is evaluated here: parameters, conditions, and what one application gets of
another.

>>> values = Values({"Environment": "dev"}, {"HasDomain": False}, {"Access": {"ApiId": "abc"}})
>>> values.of({"Fn::Sub": "https://${Access.Outputs.ApiId}.example/${Environment}"})
'https://abc.example/dev'
>>> values.of({"Fn::If": ["HasDomain", "yes", {"Ref": "AWS::NoValue"}]}) is None
True
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from local.packaging import DeployError, Template, read_template

APPLICATION = "AWS::Serverless::Application"
_PLACEHOLDER = re.compile(r"\$\{(!?)([\w.:]+)\}")


@dataclass(frozen=True)
class Application:
    """A nested application, as the root declares it."""

    name: str
    path: Path
    template: Template
    parameters: dict[str, Any]
    condition: str | None

    @property
    def declared(self) -> dict[str, Any]:
        """The parameters that its template has."""
        declared: dict[str, Any] = self.template.get("Parameters", {})
        return declared

    def given(self, values: Values) -> dict[str, str]:
        """The parameters that the root gives it, as texts."""
        texts = {name: values.of(value) for name, value in self.parameters.items()}
        return {name: text for name, text in texts.items() if text is not None}


def applications(root: Template, folder: Path) -> dict[str, Application]:
    """The root's applications in the order of their references; none when the root has none.

    Raises DeployError for a circle, a template that is not there, parameters that a template does not have
    or needs and does not get, and outputs that nobody has.
    """
    resources: Template = root["Resources"]
    if not any(item["Type"] == APPLICATION for item in resources.values()):
        return {}
    strangers = sorted(name for name, item in resources.items() if item["Type"] != APPLICATION)
    if strangers:
        raise DeployError(f"a root with applications holds nothing else; move {', '.join(strangers)}")
    needs = {name: _asked(item, set(resources)) for name, item in resources.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise DeployError(f"applications ask for each other: {' → '.join(error.args[1])}") from error
    nested = {name: _application(name, resources[name], folder) for name in order}
    _check(root, nested)
    return nested


def declared_in(nested: dict[str, Application]) -> dict[str, str]:
    """Which application declares a resource, by the resource's name. Raises DeployError when two do."""
    owners: dict[str, str] = {}
    for application in nested.values():
        for resource in application.template["Resources"]:
            if owners.setdefault(resource, application.name) != application.name:
                raise DeployError(
                    f"{resource} is declared in {owners[resource]} and in {application.name}: a resource's "
                    "name is its own in all stacks, so that it can move between them"
                )
    return owners


def _application(name: str, item: Template, folder: Path) -> Application:
    properties = item.get("Properties", {})
    location = properties.get("Location")
    path = folder / str(location)
    if not isinstance(location, str) or not path.is_file():
        raise DeployError(f"{name}: no template at Location {location!r}")
    return Application(
        name, path, read_template(path), dict(properties.get("Parameters", {})), item.get("Condition")
    )


def _check(root: Template, nested: dict[str, Application]) -> None:
    for name, application in nested.items():
        unknown = sorted(application.parameters.keys() - application.declared.keys())
        if unknown:
            raise DeployError(f"{name}: {application.path.name} has no parameter {', '.join(unknown)}")
        required = {key for key, value in application.declared.items() if "Default" not in value}
        missing = sorted(required - application.parameters.keys())
        if missing:
            raise DeployError(f"{name}: parameter {', '.join(missing)} is not given")
    for place, text in references([root["Resources"], root.get("Outputs", {})]):
        name, _, output = text.partition(".Outputs.")
        outputs = nested[name].template.get("Outputs", {}) if name in nested else {}
        if output and output not in outputs:
            raise DeployError(f"{place} {text}: no application has that output")


def references(node: Any) -> Iterator[tuple[str, str]]:
    """Everything that a value asks for, with the function that asks: (`Ref`, `Environment`), ….

    >>> sorted(references({"a": {"Ref": "B"}, "c": [{"Fn::Sub": "${D.Outputs.E}-${!F}"}]}))
    [('Fn::Sub', 'D.Outputs.E'), ('Ref', 'B')]
    """
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield key, str(value)
            elif key == "Fn::GetAtt":
                yield key, _joined(value)
            elif key == "Fn::Sub":
                text, own = (value, {}) if isinstance(value, str) else (value[0], value[1])
                yield from ((key, name) for name in _placeholders(text) if name not in own)
                yield from references(own)
            else:
                yield from references(value)


def _function(node: Any) -> tuple[str, Any]:
    """The one function of a value and what it takes; no name when it is none."""
    return next(iter(node.items())) if isinstance(node, dict) and len(node) == 1 else ("", node)


def _placeholders(text: str) -> list[str]:
    return [name for literal, name in _PLACEHOLDER.findall(text) if not literal]


def _joined(attribute: Any) -> str:
    return ".".join(attribute) if isinstance(attribute, list) else str(attribute)


def _asked(item: Template, names: set[str]) -> set[str]:
    """The applications that one needs before it: those it reads outputs of, and its DependsOn."""
    first = item.get("DependsOn", [])
    explicit = {first} if isinstance(first, str) else set(first)
    return ({text.split(".")[0] for _, text in references(item.get("Properties", {}))} | explicit) & names


def chosen_parameters(root: Template, given: dict[str, str]) -> dict[str, str]:
    """The root's parameters, given or by default. Raises DeployError for one that is wrong or missing."""
    declared: dict[str, Any] = root.get("Parameters", {})
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise DeployError(f"the template has no parameter {', '.join(unknown)}")
    values: dict[str, str] = {}
    for name, rule in declared.items():
        if name not in given and "Default" not in rule:
            raise DeployError(f"parameter {name} is not given")
        value = str(given.get(name, rule.get("Default")))
        allowed = [str(item) for item in rule.get("AllowedValues", [])]
        if allowed and value not in allowed:
            raise DeployError(f"parameter {name}: {value!r} is none of {', '.join(allowed)}")
        if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
            wanted = rule.get("ConstraintDescription")
            raise DeployError(
                f"parameter {name}: {value!r} does not match {rule['AllowedPattern']}"
                + (f": {wanted}" if wanted else "")
            )
        if "MinValue" in rule and not (value.lstrip("-").isdigit() and int(value) >= rule["MinValue"]):
            raise DeployError(f"parameter {name}: {value!r} is no number from {rule['MinValue']} on")
        if "MaxValue" in rule and int(value) > rule["MaxValue"]:
            raise DeployError(f"parameter {name}: {value!r} is more than {rule['MaxValue']}")
        least, most = int(rule.get("MinLength", 0)), int(rule.get("MaxLength", len(value)))
        if not least <= len(value) <= most:
            raise DeployError(f"parameter {name}: its length is {len(value)}, allowed is {least} to {most}")
        values[name] = value
    return values


def check_rules(root: Template, parameters: dict[str, str]) -> None:
    """Raises DeployError with every rule of the root that the parameters break, as CloudFormation refuses.

    The section `Rules` is read before anything is made (AWS, "CloudFormation template Rules syntax").
    A rule without `RuleCondition` always holds its assertions.
    """
    broken = [
        f"Template error: rule {name} failed: {assertion.get('AssertDescription', 'an assertion is false')}"
        for name, rule in root.get("Rules", {}).items()
        if "RuleCondition" not in rule or _holds(rule["RuleCondition"], parameters, {})
        for assertion in rule["Assertions"]
        if not _holds(assertion["Assert"], parameters, {})
    ]
    if broken:
        raise DeployError("\n".join(broken))


def conditions(root: Template, parameters: dict[str, str]) -> dict[str, bool]:
    """A template's conditions. Raises DeployError for a function that is not supported."""
    declared: dict[str, Any] = root.get("Conditions", {})
    return {name: _holds(node, parameters, declared) for name, node in declared.items()}


def _holds(node: Any, parameters: dict[str, str], declared: dict[str, Any]) -> bool:
    """Whether a condition, a rule's condition or an assertion is true; `declared` has those with a name."""
    values = Values(parameters, {}, {})

    def holds(node: Any) -> bool:
        kind, body = _function(node)
        if kind == "Condition" and body in declared:
            return holds(declared[body])
        if kind == "Fn::Equals":
            return values.of(body[0]) == values.of(body[1])
        if kind == "Fn::Not":
            return not holds(body[0])
        if kind == "Fn::And":
            return all(holds(item) for item in body)
        if kind == "Fn::Or":
            return any(holds(item) for item in body)
        raise DeployError(f"the embedded cloud cannot evaluate the condition {node!r} of the root template")

    return holds(node)


@dataclass(frozen=True)
class Values:
    """What values of the root are made of: parameters and pseudo parameters, conditions, nested outputs."""

    parameters: dict[str, str]
    conditions: dict[str, bool]
    outputs: dict[str, dict[str, str]]

    def of(self, node: Any) -> str | None:
        """A value as text; None for `AWS::NoValue`. Raises DeployError for what cannot be evaluated."""
        if isinstance(node, bool):
            return str(node).lower()
        if isinstance(node, list):
            return ",".join(text for item in node if (text := self.of(item)) is not None)
        if not isinstance(node, dict):
            return str(node)
        kind, body = _function(node)
        if kind in ("Ref", "Fn::GetAtt"):
            return self._named(_joined(body))
        if kind == "Fn::Sub":
            return self._substituted(body)
        if kind == "Fn::Join":
            return str(body[0]).join(text for item in body[1] if (text := self.of(item)) is not None)
        if kind == "Fn::If" and body[0] in self.conditions:
            return self.of(body[1] if self.conditions[body[0]] else body[2])
        raise DeployError(f"the embedded cloud cannot evaluate {node!r} in the root template")

    def _named(self, name: str) -> str | None:
        if name == "AWS::NoValue":
            return None
        if name in self.parameters:
            return self.parameters[name]
        application, _, output = name.partition(".Outputs.")
        try:
            return self.outputs[application][output]
        except KeyError:
            raise DeployError(f"the root template asks for {name}, which nothing has") from None

    def _substituted(self, body: Any) -> str:
        text, own = (body, {}) if isinstance(body, str) else (body[0], body[1])

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            return str(self.of(own[name]) if name in own else self._named(name))

        return _PLACEHOLDER.sub(value, str(text))
