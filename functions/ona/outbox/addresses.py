"""E-mail addresses: when their owners were asked, and who left. Items `address#<name>` of the outbox table.

>>> by_mail("Thandi@example.com").name == by_mail("thandi@example.com").name
True
"""

from __future__ import annotations

from pydantic import Field

from ona.outbox.items import Recipient
from ona.runtime.identity import digest
from ona.store import tables
from ona.store.items import Moment, Table, TableItem


class Address(TableItem):
    """An address that SNS asked to confirm at `invited_at`. `gone`: its owner does not want it."""

    key: str = Field(alias="delivery_id")
    invited_at: Moment
    gone: bool


ADDRESSES = Table("OUTBOX_TABLE", "delivery_id", Address.read)


def by_mail(address: str) -> Recipient:
    """An e-mail address as a recipient: the same whoever names it, however it is written."""
    return Recipient(f"mail-{digest(address.lower())}", "mail", address)


def key_of(recipient: Recipient) -> str:
    """The key of an address's item."""
    return f"address#{recipient.name}"


def find(recipient: Recipient) -> Address | None:
    """An address that was invited before; None when nobody asked its owner. Raises DependencyBusy."""
    return ADDRESSES.get(key_of(recipient))


def remember(address: Address) -> None:
    """Write down when an address was asked, and whether its owner left. Raises DependencyBusy."""
    tables.put(ADDRESSES.name, address.item())


def invite_again(recipient: Recipient) -> None:
    """Somebody subscribed an address anew: if its owner left, SNS may ask once more. Raises
    DependencyBusy."""
    address = find(recipient)
    if address and address.gone:
        tables.transact([ADDRESSES.deletion(address.key)])
