"""Run the engine step by step: release what is due, deliver what is ready, say what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from newsletter.domain.clock import Clock, PlayedClock
from newsletter.domain.provider import Request
from newsletter.domain.release import FINAL, Release, ReleaseState
from newsletter.errors import StoreError
from newsletter.pipeline.alerting import Alerting
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.retaining import Retaining
from newsletter.pipeline.work import Claim
from newsletter.store import claims, deliveries, releases
from newsletter.store.database import Database

#: A played clock never stands still: where something is ready and does not go, it is looked at again.
_TICK = timedelta(seconds=1)
#: In seconds; also where something is ready by the clock and is not yet let through.
_SHORTEST_REST = 0.02

log = structlog.get_logger()


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
    alerting: Alerting | None = None
    retaining: Retaining | None = None
    others: tuple[Delivering, ...] = ()

    @property
    def deliveries(self) -> tuple[Delivering, ...]:
        """Return what delivers, the default first: each sends through a provider of its own."""
        return self.delivering, *self.others

    def once(self, patience: timedelta = timedelta()) -> list[Sent]:
        """Do one pass: release what is due and deliver until nothing is ready; return what was touched.

        With `patience` it waits for what becomes ready so soon, as between two calls of a limited rate.
        """
        before = {release.id: release.state for release in self._releases()}
        self._pass(patience)
        touched = [one for one in self._releases() if before.get(one.id) is not one.state]
        return [self._sent(release) for release in touched]

    def _pass(self, patience: timedelta = timedelta()) -> None:
        self.tick()
        while self._deliver() or self._rests(patience):
            # What was accepted may let somebody's next issue go.
            self.tick()

    def tick(self) -> list[Release]:
        """Do everything that is due but send; return the releases that were prepared or held."""
        try:
            self.replay()
        except StoreError as error:
            # They stay where they are; what is due does not wait for them.
            log.error("outcomes that were kept aside could not be recorded", reason=str(error))
        touched = self.releasing.tick(self.clock.now())
        if self.alerting is not None:
            self.alerting.tell(self.clock.now())
        if self.retaining is not None:
            self.retaining.tick(self.clock.now())
        return touched

    def replay(self) -> int:
        """Record the outcomes that could not be written when they came; return how many."""
        return self.delivering.replay(self.others)

    def _rests(self, patience: timedelta) -> bool:
        now = self.clock.now()
        ready = self._ready_at(now)
        if ready is None or ready > now + patience or not patience:
            return False
        self.delivering.rest(max((ready - now).total_seconds(), _SHORTEST_REST))
        return True

    def _deliver(self) -> bool:
        # One step of each in turn: no provider waits for all that another has to do.
        found = False
        while any([one.step() for one in self.deliveries]):  # noqa: C419 - each has its turn
            found = True
        return found

    def _ready_at(self, now: datetime) -> datetime | None:
        instants = [one.ready_at(now) for one in self.deliveries]
        return min((one for one in instants if one is not None), default=None)

    def play(self, clock: PlayedClock, until: datetime) -> Iterator[Sent]:
        """Move a played clock from one instant that matters to the next; yield each release as it ends."""
        before: dict[int, ReleaseState] = {release.id: release.state for release in self._releases()}
        for _ in self.instants(clock, until):
            after = self._releases()
            yield from [self._sent(one) for one in after if before.get(one.id) is not one.state]
            before = {release.id: release.state for release in after}

    def instants(self, clock: PlayedClock, until: datetime) -> Iterator[datetime]:
        """Move a played clock from one instant that matters to the next; yield each when its work is done."""
        while True:
            self._pass()
            yield clock.now()
            instant = self.next_instant()
            if instant is None or instant > until:
                return
            clock.advance_to(max(instant, clock.now() + _TICK))

    def next_instant(self) -> datetime | None:
        """Return when there is something to do again."""
        ready = self._ready_at(self.clock.now())
        instants = [one for one in (ready, self.releasing.next_due()) if one is not None]
        return min(instants, default=None)

    def reached(self, now: datetime) -> datetime:
        """Return the instant that sending has come to: where a played run was killed, its clock is ahead."""
        open_ = [release.due_at for release in self._releases() if release.state not in FINAL]
        return max([now, *open_])

    def take_over(self) -> int:
        """End the leases of senders that are gone; only for the one sender of a database."""
        with self.database.writing() as tx:
            return claims.expire_leases(tx, self.clock.now())

    def due_calls(self) -> Iterator[DueCall]:
        """Yield every call that is due, composed and not made; for a copy of the database only."""
        self.releasing.tick(self.clock.now())
        for one in self.deliveries:
            while (work := one.claiming.next_work()) is not None:
                if isinstance(work, Claim):
                    yield _due_call(work, one.provider.capabilities.name)

    def _releases(self) -> list[Release]:
        with self.database.reading() as tx:
            return releases.every(tx)

    def _sent(self, release: Release) -> Sent:
        with self.database.reading() as tx:
            return Sent(release, dict(deliveries.counts_of(tx, release.id)))


def _due_call(claim: Claim, provider: str) -> DueCall:
    target = "/".join(value for _, value in claim.compiled.message.tags)
    return DueCall(target, provider, len(claim.mailing.recipients), claim.call.request())
