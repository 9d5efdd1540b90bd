"""What is still to be told to others, table `ona-platform-outbox` (key `delivery_id`).

One item for each order and place it is told to, written in the transaction that changes the order: what
was changed is told, also when whoever changed it dies the moment after. An item names the version of the
order that is wanted there (`wanted`) and the last that was told (`told`); ten changes while the other side
is down are one delivery of how the order stands. A notice is an item that carries its own text.

`lane` and `next_at` (index `due-index`) say what is due: "send"; "watch", told, and to be asked what became
of it; "dead", given up. An item without a lane has nothing to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ona.config import custom_services, ticketing
from ona.runtime.aws import client, environment, translate
from ona.runtime.clock import iso
from ona.runtime.identity import digest
from ona.store import tables

DUE = "due-index"
LEASE = timedelta(minutes=5)
KEPT = timedelta(days=30)
Kind = Literal["people", "mail", "webhook", "system", "claim", "notice", "digest"]
Lane = Literal["send", "watch", "dead"]
OPERATORS = "operators"


@dataclass(frozen=True)
class Place:
    """Somewhere an order is told. `endpoint`: an address that is not in the configuration."""

    name: str
    kind: Kind
    endpoint: str = ""


def table_name() -> str:
    """The outbox table, from the environment."""
    return environment("OUTBOX_TABLE")


def mail(address: str) -> Place:
    """An e-mail address as a place; whoever names it."""
    return Place(f"mail-{digest(address.lower())}", "mail", address)


def places(record: dict[str, Any]) -> list[Place]:
    """Where an order is told: the operators, the systems that the configuration names, its subscribers."""
    found = [Place(OPERATORS, "people")]
    found += [
        Place(system.name, "webhook" if system.kind == "webhook" else "system")
        for system in ticketing.ticketing_config().systems
        if system.takes(record.get("customer_id", ""))
    ]
    insurance = custom_services.custom_services_config().insurance_automation
    if insurance.covers(record.get("at_stake_usd", 0.0)):
        if insurance.auto_submission:
            found.append(Place("insurance", "claim"))
        if insurance.notification_email:
            found.append(mail(insurance.notification_email))
    for name, subscription in record.get("subscriptions", {}).items():
        endpoint = subscription["endpoint"]
        found.append(
            mail(endpoint) if subscription["kind"] == "email" else Place(name, "webhook", endpoint)
        )
    return list({place.name: place for place in found}.values())


def delivery_id(work_order_id: str, place: Place) -> str:
    """The item's key."""
    return f"{work_order_id}@{place.name}"


def wanted(
    record: dict[str, Any], version: int, now: datetime, only: list[Place] | None = None
) -> list[dict[str, Any]]:
    """Writes for the transaction that brings an order to a version: tell it everywhere, or only there."""
    told = places(record) if only is None else only
    return [_want(record["job_id"], place, version, now) for place in told]


def forget(work_order_id: str, gone: list[Place]) -> list[dict[str, Any]]:
    """Writes for the transaction after which places are told no more."""
    return [
        {
            "Delete": {
                "TableName": table_name(),
                "Key": tables.to_item({"delivery_id": delivery_id(work_order_id, place)}),
            }
        }
        for place in gone
    ]


def _want(work_order_id: str, place: Place, version: int, now: datetime) -> dict[str, Any]:
    values = {
        ":send": "send",
        ":now": iso(now),
        ":version": version,
        ":order": work_order_id,
        ":place": place.name,
        ":kind": place.kind,
        ":endpoint": place.endpoint,
        ":zero": 0,
    }
    return {
        "Update": {
            "TableName": table_name(),
            "Key": tables.to_item({"delivery_id": delivery_id(work_order_id, place)}),
            "UpdateExpression": "SET lane = :send, next_at = :now, wanted = :version, "
            "work_order_id = :order, place = :place, kind = :kind, endpoint = :endpoint, "
            "told = if_not_exists(told, :zero), attempts = if_not_exists(attempts, :zero)",
            "ExpressionAttributeValues": tables.to_item(values),
        }
    }


def notice(name: str, kind: Kind, fields: dict[str, Any], now: datetime) -> bool:
    """Tell the operators something that is no order, once; False when it was told or waits already.

    Raises DependencyBusy.
    """
    item = {
        "delivery_id": name,
        "lane": "send",
        "next_at": iso(now),
        "kind": kind,
        "place": OPERATORS,
        "attempts": 0,
        "ttl": int((now + KEPT).timestamp()),
        **fields,
    }
    absent = "attribute_not_exists(delivery_id)"
    put = {"Put": {"TableName": table_name(), "Item": tables.to_item(item), "ConditionExpression": absent}}
    return tables.transact([put])


def known(name: str) -> bool:
    """Whether there is an item of that name. Raises DependencyBusy."""
    return tables.get(table_name(), {"delivery_id": name}) is not None


def due(lane: Lane, now: datetime, most: int) -> list[dict[str, Any]]:
    """What a lane has to be done by now, the longest due first. Raises DependencyBusy."""
    return tables.until(table_name(), DUE, ("lane", lane), ("next_at", iso(now)), most)


