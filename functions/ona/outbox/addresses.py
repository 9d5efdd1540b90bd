"""E-mail addresses that a customer wants told, and what their owners said.

Items `address#<recipient>#<customer>` of the outbox table. An owner consents to one customer's orders: what
was confirmed for one customer opens the address to no other. Deliver asks (`delivery.deliver.subscribers`);
here it is counted how often, and written down what became of it.

>>> by_mail("Thandi@example.com").name == by_mail("thandi@example.com").name
True
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from ona.outbox import hourly
from ona.outbox.items import BY_DUE, OUTBOX, Recipient
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidInput, InvalidPayload
from ona.runtime.identity import digest
from ona.runtime.words import counted
from ona.store import tables
from ona.store.items import Moment, Table, TableItem
from ona.store.unreadable import Unreadable, note

A_DAY_BY_CUSTOMER = 20
"""New addresses whose owners one customer may let us ask on one day (UTC; ours): as many as one order may
tell. Counted where it is asked for, by whichever order."""
A_MONTH_BY_ADDRESS = 3
"""How often one mailbox is asked in a calendar month (UTC; ours), by all customers together."""
A_MONTH_BY_PAIR = 2
"""Of these, how many one customer may have asked: nobody can use up what others need (ours)."""
COUNTS_KEPT = timedelta(days=33)
"""How long the counts of invitations are kept: a month, and a day or two until DynamoDB deletes them."""


class TooManyInvitations(InvalidInput):
    """Nobody may be asked just now; after `retry_after_s` seconds again."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Address(TableItem):
    """An address of one customer. `topic`: its own SNS topic; empty where it has none, or is subscribed to
    the topic that all addresses shared before. `gone`: its owner did not confirm, or left, or nobody wants
    it any more. `released`: a caller took it off an order. `next_at`: when Deliver looks after it."""

    key: str = Field(alias="delivery_id")
    recipient_name: str = Field(alias="place")
    customer_id: str
    endpoint: str
    topic: str = ""
    asked_at: Moment | None = None
    confirmed: bool = False
    gone: bool = False
    released: bool = False
    wanted_at: Moment
    version: int = 1
    lane: Literal["address"] = "address"
    next_at: Moment

    @property
    def pair(self) -> tuple[str, str]:
        """Customer and address, by which orders want it."""
        return self.customer_id, self.endpoint.lower()


ADDRESSES = Table("OUTBOX_TABLE", "delivery_id", Address.read)
Change = Callable[[Address], dict[str, Any] | None]
"""What to change of an address; None: nothing."""


def by_mail(address: str) -> Recipient:
    """An e-mail address as a recipient: the same whoever names it, however it is written."""
    return Recipient(f"mail-{digest(address.lower())}", "mail", address)


def in_ascii(address: str) -> str:
    """An address as mail servers write it: its domain in Punycode. What is no domain stays as it is.

    >>> in_ascii("Thandi@bücher.example")
    'Thandi@xn--bcher-kva.example'
    """
    local, at, domain = address.rpartition("@")
    try:
        return local + at + domain.encode("idna").decode()
    except UnicodeError:
        return address


def mailbox(address: str) -> str:
    """Whose mailbox an address is, however it is spelled: what counts when owners are asked.

    Capitals, what stands behind a plus (RFC 5233), a domain in Punycode, and the dots that Gmail does not
    read ("Dots don't matter in Gmail addresses", Gmail Help) make no other mailbox.

    >>> mailbox("Thandi+ona@Example.com"), mailbox("th.andi@googlemail.com")
    ('thandi@example.com', 'thandi@gmail.com')
    """
    local, _, domain = in_ascii(address).lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def key_of(recipient: Recipient, customer_id: str) -> str:
    """The key of an address's item."""
    return f"address#{recipient.name}#{customer_id}"


def key_of_before(recipient: Recipient) -> str:
    """The key of an address's item as it was while all customers shared it."""
    return f"address#{recipient.name}"


def find(recipient: Recipient, customer_id: str) -> Address | None:
    """An address that a customer wanted told; None when nobody did. Raises DependencyBusy."""
    return ADDRESSES.get(key_of(recipient, customer_id))


# ------------------------------------------------------------------ what callers want


def request(recipient: Recipient, customer_id: str, now: datetime) -> None:
    """A customer wants an address told: its owner will be asked, unless that was done.

    Raises TooManyInvitations, DependencyBusy.
    """
    key = key_of(recipient, customer_id)
    known = change(key, lambda address: None if address.gone else {"released": False, "wanted_at": now})
    if known is not None and not known.gone:
        return
    _count(recipient, customer_id, now)
    put(recipient, customer_id, now)


