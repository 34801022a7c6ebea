"""Count how often the public forms are used. Decides nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.limits import LIMITS, Scope, address_of, network_of
from newsletter.domain.subscriber import address_hash
from newsletter.store import limits


@dataclass(frozen=True)
class Limiting:
    """Count uses by salted hashes: no address of anybody is kept for it."""

    salt: bytes

    def over(self, tx: Connection, address: str, ip: str, now: datetime) -> Scope | None:
        """Count one use; return the first limit that it is over, None where it is over none.

        What one limit refuses is counted by none after it, so that a flood uses up nobody's own.
        """
        visitor = str(address_of(ip) or ip)
        keys = {
            Scope.OVERALL: "",
            Scope.NETWORK: network_of(ip),
            Scope.VISITOR: visitor,
            Scope.ADDRESS_LONG: address,
            Scope.ADDRESS: address,
        }
        for scope in Scope:
            limit = LIMITS[scope]
            uses = limits.count(tx, scope, address_hash(keys[scope], self.salt), limit.since(now))
            if scope is Scope.OVERALL and uses == 1:
                self._drop(tx, now)
            if uses > limit.most:
                return scope
        return None

    def _drop(self, tx: Connection, now: datetime) -> None:
        for scope, limit in LIMITS.items():
            limits.drop(tx, scope, limit.since(now))
