"""A list that may be long, as a state of the loop passes it on: itself, or where it lies.

A state's answer holds 256 KiB at most. Up to `MOST_LISTED` entries travel as they are. More of them are
written down as a JSON array, and the state passes the pointer to it; a Distributed Map reads that array.
The arrays go after a month, as all of `map-results/` does. All that lasts stands in other documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ona.documents.base import Document, S3Pointer
from ona.runtime import aws
from ona.runtime.errors import InvalidPayload
from ona.store import s3
from ooda.layout import LISTING

DocumentT = TypeVar("DocumentT", bound=Document)

MOST_LISTED = 100
"""Entries that travel in a state's answer (ours). The last states pass 100 pointers to diagnostics and 100
orders together: 0.3 KB and at most 1.5 KB each, 180 KB of 256. An inline Map of 100 orders makes 700 events
of 25 000, and 11 100 where each order is tried as often as it may be."""


def passed(items: Sequence[DocumentT], of: str, name: str) -> list[DocumentT] | S3Pointer:
    """The list itself, or the pointer to it where it is long. `of`: the record or plan that it belongs to;
    the same list written again replaces the earlier one. Raises DependencyBusy."""
    if len(items) <= MOST_LISTED:
        return list(items)
    return written([item.document() for item in items], of, name)


def written(document: Any, of: str, name: str) -> S3Pointer:
    """Write a document down for the steps that come; where it lies. Raises DependencyBusy."""
    place = S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=LISTING.build(of=of, name=name))
    s3.write_json(place.bucket, place.key, document)
    return place


def taken(value: list[DocumentT] | S3Pointer, model: type[DocumentT]) -> list[DocumentT]:
    """The list that a state was given, read where it was written. Raises ObjectMissing, DependencyBusy;
    InvalidPayload for what is no list of these."""
    if not isinstance(value, S3Pointer):
        return value
    entries = s3.read_json(value)
    if not isinstance(entries, list):
        raise InvalidPayload(f"{value.key} is no list")
    return [model.read(entry, f"{value.key}, entry {number}") for number, entry in enumerate(entries, 1)]
