"""The ledger's decisions: what a batch may do next, and what an answer changes.

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
#: A lease outlives the call's own time-out by this much.
LEASE_MARGIN = timedelta(seconds=30)
#: How soon the same batch is tried again where the provider does not say.
RETRY_AFTER = timedelta(seconds=30)


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


#: A release is settled when no batch is in one of these.
UNSETTLED = (BatchState.PLANNED, BatchState.SENDING, BatchState.UNKNOWN)


@dataclass(frozen=True)
class Batch:
    """A batch as a claim finds it; `release_id` is None for a test copy."""

    id: int
    release_id: int | None
    revision: str
    state: BatchState
    seq: int
    generation: int
    tainted: bool
    epoch: int
    first_call_at: datetime | None = None


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

    @property
    def is_proof(self) -> bool:
        """Tell whether this may be recorded whoever holds the lease by now."""
        return self.state is BatchState.ACCEPTED


def lease_for(capabilities: Capabilities) -> timedelta:
    """Return how long a claim stands: the deadline to start, the call, and a margin."""
    return START_DEADLINE + capabilities.call_timeout + LEASE_MARGIN


def may_call_again(batch: Batch, capabilities: Capabilities, now: datetime) -> bool:
    """Tell whether a batch whose outcome is unknown may be called again without risking a second mail.

    Only under the same key, and only while the provider still remembers it with two leases to spare.
    """
    if not batch.tainted:
        return True
    if capabilities.key_ttl is None or batch.first_call_at is None:
        return False
    return now < batch.first_call_at + capabilities.key_ttl - 2 * lease_for(capabilities)


def record_for(batch: Batch, answer: Answer, *, members: int, now: datetime) -> Record:
    """Decide what an answer to the holder of the lease changes."""
    later = now + (answer.retry_after or RETRY_AFTER)
    match answer.outcome:
        case Outcome.ACCEPTED:
            return Record(BatchState.ACCEPTED, reason=answer.reason, ids=answer.ids, rejected=answer.rejected)
        case Outcome.UNKNOWN:
            return Record(BatchState.UNKNOWN, tainted=True, next_at=later, reason=answer.reason)
        case Outcome.DEFERRED:
            return Record(_undone(batch), tainted=batch.tainted, next_at=later, reason=answer.reason)
        case Outcome.MISCONFIGURED:
            return Record(
                _undone(batch), Ruling.HOLD, tainted=batch.tainted, next_at=now, reason=answer.reason
            )
        case Outcome.REFUSED if batch.tainted:
            # The refusal speaks of this call only: an earlier one may have been accepted.
            return Record(BatchState.UNKNOWN, tainted=True, reason=answer.reason)
        case Outcome.REFUSED if members > 1:
            return Record(BatchState.CANCELLED, Ruling.SPLIT, reason=answer.reason)
        case Outcome.REFUSED:
            return Record(BatchState.REJECTED, reason=answer.reason)


def batch_key(deployment: str, batch: Batch) -> str:
    """Name a batch to the provider: the same for every attempt, another for every generation."""
    release = batch.release_id if batch.release_id is not None else f"test{batch.id}"
    return f"nl-{deployment}-{release}-{batch.seq}-{batch.generation}"


def _undone(batch: Batch) -> BatchState:
    # "Later" is no proof about the calls before it.
    return BatchState.UNKNOWN if batch.tainted else BatchState.PLANNED
