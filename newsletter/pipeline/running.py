"""Run the engine step by step: release what is due, deliver what is ready, say what comes next."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.domain.clock import Clock, PlayedClock
from newsletter.domain.provider import Request
from newsletter.domain.release import FINAL, Release
from newsletter.pipeline.delivering import Claim, Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.store import batches, deliveries, releases
from newsletter.store.database import Database


@dataclass(frozen=True)
class DueCall:
    """A call that would be made now."""

    target: str
    provider: str
    recipients: int
    request: Request


@dataclass(frozen=True)
class Sent:
    """What became of one release."""

    release: Release
    counts: dict[str, int]


@dataclass(frozen=True)
class Engine:
    """The engine that sends for real, rehearses and simulates: only its parts differ."""

    database: Database
    releasing: Releasing
    delivering: Delivering
    clock: Clock

    def once(self) -> list[Sent]:
        """Do one pass: release what is due and deliver until nothing is ready; return what was touched."""
        before = {release.id: release.state for release in self._releases()}
        self.releasing.tick(self.clock.now())
        while self.delivering.step():
            pass
        touched = [one for one in self._releases() if before.get(one.id) is not one.state]
        return [self._sent(release) for release in touched]

    def play(self, clock: PlayedClock, until: datetime) -> Iterator[Sent]:
        """Move a played clock from one instant that matters to the next; yield each release as it ends."""
        while True:
            yield from self.once()
            instant = self.next_instant()
            if instant is None or instant > until:
                return
            clock.advance_to(instant)

    def next_instant(self) -> datetime | None:
        """Return when there is something to do again."""
        with self.database.reading() as tx:
            ready = batches.next_instant(tx, self.delivering.provider.capabilities.name)
        instants = [one for one in (ready, self.releasing.next_due()) if one is not None]
        return min(instants, default=None)

    def reached(self, now: datetime) -> datetime:
        """Return the instant that sending has come to: where a played run was killed, its clock is ahead."""
        open_ = [release.due_at for release in self._releases() if release.state not in FINAL]
        return max([now, *open_])

    def take_over(self) -> int:
        """End the leases of senders that are gone; only for the one sender of a database."""
        with self.database.writing() as tx:
            return batches.expire_leases(tx, self.clock.now())

    def due_calls(self) -> Iterator[DueCall]:
        """Yield every call that is due, composed and not made; for a copy of the database only."""
        self.releasing.tick(self.clock.now())
        while (claim := self.delivering.claim()) is not None:
            yield _due_call(claim, self.delivering.provider.capabilities.name)

    def _releases(self) -> list[Release]:
        with self.database.reading() as tx:
            return releases.every(tx)

    def _sent(self, release: Release) -> Sent:
        with self.database.reading() as tx:
            return Sent(release, dict(deliveries.counts_of(tx, release.id)))


@contextmanager
def on_copy(database: Database) -> Iterator[Database]:
    """Give a copy of an SQLite database, and throw it away afterwards."""
    with TemporaryDirectory(prefix="newsletter-") as folder:
        file = Path(folder) / "copy.db"
        database.copy_to(file)
        copy = Database(f"sqlite:///{file}")
        try:
            yield copy
        finally:
            copy.close()


def _due_call(claim: Claim, provider: str) -> DueCall:
    target = "/".join(value for _, value in claim.compiled.message.tags)
    return DueCall(target, provider, len(claim.mailing.recipients), claim.call.request())
