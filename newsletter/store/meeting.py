"""Addresses that may be meant by one that nobody has."""

import re

from sqlalchemy import Connection, bindparam, func, or_, select

from newsletter.store.tables import subscriber

_ADDRESS = func.lower(subscriber.c.address)
_LIKE = (
    select(subscriber.c.address)
    .where(or_(*(_ADDRESS.like(bindparam(name), escape="\\") for name in ("start", "end", "domain"))))
    .limit(2_000)
)


def like(tx: Connection, address: str) -> list[str]:
    """List addresses of which the start of the name, its end or the domain may be misspelt, but one only.

    Reads every address: for error messages.
    """
    name, _, domain = address.strip().lower().partition("@")
    known = min(2, len(name) // 2)
    patterns = {
        "start": f"%{_literal(name[len(name) - known :])}@{_literal(domain)}",
        "end": f"{_literal(name[:known])}%@{_literal(domain)}",
        "domain": f"{_literal(name)}@%",
    }
    return list(tx.execute(_LIKE, patterns).scalars())


def _literal(text: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", text)
