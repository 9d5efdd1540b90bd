"""CloudFormation: a template that refers to what it does not have is refused before a stack exists.

ministack leaves out a `DependsOn` that names nothing, and resolves an unknown `Ref` to its own name.
Source: CloudFormation user guide, "Troubleshooting"; the words are CreateStack's.

>>> unresolved({"Resources": {"A": {"Type": "T", "Properties": {"Q": {"Ref": "Nix"}}}}})
'Template format error: Unresolved resource dependencies [Nix] in the Resources block of the template'
>>> unresolved({"Resources": {"A": {"Type": "T", "Properties": {"Q": {"Ref": "AWS::Region"}}}}})
''
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private, replace


def unresolved(template: dict[str, Any]) -> str:
    """What is wrong with a template's references; empty when all are there."""
    from ministack.services.cloudformation import engine

    references = private(engine, "_intrinsic_references")
    resources = template.get("Resources") or {}
    known = {*resources, *(template.get("Parameters") or {})}
    for section in ("Resources", "Outputs"):
        found = {name for name, _ in references(template.get(section) or {})}
        if section == "Resources":
            found |= {name for item in resources.values() for name in _depends(item)}
        missing = sorted(name for name in found - known if not name.startswith("AWS::"))
        if missing:
            return (
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
                f"in the {section} block of the template"
            )
    for name, item in resources.items():
        own = {target for target, _ in references((item or {}).get("Properties") or {})}
        if name in own | set(_depends(item)):
            return f"Circular dependency between resources: [{name}]"
    return ""


def _depends(resource: Any) -> list[str]:
    found = resource.get("DependsOn") if isinstance(resource, dict) else None
    return [found] if isinstance(found, str) else list(found or [])


def install() -> None:
    """Apply the hook."""
    from ministack.services.cloudformation import engine

    check = private(engine, "_validate_template_statics")

    def checked(template: dict[str, Any]) -> None:
        check(template)
        if problem := unresolved(template):
            raise ValueError(problem)

    replace(engine, "_validate_template_statics", checked)
