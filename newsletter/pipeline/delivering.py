"""Deliver batches in the one order that loses and repeats nothing. Decides nothing.

claim (durable) | guard | call once | record
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

import structlog
from sqlalchemy import Connection

from newsletter.domain.account import Lane, Limits
from newsletter.domain.clock import Clock
from newsletter.domain.delivery import START_DEADLINE, BatchState
from newsletter.domain.pace import Wait, opens_at
from newsletter.domain.provider import Answer, Provider, Sightings, too_late
from newsletter.domain.tokens import TokenKeys
from newsletter.errors import Refused, StoreError
from newsletter.pipeline.claiming import ALL_LANES, Claiming
from newsletter.pipeline.letters import Letters
from newsletter.pipeline.recording import Ended, Recording
from newsletter.pipeline.work import Claim, Look, Work
from newsletter.store import accounts, attempts, picking
from newsletter.store.aside import Aside, Kept
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage
from newsletter.store.picking import ALONE, Beside

#: How long to wait before an outcome is written again, in seconds; then it is kept aside.
_PATIENCE = (0.2, 1.0, 5.0)
_UNLIMITED = Limits()

log = structlog.get_logger()


@dataclass(frozen=True)
class Delivering:
    """Claim, call and record, one batch at a time; many threads may share one."""

    database: Database
    provider: Provider
    clock: Clock
    claiming: Claiming
    recording: Recording
    lineage: Lineage | None
    aside: Aside | None
    rest: Callable[[float], None]

    @classmethod
    def of(
        cls,
        database: Database,
        provider: Provider,
        clock: Clock,
        *,
        keys: TokenKeys,
        deployment: str,
        public_url: str,
        owner: str,
        limits: Limits = _UNLIMITED,
        lineage: Lineage | None = None,
        aside: Aside | None = None,
        rest: Callable[[float], None] = lambda _seconds: None,
        beside: Beside = ALONE,
    ) -> Self:
        """Put the parts together; `rest` waits for so many seconds."""
        letters = Letters(provider)
        claiming = Claiming(
            database, provider, clock, keys, deployment, public_url, owner, letters, limits, beside=beside
        )
        recording = Recording(database, provider.capabilities, limits)
        return cls(database, provider, clock, claiming, recording, lineage, aside, rest)

    def step(self, lanes: Sequence[Lane] = ALL_LANES) -> bool:
        """Do the next piece of work; False where none is ready."""
        work = self.next_work(lanes)
        if work is None:
            return False
        if isinstance(work, Look):
            self.record_look(work, self.search(work))
        else:
            self.finish(work)
        return True

    def next_work(self, lanes: Sequence[Lane] = ALL_LANES) -> Work | None:
        """Take what is due, as `next_works` does."""
        return next(iter(self.next_works(lanes, 1)), None)

    def next_works(self, lanes: Sequence[Lane], most: int) -> list[Work]:
        """Take at most so many that are due; claims are durable then, and known to this machine.

        Raises Refused where the database has become foreign.
        """
        works = self.claiming.next_works(lanes, most)
        self._note([work for work in works if isinstance(work, Claim)])
        return works

    def claim_test(self, batch_id: int) -> Claim | Wait | None:
        """Take the batch of a test copy, which no worker looks for; None where nobody may get it."""
        if self.lineage is not None:
            # A test copy may be the first call ever, before there was a sender.
            self.lineage.begin()
        claim = self.claiming.of_batch(batch_id)
        if isinstance(claim, Claim):
            self._note([claim])
        return claim

    def may_start(self, claim: Claim) -> bool:
        """Tell whether the look at everybody's consent is still fresh enough for the call to start."""
        return self.clock.elapsed() < claim.claimed_at + START_DEADLINE.total_seconds()

    def finish(self, claim: Claim) -> Answer:
        """Call once and record; a call that would start too late is given back."""
        answer = self.call(claim)
        self.keep([(claim, answer)])
        return answer

    def call(self, claim: Claim) -> Answer:
        """Call once, or not at all where it would start too late."""
        return claim.call.make(lambda: self.may_start(claim))

    def keep(self, answered: Sequence[tuple[Claim, Answer]]) -> None:
        """Record answers as soon as the database takes them; keep them aside where it does not."""
        for seconds in _PATIENCE:
            try:
                self._record(answered)
            except StoreError as error:
                # An outcome outlives a log that cannot be written.
                with suppress(Exception):
                    log.error("outcomes could not be written yet", calls=len(answered), reason=str(error))
                self.rest(seconds)
            else:
                return
        # One that finds no room costs no other its own.
        lost = [why for claim, answer in answered if (why := self._keep_aside(claim, answer))]
        if lost:
            raise lost[0]

    def record(self, claim: Claim, answer: Answer) -> None:
        """Write down what an answer proves; without the lease only proof counts."""
        self._record([(claim, answer)])

    def search(self, look: Look) -> Sightings:
        """Ask the provider's own log."""
        return self.provider.search(look.inquiry)

    def record_look(self, look: Look, sightings: Sightings) -> None:
        """Write down what a search proves."""
        self.recording.record_look(look.batch, sightings, self.clock.now())

    def replay(self, beside: Iterable["Delivering"] = ()) -> int:
        """Record the outcomes that could not be written when they came; return how many.

        Each as an answer of the provider that it was called through, if that is this one or one beside it.
        """
        if self.aside is None or not (kept := self.aside.waiting()):
            return 0
        if self.lineage is not None and self.lineage.why_foreign():
            return 0
        recordings = {one.provider.capabilities.name: one.recording for one in beside}
        for one in kept:
            self._replay(one, recordings)
        self.aside.forget(kept)
        return len(kept)

    def _replay(self, kept: Kept, recordings: Mapping[str, Recording]) -> None:
        with self.database.reading() as tx:
            if not attempts.is_known(tx, kept.batch_id, kept.epoch, kept.generation):
                log.error("an outcome of a call that this database does not know", batch=kept.batch_id)
                return
            picked = picking.get(tx, kept.batch_id)
        batch, recording = picked.batch, recordings.get(picked.provider, self.recording)
        held = replace(batch, state=BatchState.SENDING, epoch=kept.epoch, generation=kept.generation)
        recording.record([Ended(held, kept.positions, kept.answer)], self.clock.now())

    def ready_at(self, now: datetime, lanes: Sequence[Lane] = ALL_LANES) -> datetime | None:
        """Return when there is something to do again by itself in one of the lanes."""
        with self.database.reading() as tx:
            instants = [self._ready_in(tx, lane, now) for lane in lanes]
        return min((instant for instant in instants if instant is not None), default=None)

    def _ready_in(self, tx: Connection, lane: Lane, now: datetime) -> datetime | None:
        of = self.provider.capabilities
        beside = self.claiming.beside
        ready = picking.next_instant(tx, of.name, lane, rehearsal=of.rehearsal, beside=beside)
        if ready is None or ready > now:
            return ready
        held_up = self.claiming.held_up.get(lane, now)
        return max(held_up, opens_at(accounts.get(tx, of.name), self.claiming.limits, lane=lane, now=now))

    def _record(self, answered: Sequence[tuple[Claim, Answer]]) -> None:
        ended = [Ended(claim.batch, claim.positions, answer, claim.counted) for claim, answer in answered]
        self.recording.record(ended, self.clock.now())

    def _note(self, claimed: Sequence[Claim]) -> None:
        """Name the calls on this machine; from a foreign database they are given back, and it is refused."""
        if not claimed or self.lineage is None or self.provider.capabilities.rehearsal:
            return
        # Claimed in one transaction: a database that knows one of them knows them all.
        last = claimed[-1]
        too_late_all = [(claim, too_late()) for claim in claimed]
        try:
            is_ours = self.lineage.note(last.batch.id, last.batch.epoch, last.made_at)
        except StoreError:
            # Nothing was called: nobody must take the claims for doubts.
            with suppress(StoreError):
                self._record(too_late_all)
            raise
        if not is_ours:
            self._record(too_late_all)
            # Whoever went on would claim and give back the same batches without an end.
            raise Refused("nothing is called from a foreign database", mend="see: newsletter status")

    def _keep_aside(self, claim: Claim, answer: Answer) -> StoreError | None:
        batch = claim.batch
        if self.aside is None:
            return StoreError("an outcome could not be written, and there is no file to keep it aside")
        now, positions = self.clock.now(), claim.positions
        try:
            self.aside.keep(batch.id, batch.epoch, batch.generation, answer, now, positions)
        except StoreError as error:
            return error
        log.error("an outcome is kept aside until the database can be written", batch=batch.id)
        return None
