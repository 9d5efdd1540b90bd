"""The routes of the operator's day: what is wrong, what was ordered, who goes when.

Every route sees only the caller's machines: those whose `customer_id` in `assets.json` is the caller's.
"""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AwareDatetime

from ona.api.envelope import REFUSALS, ApiError, refusals
from ona.api.resolver import Api
from ona.config import parameters
from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.documents.findings import IncidentState
from ona.documents.work_orders import OrderStatus, WorkOrder
from ona.outbox import deliveries, signing
from ona.repairs import crews, orders
from ona.runtime import aws, http
from ona.runtime.clock import iso, utc_now
from ona.runtime.errors import ObjectMissing
from ona.runtime.identity import digest
from ona.runtime.observability import count, logger
from ona.store import s3
from ona.store.layout import work_order_key
from ona.store.registry import read_registry
from ooda.config import loss_function
from ooda.documents.asset_history import AssetHistory
from ooda.operations_api.models import (
    IncidentAnswer,
    NewSubscription,
    OrderAnswer,
    OrderChange,
    OrdersAnswer,
    ScheduleAnswer,
    SubscriptionAnswer,
    UnsubscribedAnswer,
    state_of,
)
from ooda.store import read_history

MACHINES_A_PAGE = 50
ORDERS_A_PAGE = 50
READERS = 8
WRITES = 5
AHEAD = timedelta(days=100)
"""Parts may take months, and their visits are booked."""
api = Api()
app = api.app
SiteFilter = Annotated[str | None, Query(max_length=128, description="only this site")]
Next = Annotated[str | None, Query(max_length=2000, description="`next` of the page before")]
OrderId = Annotated[str, Path(pattern=r"^wo-[0-9]{8}-[0-9a-f]{8}$")]
SubscriptionId = Annotated[str, Path(pattern=r"^sub-[0-9a-f]{12}$")]
FULL = refusals(409, "As many are told of this order as may be")
CONFLICT = refusals(409, "The order is at another version by now, or may not go to that status")


def _machines(site_id: str | None = None) -> list[Asset]:
    """The caller's machines, by id; of one site. Raises ApiError (404) for a site that is another's."""
    registry = read_registry(aws.environment("INPUT_BUCKET"))
    mine = [asset for asset in registry.assets if asset.customer_id == api.caller.customer_id]
    if site_id is not None and site_id not in {asset.site_id for asset in mine}:
        raise ApiError(404, "NOT_FOUND", f"No site {site_id} of yours is registered", field="site_id")
    return sorted((asset for asset in mine if site_id in (None, asset.site_id)), key=lambda asset: asset.id)


@app.get("/ops/incidents", summary="What is wrong with your machines", tags=["operations"],
         responses=REFUSALS, middlewares=[api.counted])  # fmt: skip
def incidents(
    site_id: SiteFilter = None,
    state: Annotated[IncidentState | None, Query(description="only these")] = None,
    next: Next = None,
) -> IncidentAnswer:
    """Machine by machine, fifty machines a page; a machine that is well has none."""
    machines = _machines(site_id)
    after = _cursor(next).get("asset_id", "")
    left = [asset for asset in machines if asset.id > after]
    page = left[:MACHINES_A_PAGE]
    with ThreadPoolExecutor(READERS) as readers:
        histories = list(readers.map(_history, page))
    found = [
        {**incident.document(), "site_id": asset.site_id}
        for asset, history in zip(page, histories, strict=True)
        for incident in (history.incidents if history else [])
        if state in (None, incident.state)
    ]
    more = _told({"asset_id": page[-1].id}) if len(left) > len(page) else None
    return api.success({"incidents": found, "next": more})


def _history(asset: Asset) -> AssetHistory | None:
    return read_history(aws.environment("OUTPUT_BUCKET"), asset.site_id, asset.id)


@app.get("/ops/work-orders", summary="What was ordered", tags=["operations"], responses=REFUSALS,
         middlewares=[api.counted])  # fmt: skip
