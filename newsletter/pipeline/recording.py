"""Record what a call or a search proved. Decides nothing.

learn the pace | end the attempt | record behind the fence, or as proof | follow | settle
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.account import Limits
from newsletter.domain.breaker import after
from newsletter.domain.delivery import Batch, BatchState, DeliveryState, Record, Ruling, record_for
from newsletter.domain.provider import Answer, Capabilities, Recovery, Sightings
from newsletter.domain.release import ReleaseState
from newsletter.domain.unknown import after_look
from newsletter.store import accounts, batches, releases
from newsletter.store.database import Database

_UNLIMITED = Limits()


@dataclass(frozen=True)
class Recording:
    """Write outcomes into the ledger."""

    database: Database
    capabilities: Capabilities
    limits: Limits = _UNLIMITED

    def record(
        self, held: Batch, positions: Sequence[int], answer: Answer, now: datetime, counted: int = 0
    ) -> None:
        """Write down what an answer proves for those it was sent to; without the lease only proof counts.

        `counted` is how many the claim counted against the day's quota.
        """
        outcome = record_for(held, answer, members=len(positions), now=now)
        with self.database.writing(urgent=held.release_id is None) as tx:
            batches.end_attempt(tx, held, answer, now)
            if batches.record(tx, held, outcome):
                self._follow(tx, held, positions, outcome, now)
                self._settle(tx, held, outcome, now)
            elif outcome.is_proof:
                _count_accepted(tx, held, positions, outcome)
                self._settle(tx, held, outcome, now)
            # Last, as in a claim: two that lock in one order never wait for each other in a ring.
            # A repeat on the same day counts for nothing: what it stands on is not given back.
            self._learn(tx, answer, 0 if held.tainted else counted, now)

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

    def _learn(self, tx: Connection, answer: Answer, people: int, now: datetime) -> None:
        name = self.capabilities.name
        account = accounts.get(tx, name)
        if after(account, self.limits, answer, now=now, recipients=people) is not account:
            account = accounts.get_locked(tx, name)
            accounts.put(tx, name, after(account, self.limits, answer, now=now, recipients=people))

    def _follow(
        self, tx: Connection, held: Batch, positions: Sequence[int], outcome: Record, now: datetime
    ) -> None:
        if outcome.ruling is Ruling.SPLIT:
            _split(tx, held, now)
        elif outcome.state is BatchState.REJECTED:
            reasons = dict.fromkeys(positions, outcome.reason)
            batches.mark(tx, held.id, DeliveryState.REJECTED, reasons)
        elif outcome.is_proof and held.tainted:
            self._tell_leavers(tx, held, positions)

    def _tell_leavers(self, tx: Connection, held: Batch, positions: Sequence[int]) -> None:
        left = set(batches.open_positions(tx, held.id)) - set(positions)
        # A key bound to its payload that takes a reduced one was never used for the whole.
        was_not_sent = self.capabilities.recovery is Recovery.KEY and self.capabilities.key_binds_payload
        state = DeliveryState.SUPPRESSED if was_not_sent else DeliveryState.UNKNOWN
        batches.mark(tx, held.id, state, dict.fromkeys(left, "left while the outcome was unknown"))

    def _settle(self, tx: Connection, held: Batch, outcome: Record, now: datetime) -> None:
        release_id = held.release_id
        if release_id is None:
            return
        if not outcome.is_proof:
            # Somebody's word may have come for each of them while this call was made.
            batches.close_accepted(tx, held.id)
        is_stopped = not outcome.is_proof and self._stop_cancelled(tx, release_id, now)
        if outcome.ruling is Ruling.HOLD and not is_stopped:
            releases.hold(tx, release_id, outcome.reason)
        releases.settle(tx, release_id, now)

    def _stop_cancelled(self, tx: Connection, release_id: int, now: datetime) -> bool:
        # Somebody may have cancelled the send during the call: then nothing of it waits any more.
        if releases.get_locked(tx, release_id).state is not ReleaseState.CANCELLED:
            return False
        batches.cancel(tx, release_id, now)
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
