"""Count how often the public forms are used. Decides nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.limits import LIMITS, Scope, address_of, may_mail, network_of
from newsletter.domain.subscriber import address_hash
from newsletter.store import limits


@dataclass(frozen=True)
class Limiting:
    """Count uses by salted hashes: no address of anybody is kept for it."""

    salt: bytes

    def over(self, tx: Connection, address: str, ip: str, now: datetime, *, asked: str = "") -> Scope | None:
        """Count one use; return the first limit that it is over, None where it is over none.

        What one limit refuses is counted by none after it, so that a flood uses up nobody's own. `asked` says
        what somebody wants whom a mail of theirs has led here.
        """
        keys = {
            Scope.OVERALL: "",
            Scope.NETWORK: network_of(ip),
            Scope.VISITOR: str(address_of(ip) or ip),
        }
        for scope, key in keys.items():
            limit = LIMITS[scope]
            if limits.count(tx, scope, address_hash(key, self.salt), limit.since(now)) > limit.most:
                return scope
        scope = Scope.ASKED if asked else Scope.ADDRESS
        hash_ = address_hash(f"{address} {asked}" if asked else address, self.salt)
        if not may_mail(limits.instants(tx, scope, hash_), now, is_asked=bool(asked)):
            return scope
        limits.count(tx, scope, hash_, now)
        return None

    def confirmed(self, tx: Connection, address: str, before: datetime | None = None) -> None:
        """Count an address anew, whose owner has shown that they want mail; what came before then is over."""
        limits.drop(tx, Scope.ADDRESS, address_hash(address, self.salt), before)
