"""The mends that are certain, as data, and what a person has to decide."""

from __future__ import annotations

from dataclasses import dataclass, field

from ona.outbox.items import Delivery, Recipient
from ona.repairs.crews import Booking
from ona.repairs.experience import Repairs
from ona.repairs.locks import OrderLock
from ona.repairs.tracking import TrackedOrder
from ona.runtime.words import counted
from ooda.reconcile.seen import StoredDocument


@dataclass(frozen=True)
class WriteDocument:
    """Write an order's document from its record, over `found` as it was seen, or where there is none."""

    order: TrackedOrder
    found: StoredDocument | None
    why: str

    @property
    def text(self) -> str:
        """What is done, in words."""
        return f"write the document of {self.order.work_order_id} again: {self.why}"


@dataclass(frozen=True)
class FollowVisit:
    """Give an order the time of the visit that is booked for it."""

    order: TrackedOrder
    found: StoredDocument | None
    crew_id: str
    booking: Booking

    @property
    def text(self) -> str:
        """What is done, in words."""
        when = f"{self.booking.start:%Y-%m-%d %H:%M} UTC"
        return f"move {self.order.work_order_id} to its visit in the calendar: {self.crew_id}, {when}"


@dataclass(frozen=True)
class MakeLock:
    """Lock a fault for its open order. `instead_of`: a lock that stands for no order."""

    name: str
    order: TrackedOrder
    instead_of: OrderLock | None = None

    @property
    def text(self) -> str:
        """What is done, in words."""
        return f"lock {self.name} for {self.order.work_order_id}, which is open"


@dataclass(frozen=True)
class DropLock:
    """Delete a lock whose order is gone (`order` None) or holds it no more."""

    lock: OrderLock
    order: TrackedOrder | None
    why: str

    @property
    def text(self) -> str:
        """What is done, in words."""
        return f"delete {self.lock.name}: {self.why}"


@dataclass(frozen=True)
class Tell:
    """Make an order due to a recipient. `seen`: the delivery that is not as it should be; None: none."""

    order: TrackedOrder
    recipient: Recipient
    seen: Delivery | None

    @property
    def text(self) -> str:
        """What is done, in words."""
        return f"tell {self.recipient.name} of {self.order.work_order_id}, version {self.order.version}"


@dataclass(frozen=True)
class ReleaseVisit:
    """Give back a crew's time that no order holds. `order`: the fault's open order, which has another
    visit; None where the fault has no open order."""

    crew_id: str
    booking: Booking
    order: TrackedOrder | None

    @property
    def text(self) -> str:
        """What is done, in words."""
        when = f"{self.booking.start:%Y-%m-%d %H:%M} UTC"
        why = f"{self.order.work_order_id} has another visit" if self.order else "no open order holds it"
        return f"give back {self.crew_id}, {when}, for {self.booking.finding_key}: {why}"


@dataclass(frozen=True)
class KeepHistory:
    """Give the lines of an order's history items of their own: an order of before holds them all in its
    item, and a full item can never be changed again."""

    order: TrackedOrder

    @property
    def text(self) -> str:
        """What is done, in words."""
        lines = counted(len(self.order.history), "line")
        return f"keep the history of {self.order.work_order_id} in items of its own: {lines}"


@dataclass(frozen=True)
class DivideExperience:
    """Give each customer its own repairs of a cause: an item of before holds those of all."""

    shared: Repairs

    @property
    def text(self) -> str:
        """What is done, in words."""
        repairs = counted(len(self.shared.repairs), "repair")
        return f"divide {self.shared.name} by customer: {repairs}"


Mend = (
    WriteDocument | FollowVisit | MakeLock | DropLock | Tell | ReleaseVisit | KeepHistory | DivideExperience
)


@dataclass(frozen=True)
class Decide:
    """What a person has to decide: where it is, what is wrong, and how it is mended."""

    where: str
    what: str
    how: str


@dataclass
class Plan:
    """What is done, in this order, and what is left to people."""

    mends: list[Mend] = field(default_factory=list)
    decide: list[Decide] = field(default_factory=list)
