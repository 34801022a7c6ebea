"""Claim what is due: a durable lease, with a fresh look at everybody's consent. Decides nothing.

    pick | next_step | leave out who left | pace | freeze | claim

A crash after the claim leaves a lease that runs out, and a batch that is known to be in doubt.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from newsletter.domain.account import Lane, Limits
from newsletter.domain.clock import Clock
from newsletter.domain.delivery import Batch, BatchState, DeliveryState, batch_key, lease_for
from newsletter.domain.message import Message, sender_domain
from newsletter.domain.pace import Wait, admit
from newsletter.domain.provider import Capabilities, Inquiry, Provider, Recovery
from newsletter.domain.release import spell
from newsletter.domain.tokens import TokenKeys
from newsletter.domain.unknown import GIVE_UP, Step, count_from, is_counted, next_step
from newsletter.errors import NewsletterError
from newsletter.pipeline.addressing import Frozen, freeze, recipients
from newsletter.pipeline.letters import Letters
from newsletter.pipeline.willing import LEFT, doubt, leave_out, members_of, willing_of
from newsletter.pipeline.work import Claim, Compiled, Look, Work
from newsletter.store import accounts, batches, claims, picking, releases
from newsletter.store.claims import About, Member
from newsletter.store.database import Database
from newsletter.store.picking import ALONE, Beside, Picked, Ready

ALL_LANES = (Lane.PRIORITY, Lane.BULK)
#: Nothing more is taken in one transaction after so many seconds: others wait to write.
_LONGEST = 0.005
_UNLIMITED = Limits()


@dataclass(frozen=True)
class Claiming:
    """Take the next batches; many threads may share one."""

    database: Database
    provider: Provider
    clock: Clock
    keys: TokenKeys
    deployment: str
    public_url: str
    owner: str
    letters: Letters
    limits: Limits = _UNLIMITED
    held_up: dict[Lane, datetime] = field(default_factory=dict)
    beside: Beside = ALONE

    def next_work(self, lanes: Sequence[Lane] = ALL_LANES) -> Work | None:
        """Take what is due in the first lane that has something; it is durable when this returns."""
        return next(iter(self.next_works(lanes, 1)), None)

    def next_works(self, lanes: Sequence[Lane], most: int) -> list[Work]:
        """Take at most so many that are due; all are durable when this returns."""
        is_urgent = Lane.BULK not in lanes
        has_more, works = True, list[Work]()
        while has_more and not works:
            claimed_at = self.clock.elapsed()
            with self.database.writing(urgent=is_urgent) as tx:
                works, has_more = self._next(tx, lanes, self.clock.now(), claimed_at, most)
        return works

    def of_batch(self, batch_id: int) -> Claim | Wait | None:
        """Take a batch that no worker looks for, as a test copy's; None where nobody may get it."""
        claimed_at, now = self.clock.elapsed(), self.clock.now()
        with self.database.writing(urgent=True) as tx:
            taken = self._take_call(tx, picking.get(tx, batch_id), Lane.PRIORITY, now, claimed_at)
            if isinstance(taken, Claim):
                # From here on others look for it, should its lease run out.
                batches.set_state(tx, batch_id, next_at=now)
            return taken

    def _next(
        self, tx: Connection, lanes: Sequence[Lane], now: datetime, claimed_at: float, most: int
    ) -> tuple[list[Work], bool]:
        """Take what is due; where nothing was taken, tell whether there may be more to look at."""
        of = self.provider.capabilities
        ready = None
        if Lane.BULK in lanes:
            ready = picking.ready(tx, of.name, now, rehearsal=of.rehearsal, beside=self.beside)
        works: list[Work] = []
        for lane in lanes:
            while len(works) < most and (picked := self._pick(tx, lane, ready, now)):
                taken = self._take(tx, picked, lane, now, claimed_at)
                if isinstance(taken, Wait):
                    self.held_up[lane] = taken.until
                    break
                self.held_up.pop(lane, None)
                if taken is None:
                    # What it locked comes after the account, which the next claim would need.
                    return works, True
                works.append(taken)
                if self.clock.elapsed() - claimed_at > _LONGEST:
                    return works, True
        return works, False

    def _pick(self, tx: Connection, lane: Lane, ready: Ready | None, now: datetime) -> Picked | None:
        of, beside = self.provider.capabilities, self.beside
        if lane is Lane.PRIORITY:
            if ready is not None and not ready.has_priority:
                return None
            return picking.pick_priority(tx, of.name, now, rehearsal=of.rehearsal, beside=beside)
        if ready is None or not ready.releases:
            return None
        picked = picking.pick(tx, of.name, now, ready, rehearsal=of.rehearsal, beside=beside)
        if picked is not None or of.rehearsal:
            return picked
        return picking.pick_foreign(tx, of.name, now, ready, beside=beside)

    def _take(
        self, tx: Connection, picked: Picked, lane: Lane, now: datetime, claimed_at: float
    ) -> Work | Wait | None:
        batch = count_from(_doubted(picked.batch), now)
        picked = replace(picked, batch=batch)
        if batch.tainted and not batches.open_positions(tx, batch.id):
            # Events have proved each of them while the call was under way.
            self._close_empty(tx, batch, now)
            return None
        capabilities = self.provider.capabilities
        due = next_step(batch, capabilities, picked.policy, now, is_foreign=picked.is_foreign)
        match due.step:
            case Step.CALL:
                return self._take_call(tx, picked, lane, now, claimed_at)
            case Step.SEARCH:
                return self._take_look(tx, picked, now)
            case Step.SEND_AGAIN:
                batches.start_generation(tx, batch, now)
            case Step.SKIP:
                batches.leave_unknown(tx, batch.id, "skipped: nothing can prove whether it was accepted")
                self._settle(tx, batch, now)
            case Step.GIVE_UP:
                self._hold(tx, batch, f"the provider has put it off for {spell(GIVE_UP)}")
            case Step.WAIT | Step.ASK:
                batches.set_state(tx, batch.id, state=BatchState.UNKNOWN, tainted=True, next_at=due.at)
        return None

    def _take_call(
        self, tx: Connection, picked: Picked, lane: Lane, now: datetime, claimed_at: float
    ) -> Claim | Wait | None:
        batch, capabilities = picked.batch, self.provider.capabilities
        everyone = members_of(tx, batch)
        willing = willing_of(batch, everyone, capabilities.recovery)
        if not batch.tainted:
            leave_out(tx, batch, everyone, willing)
        elif not _tells_calls_apart(capabilities):
            doubt(tx, batch, everyone, willing)
        if not any(one.is_open for one in willing.values()):
            self._close_empty(tx, batch, now)
            return None
        if len(willing) > capabilities.batch_size and not batch.tainted:
            groups = _groups(willing, capabilities.batch_size)
            batches.split(tx, batch, groups, self._next_seq(tx, batch), now)
            batches.set_state(tx, batch.id, state=BatchState.CANCELLED, frozen=None)
            return None
        try:
            compiled = self.letters.get(tx, batch)
        except NewsletterError as error:
            self._hold(tx, batch, str(error))
            return None
        counted = 0 if is_counted(batch, now) else len(willing)
        wait = self._admit(tx, lane, counted, now)
        return wait or self._claim(tx, picked, willing, compiled, counted, now, claimed_at)

    def _claim(
        self,
        tx: Connection,
        picked: Picked,
        willing: Mapping[int, Member],
        compiled: Compiled,
        counted: int,
        now: datetime,
        claimed_at: float,
    ) -> Claim:
        batch, capabilities = picked.batch, self.provider.capabilities
        # Mails of no release have an occasion each.
        about = claims.about(tx, batch.id) if batch.release_id is None else compiled.about
        frozen = self._freeze(picked, willing, about, compiled.message, now)
        held = replace(
            batch,
            state=BatchState.SENDING,
            epoch=batch.epoch + 1,
            first_call_at=batch.first_call_at or now,
            last_call_at=now,
        )
        claims.claim(
            tx,
            held,
            provider=capabilities.name,
            owner=self.owner,
            now=now,
            until=now + lease_for(capabilities),
            key_id=frozen.key_id,
            frozen=frozen.dump(),
        )
        key = batch_key(self.deployment, held)
        return Claim(held, compiled, frozen, willing.keys(), self.keys, key, claimed_at, counted)

    def _take_look(self, tx: Connection, picked: Picked, now: datetime) -> Look | None:
        batch = picked.batch
        everyone = {one.pos: one for one in claims.members(tx, batch.id, needs_consent=False) if one.is_open}
        if not everyone or picked.frozen is None:
            self._close_empty(tx, batch, now)
            return None
        held = replace(batch, state=BatchState.UNKNOWN, epoch=batch.epoch + 1)
        claims.take_look(tx, held, owner=self.owner, until=now + lease_for(self.provider.capabilities))
        key = batch_key(self.deployment, held)
        people = recipients(Frozen.load(picked.frozen), self.keys, key, everyone)
        return Look(held, Inquiry(key, people, batch.first_call_at or now))

    def _close_empty(self, tx: Connection, batch: Batch, now: datetime) -> None:
        if not batch.tainted:
            batches.set_state(tx, batch.id, state=BatchState.CANCELLED, next_at=None, frozen=None)
        elif batches.open_positions(tx, batch.id):
            batches.leave_unknown(tx, batch.id, LEFT)
        else:
            batches.set_state(tx, batch.id, state=BatchState.ACCEPTED, next_at=None, frozen=None)
        self._settle(tx, batch, now)

    def _hold(self, tx: Connection, batch: Batch, reason: str) -> None:
        if batch.release_id is not None:
            releases.hold(tx, batch.release_id, reason)
            return
        everyone = dict.fromkeys(batches.open_positions(tx, batch.id), reason)
        batches.mark(tx, batch.id, DeliveryState.REJECTED, everyone)
        batches.set_state(tx, batch.id, state=BatchState.REJECTED, next_at=None, frozen=None)

    def _settle(self, tx: Connection, batch: Batch, now: datetime) -> None:
        if batch.release_id is not None:
            releases.settle(tx, batch.release_id, now)

    def _admit(self, tx: Connection, lane: Lane, people: int, now: datetime) -> Wait | None:
        capabilities = self.provider.capabilities
        probe = lease_for(capabilities)
        if self.limits == _UNLIMITED:
            account = accounts.get(tx, capabilities.name)
            if admit(account, self.limits, lane=lane, recipients=people, now=now, probe=probe) is account:
                return None
        # Something is counted: from here on nobody else may count.
        account = accounts.get_locked(tx, capabilities.name)
        admitted = admit(account, self.limits, lane=lane, recipients=people, now=now, probe=probe)
        if isinstance(admitted, Wait):
            return admitted
        if admitted is not account:
            accounts.put(tx, capabilities.name, admitted)
        return None

    def _freeze(
        self, picked: Picked, willing: Mapping[int, Member], about: About, message: Message, now: datetime
    ) -> Frozen:
        if picked.batch.first_call_at is not None and picked.frozen is not None:
            return Frozen.load(picked.frozen)
        return freeze(
            willing.values(),
            about,
            date=now,
            key_id=self.keys.current,
            public_url=self.public_url,
            domain=sender_domain(message.sender),
            notice=message.notice,
        )

    def _next_seq(self, tx: Connection, batch: Batch) -> int:
        return batch.seq + 1 if batch.release_id is None else releases.next_seq(tx, batch.release_id)


def _groups(positions: Iterable[int], size: int) -> list[list[int]]:
    rest = iter(positions)
    return list(iter(lambda: list(islice(rest, size)), []))


def _tells_calls_apart(capabilities: Capabilities) -> bool:
    """Tell whether proof of a call says nothing of somebody who was in another one under its key."""
    is_bound = capabilities.key_binds_payload or capabilities.recovery is not Recovery.KEY
    return is_bound and not capabilities.is_atomic


def _doubted(batch: Batch) -> Batch:
    """Taint a batch whose caller's lease ran out: the call may have been made."""
    return replace(batch, tainted=True) if batch.state is BatchState.SENDING else batch
