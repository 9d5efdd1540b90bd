"""Who may be written to: addresses whose owners said yes, for the customer whose order it is.

`way_to` asks an owner when the first message for the address is due. `look_after` removes addresses that
nobody wants any more, with their subscriptions, and takes over those of before, when all customers shared
one topic.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from delivery.deliver import notifications
from ona.outbox import addresses, deliveries, hourly
from ona.outbox.addresses import Address, by_mail
from ona.outbox.items import OPERATORS, Delivery, Recipient
from ona.repairs import orders
from ona.repairs.recipients import operators_address
from ona.runtime.errors import InvalidInput
from ona.runtime.http import Busy
from ona.runtime.observability import logger
from ona.store.unreadable import Unreadable, note

INVITED_LATELY = timedelta(minutes=30)
"""A new invitation may be missing in SNS's list of subscribers for so long."""
INVITED_BY_ONE = 5
"""Minutes for which one run may ask the owner of a new address; it takes seconds."""
CONFIRMED_WITHIN_S = 600.0
"""Seconds until Deliver checks again whether the owner has confirmed an address."""
ANSWERED_WITHIN = timedelta(days=2)
"""An owner who has not confirmed by then does not want it: so long is the link in the mail valid (Amazon
SNS API Reference, ConfirmSubscription)."""
WANTED_AGAIN = timedelta(days=90)
"""A confirmed address that no open order wants is kept for so long, so that its owner is not asked again
for the next order (ours)."""
PROMISED = timedelta(hours=1)
"""An address may wait so long for the order that is to tell it: both are written one after the other."""
LOOKED_AFTER = timedelta(days=1)
"""How often Deliver asks SNS about an address."""
MOST_LOOKED_AT = 200
"""Addresses that one run looks after; the next minute goes on. SNS answers 30 such questions a second (AWS
General Reference, "Amazon SNS endpoints and quotas")."""
ALL_DUE = datetime(2999, 12, 31, tzinfo=UTC)
"""Later than anything that waits in the outbox."""
MOST_WAITING = 10_000
"""Deliveries that wait, of which a run knows for whom they are."""


class Left(InvalidInput):
    """The owner of an address did not confirm it, or unsubscribed; or nobody wants it any more."""


@dataclass(frozen=True)
class Way:
    """The topic of a recipient, and the attributes by which the shared topic's filter picks this one."""

    topic: str
    attributes: dict[str, str]


def way_to(recipient: Recipient, customer_id: str, now: datetime) -> Way:
    """The topic for a customer's messages to a recipient. The owner of a new address is asked first.

    Raises Busy while the address is not confirmed yet, Left when it is not expected to be any more.
    """
    if recipient.kind != "mail":
        return Way(notifications.OPERATORS, {})
    address = _known(recipient, customer_id, now)
    if address is None or address.gone:
        raise Left("the address is not confirmed, or its owner unsubscribed")
    if address.asked_at is None:
        address = _asked(address, recipient, now)
    address = _confirmed(address, now)
    return Way(address.topic or notifications.SUBSCRIBERS, {} if address.topic else {"to": recipient.name})


def _known(recipient: Recipient, customer_id: str, now: datetime) -> Address | None:
    """The item of an address; None where its owner was asked before and is gone. One that the configuration
    names is the operator's, whose order it may be. One of before, when all shared a topic, is taken over.
    """
    if recipient.endpoint.lower() == operators_address():
        customer_id = ""
    if known := addresses.find(recipient, customer_id):
        return known
    sharing = notifications.shared()
    if recipient.endpoint.lower() in sharing:
        return _taken_over(recipient, customer_id, sharing[recipient.endpoint.lower()], now)
    return None if addresses.was_asked_before(recipient) else addresses.put(recipient, customer_id, now)


def _taken_over(recipient: Recipient, customer_id: str, subscription: str, now: datetime) -> Address:
    """An address that an order named while all shared a topic. Its owner was asked, and is not again."""
    return addresses.put(recipient, customer_id, now, asked_at=now, confirmed=bool(subscription))


