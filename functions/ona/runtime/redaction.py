r"""What no log line may hold is taken out of it: secrets, and how to reach a person.

A field is taken out by its name, or by what its text looks like. A text loses the part alone.

>>> redacted({"api_key": "ona_x", "key": "observations/a.csv", "asset_id": "key-1"})
{'api_key': '[redacted]', 'key': 'observations/a.csv', 'asset_id': 'key-1'}
>>> redacted({"message": "nobody to tell: ana.souza@example.com", "file": "email_export.csv"})
{'message': 'nobody to tell: [redacted]', 'file': 'email_export.csv'}
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

GONE = "[redacted]"
"""What stands in place of what was taken out."""
DEEPEST = 12
"""Levels of lists and objects that are looked into (ours). What lies deeper is taken out whole."""
_SECRET_WORDS = {
    *("secret", "secrets", "token", "tokens", "password", "passwords", "passwd", "passphrase"),
    *("authorization", "credential", "credentials", "cookie", "signature", "apikey"),
    *("email", "emails", "phone", "phones", "address", "addresses", "assignee", "assignees"),
}
"""A field with one of these words in its name is taken out."""
_OF_A_KEY = {"api", "access", "signing", "private", "secret", "encryption", "session"}
"""A field whose name has `key` behind one of these is taken out. Others are keys of S3 and of tables."""
_HARMLESS = {"key_parameter", "api_key_parameter", "secret_parameter", "next_token"}
"""Names of parameters, and where a list goes on."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_TEXTS = re.compile(
    r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"  # an e-mail address (RFC 5321: local part <= 64)
    r"|\+[1-9]\d{0,2}[ .-]?\(?\d{2,4}\)?[ .-]?\d{3,5}[ .-]?\d{3,4}\b"  # a phone number (E.123)
    r"|\bwhsec_[\w+/=-]+"  # Standard Webhooks
    r"|\bona_[\w-]{30,}"  # an API key of this platform
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"  # AWS IAM User Guide, "IAM identifiers", unique identifiers
    r"|\bxox[abprs]-[\w-]+|\bhooks\.slack\.com/services/[\w/]+"
    r"|\bBearer +[\w.~+/=-]{8,}|\bBasic +[\w+/=]{8,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON Web Token
    r"|\bX-Amz-(?:Signature|Credential|Security-Token)=[^&\s\"']+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
)
_SIGNS = re.compile(r"[@+]|whsec_|ona_|A[KS]IA|xox|hooks\.slack|Bearer|Basic|eyJ|X-Amz|PRIVATE KEY")
"""One of them stands in every text that `_TEXTS` finds: most lines have none."""


def redacted(value: Any, depth: int = 0) -> Any:
    """The same value without what no log line may hold. Other types than JSON's pass as their text."""
    if isinstance(value, str):
        return _TEXTS.sub(GONE, value) if _SIGNS.search(value) else value
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= DEEPEST:
        return GONE
    if isinstance(value, dict):
        return {name: _field(str(name), part, depth) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(part, depth + 1) for part in value]
    return redacted(str(value), depth)


def _field(name: str, value: Any, depth: int) -> Any:
    if is_secret(name) and value not in (None, "", [], {}):
        return GONE
    return redacted(value, depth + 1)


def is_secret(name: str) -> bool:
    """Whether a field of this name is taken out whole.

    >>> [is_secret(name) for name in ("X-API-Key", "signingKey", "task_token", "e_mail", "contactEmail")]
    [True, True, True, True, True]
    >>> [is_secret(name) for name in ("key", "site_key", "finding_key", "key_id", "tokenised", "emailed")]
    [False, False, False, False, False, False]
    """
    if name.lower() in _HARMLESS:
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    if _SECRET_WORDS.intersection(words):
        return True
    return any(
        (one == "e" and two == "mail") or (one in _OF_A_KEY and two == "key")
        for one, two in pairwise(words)
    )
