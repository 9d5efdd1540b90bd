"""One address for the APIs of all families: API Gateway's routing rules, which ministack lacks.

`stacks/front.yaml` gives the custom domain its rules. Here they answer at
`http://127.0.0.1:<port>/_api/<stage>/…`, because no DNS knows the domain's name.

A rule's record in its stack is its only state, so that rules survive a restart as stacks do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local.hooks.base import private, replace

PREFIX = "/_api/"
"""No bucket's name begins with an underscore, so no path of S3 begins so."""
RULE = "AWS::ApiGatewayV2::RoutingRule"

_FORBIDDEN = b'{"message":"Forbidden"}'
_FORBIDDEN_HEADERS = {"Content-Type": "application/json", "x-amzn-ErrorType": "ForbiddenException"}
"""What API Gateway answers at a domain where no rule takes a path, and for a stage that does not exist."""

Route = tuple[str, str, str]
"""The API's id, the stage, the path that the API gets."""
_NOWHERE: Route = ("", "", "")


@dataclass(frozen=True)
class Rule:
    """A routing rule: the lowest priority is asked first; without base paths it takes everything."""

    domain: str
    priority: int
    base_paths: tuple[str, ...]
    api_id: str
    stage: str
    strips: bool

    @classmethod
    def read(cls, properties: dict[str, Any]) -> Rule:
        """A rule from its resource's properties. Raises ValueError for what is not supported here."""
        matches = [condition.get("MatchBasePaths") for condition in properties.get("Conditions") or []]
        if None in matches or len(matches) > 1:
            raise ValueError("a routing rule has one condition here, MatchBasePaths, or none")
        invoke = properties["Actions"][0]["InvokeApi"]
        return cls(
            domain=str(properties["DomainNameArn"]).rsplit("/", 1)[-1],
            priority=int(properties["Priority"]),
            base_paths=tuple(matches[0]["AnyOf"]) if matches else (),
            api_id=str(invoke["ApiId"]),
            stage=str(invoke["Stage"]),
            strips=str(invoke.get("StripBasePath", False)).lower() == "true",
        )

    def route(self, path: str) -> Route | None:
        """Where a path goes, or None when this rule does not take it.

        >>> ops = Rule("api.example", 1, ("ops",), "abc", "dev", strips=False)
        >>> ops.route("/ops/incidents"), ops.route("/opsomething")
        (('abc', 'dev', '/ops/incidents'), None)
        """
        if not self.base_paths:
            return self.api_id, self.stage, path
        for base in self.base_paths:
            if path == f"/{base}" or path.startswith(f"/{base}/"):
                rest = path[len(base) + 1 :] or "/"
                return self.api_id, self.stage, rest if self.strips else path
        return None


def routed(rules: Iterable[Rule], path: str) -> Route | None:
    """Where the rules send a path."""
    for rule in sorted(rules, key=lambda rule: rule.priority):
        if route := rule.route(path):
            return route
    return None


def to_front(path: str) -> bool:
    """Whether a request goes to the front.

    >>> [to_front(path) for path in ("/_api", "/_api/", "/_api/prod", "/_apis", "/bucket/_api/")]
    [True, True, True, False, False]
    """
    return f"{path}/".startswith(PREFIX)


def resolve(rules: Iterable[Rule], path: str) -> Route | None:
    """Where a request to the front goes; None for one that is not to it.

    >>> rules = [Rule("api.example", 1, (), "abc", "dev", strips=False)]
    >>> resolve(rules, "/_api/dev/forecast")
    ('abc', 'dev', '/forecast')
    >>> resolve(rules, "/_api/prod/forecast"), resolve(rules, "/forecast")
    (None, None)
    """
    if not to_front(path):
        return None
    stage, _, rest = path.removeprefix(PREFIX).partition("/")
    return routed((rule for rule in rules if rule.stage == stage), f"/{rest}")


def install() -> None:
    """Apply the hooks."""
    from ministack import app
    from ministack.core.responses import new_uuid
    from ministack.services import cloudformation
    from ministack.services.cloudformation import provisioners

    stacks = private(cloudformation, "_stacks")
    otherwise = private(app, "_resolve_custom_domain_request")
    execute = private(app, "_handle_execute_api_request")

    def rules() -> Iterator[Rule]:
        for _, stack in stacks.all_items():
            for resource in list(stack.get("_resources", {}).values()):
                if resource["ResourceType"] == RULE and stack["StackStatus"] != "DELETE_COMPLETE":
                    yield Rule.read(resource["Properties"])

    def resolved(host: str, path: str) -> Any:
        if to_front(path):
            return resolve(rules(), path) or _NOWHERE
        return otherwise(host, path)

    async def executed(host: str, path: str, *rest: Any, **more: Any) -> Any:
        if resolved(host, path) == _NOWHERE:
            return 403, dict(_FORBIDDEN_HEADERS), _FORBIDDEN
        return await execute(host, path, *rest, **more)

    def created(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        rule = Rule.read(properties)
        if any((other.domain, other.priority) == (rule.domain, rule.priority) for other in rules()):
            raise ValueError(f"priority {rule.priority} has a routing rule already")
        name = new_uuid()[:8]
        arn = f"{properties['DomainNameArn']}/routingrules/{name}"
        return arn, {"RoutingRuleArn": arn, "RoutingRuleId": name}

    def updated(
        physical_id: str, _old: dict[str, Any], properties: dict[str, Any], _stack: str
    ) -> tuple[str, dict[str, str]]:
        Rule.read(properties)
        return physical_id, {"RoutingRuleArn": physical_id, "RoutingRuleId": physical_id.rsplit("/", 1)[-1]}

    def deleted(_physical_id: str, _properties: dict[str, Any]) -> None:
        """Its record in the stack was all there was."""

    handlers: dict[str, Any] = private(provisioners, "_RESOURCE_HANDLERS")
    handlers[RULE] = {"create": created, "update": updated, "delete": deleted}
    replace(app, "_resolve_custom_domain_request", resolved)
    replace(app, "_handle_execute_api_request", executed)
