"""Whether AWS would take our state machines: definitions and roles, under every combination of conditions.

`python -m ops.conformance` reads template.yaml and the stacks, evaluates them as CloudFormation does, and
checks each state machine with its role. A machine of a new family is checked without a line here. An
integration that the suite does not know is an error that names it (`integrations.py` is where it goes).

- `rendered`: the transformed templates, evaluated; what refers to a resource that a condition leaves out
- `machines`: definitions with their substitutions, roles with their statements
- `structure`, `errors`, `expressions`, `arguments`, `maps`: what AWS demands of a definition
- `authorization`: actions that do not exist or have no such resource, in every role
- `integrations`, `policy`, `creation`: what AWS demands of a role, at creation and later
"""
