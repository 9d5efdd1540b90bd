"""The routes of the operator's day: what is wrong, what was ordered, who goes when.

Every route sees only the caller's assets: those whose `customer_id` in `assets.json` is the caller's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import Field

from ona.api import paging
from ona.api.envelope import ApiError, refusals
from ona.api.resolver import Api
from ona.api.strict import Digits, Moment
from ona.config import parameters
from ona.documents.assets import Asset
from ona.documents.findings import IncidentState
from ona.documents.work_orders import OrderStatus
from ona.outbox import addresses, signing
from ona.repairs import crews, history, moves, orders, recipients, subscriptions
from ona.repairs.tracking import Subscription, TrackedOrder
from ona.runtime import http
from ona.runtime.clock import iso, utc_now
from ona.runtime.errors import ObjectMissing
from ona.runtime.identity import digest
from ona.runtime.observability import count, logger
from ooda.config import loss_function
from ooda.operations_api import changes, store
from ooda.operations_api.models import (
    HistoryEntry,
    IncidentAnswer,
    IncidentPage,
    NewSubscription,
    OrderAnswer,
    OrderChange,
    OrderDetail,
    OrderPage,
    OrdersAnswer,
    ScheduleAnswer,
    SiteEvent,
    SiteIncident,
    Subscribed,
    SubscriptionAnswer,
    Unsubscribed,
    UnsubscribedAnswer,
    Visit,
    Visits,
    state_of,
    subscriber,
    visit_of,
)

ASSETS_A_PAGE = 50
"""Assets whose incidents one page tells: as many histories are read from S3 for it."""
ORDERS_A_PAGE = 50
"""Orders of a page, at most: a caller may ask for fewer."""
LINES_A_PAGE = 100
"""Lines of an order's history on one page: one read of the table."""
VISITS_A_PAGE = 200
"""Visits of a page of the plan."""
MOST_DIGITS = 10
"""Digits of a version in a cursor, and more than any order has changes."""
AHEAD = timedelta(days=100)
"""How far the plan is shown: parts may take months, and their visits are booked."""
api = Api()
app = api.app
SiteFilter = Annotated[str | None, Query(max_length=128, description="only this site")]
Next = Annotated[str | None, Query(max_length=2000, description="`next` of the page before")]
OrderId = Annotated[str, Path(pattern=r"^wo-[0-9]{8}-[0-9a-f]{8}$")]
SubscriptionId = Annotated[str, Path(pattern=r"^sub-[0-9a-f]{12}$")]
FULL = refusals(409, "As many are told of this order as may be")
"""What `subscribe` may answer besides."""
CONFLICT = refusals(409, "The order is at another version by now, or may not go to that status")
"""What `change_work_order` may answer besides."""


def _assets(site_id: str | None = None) -> list[Asset]:
    """The caller's assets, by id; of one site. Raises ApiError (404) for a site that is another's."""
    mine = store.assets_of(api.caller.customer_id)
    if site_id is not None and site_id not in {asset.site_id for asset in mine}:
        raise ApiError(404, "NOT_FOUND", f"No site {site_id} of yours is registered", field="site_id")
    return [asset for asset in mine if site_id in (None, asset.site_id)]


@api.route("GET", "/ops/incidents", "What is wrong with your assets", "operations", refuses=(400, 404))
def incidents(
    site_id: SiteFilter = None,
    state: Annotated[IncidentState | None, Query(description="only these")] = None,
    next: Next = None,
) -> IncidentAnswer:
    """Asset by asset, fifty assets a page; an asset that is well has none."""
    after = paging.position(next, "asset_id").get("asset_id", "")
    left = [asset for asset in _assets(site_id) if asset.id > after]
    page = left[:ASSETS_A_PAGE]
    found = [
        (asset, incident)
        for asset, history in zip(page, store.histories(page), strict=True)
        for incident in ([*history.incidents, *history.superseded] if history else [])
        if state in (None, incident.state)
    ]
    left_alone = store.unattended([incident for _, incident in found], utc_now())
    incidents = [
        SiteIncident(**incident.document(), site_id=asset.site_id, unattended=why)
        for (asset, incident), why in zip(found, left_alone, strict=True)
    ]
    more = {"asset_id": page[-1].id} if len(left) > len(page) else None
    events = [
        SiteEvent(**{name: getattr(event, name) for name in SiteEvent.model_fields})
        for event in store.site_events(page)
    ]
    answer = IncidentPage(incidents=incidents, site_events=events, next=paging.cursor(more))
    return api.success(answer.document())


