"""Remove what is too old to be kept, a little at a time. Decides nothing."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from newsletter.domain.clock import Clock
from newsletter.domain.retention import ROUND, Records, Retention, Round
from newsletter.store import outdated, rounds
from newsletter.store.database import Database
from newsletter.store.outdated import Position

#: Records removed in one transaction: others wait to write.
CHUNK = 500
#: In seconds; a tick has other things to do, too.
_LONGEST = 0.5
#: A round that somebody broke off is taken up after so long.
_LEASE = timedelta(minutes=1)

log = structlog.get_logger()


@dataclass(frozen=True)
class Retaining:
    """Look through all records once a day; many processes may do so, and share the work."""

    database: Database
    clock: Clock
    retention: Retention
    #: How far this process has come in the round that began then, so that it reads nothing twice.
    places: dict[Records, tuple[datetime, Position]] = field(default_factory=dict)

    def tick(self, now: datetime) -> list[Round]:
        """Go on with what is due, for a moment; return the rounds that ended by it."""
        with self.database.reading() as tx:
            due = rounds.due(tx, now)
        ended = [found for one in due if (found := self._go_on(one, now))]
        for one in ended:
            if any(one.removed.values()):
                log.info("removed what is too old", **one.removed)
        return ended

    def _go_on(self, of: Records, now: datetime) -> Round | None:
        with self.database.writing() as tx:
            taken = rounds.take(tx, of, now, now + _LEASE)
        if taken is None:
            return None
        begun_at, place = self.places.pop(of, (None, None))
        if begun_at != taken.begun_at:
            place = None
        begun = self.clock.elapsed()
        while True:
            place, is_over = self._step(of, place, now)
            if is_over or self.clock.elapsed() - begun >= _LONGEST:
                break
        with self.database.writing() as tx:
            if is_over:
                return rounds.end(tx, of, now, now + ROUND)
            rounds.leave(tx, of, now)
        self.places[of] = taken.begun_at, place
        return None

    def _step(self, of: Records, after: Position | None, now: datetime) -> tuple[Position, bool]:
        """Remove one chunk; return where it ended, and whether it was the last."""
        before = self.retention.before(now)
        with self.database.reading() as tx:
            page = outdated.find(tx, of, before, after, CHUNK)
        if page.rows:
            with self.database.writing(bulk=True) as tx:
                rounds.add(tx, of, outdated.remove(tx, of, page, before, now))
        return page.after, len(page.rows) < CHUNK
