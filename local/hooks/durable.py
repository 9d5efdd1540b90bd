"""Durability: what a request changed is on disk before its answer, and a write that is not is an error.

Installed when the home is kept (PERSIST_STATE=1). The other modules `durable_*` say what changed, a service
each; `local/state/` writes it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.descriptions import CONTENT_TAG, CUT_SHORT
from local.hooks import codedeploy_records, durable_functions, durable_s3
from local.hooks.asynchronous import Queue
from local.hooks.base import private, replace
from local.hooks.durable_deliveries import Deliveries, accepting
from local.hooks.durable_dynamodb import Tables
from local.hooks.durable_notes import Notes, named
from local.hooks.durable_requests import Answer, action_of, failure, is_reading
from local.hooks.durable_sqs import Queues
from local.hooks.durable_stepfunctions import Executions
from local.hooks.durable_stores import ColdServices
from local.state import restore
from local.state.damage import Damage, now, tell
from local.state.files import NotStored
from local.state.keeper import Keeper

ITEM_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
ANSWERS_MUST_BE_WRITTEN = ("cloudformation",)
"""Services whose readings show what a task behind them did: their answers wait for it, too."""
CHANGE_OTHERS = ("tagging", "cloudcontrol", "resource-groups")
"""Services that change other services' resources."""
UNSTORED_STACKS = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
}
"""What becomes of a stack whose deployment a kill cut short: the next `ona up` deploys it again."""