def work_orders(
    site_id: SiteFilter = None,
    status: Annotated[OrderStatus | None, Query(description="only these")] = None,
    limit: Annotated[int, Query(ge=1, le=ORDERS_A_PAGE)] = ORDERS_A_PAGE,
    next: Next = None,
) -> OrdersAnswer:
    """The newest first. A page may hold fewer than `limit` while `next` says that more follow."""
    start = _cursor(next) or None
    if start and start.get("customer_id") != api.caller.customer_id:
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of your own pages", field="next")
    records, last = orders.of_customer(api.caller.customer_id, limit, start)
    found = [
        state_of(record)
        for record in records
        if site_id in (None, record["site_id"]) and status in (None, record["status"])
    ]
    return api.success({"work_orders": found, "next": _told(last) if last else None})


@app.get("/ops/work-orders/<work_order_id>", summary="One order, with its history", tags=["operations"],
         responses=REFUSALS, middlewares=[api.counted])  # fmt: skip
def work_order(work_order_id: OrderId) -> OrderAnswer:
    """What was ordered, how it stands, and all that happened to it."""
    return api.success(_detail(_record(work_order_id)))


@app.patch("/ops/work-orders/<work_order_id>", summary="Change an order", tags=["operations"],
           responses={**REFUSALS, **CONFLICT}, middlewares=[api.counted])  # fmt: skip
def change_work_order(work_order_id: OrderId, body: OrderChange) -> OrderAnswer:
    """Status, people, due date, what was really needed. The same change sent twice is made once."""
    record = _record(work_order_id)
    who = f"customer:{api.caller.customer_id}"
    if body.version == record["version"] - 1 and _made(record, body, who):
        crews.follow(
            record["finding_key"], body.status
        )  # a retry of a change that was made: finish what hangs on it
        return api.success(_detail(record))
    if body.version != record["version"]:
        raise _changed(record)
    sent = body.model_dump(mode="json", exclude_unset=True, exclude={"version", "status", "note"})
    changes = {name: value for name, value in sent.items() if value is not None}
    for name, moment in (("due_date", body.due_date), ("completed_at", body.completed_at)):
        if moment is not None:
            changes[name] = iso(moment)
    if body.completed_at is not None and body.completed_at > utc_now():
        raise ApiError(400, "VALIDATION_ERROR", "must not be in the future", field="completed_at")
    try:
        after = orders.change(record, changes, by=who, now=utc_now(), status=body.status, note=body.note)
    except orders.OrderChanged as error:
        raise _changed(error.record) from error
    except orders.IllegalMove as error:
        raise ApiError(409, "CONFLICT", str(error), field="status") from error
    crews.follow(record["finding_key"], body.status)
    count("WorkOrdersChanged", 1)
    logger.info("work order changed", work_order_id=work_order_id, status=after["status"])
    return api.success(_detail(after))


@app.post("/ops/work-orders/<work_order_id>/subscriptions", summary="Be told of an order",
          tags=["operations"], responses={**REFUSALS, **FULL}, middlewares=[api.counted])  # fmt: skip
def subscribe(work_order_id: OrderId, body: NewSubscription) -> SubscriptionAnswer:
    """By e-mail or webhook: at once how it stands, then whatever happens to it. Asking twice is asking
    once."""
    name = f"sub-{digest(work_order_id, body.kind, body.endpoint)}"
    secret = None
    if body.kind == "webhook":
        wrong = http.check_public(body.endpoint)
        if wrong:
            raise ApiError(400, "VALIDATION_ERROR", wrong, field="endpoint")
        key = parameters.parameter(signing.SIGNING_KEY)
        if not key:
            raise ApiError(
                503, "UNAVAILABLE", "Webhooks are not set up here: the operator's key is missing"
            )
        secret = signing.secret_of(key, name)
    for _ in range(WRITES):
        record = _record(work_order_id)
        made = {"kind": body.kind, "endpoint": body.endpoint, "created_at": iso(utc_now())}
        try:
            if not orders.subscribe(record, name, made, utc_now()):
                most = orders.MOST_SUBSCRIPTIONS
                raise ApiError(409, "CONFLICT", f"{most} are told of this order already; remove one")
        except orders.OrderChanged:
            continue
        if body.kind == "email":
            deliveries.ask_again(deliveries.mail(body.endpoint))
        kept = record["subscriptions"].get(name, made)
        return api.success({"subscription_id": name, **kept, "secret": secret})
    raise ApiError(503, "UNAVAILABLE", "The order is being changed; try again", retry_after=1)


