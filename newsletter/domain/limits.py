"""How often the public forms may be used: by address, by visitor, by their network, and by everybody.

A window is fixed: it begins at a whole multiple of its span. So one row counts it, and nothing is moved.
"""

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
    ADDRESS_LONG = "month"
    ADDRESS = "day"


@dataclass(frozen=True)
class Limit:
    """So many in a window of a span."""

    most: int
    span: timedelta

    def since(self, now: datetime) -> datetime:
        """Return when the window began that an instant is in."""
        return now - (now - _EPOCH) % self.span


#: Somebody else's address is to get no more than this, whoever types it.
LIMITS = {
    Scope.OVERALL: Limit(1_000, _HOUR),
    Scope.NETWORK: Limit(60, _HOUR),
    Scope.VISITOR: Limit(20, _HOUR),
    Scope.ADDRESS_LONG: Limit(5, 30 * _DAY),
    Scope.ADDRESS: Limit(2, _DAY),
}
#: What a visitor may be told: it says nothing about any address.
TOLD = (Scope.OVERALL, Scope.NETWORK, Scope.VISITOR)


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
