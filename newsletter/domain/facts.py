"""What the ledger knows of one person and one issue: what an explanation is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.domain.delivery import UNSETTLED, BatchState, DeliveryState
from newsletter.domain.pausing import last_pause
from newsletter.domain.receiving import ELSEWHERE
from newsletter.domain.release import REAL, Release, ReleaseState
from newsletter.domain.subscriber import Consent, Verdict
from newsletter.domain.turns import Turn


@dataclass(frozen=True)
class Person:
    """Somebody with an address; `suppressed_by` says why it must not be mailed."""

    id: int
    address: str
    zone: str = ""
    suppressed_by: str | None = None
    suppressed_at: datetime | None = None


@dataclass(frozen=True)
class ConsentEvent:
    """What a person agreed to or withdrew; `issue` is the one they did it from."""

    at: datetime
    kind: str
    how: str
    text: str = ""
    issue: str | None = None


@dataclass(frozen=True)
class Consenting:
    """A person's subscription to one series, with its history, the earliest event first."""

    state: Consent
    confirmed_at: datetime | None = None
    paused_until: datetime | None = None
    events: tuple[ConsentEvent, ...] = ()

    def last(self, kind: str, until: datetime | None = None) -> datetime | None:
        """Return when something was said last, up to an instant."""
        found = [one.at for one in self.events if one.kind == kind and (until is None or one.at <= until)]
        return max(found, default=None)

    def paused_at(self, instant: datetime) -> datetime | None:
        """Return the end of the pause that an instant is in; None where it is in none."""
        until = last_pause((one.kind, one.text) for one in self.events if one.at <= instant)
        return until if until is not None and until > instant else None


@dataclass(frozen=True)
class Call:
    """One call to a provider for a batch that a delivery is or was in; `is_own` for the one it is in."""

    started_at: datetime
    ended_at: datetime | None
    provider: str
    outcome: str | None
    status: int | None = None
    request_id: str | None = None
    is_own: bool = True


@dataclass(frozen=True)
class Delivery:
    """One issue for one person in the ledger, with what its batch says; below `REAL` is a rehearsal."""

    target: str
    issue_id: int
    occasion: int
    release_id: int | None
    state: DeliveryState
    reason: str | None = None
    message_id: str | None = None
    accepted_at: datetime | None = None
    delivered_at: datetime | None = None
    bounced_at: datetime | None = None
    complained_at: datetime | None = None
    batch_id: int | None = None
    batch_state: BatchState | None = None
    provider: str = ""
    next_at: datetime | None = None
    lease_until: datetime | None = None
    last_call_at: datetime | None = None

    @property
    def is_real(self) -> bool:
        return self.occasion == REAL

    @property
    def is_from_elsewhere(self) -> bool:
        """Tell whether nothing of it happened here: an import said that they have it."""
        return self.batch_id is None and self.reason == ELSEWHERE

    @property
    def is_open(self) -> bool:
        """Tell whether something may still become of it: a later issue waits for that."""
        is_planned = self.state is DeliveryState.PLANNED
        return self.state is DeliveryState.WAITING or (is_planned and self.batch_state in UNSETTLED)

    def standing(self, now: datetime) -> str:
        """Say where it stands; a call whose lease ran out is in doubt."""
        if self.state is not DeliveryState.PLANNED or self.batch_state is None:
            return self.state.value
        is_broken_off = self.lease_until is not None and self.lease_until <= now
        if self.batch_state is BatchState.SENDING and is_broken_off:
            return BatchState.UNKNOWN.value
        return self.batch_state.value


@dataclass(frozen=True)
class Decision:
    """What somebody decided at the command line."""

    at: datetime
    what: str
    target: str


@dataclass(frozen=True)
class Facts:
    """Everything that is known of one person and one issue.

    `verdict` is that of the audience at the instant at which the issue is or was to go, None for somebody who
    never subscribed. `queued_at` is the instant of a slot to come, `zone` the one in which this person reads
    it; in a sequence there is `turn` instead. `starts` are the instants at which releases had been prepared.
    `earlier` are deliveries that this one may wait for, `others` those of every issue.
    """

    target: str
    series: str
    person: Person
    now: datetime
    zone: str = "UTC"
    consent: Consenting | None = None
    verdict: Verdict | None = None
    queued_at: datetime | None = None
    releases: tuple[Release, ...] = ()
    starts: Mapping[int, datetime] = field(default_factory=dict)
    delivery: Delivery | None = None
    calls: tuple[Call, ...] = ()
    earlier: tuple[Delivery, ...] = ()
    others: tuple[Delivery, ...] = ()
    series_paused_at: datetime | None = None
    issue_paused_at: datetime | None = None
    decisions: tuple[Decision, ...] = ()
    next_slot: tuple[str, datetime] | None = None
    turn: Turn | None = None

    def started_at(self, release: Release) -> datetime | None:
        """Return when a release had been prepared; None where it has not."""
        return self.starts.get(release.id)

    def has_passed(self, release: Release) -> bool:
        """Tell whether a release has looked at this person already, or never will."""
        is_to_come = release.state in (ReleaseState.WAITING, ReleaseState.PREPARING, ReleaseState.HELD)
        return not is_to_come or release.prepared_to >= self.person.id

    @property
    def release(self) -> Release | None:
        """The release that is this person's: of the last slot that counts, the one of their zone.

        The last one of a slot also takes whoever was there before its first, and has moved.
        """
        real = [one for one in self.releases if _may_count(one)]
        if self.delivery is not None:
            release_id = self.delivery.release_id
            return next((one for one in real if one.id == release_id), None)
        if not real:
            return None
        slot_id = max(real, key=lambda one: (one.due_at, one.id)).slot_id
        waves = sorted((one for one in real if one.slot_id == slot_id), key=lambda one: one.due_at)
        own = next((one for one in waves if self._is_for(one)), waves[-1])
        if self.has_passed(own) and self._was_there(waves[0].due_at):
            return own if self.has_passed(waves[-1]) else waves[-1]
        return own

    @property
    def goes_at(self) -> datetime | None:
        """The instant at which the issue is still to go to this person; None where there is none."""
        if self.queued_at is not None or self.release is None:
            return self.queued_at
        return None if self.has_passed(self.release) else self.release.due_at

    @property
    def rehearsals(self) -> tuple[Release, ...]:
        """The releases of this issue that never counted, but for those of other zones."""
        return tuple(one for one in self.releases if not _may_count(one) and self._is_for(one))

    def _is_for(self, release: Release) -> bool:
        return release.zones is None or self.zone in release.zones

    def _was_there(self, at: datetime) -> bool:
        confirmed_at = self.consent.confirmed_at if self.consent else None
        return confirmed_at is not None and confirmed_at <= at


def _may_count(release: Release) -> bool:
    # What is held or to come before anybody was looked at is real once the provider is.
    is_untouched = release.state in (ReleaseState.HELD, ReleaseState.WAITING) and not release.prepared_to
    return release.occasion == REAL or is_untouched
