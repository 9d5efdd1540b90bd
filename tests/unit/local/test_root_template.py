"""The root template's order, parameters, conditions and values, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from local.packaging import DeployError, read_template
from local.root_template import (
    APPLICATION,
    Values,
    applications,
    chosen_parameters,
    conditions,
    declared_in,
)

QUEUE = {"Type": "AWS::SQS::Queue"}


def application(location: str, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    properties = {"Location": location, "Parameters": parameters or {}}
    return {"Type": APPLICATION, "Properties": properties, **more}


def write(folder: Path, name: str, template: dict[str, Any]) -> None:
    (folder / name).write_text(yaml.safe_dump({"Resources": {}, **template}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two templates: `base.yaml` has an output, `top.yaml` needs a parameter."""
    output = {"QueueUrl": {"Value": {"Ref": "Queue"}}}
    write(tmp_path, "base.yaml", {"Resources": {"Queue": QUEUE}, "Outputs": output})
    write(tmp_path, "top.yaml", {"Resources": {"Other": QUEUE}, "Parameters": {"Url": {"Type": "String"}}})
    return tmp_path


def url(name: str = "Base.Outputs.QueueUrl") -> dict[str, Any]:
    return {"Url": {"Fn::GetAtt": name.split(".", 1)}}


def test_applications_come_in_the_order_of_their_references(folder: Path) -> None:
    root = {"Resources": {"Top": application("top.yaml", url()), "Base": application("base.yaml")}}
    assert list(applications(root, folder)) == ["Base", "Top"]
    root["Resources"]["Top"] = application("top.yaml", {"Url": "x"}, DependsOn="Base")
    assert list(applications(root, folder)) == ["Base", "Top"]
    text = {"Url": {"Fn::Sub": ["${a}-${Base.Outputs.QueueUrl}", {"a": "b"}]}}
    root["Resources"]["Top"] = application("top.yaml", text)
    assert list(applications(root, folder)) == ["Base", "Top"]
    assert applications({"Resources": {"Queue": QUEUE}}, folder) == {}


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"Top": application("top.yaml")}, "Top: parameter Url is not given"),
        (
            {"Base": application("base.yaml", {"Wrong": "x"})},
            "Base: base.yaml has no parameter Wrong",
        ),
        ({"Base": application("gone.yaml")}, "Base: no template at Location 'gone.yaml'"),
        (
            {"Base": application("base.yaml"), "Top": application("top.yaml", url("Base.Outputs.Gone"))},
            "Base.Outputs.Gone: no application has that output",
        ),
        ({"Base": application("base.yaml"), "Queue": QUEUE}, "holds nothing else; move Queue"),
        (
            {
                "Top": application("top.yaml", url("Again.Outputs.X")),
                "Again": application("top.yaml", url("Top.Outputs.X")),
            },
            "applications ask for each other",
        ),
    ],
)
def test_a_mismatch_of_applications_is_refused_with_its_reason(
    folder: Path, resources: dict[str, Any], said: str
) -> None:
    with pytest.raises(DeployError, match=said):
        applications({"Resources": resources}, folder)


def test_a_resources_name_stands_in_one_stack_only(folder: Path) -> None:
    write(folder, "twin.yaml", {"Resources": {"Queue": QUEUE}})
    root = {"Resources": {"Base": application("base.yaml"), "Twin": application("twin.yaml")}}
    with pytest.raises(DeployError, match="Queue is declared in Base and in Twin"):
        declared_in(applications(root, folder))


ROOT = {
    "Parameters": {
        "Environment": {"Type": "String", "AllowedValues": ["dev", "prod"]},
        "Domain": {"Type": "String", "Default": "", "AllowedPattern": "^([a-z]+[.][a-z]+)?$"},
        "Days": {"Type": "Number", "Default": 30},
    }
}


def test_parameters_are_given_or_by_default() -> None:
    chosen = chosen_parameters(ROOT, {"Environment": "dev", "Domain": "a.b"})
    assert chosen == {"Environment": "dev", "Domain": "a.b", "Days": "30"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "parameter Environment is not given"),
        ({"Environment": "test"}, "'test' is none of dev, prod"),
        ({"Environment": "dev", "Domain": "nodot"}, "'nodot' does not match"),
        ({"Environment": "dev", "Enviroment": "dev"}, "the template has no parameter Enviroment"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_reason(given: dict[str, str], said: str) -> None:
    with pytest.raises(DeployError, match=said):
        chosen_parameters(ROOT, given)


def test_conditions_are_evaluated() -> None:
    is_prod = {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}
    declared = {
        "IsProd": is_prod,
        "IsNot": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsNot"}]},
        "One": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsNot"}]},
    }
    holding = conditions({"Conditions": declared}, {"Environment": "dev"})
    assert holding == {"IsProd": False, "IsNot": True, "Both": False, "One": True}
    with pytest.raises(DeployError, match="cannot evaluate the condition"):
        conditions({"Conditions": {"X": {"Fn::Contains": []}}}, {})


VALUES = Values({"Environment": "dev", "AWS::Region": "af-south-1"}, {"Yes": True}, {"A": {"Id": "abc"}})


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ("plain", "plain"),
        (30, "30"),
        (True, "true"),
        (["a", {"Ref": "Environment"}], "a,dev"),
        ({"Fn::GetAtt": ["A", "Outputs.Id"]}, "abc"),
        ({"Fn::GetAtt": "A.Outputs.Id"}, "abc"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}, {"Ref": "AWS::NoValue"}]]}, "a-af-south-1"),
        ({"Fn::Sub": "${A.Outputs.Id}.${Environment}.${!Literal}"}, "abc.dev.${Literal}"),
        ({"Fn::Sub": ["${x}/${AWS::Region}", {"x": {"Ref": "Environment"}}]}, "dev/af-south-1"),
        ({"Fn::If": ["Yes", {"Ref": "AWS::NoValue"}, "no"]}, None),
    ],
)
def test_values_are_evaluated(node: Any, text: str | None) -> None:
    assert VALUES.of(node) == text


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"Fn::ImportValue": "x"}, "cannot evaluate"),
        ({"Fn::If": ["Unknown", "a", "b"]}, "cannot evaluate"),
        ({"Ref": "Nobody"}, "asks for Nobody, which nothing has"),
        ({"Fn::GetAtt": ["A", "Outputs.Gone"]}, "asks for A.Outputs.Gone, which nothing has"),
    ],
)
def test_a_value_that_cannot_be_evaluated_is_refused_with_its_reason(node: Any, said: str) -> None:
    with pytest.raises(DeployError, match=said):
        VALUES.of(node)


def test_a_template_that_is_no_yaml_is_named(folder: Path) -> None:
    for name, text in (("broken.yaml", "Resources:\n  : : ["), ("bytes.yaml", "\x00")):
        (folder / name).write_text(text)
        with pytest.raises(DeployError, match=name):
            read_template(folder / name)
    with pytest.raises(DeployError, match=r"none\.yaml: cannot be read"):
        read_template(folder / "none.yaml")


def test_yaml_anchors_become_independent_copies(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "Metadata: {Shared: &shared {A: [!Ref X, !GetAtt B.C]}}\n"
        "Resources:\n  One: {Properties: {<<: *shared, D: 1}}\n  Two: {Properties: *shared}\n"
    )
    template = read_template(tmp_path / "t.yaml")
    one, two = (template["Resources"][name]["Properties"] for name in ("One", "Two"))
    assert one == {"A": [{"Ref": "X"}, {"Fn::GetAtt": ["B", "C"]}], "D": 1}
    two["A"].append("changed")
    assert len(one["A"]) == 2
