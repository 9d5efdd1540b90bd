"""What several functions of the loop read from S3."""

from __future__ import annotations

from ona.documents.base import S3Pointer
from ona.runtime.errors import ObjectMissing
from ona.store.s3 import read_json
from ooda.documents.books import AssetBook
from ooda.layout import BOOK


def read_book(bucket: str, site_id: str, asset_id: str) -> AssetBook | None:
    """A machine's book, which Detect keeps; None where there is none yet."""
    key = BOOK.build(site_id=site_id, asset_id=asset_id)
    try:
        document = read_json(S3Pointer(bucket=bucket, key=key))
    except ObjectMissing:
        return None
    book: AssetBook = AssetBook.read(document, key)
    return book
