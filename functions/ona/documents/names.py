"""Which names customers and sites may have: they stand in keys of objects.

>>> customer_problem("customer-001")
''
>>> customer_problem("global")
'is reserved'
"""

from __future__ import annotations

import re

CUSTOMER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""A customer's id, as it may stand in keys of objects."""
SITE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""A site's id, as it may stand in keys of objects."""
RESERVED_CUSTOMERS = frozenset({"global"})
"""Names that stood in keys where a customer's does: earlier versions wrote `models/global/current.json`,
which nothing reads any more. Also in other case, for file systems that do not tell it."""


def customer_problem(name: str) -> str:
    """Why a name is no customer's; empty when it may be one."""
    if not re.fullmatch(CUSTOMER_PATTERN, name):
        return "is not 1 to 64 letters, digits, dots, underscores and hyphens, a letter or digit first"
    return "is reserved" if name.lower() in RESERVED_CUSTOMERS else ""


def is_site(name: str) -> bool:
    """Whether a name may be a site's."""
    return re.fullmatch(SITE_PATTERN, name) is not None
