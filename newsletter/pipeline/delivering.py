"""Deliver batches in the one order that loses and repeats nothing. Decides nothing.

    claim (durable) | guard | call once | record

A crash after the claim leaves a lease that runs out, and a batch that is known to be in doubt.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from newsletter.domain.clock import Clock
from newsletter.domain.delivery import (
    START_DEADLINE,
    Batch,
    BatchState,
    DeliveryState,
    Record,
    Ruling,
    batch_key,
    lease_for,
    may_call_again,
    record_for,
)
from newsletter.domain.message import Message, message_of, sender_domain
from newsletter.domain.provider import Answer, Call, Mailing, Outcome, Provider
from newsletter.domain.release import ReleaseState
from newsletter.domain.tokens import TokenKeys
from newsletter.pipeline.addressing import Frozen, freeze, recipients
from newsletter.store import batches, releases, revisions
from newsletter.store.batches import Member, Picked
from newsletter.store.database import Database


@dataclass(frozen=True)
class Compiled:
    """A revision encoded for the provider, once for all its batches."""

    message: Message
    fill: Callable[[Mailing], Call]


@dataclass(frozen=True)
class Claim:
    """A batch this process holds, and the mailing it will make; `claimed_at` is in monotonic seconds."""

    batch: Batch
    compiled: Compiled
    mailing: Mailing
    claimed_at: float

    @property
    def call(self) -> Call:
        """Compose the call that this claim allows."""
        return self.compiled.fill(self.mailing)


@dataclass(frozen=True)
class Delivering:
    """Claim, call and record, one batch at a time; many threads may share one."""

    database: Database
    provider: Provider
    clock: Clock
    keys: TokenKeys
    deployment: str
    public_url: str
    owner: str
    letters: dict[tuple[str, bool], Compiled] = field(default_factory=dict)

    def step(self) -> bool:
        """Deliver the next batch; False where none is ready."""
        claim = self.claim()
        if claim is None:
            return False
        self.finish(claim)
        return True

    def finish(self, claim: Claim) -> Answer:
        """Call and record what was claimed; a call that would start too late is given back."""
        if self.clock.elapsed() >= claim.claimed_at + START_DEADLINE.total_seconds():
            answer = Answer(Outcome.DEFERRED, "the call would have started too late", retry_after=timedelta())
        else:
            answer = claim.call.make()
        self.record(claim, answer)
        return answer

    def claim(self) -> Claim | None:
        """Take the next batch; it is durable when this returns."""
        while True:
            claimed_at = self.clock.elapsed()
            with self.database.writing() as tx:
                now = self.clock.now()
                picked = batches.pick(tx, self.provider.capabilities.name, now)
                if picked is None:
                    return None
                claim = self._take(tx, picked, now, claimed_at)
            if claim is not None:
                return claim

    def claim_test(self, batch_id: int) -> Claim | None:
        """Take the batch of a test copy, which no worker looks for."""
        claimed_at = self.clock.elapsed()
        with self.database.writing() as tx:
            return self._take(tx, batches.get(tx, batch_id), self.clock.now(), claimed_at)

    def record(self, claim: Claim, answer: Answer) -> None:
        """Write down what an answer proves; without the lease only proof counts."""
        now = self.clock.now()
        outcome = record_for(claim.batch, answer, members=len(claim.mailing.recipients), now=now)
        with self.database.writing() as tx:
            batches.end_attempt(tx, claim.batch, answer, now)
            if not batches.record(tx, claim.batch, outcome):
                return
            self._follow(tx, claim, outcome, now)
            if claim.batch.release_id is not None:
                self._stop(tx, claim.batch.release_id, outcome)
                releases.settle(tx, claim.batch.release_id, now)

    def _take(self, tx: Connection, picked: Picked, now: datetime, claimed_at: float) -> Claim | None:
        batch = _doubted(picked.batch)
        capabilities = self.provider.capabilities
        if not may_call_again(batch, capabilities, now):
            # Waits for a person: nothing that happens by itself can prove anything any more.
            batches.set_state(tx, batch.id, state=BatchState.UNKNOWN, tainted=True, next_at=None)
            return None
        everyone = batches.members(tx, batch.id)
        willing = {one.pos: one for one in everyone if one.may_get(is_test=batch.release_id is None)}
        if not batch.tainted:
            _leave_out(tx, batch, everyone, willing)
        if not willing:
            self._close_empty(tx, batch, now)
            return None
        anyone = next(iter(willing.values()))
        compiled = self._compiled(tx, batch, anyone)
        frozen = self._freeze(picked, willing, compiled.message, now)
        held = replace(batch, epoch=batch.epoch + 1, first_call_at=batch.first_call_at or now)
        batches.claim(
            tx,
            held,
            owner=self.owner,
            now=now,
            until=now + lease_for(capabilities),
            key_id=frozen.key_id,
            frozen=frozen.dump(),
        )
        mailing = Mailing(
            key=batch_key(self.deployment, held),
            recipients=recipients(frozen, self.keys, willing),
            date=frozen.date,
            label=_label(tx, batch, compiled.message),
        )
        return Claim(held, compiled, mailing, claimed_at)

    def _freeze(
        self, picked: Picked, willing: Mapping[int, Member], message: Message, now: datetime
    ) -> Frozen:
        if picked.batch.first_call_at is not None and picked.frozen is not None:
            return Frozen.load(picked.frozen)
        return freeze(
            willing.values(),
            date=now,
            key_id=self.keys.current,
            public_url=self.public_url,
            domain=sender_domain(message.sender),
        )

    def _compiled(self, tx: Connection, batch: Batch, anyone: Member) -> Compiled:
        is_test = batch.release_id is None
        known = self.letters.get((batch.revision, is_test))
        if known is not None:
            return known
        series, title, issue = releases.names(tx, anyone.issue_id)
        kind = "test" if is_test else "issue"
        message = message_of(
            revisions.get(tx, batch.revision), series=series, series_title=title, issue=issue, kind=kind
        )
        made = Compiled(message, self.provider.compile(message))
        return self.letters.setdefault((batch.revision, is_test), made)

    def _close_empty(self, tx: Connection, batch: Batch, now: datetime) -> None:
        state = BatchState.UNKNOWN if batch.tainted else BatchState.CANCELLED
        batches.set_state(tx, batch.id, state=state, tainted=batch.tainted, next_at=None)
        if batch.release_id is not None:
            releases.settle(tx, batch.release_id, now)

    def _follow(self, tx: Connection, claim: Claim, outcome: Record, now: datetime) -> None:
        if outcome.ruling is Ruling.SPLIT:
            _split(tx, claim, now)
        elif outcome.state is BatchState.REJECTED:
            reasons = {one.pos: outcome.reason for one in claim.mailing.recipients}
            batches.mark(tx, claim.batch.id, DeliveryState.REJECTED, reasons)

    def _stop(self, tx: Connection, release_id: int, outcome: Record) -> None:
        if outcome.is_proof:
            return
        # Somebody may have cancelled the send during the call: then nothing of it waits any more.
        if releases.get_locked(tx, release_id).state is ReleaseState.CANCELLED:
            batches.cancel_planned(tx, release_id)
        elif outcome.ruling is Ruling.HOLD:
            releases.change(tx, release_id, state=ReleaseState.HELD, reason=outcome.reason)


def _label(tx: Connection, batch: Batch, message: Message) -> str:
    if batch.release_id is not None:
        return releases.get(tx, batch.release_id).label
    return "-".join(("test", *(value for _, value in message.tags)))


def _doubted(batch: Batch) -> Batch:
    """Taint a batch whose caller's lease ran out: the call may have been made."""
    return replace(batch, tainted=True) if batch.state is BatchState.SENDING else batch


def _leave_out(tx: Connection, batch: Batch, everyone: list[Member], willing: Mapping[int, Member]) -> None:
    left = {
        one.pos: one.suppression or one.consent or "no subscription"
        for one in everyone
        if one.pos not in willing
    }
    batches.mark(tx, batch.id, DeliveryState.SUPPRESSED, left)


def _split(tx: Connection, claim: Claim, now: datetime) -> None:
    positions = [one.pos for one in claim.mailing.recipients]
    half = len(positions) // 2
    parent = batches.row_of(tx, claim.batch.id)
    for part in (positions[:half], positions[half:]):
        row = {
            **{name: parent[name] for name in ("release_id", "revision", "lane", "provider")},
            "seq": _next_seq(tx, claim.batch),
            "parent_id": claim.batch.id,
            "generation": claim.batch.generation + 1,
            "state": BatchState.PLANNED,
            "next_at": now,
            "formed_at": now,
        }
        batches.move(tx, claim.batch.id, part, batches.add(tx, row))


def _next_seq(tx: Connection, batch: Batch) -> int:
    return batch.seq + 1 if batch.release_id is None else releases.next_seq(tx, batch.release_id)
