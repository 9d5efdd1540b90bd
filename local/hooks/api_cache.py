"""API Gateway: the cache of a stage. ministack keeps a method's settings and asks the function every time.

An answer of a GET whose method setting says `CachingEnabled` is kept for `CacheTtlInSeconds`, where the
stage has a cache cluster. It is given again for the same method and path and the same values of the
integration's `cacheKeyParameters`, and of nothing else: who calls counts only when it is one of them.
Authorizers, keys and throttling come before. An answer of more than 1 048 576 bytes is not kept.
`Cache-Control: max-age=0` asks for the right to invalidate, which nobody here has: the answer stands, as by
default on AWS.

A cache key that the method does not declare is refused; a cluster size that there is not, by its schema.
AWS does not say whether refusals of the function are kept; here they are. The cache is empty after a start.
Sources: Amazon API Gateway Developer Guide, "Cache settings for REST APIs in API Gateway" and "Amazon API
Gateway dimensions and metrics" (CacheHitCount, CacheMissCount).
"""

from __future__ import annotations

import threading
from typing import Any

from local import clock
from local.hooks import metrics
from local.hooks.base import private, replace

Json = dict[str, Any]
MOST_BYTES = 1_048_576
_PLACES = {"header": "header", "query": "querystring", "path": "path"}
_INTEGRATION = "x-amazon-apigateway-integration"


def undeclared(operation: Json) -> list[str]:
    """Cache keys that a method does not declare as parameters.

    >>> keys = ["method.request.querystring.a", "method.request.header.B"]
    >>> integration = {_INTEGRATION: {"cacheKeyParameters": keys}}
    >>> undeclared({"parameters": [{"in": "query", "name": "a"}], **integration})
    ['method.request.header.B']
    """
    there = {
        f"method.request.{_PLACES.get(item.get('in', ''))}.{item.get('name')}"
        for item in operation.get("parameters") or []
    }
    keys = (operation.get(_INTEGRATION) or {}).get("cacheKeyParameters") or []
    return [key for key in keys if key not in there]


def key_value(parameter: str, headers: Json, query: Json, path: Json) -> str:
    """What a request has for one cache key; empty where it has nothing.

    >>> key_value("method.request.header.X-API-Key", {"x-api-key": "k"}, {}, {})
    'k'
    >>> key_value("method.request.querystring.site", {}, {"site": ["a", "b"]}, {})
    'b'
    """
    _, _, place, name = parameter.split(".", 3)
    if place == "header":
        return next((str(value) for one, value in headers.items() if one.lower() == name.lower()), "")
    found = (query if place == "querystring" else path).get(name, "")
    return str(found[-1] if isinstance(found, list) and found else found or "")


def setting_of(stage: Json, path: str, method: str) -> Json:
    """A method's own setting of a stage, else that of all methods; a template writes "/" as "~1"."""
    settings = stage.get("methodSettings") or {}
    own = (f"/{path.replace('/', '~1')}/{method}", f"{path.replace('/', '~1')}/{method}", "*/*")
    return next((settings[name] for name in own if name in settings), {})


class Kept:
    """Answers with the time until which they are given, by what they answer."""

    def __init__(self) -> None:
        self._lock, self._answers = threading.Lock(), dict[tuple[str, ...], tuple[float, Any]]()

    def find(self, key: tuple[str, ...], now: float) -> Any:
        """The answer, or None."""
        with self._lock:
            until, answer = self._answers.get(key, (0.0, None))
            return answer if now < until else None

    def put(self, key: tuple[str, ...], until: float, now: float, answer: Any) -> None:
        """Keep an answer, and forget those whose time is over."""
        with self._lock:
            self._answers = {one: item for one, item in self._answers.items() if now < item[0]}
            self._answers[key] = until, answer

    def forget(self, api: str) -> None:
        """Forget the answers of an API: it was deployed anew, or its stage changed."""
        with self._lock:
            self._answers = {one: item for one, item in self._answers.items() if one[0] != api}


def install() -> None:
    """Apply the hooks."""
    from ministack.services import apigateway_v1
    from ministack.services.cloudformation import provisioners

    kept, resources = Kept(), private(apigateway_v1, "_resources")
    import_operation = private(apigateway_v1, "_import_operation")
    invoke = private(apigateway_v1, "_invoke_lambda_proxy_v1")
    names = private(apigateway_v1, "_rest_apis")
    stages = private(apigateway_v1, "_stages_v1")

    def imported(api: str, resource: str, method: str, operation: Json, *rest: Any) -> None:
        import_operation(api, resource, method, operation, *rest)
        path = resources[api][resource]["path"]
        if undeclared(operation or {}):
            raise ValueError(
                f"Errors found during import: Unable to put integration on '{method}' for resource at path "
                f"'{path}': Invalid cache key parameter specified"
            )
        keys = ((operation or {}).get(_INTEGRATION) or {}).get("cacheKeyParameters") or []
        made = resources[api][resource]["resourceMethods"][method].get("methodIntegration")
        if keys and made:
            made["cacheKeyParameters"] = list(keys)

    async def invoked(
        integration: Json, api: str, stage_name: str, stage: Json, resource: Json, path: str,
        method: str, headers: Json, body: Any, query: Json, in_path: Json, **more: Any,
    ) -> Any:  # fmt: skip
        async def ask() -> Any:
            where = (integration, api, stage_name, stage, resource, path, method)
            return await invoke(*where, headers, body, query, in_path, **more)

        setting = setting_of(stage, resource["path"], method)
        on = method == "GET" and stage.get("cacheClusterEnabled") and setting.get("cachingEnabled")
        if not on:
            return await ask()
        parameters = integration.get("cacheKeyParameters") or []
        values = (key_value(one, headers, query or {}, in_path or {}) for one in parameters)
        key, now = (api, stage_name, method, resource["path"], *values), clock.now()
        answer = kept.find(key, now)
        metric = "CacheMissCount" if answer is None else "CacheHitCount"
        of = {"ApiName": str((names.get(api) or {}).get("name", "")), "Stage": stage_name}
        metrics.record("AWS/ApiGateway", metric, of, 1.0, "Count")
        if answer is None:
            answer = await ask()
            if len(answer[2]) <= MOST_BYTES:
                kept.put(key, now + float(setting.get("cacheTtlInSeconds", 300)), now, answer)
        status, told, text = answer
        return status, dict(told), text

    def clustered(properties: Json) -> None:
        api = str(properties.get("RestApiId", ""))
        stage = (stages.get(api) or {}).get(properties.get("StageName", ""))
        if stage is None:
            return
        kept.forget(api)
        stage["cacheClusterEnabled"] = str(properties.get("CacheClusterEnabled", False)).lower() == "true"
        stage["cacheClusterSize"] = properties.get("CacheClusterSize")

    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    kind = "AWS::ApiGateway::Stage"
    create, update = handlers[kind]["create"], handlers[kind]["update"]

    def created(logical: str, properties: Json, stack: str) -> Any:
        made = create(logical, properties, stack)
        clustered(properties)
        return made

    def updated(physical: str, old: Json, new: Json, stack: str, *rest: Any) -> Any:
        made = update(physical, old, new, stack, *rest)
        clustered(new)
        return made

    handlers[kind] = {**handlers[kind], "create": created, "update": updated}
    replace(apigateway_v1, "_import_operation", imported)
    replace(apigateway_v1, "_invoke_lambda_proxy_v1", invoked)