@app.delete("/ops/work-orders/<work_order_id>/subscriptions/<subscription_id>", summary="Be told no more",
            tags=["operations"], responses=REFUSALS, middlewares=[api.counted])  # fmt: skip
def unsubscribe(work_order_id: OrderId, subscription_id: SubscriptionId) -> UnsubscribedAnswer:
    """What was not delivered yet is not delivered any more."""
    for _ in range(WRITES):
        try:
            if not orders.unsubscribe(_record(work_order_id), subscription_id):
                raise ApiError(404, "NOT_FOUND", "No such subscription", field="subscription_id")
        except orders.OrderChanged:
            continue
        return api.success({"subscription_id": subscription_id})
    raise ApiError(503, "UNAVAILABLE", "The order is being changed; try again", retry_after=1)


def _made(record: dict[str, Any], body: OrderChange, who: str) -> bool:
    """Whether the last change of a record is this one."""
    last = record["history"][-1]
    wanted = body.status or record["status"]
    return bool((last["by"], last["status"], last.get("note", "")) == (who, wanted, body.note))


def _changed(record: dict[str, Any]) -> ApiError:
    last = record["history"][-1]
    return ApiError(
        409, "CONFLICT", f"The order is at version {record['version']} by now: read it again",
        field="version", details=f"last changed {last['at']} by {last['by']}",
    )  # fmt: skip


def _record(work_order_id: str) -> dict[str, Any]:
    """The caller's order. Raises ApiError (404): of other people's orders nobody learns that they exist."""
    record = orders.job(work_order_id)
    if record.get("customer_id") != api.caller.customer_id:
        raise ApiError(404, "NOT_FOUND", f"No work order {work_order_id} of yours", field="work_order_id")
    return record


def _detail(record: dict[str, Any]) -> dict[str, Any]:
    pointer = S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=work_order_key(record["job_id"]))
    try:
        order: WorkOrder = WorkOrder.read(s3.read_json(pointer), pointer.key)
    except ObjectMissing as error:
        raise ApiError(503, "UNAVAILABLE", "The order is being written", retry_after=2) from error
    ordered = order.model_copy(update={"status": record["status"]}).document()
    told = [{"subscription_id": name, **item} for name, item in sorted(record["subscriptions"].items())]
    return {
        "order": ordered, "state": state_of(record), "history": record["history"], "subscriptions": told
    }  # fmt: skip


@app.get("/ops/schedule", summary="Who goes where, and when", tags=["operations"], responses=REFUSALS,
         middlewares=[api.counted])  # fmt: skip
def schedule(
    site_id: SiteFilter = None,
    since: Annotated[AwareDatetime | None, Query(description="visits that end later; default: now")] = None,
    until: Annotated[AwareDatetime | None, Query(description="visits that begin earlier")] = None,
) -> ScheduleAnswer:
    """The visits to your machines as the crews' calendars have them now."""
    mine = {asset.id for asset in _machines(site_id)}
    now = utc_now()
    begin = since or now
    end = until or now + AHEAD
    if end <= begin:
        raise ApiError(400, "VALIDATION_ERROR", "must be after `since`", field="until")
    frozen = now + timedelta(hours=loss_function.loss_function_config().constraints.freeze_hours)
    told = {"asset_id", "site_id", "leaves", "start", "end", "returns", "technicians", "specialization"}
    visits = [
        {
            **booking.model_dump(mode="json", include=told),
            "crew_id": crew.crew_id,
            "movable": booking.work is not None and booking.leaves > frozen,
        }
        for crew in crews.load()
        for booking in crew.bookings
        if booking.asset_id in mine and booking.end > begin and booking.start < end
    ]
    return api.success({"visits": sorted(visits, key=lambda visit: (visit["start"], visit["crew_id"]))})


def _told(key: dict[str, Any]) -> str:
    """Where the next page begins, as the caller gets it."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _cursor(text: str | None) -> dict[str, Any]:
    """What the caller gave back. Raises ApiError (400) for what no page told."""
    if not text:
        return {}
    try:
        key = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError as error:
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of a page", field="next") from error
    if not isinstance(key, dict) or not all(isinstance(value, str) for value in key.values()):
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of a page", field="next")
    return key
