"""What reports of every provider are read with."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from newsletter.domain.clicks import Click, is_program
from newsletter.providers.answers import reason
from newsletter.providers.encoding import one_line

#: Longer ids do not fit into a row, and no provider makes such.
LONGEST_ID = 200
_ADDRESS = re.compile(r"[^\s<>@\"'(),;:]+@[^\s<>@\"'(),;:]+")
_REASON = 200


def table(value: object) -> Mapping[str, Any]:
    """Return a JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """Return a string on one line; anything else is empty."""
    return one_line(value) if isinstance(value, str) else ""


def recipient(value: object) -> str:
    """Read an address as people write it: an international domain is no longer ASCII."""
    local, at, domain = parseaddr(text(value))[1].rpartition("@")
    if "xn--" in domain.lower():
        try:
            domain = domain.encode("ascii").decode("idna")
        except UnicodeError:
            return ""
    return f"{local}{at}{domain}" if local else ""


def why(*said: object) -> str:
    """Put what was said of a mail on one line, without any address."""
    words = "; ".join(filter(None, (str(one) if isinstance(one, int) else text(one) for one in said)))
    return _ADDRESS.sub("(address)", reason(words))[:_REASON]


def click(link: object, visitor: object, agent: object, *, is_bot: bool = False) -> Click:
    """Read what was clicked, from where, and with what; `is_bot` is the provider's own verdict."""
    return Click(text(link), text(visitor), is_bot or is_program(text(agent)))


def instant(value: object) -> datetime | None:
    """Read an instant in seconds or as ISO 8601; None for anything else."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value, UTC)
        else:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        # Years that a zone would carry over the edge of the calendar are no instants either.
        return at.astimezone(UTC) if 1970 <= at.year <= 9000 else None
    except (ValueError, OverflowError, OSError):
        return None