class Durability:
    """Joins the services' sources, the keeper and ministack's server."""

    def __init__(self, home: Path, events: Queue) -> None:
        """Apply the hooks. Raises OSError when the home cannot be written."""
        from ministack import app

        self._app, self._home = app, home
        self._restored = restore.restore(home)
        self.keeper = Keeper(home)
        self.tables, self.queues, self.executions, self.notes = Tables(), Queues(), Executions(), Notes()
        durable_s3.install(lambda: self.cold.suspect("s3"))
        self.deliveries = Deliveries(self.keeper, self.notes, events)
        self.keeper.sources += [self.tables, self.queues, self.executions]
        self.cold = ColdServices(
            private(app, "_state_map"),
            {"dynamodb", "sqs", "stepfunctions", "dynamodb_streams"},
            lambda source: self.keeper.sources.insert(0 if source.name == "cloudformation" else 1, source),
        )
        self._names = {
            service: (configuration["module"], *configuration.get("sub_modules", ()))
            for service, configuration in private(app, "SERVICE_REGISTRY").items()
        }
        _keep_packages()
        replace(app, "_load_persisted_state", self._load)
        replace(app, "save_all", lambda _services: self._finish())
        handlers = private(app, "SERVICE_HANDLERS")
        for service, handler in list(handlers.items()):
            handlers[service] = self._stored(service, handler)
        self._data_plane = replace(app, "_handle_special_data_plane_request", self._stored_data_plane)

    # start and end

    def _load(self) -> None:
        """Raises nothing: the server would serve without what this starts, and keep nothing."""
        try:
            self._read()
        except BaseException:
            traceback.print_exc()
            print("the home's state cannot be read: this server ends", file=sys.stderr, flush=True)
            os._exit(1)

    def _read(self) -> None:
        for item in self._restored.damages:
            print(item.in_words(), file=sys.stderr, flush=True)
        modules = private(self._app, "_state_map")
        for name, payload in self._restored.payloads.items():
            if name == self.notes.name:
                continue
            if name in modules and payload:
                module = private(self._app, "_get_module")(modules[name])
                self._load_service(name, module.load_persisted_state, payload)
        self._mend_stacks()
        codedeploy_records.mend()
        durable_functions.mend()
        self.cold.read(self._restored.payloads)
        for source in (self.tables, self.queues, self.executions):
            source.loaded()
        notes = self._restored.payloads.get(self.notes.name, {})
        self._load_service(self.notes.name, lambda payload: self.notes.load(named(payload)), notes)
        self.keeper.sources.append(self.notes)
        self.keeper.start(asyncio.get_running_loop(), self._restored.damages)
        port = int(os.environ["GATEWAY_PORT"])
        self.deliveries.resume(port)
        self.deliveries.resume_ends(self.executions, port)
        self._restored = restore.Restored()

    def _load_service(self, name: str, load: Callable[[Any], Any], payload: Any) -> None:
        try:
            load(payload)
        except Exception as error:  # of whatever kind: the others' state is to be served
            text = f"{name} from there on: {type(error).__name__}: {error}"
            told = Damage(now(), f"state of {name}", "", "nothing", text)
            self._restored.damages.append(told)
            tell(self._home, [told])
            traceback.print_exc()

    def _mend_stacks(self) -> None:
        module = sys.modules.get("ministack.services.cloudformation")
        if module is None:
            return
        from ministack.services.cloudformation import stacks

        for stack in private(module, "_stacks").all_values():
            status = str(stack.get("StackStatus"))
            if status in UNSTORED_STACKS:
                stack["StackStatus"] = UNSTORED_STACKS[status]
                stack["Tags"] = [tag for tag in stack.get("Tags") or [] if tag["Key"] != CONTENT_TAG]
                reason = stack["StackStatusReason"] = CUT_SHORT
                name, status = stack["StackName"], stack["StackStatus"]
                kind, ident = "AWS::CloudFormation::Stack", stack["StackId"]
                private(stacks, "_add_event")(ident, name, name, kind, status, reason, ident)

    def _finish(self) -> None:
        self.cold.suspect_all()
        self.keeper.finish()

    # requests

    def _suspect(self, service: str, action: str, path: str) -> None:
        if service == "sqs":
            self.queues.suspect()
        elif is_reading(action) and service not in ANSWERS_MUST_BE_WRITTEN:
            return
        elif service == "dynamodb":
            if action not in ITEM_WRITES:
                self.tables.suspect()
        elif service == "states":
            if action not in (
                "StartExecution",
                "StartSyncExecution",
                "SendTaskSuccess",
                "SendTaskHeartbeat",
            ):
                self.executions.suspect()
        elif not (service == "s3" and path.strip("/").count("/")) and action != "Invoke":
            self._suspect_modules(service)

    def _suspect_modules(self, service: str) -> None:
        if service in CHANGE_OTHERS:
            self.cold.suspect_all()
        for module in self._names.get(service, (service,)):
            self.cold.suspect(module)

    def _stored(self, service: str, handler: Any) -> Any:
        async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
            action = action_of(method, headers, body, query)
            invoked = service == "lambda" and path.endswith("/invocations")
            writes = not is_reading(action) and not invoked
            try:
                if writes and not (service == "s3" and method == "DELETE"):
                    self.keeper.journal.admit(0 if service == "s3" else len(body))
                return await self._answered(service, handler, (method, path, headers, body, query), action)
            except NotStored as error:
                return failure(service, headers, str(error))

        return handle

    async def _answered(self, service: str, handler: Any, request: tuple[Any, ...], action: str) -> Answer:
        accepted, folders, stored = accepting(), durable_s3.gathering(), False
        try:
            answer: Answer = await handler(*request)
            if not request[1].endswith("/invocations"):
                self._suspect(service, action, request[1])
            if folders:
                await asyncio.to_thread(folders.end)
            try:
                await self.keeper.stored()
            except NotStored:
                if not is_reading(action):
                    raise
                return answer  # reading goes on; what it shows is written when there is space again
            stored = True
            return answer
        finally:
            accepted.end(stored=stored)

    async def _stored_data_plane(self, *arguments: Any, **named_: Any) -> Any:
        accepted, folders, stored = accepting(), durable_s3.gathering(), False
        headers = arguments[2]
        try:
            answer = await self._data_plane(*arguments, **named_)
            if answer is None:
                return None
            if folders:
                await asyncio.to_thread(folders.end)
            await self.keeper.stored()
            stored = True
            return answer
        except NotStored as error:
            return failure("s3", headers, str(error))
        finally:
            accepted.end(stored=stored)


def _keep_packages() -> None:
    """Functions' packages: synchronised, hashed once, and removed only when no snapshot names them."""
    from ministack.services import lambda_svc

    from local.state.files import make_folder, sync_folder

    write = private(lambda_svc, "_write_code_blob")
    folder = private(lambda_svc, "CODE_BLOB_DIR")
    known: dict[int, tuple[bytes, str]] = {}

    def written(package: bytes) -> str:
        kept, digest = known.get(id(package), (b"", ""))
        if kept is package:
            return digest
        for changed in make_folder(folder):
            sync_folder(changed)
        digest = str(write(package))
        handle = os.open(os.path.join(folder, f"{digest}.zip"), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(folder)
        known[id(package)] = (package, digest)
        return digest

    replace(lambda_svc, "_write_code_blob", written)
    replace(lambda_svc, "_prune_orphan_code_blobs", lambda _referenced: None)


def install(events: Queue) -> None:
    """Apply the hooks when the home is kept. `events`: Lambda's queue of asynchronous events."""
    if os.environ.get("PERSIST_STATE") == "1":
        Durability(Path(os.environ["STATE_DIR"]).parent, events)