def _asked(address: Address, recipient: Recipient, now: datetime) -> Address:
    """Ask the owner. Raises Busy where another run does it just now."""
    # a run that died here is followed by another slot
    slot = now.replace(minute=now.minute // INVITED_BY_ONE * INVITED_BY_ONE)
    if not hourly.first(f"{recipient.name}#{address.customer_id}", "invitation", slot):
        raise Busy("the owner of the address is being asked to confirm it", CONFIRMED_WITHIN_S)
    topic = _own_topic(address)
    try:
        notifications.invite(address.endpoint, topic)
    except InvalidInput as error:  # it is no address for SNS: nobody was asked, and nobody will be
        addresses.change(address.key, lambda _: {"gone": True, "next_at": now})
        raise Left(f"SNS does not take the address: {error}") from error
    asked = {"topic": topic, "asked_at": now, "next_at": now + LOOKED_AFTER}
    after = addresses.change(address.key, lambda current: None if current.gone else asked)
    if after is None or after.gone:
        notifications.remove(topic)
        raise Left("the address was taken off while its owner was being asked")
    return after


def _own_topic(address: Address) -> str:
    """The topic that an address has, or had when the run that made it ended before it was written down."""
    return notifications.own_topic(address.customer_id, address.recipient_name)


def _state(address: Address) -> bool | None:
    """What SNS says of an address: confirmed, not yet, or (None) not subscribed."""
    if address.topic:
        return notifications.confirmed(address.topic, address.endpoint)
    subscription = notifications.shared().get(address.endpoint.lower())
    return None if subscription is None else bool(subscription)


def _confirmed(address: Address, now: datetime) -> Address:
    """An address whose owner said yes. Raises Busy and Left as `way_to`."""
    state = _state(address)
    if state:
        return _noted(address)
    if _is_late(address, state, now):
        addresses.change(address.key, lambda _: {"gone": True, "next_at": now})
        raise Left("the address was not confirmed in time")
    raise Busy("the address is not confirmed yet: its owner has a mail with a link", CONFIRMED_WITHIN_S)


def _noted(address: Address) -> Address:
    """The address, noted as confirmed."""
    yes = {"confirmed": True}
    return addresses.change(address.key, lambda current: None if current.confirmed else yes) or address


def _is_late(address: Address, state: bool | None, now: datetime) -> bool:
    """Whether an owner who has not said yes is not expected to any more. `state`: what SNS says."""
    waited = now - (address.asked_at or now)
    return waited >= (INVITED_LATELY if state is None else ANSWERED_WITHIN)


# ------------------------------------------------------------------ what is not wanted any more


def look_after(now: datetime, bad: list[Unreadable]) -> None:
    """Look after the addresses that are due: what the owner says now, and whether an order still wants it.

    An address that cannot be looked after is put into `bad`. Raises DependencyBusy.
    """
    due = addresses.due(now, MOST_LOOKED_AT, bad)
    hour = now.replace(minute=0, second=0, microsecond=0)
    sharing = notifications.shared() if hourly.first(OPERATORS, "shared", hour) else {}
    if not due and not sharing:
        return
    wanted = _wanted(bad)
    waiting: dict[str, set[str]] = {}
    for item in deliveries.due("send", ALL_DUE, MOST_WAITING)[0]:
        if isinstance(item, Delivery) and item.kind == "mail":
            waiting.setdefault(item.recipient_name, set()).add(item.work_order_id)
    for address in due:
        try:
            awaited = address.pair in wanted or _awaited(address, waiting)
            _look(address, awaited, now)
        except Exception as error:
            note(f"address {address.key}", f"{type(error).__name__}: {error}", bad)
    _empty_shared(sharing, wanted, waiting, now)


def _awaited(address: Address, waiting: Mapping[str, Collection[str]]) -> bool:
    """Whether a message of this customer's orders is still due to an address. `waiting`: orders by
    recipient; another customer's keep no address. Raises DependencyBusy."""
    found = (orders.find(name) for name in waiting.get(address.recipient_name, ()))
    return any(order is not None and order.customer_id == address.customer_id for order in found)


def _wanted(bad: list[Unreadable]) -> set[tuple[str, str]]:
    """Customer and address, in lower case, of all that open orders and the configuration name."""
    pairs = {
        (order.customer_id, subscription.endpoint.lower())
        for order in orders.all_open(bad)
        for subscription in order.subscriptions.values()
        if subscription.kind == "email"
    }
    return pairs | {("", operators_address())}


def _look(address: Address, wanted: bool, now: datetime) -> None:
    """Look after one address. `wanted`: by an order, or by a message that is still due."""
    if address.asked_at and not address.gone:
        state = _state(address)
        if state:
            address = _noted(address)
        elif _is_late(address, state, now):
            address = addresses.change(address.key, lambda _: {"gone": True}) or address
    if wanted:
        if address.gone:  # its owner left: the item stays, so that nobody asks again
            notifications.remove(_own_topic(address))
        kept = {"released": False, "wanted_at": now, "next_at": now + LOOKED_AFTER}
        addresses.change(address.key, lambda current: {**kept, **({"topic": ""} if current.gone else {})})
        return
    until = address.wanted_at + (WANTED_AGAIN if address.confirmed else PROMISED)
    if address.released or address.gone or now >= until:
        _removed(address)
    else:
        later = min(until, now + LOOKED_AFTER)
        addresses.change(address.key, lambda _: {"next_at": later})


def _removed(address: Address) -> None:
    """Remove an address, unless somebody wants it again meanwhile: then the next run looks."""
    seen = address.version

    def gone(current: Address) -> dict[str, bool] | None:
        return {"gone": True} if current.version == seen else None

    after = addresses.change(address.key, gone)
    if after is None or not after.gone:
        return
    notifications.remove(_own_topic(after))
    addresses.delete(after)
    logger.info("address removed", key=address.key)


def _empty_shared(
    sharing: dict[str, str], wanted: set[tuple[str, str]], waiting: Collection[str], now: datetime
) -> None:
    """What is subscribed to the shared topic: taken over for each customer whose order wants it, or ended.
    One that nobody confirmed is deleted by SNS itself."""
    for endpoint, subscription in sharing.items():
        recipient = by_mail(endpoint)
        customers = sorted(customer for customer, address in wanted if address == endpoint)
        for customer_id in customers:
            if addresses.find(recipient, customer_id) is None:
                _taken_over(recipient, customer_id, subscription, now)
        unwanted = not customers and recipient.name not in waiting
        if unwanted and addresses.was_asked_before(recipient):  # else somebody subscribed it by hand
            if subscription:
                notifications.leave_shared(subscription)
            addresses.forget_before(recipient)
