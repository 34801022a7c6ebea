"""The clock of a database server: workers on several machines agree on when a lease is over."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from newsletter.domain.clock import Clock
from newsletter.errors import StoreError
from newsletter.store.database import Database

#: The server is asked again after so many seconds; in between a machine's own seconds are as long.
EVERY = 60.0
_NOW = select(func.clock_timestamp())


class ServerClock:
    """Tell the server's time; one clock serves all threads of a process."""

    def __init__(self, database: Database, machine: Clock) -> None:
        self._database = database
        self._machine = machine
        self._known: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the server's instant; raises StoreError where it was never heard of."""
        known, elapsed = self._known, self._machine.elapsed()
        if known is None or elapsed - known[1] >= EVERY:
            known = self._known = self._ask(known)
            elapsed = self._machine.elapsed()
        at, since = known
        return at + timedelta(seconds=elapsed - since)

    def elapsed(self) -> float:
        """Return monotonic seconds, which are this machine's alone."""
        return self._machine.elapsed()

    def _ask(self, known: tuple[datetime, float] | None) -> tuple[datetime, float]:
        try:
            with self._database.reading() as tx:
                # What it takes to open a connection is no part of the way there and back.
                tx.execute(_NOW)
                before = self._machine.elapsed()
                at: datetime = tx.execute(_NOW).scalar_one()
                after = self._machine.elapsed()
        except StoreError:
            if known is None:
                raise
            # It is away; its clock went on as this machine's did.
            return known
        return at.astimezone(UTC), (before + after) / 2
