"""What happens to a batch whose outcome is unknown, decided from what its provider can do."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from newsletter.domain.delivery import CONFIRM_WAIT, Asked, Batch, BatchState, Record, lease_for
from newsletter.domain.provider import Capabilities, Recovery, Sightings

#: A batch that is put off again and again is shown to a person after so long; our own waiting does not count.
GIVE_UP = timedelta(hours=24)
#: A doubt about a call of another provider is left to whoever can still speak with it for so long.
LEFT_ALONE = timedelta(hours=1)
#: A batch that was taken so often is not sent again by a policy any more.
MOST_TAKEN = 10


class Policy(StrEnum):
    """What a series wants where nothing can prove an outcome: `if_unknown` in its file."""

    #: At most once: keep it, list the recipients, let a person decide.
    HOLD = "hold"
    #: At least once: send it again.
    RESEND = "resend"
    #: At most once: leave it, and list the recipients in the report.
    SKIP = "skip"


class Step(StrEnum):
    """What is done next with a batch that is due."""

    CALL = "call"
    SEARCH = "search"
    WAIT = "wait"
    #: A new generation under a new key: what was called before is left behind.
    SEND_AGAIN = "send_again"
    SKIP = "skip"
    ASK = "ask"
    GIVE_UP = "give_up"


@dataclass(frozen=True)
class Next:
    """A step, and for WAIT until when."""

    step: Step
    at: datetime | None = None


def next_step(
    batch: Batch, capabilities: Capabilities, policy: Policy, now: datetime, *, is_foreign: bool = False
) -> Next:
    """Decide what a batch that is due does next; a foreign one was called through another provider.

    Of that one only its events can still tell.
    """
    if is_foreign and batch.tainted:
        return _await_events(batch, capabilities, policy, now)
    if not batch.tainted:
        return Next(Step.GIVE_UP if _has_tried_enough(batch, now) else Step.CALL)
    if batch.asked is Asked.MISMATCHED:
        return _await_confirmation(batch, policy, now)
    match capabilities.recovery:
        case Recovery.RECIPIENT_DEDUPE if not _has_tried_enough(batch, now):
            return Next(Step.CALL)
        case Recovery.KEY if _key_is_safe(batch, capabilities, now):
            return Next(Step.CALL)
        case Recovery.NONE:
            return _by_policy(batch, policy)
    can_look = capabilities.has_log or capabilities.recovery is Recovery.QUERY
    if can_look and not _is_forgotten(batch, capabilities, now):
        ready = _last_call(batch, now) + capabilities.settles_after
        return Next(Step.WAIT, ready) if now < ready else Next(Step.SEARCH)
    return _await_events(batch, capabilities, policy, now)


def count_from(batch: Batch, now: datetime) -> Batch:
    """Leave the time that a batch was ready, but kept by a pause, our pace or an outage, out of its trying.

    Only for one without a doubt: the life of a key is never stretched.
    """
    if batch.tainted or batch.first_call_at is None or batch.next_at is None:
        return batch
    return replace(batch, first_call_at=batch.first_call_at + max(timedelta(), now - batch.next_at))


def is_counted(batch: Batch, now: datetime) -> bool:
    """Tell whether a batch was counted against this UTC day's quota: a repeat of a doubt on the same day."""
    last = batch.last_call_at
    return batch.tainted and last is not None and last.astimezone(UTC).date() == now.astimezone(UTC).date()


def after_look(
    batch: Batch, sightings: Sightings, missing: int, capabilities: Capabilities, now: datetime
) -> Record | None:
    """Decide what a search of the provider's log changes; None where a new generation is due.

    `missing` counts the recipients that were not found. Only two whole searches, an interval apart, prove
    that somebody was not accepted.
    """
    if not missing or (sightings.ids and capabilities.is_atomic):
        return Record(BatchState.ACCEPTED, ids=sightings.ids, reason="found in the provider's log")
    later = Record(
        BatchState.UNKNOWN, tainted=True, next_at=now + capabilities.look_interval, ids=sightings.ids,
        reason=sightings.reason, asked=batch.asked,
    )  # fmt: skip
    if not sightings.is_complete:
        return later
    if batch.asked is not Asked.LOOKED:
        return replace(later, asked=Asked.LOOKED)
    return None


def _has_tried_enough(batch: Batch, now: datetime) -> bool:
    return batch.first_call_at is not None and now >= batch.first_call_at + GIVE_UP


def _key_is_safe(batch: Batch, capabilities: Capabilities, now: datetime) -> bool:
    # Two leases to spare: the call itself may start and end late.
    first = batch.first_call_at
    return first is not None and now < first + capabilities.key_ttl - 2 * lease_for(capabilities)


def _is_forgotten(batch: Batch, capabilities: Capabilities, now: datetime) -> bool:
    return now >= _last_call(batch, now) + capabilities.remembers_for


def _await_confirmation(batch: Batch, policy: Policy, now: datetime) -> Next:
    until = _last_call(batch, now) + CONFIRM_WAIT
    if now < until:
        return Next(Step.WAIT, until)
    # To send again what was most likely accepted is no policy.
    return Next(Step.SKIP if policy is Policy.SKIP else Step.ASK)


def _await_events(batch: Batch, capabilities: Capabilities, policy: Policy, now: datetime) -> Next:
    until = _last_call(batch, now) + capabilities.events_wait
    return Next(Step.WAIT, until) if now < until else _by_policy(batch, policy)


def _by_policy(batch: Batch, policy: Policy) -> Next:
    if policy is Policy.RESEND and batch.epoch >= MOST_TAKEN:
        return Next(Step.ASK)
    steps = {Policy.HOLD: Step.ASK, Policy.RESEND: Step.SEND_AGAIN, Policy.SKIP: Step.SKIP}
    return Next(steps[policy])


def _last_call(batch: Batch, now: datetime) -> datetime:
    return batch.last_call_at or batch.first_call_at or now