@api.route("GET", "/ops/work-orders", "What was ordered", "operations", refuses=(400,))
def work_orders(
    site_id: SiteFilter = None,
    status: Annotated[OrderStatus | None, Query(description="only these")] = None,
    limit: Annotated[Annotated[int, Field(ge=1, le=ORDERS_A_PAGE), Digits], Query()] = ORDERS_A_PAGE,
    next: Next = None,
) -> OrdersAnswer:
    """The newest first. A page may hold fewer than `limit` while `next` says that more follow."""
    start = paging.position(next, *orders.CURSOR)
    if start and start.get("customer_id") != api.caller.customer_id:
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of your own pages", field="next")
    tracked, last = orders.of_customer(api.caller.customer_id, limit, start)
    states = [
        state_of(order)
        for order in tracked
        if site_id in (None, order.site_id) and status in (None, order.status)
    ]
    return api.success(OrderPage(work_orders=states, next=paging.cursor(last)).document())


@api.route(
    "GET",
    "/ops/work-orders/<work_order_id>",
    "One order, with its history",
    "operations",
    refuses=(400, 404),
)
def work_order(work_order_id: OrderId, next: Next = None) -> OrderAnswer:
    """What was ordered, how it stands, and all that happened to it: the latest hundred lines, with `next`
    the ones before."""
    before = paging.position(next, "before").get("before", "")
    if next and not (before.isascii() and before.isdecimal() and len(before) < MOST_DIGITS):
        raise ApiError(400, "VALIDATION_ERROR", "not a `next` of an order's history", field="next")
    return api.success(_detail(_order(work_order_id), int(before) if before else None).document())


@api.route(
    "PATCH", "/ops/work-orders/<work_order_id>", "Change an order", "operations", CONFLICT, refuses=(404,)
)
def change_work_order(work_order_id: OrderId, body: OrderChange) -> OrderAnswer:
    """Status, people, due date, what was really needed. The same change sent twice is made once."""
    order, author = _order(work_order_id), changes.author(api.caller.customer_id)
    if changes.was_made(order, body, author):
        crews.follow(order.finding_key, body.status)  # the first try may have broken off before this
        return api.success(_detail(order).document())
    if body.version != order.version:
        raise _conflict(order)
    now = utc_now()
    if body.completed_at is not None and body.completed_at > now:
        raise ApiError(400, "VALIDATION_ERROR", "must not be in the future", field="completed_at")
    try:
        after = orders.change(order, changes.change_of(body, author, now))
    except orders.OrderChanged as error:
        if not changes.was_made(error.order, body, author):
            raise _conflict(error.order) from error
        after = error.order  # the same request was a moment faster
    except moves.IllegalMove as error:
        raise ApiError(409, "CONFLICT", str(error), field="status") from error
    crews.follow(order.finding_key, body.status)
    count("WorkOrdersChanged", 1)
    logger.info("work order changed", work_order_id=work_order_id, status=after.status)
    return api.success(_detail(after).document())


@api.route(
    "POST",
    "/ops/work-orders/<work_order_id>/subscriptions",
    "Be told of an order",
    "operations",
    FULL,
    refuses=(404,),
)
def subscribe(work_order_id: OrderId, body: NewSubscription) -> SubscriptionAnswer:
    """By e-mail or webhook: at once how it stands, then whatever happens to it. Asking twice is asking
    once."""
    name = f"sub-{digest(work_order_id, body.kind, body.endpoint)}"
    secret = _secret(name, body.endpoint) if body.kind == "webhook" else None
    order, now = _order(work_order_id), utc_now()
    new = Subscription(kind=body.kind, endpoint=body.endpoint, created_at=now)
    try:
        subscriptions.require_room(order, name)
        if body.kind == "email":
            _request(body.endpoint, now)
        subscription = subscriptions.subscribe(order, name, new, now)
    except subscriptions.TooManySubscribers as error:
        raise ApiError(409, "CONFLICT", str(error)) from error
    except subscriptions.OrderBusy as error:
        raise _busy() from error
    return api.success(Subscribed(**dict(subscriber(name, subscription)), secret=secret).document())


def _request(endpoint: str, now: datetime) -> None:
    """Let the owner of an address be asked. Raises ApiError: 429, strangers are not to be flooded; 409, the
    operator's own address is told by the configuration."""
    if endpoint.lower() == recipients.operators_address():
        raise ApiError(
            409, "CONFLICT", "the operator has this address; name one of yours", field="endpoint"
        )
    try:
        addresses.request(addresses.by_mail(endpoint), api.caller.customer_id, now)
    except addresses.TooManyInvitations as error:
        count("InvitationsRefused", 1)
        raise ApiError(
            429, "QUOTA_EXCEEDED", str(error), field="endpoint", retry_after=error.retry_after_s
        ) from error