def claim(item: dict[str, Any], now: datetime) -> dict[str, Any] | None:
    """Take an item so that nobody else delivers it meanwhile, as it stands then; None when somebody has it
    or nothing is to be done any more. One that is never settled is free again after five minutes."""
    taken = tables.update(
        table_name(),
        {"delivery_id": item["delivery_id"]},
        "SET claimed_until = :until",
        {":until": iso(now + LEASE), ":now": iso(now), ":dead": "dead"},
        names={"#lane": "lane"},
        condition="attribute_exists(#lane) AND #lane <> :dead AND next_at <= :now "
        "AND (attribute_not_exists(claimed_until) OR claimed_until <= :now)",
    )
    return tables.get(table_name(), {"delivery_id": item["delivery_id"]}) if taken else None


def told(
    item: dict[str, Any],
    now: datetime,
    *,
    version: int | None = None,
    ticket: str = "",
    remote: str = "",
    watch: datetime | None = None,
) -> None:
    """An item is delivered, up to a version of its order. `watch`: when to ask what became of it.

    An order that changed meanwhile stays due. Raises DependencyBusy.
    """
    sets = {"told": version, "ticket": ticket or None, "remote": remote or None, "told_at": iso(now)}
    done = {"lane": "watch", "next_at": iso(watch)} if watch else {}
    gone = ["claimed_until", "first_failed_at", "last_error"]
    finished = gone if watch else [*gone, "lane", "next_at"]
    values = {name: value for name, value in {**sets, "attempts": 0}.items() if value is not None}
    if _settle(item, {**values, **done}, finished, version):
        return
    _settle(item, {**values, "next_at": iso(now)}, gone, None)


def later(item: dict[str, Any], at: datetime, now: datetime, why: str = "") -> None:
    """Try an item again then; with a reason it counts as a try that failed. Raises DependencyBusy."""
    values: dict[str, Any] = {"next_at": iso(at)}
    if why:
        values |= {"attempts": int(item.get("attempts", 0)) + 1, "last_error": why[:500]}
        values["first_failed_at"] = item.get("first_failed_at", iso(now))
    _settle(item, values, ["claimed_until"], None)


def dead(item: dict[str, Any], now: datetime, why: str) -> None:
    """Give an item up: a dead letter, and the item stays to be sent again. Raises DependencyBusy."""
    letter = {
        "kind": "delivery",
        "state": str(item.get("place", "")),
        "error": "NotDelivered",
        "cause": why,
        "at": iso(now),
        "delivery_id": item["delivery_id"],
        "input": {"delivery_id": item["delivery_id"]},
    }
    try:
        client("sqs").send_message(
            QueueUrl=environment("OUTBOX_DEAD_LETTERS_URL"), MessageBody=json.dumps(letter)
        )
    except Exception as error:
        raise translate(error, "sqs outbox dead letters") from error
    values = {"lane": "dead", "next_at": iso(now), "attempts": 0, "last_error": why[:500]}
    _settle(item, values, ["claimed_until", "first_failed_at"], None)


def _settle(item: dict[str, Any], sets: dict[str, Any], gone: Iterable[str], version: int | None) -> bool:
    names = {f"#{name}": name for name in (*sets, *gone)}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    expression += " REMOVE " + ", ".join(f"#{name}" for name in gone)
    values = {f":{name}": value for name, value in sets.items()}
    condition = "attribute_exists(delivery_id)"
    if version is not None:
        condition += " AND wanted <= :version"
        values[":version"] = version
    return tables.update(
        table_name(),
        {"delivery_id": item["delivery_id"]},
        expression,
        values,
        names=names,
        condition=condition,
    )


def spend(recipient: str, hour: str, most: int) -> bool:
    """Count a message to a recipient in an hour; False when it is one too many. Raises DependencyBusy."""
    return tables.update(
        table_name(),
        {"delivery_id": f"sent#{recipient}#{hour}"},
        "ADD messages :one SET #ttl = if_not_exists(#ttl, :ttl)",
        {":one": 1, ":most": most, ":ttl": _expiry(hour)},
        names={"#ttl": "ttl"},
        condition="attribute_not_exists(messages) OR messages < :most",
    )


def address_of(name: str) -> dict[str, Any] | None:
    """What is known of an address: when it was `invited_at`, and whether its owner is `gone`."""
    return tables.get(table_name(), {"delivery_id": f"address#{name}"})


def keep_address(name: str, invited_at: str, *, gone: bool) -> None:
    """Remember when an address was asked, and whether its owner does not want it (any more)."""
    tables.put(table_name(), {"delivery_id": f"address#{name}", "invited_at": invited_at, "gone": gone})


def ask_again(place: Place) -> None:
    """Somebody subscribed an address anew: if its owner left, SNS may ask once more. Raises
    DependencyBusy."""
    known = address_of(place.name)
    if known and known["gone"]:
        key = tables.to_item({"delivery_id": f"address#{place.name}"})
        tables.transact([{"Delete": {"TableName": table_name(), "Key": key}}])


def _expiry(hour: str) -> int:
    return int((datetime.fromisoformat(f"{hour}:00:00+00:00") + timedelta(days=2)).timestamp())
