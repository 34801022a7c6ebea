"""How often the public forms may be used: by address, by visitor, by their network, and by everybody.

A window is fixed: it begins at a whole multiple of its span. So one row counts it, and nothing is moved. Of
an address each mail is known by itself, as there are few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The part of an address that one customer of a provider has.
_NETWORK = {4: 24, 6: 64}


class Scope(StrEnum):
    """Whom a limit counts; in the order in which they are counted, so that nobody waits in a ring."""

    OVERALL = "overall"
    NETWORK = "network"
    VISITOR = "visitor"
    #: Mails to an address whose owner has not confirmed anything since.
    ADDRESS = "address"
    #: Mails that somebody asked for from a page that a mail had led them to.
    ASKED = "asked"


@dataclass(frozen=True)
class Limit:
    """So many in a window of a span."""

    most: int
    span: timedelta

    def since(self, now: datetime) -> datetime:
        """Return when the window began that an instant is in."""
        return now - (now - _EPOCH) % self.span


LIMITS = {
    Scope.OVERALL: Limit(1_000, _HOUR),
    Scope.NETWORK: Limit(60, _HOUR),
    Scope.VISITOR: Limit(20, _HOUR),
}
#: Between two mails to one address.
REST = _DAY
#: Somebody else's address is to get no more than this, whoever types it and however often.
MOST_UNCONFIRMED = 3
#: What a visitor may be told: it says nothing about any address.
TOLD = tuple(LIMITS)


def may_mail(before: Sequence[datetime], now: datetime, *, is_asked: bool = False) -> bool:
    """Tell whether an address may get another mail, by when it got those before; `is_asked` has no end."""
    has_rested = all(now - one >= REST for one in before)
    return has_rested and (is_asked or len(before) < MOST_UNCONFIRMED)


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Read an IP address; one of IPv4 that is written as IPv6 is one of IPv4. None for anything else."""
    try:
        found = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def network_of(ip: str) -> str:
    """Return the network of a visitor: a /64, or a /24 of IPv4; what is no address is its own."""
    found = address_of(ip)
    return str(ip_network((found, _NETWORK[found.version]), strict=False)) if found else ip