def _secret(name: str, endpoint: str) -> str:
    """The secret of a webhook that may be reached. Raises ApiError (400, 503)."""
    problem = http.check_public(endpoint)
    if problem:
        raise ApiError(400, "VALIDATION_ERROR", problem, field="endpoint")
    key = parameters.parameter(signing.SIGNING_KEY)
    if not key:
        raise ApiError(503, "UNAVAILABLE", "Webhooks are not set up here: the operator's key is missing")
    return signing.secret_of(key, name)


@api.route(
    "DELETE",
    "/ops/work-orders/<work_order_id>/subscriptions/<subscription_id>",
    "Be told no more",
    "operations",
    refuses=(400, 404),
)
def unsubscribe(work_order_id: OrderId, subscription_id: SubscriptionId) -> UnsubscribedAnswer:
    """What was not delivered yet is not delivered any more. An address that no order wants any more is
    forgotten; its owner is asked again before it is told of another."""
    order = _order(work_order_id)
    subscription = order.subscriptions.get(subscription_id)
    try:
        removed = subscriptions.unsubscribe(order, subscription_id)
    except subscriptions.OrderBusy as error:
        raise _busy() from error
    if not removed:
        raise ApiError(404, "NOT_FOUND", "No such subscription", field="subscription_id")
    if subscription is not None and subscription.kind == "email":
        addresses.release(addresses.by_mail(subscription.endpoint), order.customer_id, utc_now())
    return api.success(Unsubscribed(subscription_id=subscription_id).document())


def _busy() -> ApiError:
    return ApiError(503, "UNAVAILABLE", "The order is being changed; try again", retry_after=1)


def _conflict(order: TrackedOrder) -> ApiError:
    last = order.last
    return ApiError(
        409,
        "CONFLICT",
        f"The order is at version {order.version} by now: read it again",
        field="version",
        details=f"last changed {iso(last.at)} by {last.by}",
    )


def _order(work_order_id: str) -> TrackedOrder:
    """The caller's order. Raises ApiError (404): of other people's orders nobody learns that they exist."""
    order = orders.find(work_order_id)
    if order is None or order.customer_id != api.caller.customer_id:
        raise ApiError(404, "NOT_FOUND", f"No work order {work_order_id} of yours", field="work_order_id")
    return order


def _detail(tracked: TrackedOrder, before: int | None = None) -> OrderDetail:
    try:
        document = store.document_of(tracked)
    except ObjectMissing as error:
        raise ApiError(503, "UNAVAILABLE", "The order is being written", retry_after=2) from error
    end = tracked.version + 1 if before is None else min(before, tracked.version + 1)
    first, lines = end - LINES_A_PAGE, history.latest(tracked, LINES_A_PAGE, end)
    return OrderDetail(
        order=document.model_copy(update={"status": tracked.status}),
        state=state_of(tracked),
        history=[HistoryEntry(**dict(item.line)) for item in lines],
        subscriptions=[subscriber(name, item) for name, item in sorted(tracked.subscriptions.items())],
        next=paging.cursor({"before": str(first)}) if first > 1 else None,
    )


@api.route("GET", "/ops/schedule", "Who goes where, and when", "operations", refuses=(400, 404))
def schedule(
    site_id: SiteFilter = None,
    since: Annotated[Moment | None, Query(description="visits that end later; default: now")] = None,
    until: Annotated[Moment | None, Query(description="visits that begin earlier")] = None,
    next: Next = None,
) -> ScheduleAnswer:
    """The visits to your assets as the crews' calendars have them now, two hundred a page."""
    mine = {asset.id for asset in _assets(site_id)}
    now = utc_now()
    begin = since or now
    end = until or now + AHEAD
    if end <= begin:
        raise ApiError(400, "VALIDATION_ERROR", "must be after `since`", field="until")
    frozen = now + timedelta(hours=loss_function.loss_function_config().constraints.freeze_hours)
    visits = [
        visit_of(crew_id, booking, movable=booking.work is not None and booking.leaves > frozen)
        for crew_id, booking in store.visits()
        if booking.asset_id in mine and booking.end > begin and booking.start < end
    ]
    after = paging.position(next, "start", "crew_id")
    by_time = sorted(((_place(visit), visit) for visit in visits), key=lambda pair: pair[0])
    left = [visit for place, visit in by_time if place > (after.get("start", ""), after.get("crew_id", ""))]
    page = left[:VISITS_A_PAGE]
    more = dict(zip(("start", "crew_id"), _place(page[-1]), strict=True)) if len(left) > len(page) else None
    return api.success(Visits(visits=page, next=paging.cursor(more)).document())


def _place(visit: Visit) -> tuple[str, str]:
    """Where a visit stands in the plan; a crew begins one visit at a time."""
    return iso(visit.start), visit.crew_id
