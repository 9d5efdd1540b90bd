"""FlagValidator: AppConfig asks whether a document of feature flags may be deployed; an error says no.

Its event: AppConfig User Guide, "Understanding validators".
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from ona.documents.base import Document
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.observability import handler
from operations.flag_validator.rules import problems


class ValidationRequest(Document):
    """What AppConfig sends; `content` is Base64."""

    applicationId: str  # noqa: N815 - AppConfig's word
    configurationProfileId: str  # noqa: N815 - AppConfig's word
    configurationVersion: str  # noqa: N815 - AppConfig's word
    content: str
    uri: str


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, int]:
    """`ValidationRequest` in, the number of flags out. Raises InvalidConfiguration with what is wrong."""
    request = ValidationRequest.read(event, "event")
    try:
        document = json.loads(base64.b64decode(request.content, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidConfiguration(f"flags: no JSON: {error}") from error
    found = problems(document)
    if found:
        raise InvalidConfiguration(f"flags: {'; '.join(found)}")
    return {"flags": len(document)}
