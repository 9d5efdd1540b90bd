"""`ona deploy validate`: whether what is deployed works, tried without leaving a trace.

Every function's live version runs its sample event as a probe (`ona.runtime.probe`): it reads, and writes
nothing. Of each workflow's live version every state is tried by itself, with the workflow's role and such a
probe (`ops.deployment.workflows`); no execution begins. Each API is asked for /health, which needs no key.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ona.runtime import probe
from ona.runtime.clock import utc_now
from ona.runtime.words import counted
from operations.deploy_hook.trial import at_home, verdict
from operations.reading import inventory, released
from ops import samples
from ops.deployment import records, workflows
from ops.deployment.finding import Finding
from ops.deployment.versions import Ask, Published, published
from ops.target import LIVE, Target

MOST = 90
"""Characters of an answer that are shown."""
_FUNCTION = re.compile(r":lambda:[a-z0-9-]+:\d{12}:function:([A-Za-z0-9-]+)(?::([A-Za-z0-9]+))?")


def findings(target: Target, say: Callable[[str], None] = lambda _: None) -> Iterator[Finding]:
    """All that is tried; `say` hears what is being done. Raises OpsError when nothing is deployed."""
    client, environment = target.client, target.outputs["Environment"]
    say("asking which version of each function and workflow is live …")
    things = published(client, environment)
    of_each = Counter(item.kind for item in things)
    parts = [counted(of_each[kind], kind) for kind in ("function", "workflow")]
    say(f"trying {parts[0]}, {parts[1]} and {counted(len(target.api_urls), 'API')}, one after another …")
    stacks = inventory.read(client, target.stack)
    there = {item.short: item.release for item in things if item.kind == "function"}
    book, now = records.book(target), utc_now()
    astray = released.astray(there, stacks, book, now) if stacks.release else {}
    apart = {one.workflow: one.text for one in released.apart(client, there, stacks, book)}
    events = {path.stem: path for path in samples.events() if not samples.is_workflow(path)}
    deployed = {target.function(name): name for name in events}

    def own(function: str) -> Any:
        """The function's sample event, as its API hands it on; None without one."""
        name = deployed.get(function)
        return samples.through_its_api(target, name, sample(target, events[name])) if name else None

    for item in things:
        if item.others:
            shares = ", ".join(f"{share:.0%} to version {number}" for number, share in item.others.items())
            yield Finding("not asked", item.short, f"a deployment is under way: {shares}")
            continue
        if item.kind == "function" and item.short in astray:
            text = f"version {item.live} is of release {item.release or 'unnamed'}"
            text = f"{text}, deployed is {stacks.release}"
            yield Finding("wrong", item.short, f"{text}: a deployment did not reach it; deploy again")
        elif item.kind == "workflow" and item.short in apart:
            text = f"{apart[item.short]}, and the functions are of release {next(iter(there.values()))}"
            yield Finding("wrong", item.short, f"{text}: `ona ops health` says what moves it")
        elif item.kind == "workflow":
            yield _workflow(client, item, own)
        elif item.name in deployed:
            yield _probe(client, item, own(item.name))
        else:
            yield Finding("not asked", item.short, "it has no sample event")
    yield from (_health(address, path) for path, address in target.api_urls.items())


def sample(target: Target, path: Any) -> Any:
    """A sample event with this platform's names."""
    places = {"input": target.input_bucket, "output": target.output_bucket}
    return json.loads(at_home(path.read_text("utf-8"), places, target.outputs["Environment"]))


def _probe(client: Ask, item: Published, event: Any) -> Finding:
    about = item.short
    try:
        answer = client("lambda").invoke(
            FunctionName=item.name, Qualifier=LIVE, Payload=json.dumps(probe.asking(event)).encode()
        )
        document = json.loads(answer["Payload"].read())
    except Exception as error:
        return Finding("wrong", about, f"cannot be invoked: {error}")
    found = verdict(document, "FunctionError" in answer)  # as the hook judged it before it got calls
    if not found.ok:
        return Finding("wrong", about, f"version {item.live}: {found.text}")
    told = probe.told(document) or {}
    writes = counted(len(told["would_write"]), "write")
    said = told["answer"] if len(told["answer"]) <= MOST else f"{told['answer'][:MOST]}…"
    return Finding("ok", about, f"version {item.live}, {told['ms']} ms, {writes} held back: {said}")


def _workflow(client: Ask, item: Published, own: workflows.Sample) -> Finding:
    """A workflow's functions by their alias, then its states one by one."""
    states = client("stepfunctions")
    live = states.describe_state_machine(stateMachineArn=f"{item.arn}:{item.live}")
    for name, alias in sorted(set(_FUNCTION.findall(live["definition"]))):
        if alias != LIVE:
            return Finding("wrong", item.short, f"version {item.live} calls {name}, not its alias {LIVE}")
        try:
            client("lambda").get_alias(FunctionName=name, Name=alias)
        except Exception as error:
            return Finding("wrong", item.short, f"version {item.live} calls {name}:{alias}: {error}")
    return workflows.finding(client, item, own)


def _health(address: str, path: str) -> Finding:
    import urllib3

    url = f"{address.rstrip('/')}/health"
    if "/health" not in path and path != "/":
        return Finding("not asked", path, f"{address} has no /health of its own")
    try:
        status = urllib3.PoolManager().request("GET", url, timeout=10.0, retries=False).status
    except urllib3.exceptions.HTTPError as error:
        return Finding("wrong", "API", f"{url} does not answer: {error}")
    return Finding("ok" if status == 200 else "wrong", "API", f"{url} gives status {status}")
