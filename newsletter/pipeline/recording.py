"""Record what a call or a search proved. Decides nothing.

end the attempt | record behind the fence, or as proof | follow | learn the pace | split | settle
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from newsletter.domain.account import Account, Limits
from newsletter.domain.breaker import after
from newsletter.domain.delivery import Batch, BatchState, DeliveryState, Record, Ruling, record_for
from newsletter.domain.provider import Answer, Capabilities, Recovery, Sightings
from newsletter.domain.release import ReleaseState
from newsletter.domain.unknown import after_look
from newsletter.store import accounts, attempts, batches, cancelling, releases
from newsletter.store.database import Database

_UNLIMITED = Limits()


class Ended(NamedTuple):
    """A call that was made for a batch, and how it ended; `counted` counted against the day's quota."""

    held: Batch
    positions: Sequence[int]
    answer: Answer
    counted: int = 0


@dataclass(frozen=True)
class Recording:
    """Write outcomes into the ledger."""

    database: Database
    capabilities: Capabilities
    limits: Limits = _UNLIMITED

    def record(self, ended: Sequence[Ended], now: datetime) -> None:
        """Write down what answers prove for those they were for; without the lease only proof counts."""
        with self.database.writing(urgent=all(one.held.release_id is None for one in ended)) as tx:
            # Batches, the account, releases: two that lock in one order never wait for each other in a ring.
            outcomes = [self._record(tx, one, now) for one in sorted(ended, key=lambda one: one.held.id)]
            self._learn(tx, ended, now)
            self._settle(tx, outcomes, now)

    def _record(self, tx: Connection, one: Ended, now: datetime) -> tuple[Batch, Record | None]:
        """Record one, and tell what is to be settled: nothing where somebody else holds the batch by now."""
        held, positions, answer, _ = one
        outcome = record_for(held, answer, members=len(positions), now=now)
        attempts.end(tx, held, answer, now)
        if batches.record(tx, held, outcome):
            self._follow(tx, held, positions, outcome)
        elif outcome.is_proof:
            _count_accepted(tx, held, positions, outcome)
        elif outcome.ids:
            _count_accepted(tx, held, list(outcome.ids), outcome)
        else:
            return held, None
        return held, outcome

    def record_look(self, held: Batch, sightings: Sightings, now: datetime) -> None:
        """Write down what a search of the provider's log proves."""
        with self.database.writing() as tx:
            asked_for = set(batches.open_positions(tx, held.id))
            # Whoever is found was accepted, whoever holds the batch by now.
            batches.note_ids(tx, held.id, sightings.ids)
            batches.accept(tx, held.id, sightings.ids)
            missing = len(batches.open_positions(tx, held.id))
            if batches.is_held(tx, held):
                # A stranger in the log proves nothing about those who were asked for.
                found = {pos: id_ for pos, id_ in sightings.ids.items() if pos in asked_for}
                proved = replace(sightings, ids=found)
                outcome = after_look(held, proved, missing, self.capabilities, now)
                if outcome is None:
                    batches.start_generation(tx, held, now)
                else:
                    batches.record(tx, held, outcome)
            if held.release_id is not None:
                self._stop_cancelled(tx, held.release_id, now)
                releases.settle(tx, held.release_id, now)

    def _learn(self, tx: Connection, ended: Sequence[Ended], now: datetime) -> None:
        name = self.capabilities.name
        account = accounts.get(tx, name)
        if self._after(account, ended, now) is not account:
            accounts.put(tx, name, self._after(accounts.get_locked(tx, name), ended, now))

    def _after(self, account: Account, ended: Sequence[Ended], now: datetime) -> Account:
        for one in ended:
            # A repeat on the same day counts for nothing: what it stands on is not given back.
            people = 0 if one.held.tainted else one.counted
            account = after(account, self.limits, one.answer, now=now, recipients=people)
        return account

    def _follow(self, tx: Connection, held: Batch, positions: Sequence[int], outcome: Record) -> None:
        if outcome.state is BatchState.REJECTED:
            reasons = dict.fromkeys(positions, outcome.reason)
            batches.mark(tx, held.id, DeliveryState.REJECTED, reasons)
        elif outcome.state is BatchState.UNKNOWN and outcome.ids:
            batches.accept(tx, held.id, outcome.ids)
        elif outcome.is_proof and held.tainted:
            self._tell_leavers(tx, held, positions)

    def _tell_leavers(self, tx: Connection, held: Batch, positions: Sequence[int]) -> None:
        left = set(batches.open_positions(tx, held.id)) - set(positions)
        # A key bound to its payload that takes a reduced one was never used for the whole.
        was_not_sent = self.capabilities.recovery is Recovery.KEY and self.capabilities.key_binds_payload
        state = DeliveryState.SUPPRESSED if was_not_sent else DeliveryState.UNKNOWN
        batches.mark(tx, held.id, state, dict.fromkeys(left, "left while the outcome was unknown"))

    def _settle(self, tx: Connection, outcomes: Sequence[tuple[Batch, Record | None]], now: datetime) -> None:
        by_release: dict[int, list[tuple[Batch, Record]]] = {}
        for held, outcome in outcomes:
            if outcome is not None:
                by_release.setdefault(held.release_id or 0, []).append((held, outcome))
        for release_id in sorted(by_release):
            for held, outcome in by_release[release_id]:
                if outcome.ruling is Ruling.SPLIT:
                    _split(tx, held, now)
            if release_id:
                self._settle_one(tx, release_id, by_release[release_id], now)

    def _settle_one(
        self, tx: Connection, release_id: int, outcomes: Sequence[tuple[Batch, Record]], now: datetime
    ) -> None:
        unproved = [(held, outcome) for held, outcome in outcomes if not outcome.is_proof]
        for held, _ in unproved:
            # Somebody's word may have come for each of them while this call was made.
            batches.close_accepted(tx, held.id)
        is_stopped = bool(unproved) and self._stop_cancelled(tx, release_id, now)
        reasons = [outcome.reason for _, outcome in outcomes if outcome.ruling is Ruling.HOLD]
        if reasons and not is_stopped:
            releases.hold(tx, release_id, reasons[0])
        releases.settle(tx, release_id, now)

    def _stop_cancelled(self, tx: Connection, release_id: int, now: datetime) -> bool:
        # Somebody may have cancelled the send during the call: then nothing of it waits any more.
        if releases.get_locked(tx, release_id).state is not ReleaseState.CANCELLED:
            return False
        cancelling.cancel_release(tx, release_id, now)
        return True


def _count_accepted(tx: Connection, held: Batch, positions: Sequence[int], outcome: Record) -> None:
    batches.note_ids(tx, held.id, outcome.ids)
    batches.mark(tx, held.id, DeliveryState.REJECTED, outcome.rejected)
    batches.accept(tx, held.id, [pos for pos in positions if pos not in outcome.rejected])


def _split(tx: Connection, held: Batch, now: datetime) -> None:
    positions = batches.open_positions(tx, held.id)
    half = len(positions) // 2
    first = held.seq + 1 if held.release_id is None else releases.next_seq(tx, held.release_id)
    groups = [group for group in (positions[:half], positions[half:]) if group]
    batches.split(tx, held, groups, first, now)