def _count(recipient: Recipient, customer_id: str, now: datetime) -> None:
    """Count one more question. One that is refused costs nothing.

    Raises TooManyInvitations, DependencyBusy.
    """
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    tomorrow, next_month = day + timedelta(days=1), (month + timedelta(days=32)).replace(day=1)
    name = by_mail(mailbox(recipient.endpoint)).name
    asked = f"this address was asked {counted(A_MONTH_BY_ADDRESS, 'time')} this month"
    asked_by_you = f"you had this address asked {counted(A_MONTH_BY_PAIR, 'time')} this month"
    find = "its owner finds the link in those mails"
    by_customer = f"{counted(A_DAY_BY_CUSTOMER, 'new address')} may be asked a day, and were"
    limits = [
        (f"customer#{customer_id}", day, A_DAY_BY_CUSTOMER, tomorrow,
         f"{by_customer}; webhooks are not counted"),
        (f"{name}#{customer_id}", month, A_MONTH_BY_PAIR, next_month, f"{asked_by_you}; {find}"),
        (name, month, A_MONTH_BY_ADDRESS, next_month, f"{asked}; {find}"),
    ]  # fmt: skip
    for number, (who, since, most, until, why) in enumerate(limits):
        if not hourly.spend_invitation(who, since, most, COUNTS_KEPT):
            for counted_who, counted_since, *_ in limits[:number]:
                hourly.give_back_invitation(counted_who, counted_since)
            raise TooManyInvitations(why, _seconds(until - now))


def _seconds(wait: timedelta) -> int:
    return max(1, int(wait.total_seconds()) + 1)


def put(recipient: Recipient, customer_id: str, now: datetime, **more: Any) -> Address:
    """An address that is wanted from now on; one that is wanted already stays as it is.

    Raises DependencyBusy.
    """
    key = key_of(recipient, customer_id)

    def fresh(current: Address | None) -> Address | None:
        if current is not None and not current.gone:
            return None
        return Address(
            key=key,
            recipient_name=recipient.name,
            customer_id=customer_id,
            endpoint=recipient.endpoint,
            wanted_at=now,
            version=current.version + 1 if current else 1,
            next_at=now + timedelta(hours=1),
            **more,
        )

    made = ADDRESSES.edit(key, fresh)
    if made is None:
        raise AssertionError("an edit that makes an item returns one")
    return made


def release(recipient: Recipient, customer_id: str, now: datetime) -> None:
    """A caller took an address off an order: Deliver looks at once whether another order wants it.

    Raises DependencyBusy.
    """
    change(key_of(recipient, customer_id), lambda _: {"released": True, "next_at": now})


# ------------------------------------------------------------------ what became of it


def change(key: str, what: Change) -> Address | None:
    """Change an address as it stands then; None where there is none. Raises DependencyBusy."""

    def changed(current: Address | None) -> Address | None:
        fields = what(current) if current is not None else None
        if current is None or fields is None:
            return None
        return current.model_copy(update={**fields, "version": current.version + 1})

    return ADDRESSES.edit(key, changed)


def delete(address: Address) -> bool:
    """Forget an address; False where it was changed meanwhile. Raises DependencyBusy."""
    return tables.transact([ADDRESSES.deletion(address.key, "version", address.version)])


def was_asked_before(recipient: Recipient) -> bool:
    """Whether an owner was asked while all customers shared an address. Raises DependencyBusy."""
    return tables.get(OUTBOX.name, {"delivery_id": key_of_before(recipient)}) is not None


def forget_before(recipient: Recipient) -> None:
    """Forget what was written down while all customers shared an address. Raises DependencyBusy."""
    tables.transact([ADDRESSES.deletion(key_of_before(recipient))])


def due(now: datetime, most: int, bad: list[Unreadable]) -> list[Address]:
    """Up to `most` addresses to look after by now; into `bad` those that nobody can read.

    Raises DependencyBusy.
    """
    found = []
    for item in tables.until(OUTBOX.name, BY_DUE, ("lane", "address"), ("next_at", iso(now)), most):
        try:
            found.append(ADDRESSES.parsed(item))
        except InvalidPayload as error:
            note(f"table {OUTBOX.name}, {item.get('delivery_id')}", error, bad)
    return found
