"""The ledger's decisions: what an answer changes for a batch.

Positive evidence counts always; negative evidence counts only from the holder of the lease; a doubt is
cleared only by proof about every call of the batch's generation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.domain.provider import Answer, Capabilities, Outcome

#: No call starts for anyone later than this after the claim looked at their consent.
START_DEADLINE = timedelta(seconds=20)
#: A lease outlives the call's own time-out by this much: twice what one operation on the wire may take.
LEASE_MARGIN = timedelta(seconds=30)
#: How soon the same batch is tried again where the provider does not say; later ones wait longer.
RETRY_AFTER = timedelta(seconds=30)
LONGEST_RETRY = timedelta(minutes=30)
#: For so long after an earlier call under the same key an event is waited for that confirms it.
CONFIRM_WAIT = timedelta(hours=6)


class BatchState(StrEnum):
    """Where a batch stands; its deliveries that say `planned` stand there too."""

    PLANNED = "planned"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    """Where one delivery stands; `planned` means what its batch says."""

    WAITING = "waiting"
    PLANNED = "planned"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


#: Why somebody is suppressed who may have got it: they left while the outcome was unknown.
LEFT_IN_DOUBT = "left, and is not sent it again"


class Asked(StrEnum):
    """How far the finding out of an unknown outcome has come."""

    NOT_YET = ""
    #: The provider's log was searched once, and somebody was missing.
    LOOKED = "looked"
    #: The provider knows the key with another payload.
    MISMATCHED = "mismatched"


#: A release is settled when no batch is in one of these.
UNSETTLED = (BatchState.PLANNED, BatchState.SENDING, BatchState.UNKNOWN)


@dataclass(frozen=True)
class Batch:
    """A batch as a claim finds it; `release_id` is None for a mail that belongs to no release."""

    id: int
    release_id: int | None
    revision: str
    state: BatchState
    seq: int
    generation: int
    tainted: bool
    epoch: int
    first_call_at: datetime | None = None
    last_call_at: datetime | None = None
    next_at: datetime | None = None
    asked: Asked = Asked.NOT_YET


class Ruling(StrEnum):
    """What the next step for a batch is."""

    #: Record the state and be done, or wait for `next_at`.
    KEEP = "keep"
    #: Give each half a batch of its own, until whoever is refused stands alone.
    SPLIT = "split"
    #: Hold the whole release for a person.
    HOLD = "hold"


@dataclass(frozen=True)
class Record:
    """What an answer changes; `next_at` None means that nothing happens by itself."""

    state: BatchState
    ruling: Ruling = Ruling.KEEP
    tainted: bool = False
    next_at: datetime | None = None
    reason: str = ""
    ids: Mapping[int, str] = field(default_factory=dict)
    rejected: Mapping[int, str] = field(default_factory=dict)
    asked: Asked = Asked.NOT_YET

    @property
    def is_proof(self) -> bool:
        """Tell whether this may be recorded whoever holds the lease by now."""
        return self.state is BatchState.ACCEPTED


def lease_for(capabilities: Capabilities) -> timedelta:
    """Return how long a claim stands: the deadline to start, the call, and a margin."""
    return START_DEADLINE + capabilities.call_timeout + LEASE_MARGIN


def record_for(batch: Batch, answer: Answer, *, members: int, now: datetime) -> Record:
    """Decide what an answer to the holder of the lease changes."""
    match answer.outcome:
        case Outcome.ACCEPTED:
            return Record(BatchState.ACCEPTED, reason=answer.reason, ids=answer.ids, rejected=answer.rejected)
        case Outcome.UNKNOWN:
            return _unknown(batch, answer, now)
        case Outcome.REPEATED if batch.tainted:
            return Record(BatchState.ACCEPTED, reason=answer.reason)
        case Outcome.MISMATCHED | Outcome.REPEATED:
            # Where no call was in doubt, one that was refused has used up the key: that is no proof.
            return Record(
                BatchState.UNKNOWN, tainted=True, next_at=now + CONFIRM_WAIT, reason=answer.reason,
                asked=Asked.MISMATCHED,
            )  # fmt: skip
        case Outcome.DEFERRED:
            # Where the provider says how long, the whole account waits, and the batch is ready at once.
            is_told = (answer.retry_after or timedelta()) > timedelta()
            wait = timedelta() if is_told else back_off(batch, now)
            return Record(_undone(batch), tainted=batch.tainted, next_at=now + wait, reason=answer.reason)
        case Outcome.MISCONFIGURED:
            # A mail of no release cannot be held: it is tried more and more seldom, until it is given up.
            return Record(
                _undone(batch), Ruling.HOLD, tainted=batch.tainted, next_at=now + back_off(batch, now),
                reason=answer.reason,
            )  # fmt: skip
        case Outcome.REFUSED if batch.tainted:
            # The refusal speaks of this call only: an earlier one may have been accepted.
            return _unknown(batch, answer, now)
        case Outcome.REFUSED if members > 1:
            return Record(BatchState.CANCELLED, Ruling.SPLIT, reason=answer.reason)
        case Outcome.REFUSED:
            return Record(BatchState.REJECTED, reason=answer.reason)


def back_off(batch: Batch, now: datetime) -> timedelta:
    """Return how long to wait before the same batch is tried again: longer, the longer it has been tried."""
    tried_for = now - (batch.first_call_at or now)
    return min(max(tried_for / 2, RETRY_AFTER), LONGEST_RETRY)


def batch_key(deployment: str, batch: Batch) -> str:
    """Name a batch to the provider: the same for every attempt, another for every generation."""
    return f"nl-{deployment}-{batch.release_id or 0}-{batch.id}-{batch.generation}"


def _unknown(batch: Batch, answer: Answer, now: datetime) -> Record:
    later = now + (answer.retry_after or back_off(batch, now))
    # Whoever the provider named an id for was taken, whatever became of the others.
    return Record(BatchState.UNKNOWN, tainted=True, next_at=later, reason=answer.reason, ids=answer.ids)


def _undone(batch: Batch) -> BatchState:
    # "Later" is no proof about the calls before it.
    return BatchState.UNKNOWN if batch.tainted else BatchState.PLANNED
