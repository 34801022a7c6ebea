"""Why a person got an issue, or did not: one verdict and one sentence.

The ledger speaks first: who has a delivery is told what became of it. Whoever has none was left out by the
audience rule, joined later, or is still to get it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from newsletter.domain.delivery import LEFT_IN_DOUBT, DeliveryState
from newsletter.domain.facts import Call, Delivery, Facts
from newsletter.domain.provider import Outcome
from newsletter.domain.release import Release, ReleaseState
from newsletter.domain.subscriber import Consent, Verdict
from newsletter.domain.traces import Trace, one_line, traces_of
from newsletter.domain.turns import Turn

_LEFT = ("left while the outcome was unknown", LEFT_IN_DOUBT)


class Why(StrEnum):
    """Every answer there is, in words that stay as they are."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ACCEPTED = "accepted"
    #: An import said so: nothing of it happened here.
    RECEIVED_ELSEWHERE = "received_elsewhere"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SENDING = "sending"
    PLANNED = "planned"
    #: An earlier issue of the series is not settled.
    WAITING = "waiting"
    CANCELLED = "cancelled"
    #: The release waits for a person.
    HELD = "held"
    SERIES_PAUSED = "series_paused"
    ISSUE_PAUSED = "issue_paused"
    DUE = "due"
    #: In a sequence: it came into its place when they were past it; it was taken out; nobody approved it.
    PASSED = "passed"
    TAKEN_OUT = "taken_out"
    NOT_APPROVED = "not_approved"
    NOT_QUEUED = "not_queued"
    ONLY_REHEARSED = "only_rehearsed"
    NEVER_SUBSCRIBED = "never_subscribed"
    NOT_CONFIRMED = "not_confirmed"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    #: Not in the audience that the series names.
    OUTSIDE = "outside"
    #: By their own wish, for a time.
    PAUSED = "paused"
    #: They confirmed after the issue had been released.
    JOINS_AT_NEXT_SLOT = "joins_at_next_slot"
    #: They were due, and no row says what became of it.
    NOT_RECORDED = "not_recorded"


@dataclass(frozen=True)
class Explanation:
    """One answer; `evidence` is by instant."""

    target: str
    verdict: Why
    sentence: str
    evidence: tuple[Trace, ...] = ()


def explain(facts: Facts) -> Explanation:
    """Say why this person got this issue, or did not."""
    verdict, sentence = _answer(facts)
    return Explanation(facts.target, verdict, sentence, traces_of(facts))


def _answer(facts: Facts) -> tuple[Why, str]:
    if facts.delivery is not None:
        return _of_delivery(facts, facts.delivery)
    if facts.consent is None:
        return Why.NEVER_SUBSCRIBED, f"never subscribed to {facts.series}"
    if facts.turn is not None:
        return _left_out_now(facts) or _in_turn(facts, facts.turn)
    if facts.queued_at is not None:
        return _left_out_now(facts) or _stopped(facts) or _due(facts, facts.queued_at)
    release = facts.release
    if release is not None and facts.has_passed(release):
        return _of_release(facts, release)
    if release is not None:
        return _left_out_now(facts) or _stopped(facts) or _due(facts, release.due_at)
    if facts.rehearsals:
        days = ", ".join(dict.fromkeys(at(one.due_at) for one in facts.rehearsals))
        return Why.ONLY_REHEARSED, f"only rehearsed, on {days}: nothing left this machine"
    return Why.NOT_QUEUED, f"not queued; it gets a slot with: newsletter queue {facts.target}"


def _in_turn(facts: Facts, turn: Turn) -> tuple[Why, str]:
    approve = f"newsletter queue {facts.target}"
    if turn.is_out:
        return Why.TAKEN_OUT, f"taken out of the sequence; it comes back with: {approve}"
    if turn.is_passed:
        return Why.PASSED, f"passed over: they had had {turn.furthest}, which comes after it"
    if stopped := _stopped(facts):
        return stopped
    if not turn.is_approved:
        waits = "comes later" if turn.before else "is what they wait for"
        return Why.NOT_APPROVED, f"not approved, and {waits}; approve it with: {approve}"
    if turn.unsettled:
        return Why.WAITING, f"waits until their earlier issue is settled: {turn.unsettled}"
    if turn.comes_at is None:
        return Why.NOT_QUEUED, f"the sequence has no slot; it gets one with: newsletter queue {facts.series}"
    verdict, sentence = _due(facts, turn.comes_at)
    return verdict, f"after {', '.join(turn.before)}: {sentence} at the earliest" if turn.before else sentence


def _of_delivery(facts: Facts, found: Delivery) -> tuple[Why, str]:
    if found.is_from_elsewhere:
        return Why.RECEIVED_ELSEWHERE, "received elsewhere, before this system sent anything of it to them"
    match found.standing(facts.now):
        case "accepted":
            return _accepted(facts, found)
        case "rejected":
            return Why.REJECTED, _rejected(facts, found)
        case "suppressed":
            return _left_out_of_call(facts, found)
        case "cancelled":
            return Why.CANCELLED, f"cancelled{_by_decision(facts, 'cancel')} before any call was made for it"
        case "unknown":
            return Why.UNKNOWN, _unknown(facts, found)
        case "sending":
            return Why.SENDING, f"being sent: the call to {found.provider} began {_at(found.last_call_at)}"
    return _stopped(facts) or _not_sent_yet(facts, found)


def _accepted(facts: Facts, found: Delivery) -> tuple[Why, str]:
    accepted = _how_accepted(facts, found)
    under = f" under provider id {one_line(found.message_id)}" if found.message_id else ""
    for verdict, what, instant in (
        (Why.COMPLAINED, "complained of", found.complained_at),
        (Why.BOUNCED, "bounced", found.bounced_at),
        (Why.DELIVERED, "delivered", found.delivered_at),
    ):
        if instant is not None:
            return verdict, f"{what} at {at(instant)}; {accepted}{under}"
    return Why.ACCEPTED, f"{accepted}{under}"


def _how_accepted(facts: Facts, found: Delivery) -> str:
    call = _last_call(facts, Outcome.ACCEPTED)
    instant = found.accepted_at or (call and (call.ended_at or call.started_at))
    if instant:
        return f"accepted at {at(instant)} by {found.provider}"
    marked = max((one.at for one in facts.decisions if one.what == "mark_sent"), default=None)
    called = f"; called {_at(found.last_call_at)}" if found.last_call_at else ""
    # A search or an event leaves an id or an instant behind, a person's word does not.
    if marked is not None and not (found.message_id or found.delivered_at or found.bounced_at):
        return f"marked as sent by a person at {at(marked)}{called}"
    return f"accepted by {found.provider}, as its log or an event proved{called}"


def _rejected(facts: Facts, found: Delivery) -> str:
    call = facts.calls[-1] if facts.calls else None
    reason = one_line(found.reason or "no reason given")
    if call is None:
        return f"not sent: {reason}"
    return f"refused at {at(call.ended_at or call.started_at)} by {call.provider}: {reason}"


def _unknown(facts: Facts, found: Delivery) -> str:
    since = f"unknown whether {found.provider} took the call made {_at(found.last_call_at)}"
    if found.state is DeliveryState.PLANNED:
        if stopped := _stopped(facts):
            return f"{since}; looked into no further: {stopped[1]}"
        if found.standing(facts.now) != found.batch_state:
            return f"{since}; newsletter run looks into it"
        if found.next_at is not None:
            return f"{since}; looked into again at {at(found.next_at)}"
    left = f"{since}; {one_line(found.reason)}" if found.reason else since
    return f"{left}; settle it with: newsletter resolve {facts.target}"


def _left_out_of_call(facts: Facts, found: Delivery) -> tuple[Why, str]:
    gone = facts.consent.last("unsubscribed") if facts.consent else None
    has_left = found.reason == Consent.UNSUBSCRIBED or (found.reason in _LEFT and gone is not None)
    if has_left:
        return Why.UNSUBSCRIBED, f"unsubscribed{_on(gone)}, after the release and before a call was made"
    if found.reason in (Consent.PENDING, "no subscription"):
        return Why.NOT_CONFIRMED, "not confirmed when the call was made"
    reason = facts.person.suppressed_by or found.reason or "nothing kept says why"
    on = _on(facts.person.suppressed_at)
    return Why.SUPPRESSED, f"suppressed by {_words(reason)}{on}, after the release and before a call was made"


def _not_sent_yet(facts: Facts, found: Delivery) -> tuple[Why, str]:
    if found.state is DeliveryState.WAITING:
        earlier = " and ".join(f"{one.target} ({one.standing(facts.now)})" for one in facts.earlier)
        if earlier:
            return Why.WAITING, f"waits until their earlier issue is settled: {earlier}"
        return (
            Why.PLANNED,
            "planned: their earlier issue is settled, and newsletter run goes on with this one",
        )
    if found.next_at is not None and found.next_at > facts.now:
        return Why.PLANNED, f"put off by {found.provider}; tried again at {at(found.next_at)}"
    return Why.PLANNED, "planned: newsletter run makes the call"


def _of_release(facts: Facts, release: Release) -> tuple[Why, str]:
    left_out = _left_out_then(facts, release)
    if left_out is not None:
        return left_out
    if release.state is ReleaseState.CANCELLED:
        done = f"cancelled{_by_decision(facts, 'cancel')}"
        return Why.CANCELLED, f"{done}: its send of {at(release.due_at)} did not reach them"
    if facts.verdict is Verdict.OUTSIDE:
        return Why.OUTSIDE, f"{_outside(facts)} as it is now"
    return (
        Why.NOT_RECORDED,
        f"not in the release of {at(release.due_at)}; nothing that was kept says why",
    )


def _left_out_then(facts: Facts, release: Release) -> tuple[Why, str] | None:
    """Say why a release left a person out, from what is dated; None where nothing says so."""
    consent, person = facts.consent, facts.person
    looked_at = facts.started_at(release) or facts.now
    was_never_prepared = release.state is ReleaseState.CANCELLED and not release.prepared_to
    if consent is None or was_never_prepared:
        return None
    if person.suppressed_at is not None and person.suppressed_at <= looked_at:
        return (
            Why.SUPPRESSED,
            f"suppressed by {_words(person.suppressed_by or '')}{_on(person.suppressed_at)}",
        )
    gone, confirmed = consent.last("unsubscribed", looked_at), consent.last("confirmed", looked_at)
    if gone is not None and (confirmed is None or gone >= confirmed):
        back = min((e.at for e in consent.events if e.kind == "confirmed" and e.at > gone), default=None)
        again = f"; back since {at(back)}" if back else ""
        return (
            Why.UNSUBSCRIBED,
            f"unsubscribed on {at(gone)}, before it was released at {at(release.due_at)}{again}",
        )
    if confirmed is None or confirmed >= release.due_at:
        confirmed = confirmed or consent.last("confirmed")
        if confirmed is None:
            return Why.NOT_CONFIRMED, "not confirmed yet"
        since = f"confirmed on {at(confirmed)}, after it was released at {at(release.due_at)}"
        return Why.JOINS_AT_NEXT_SLOT, f"{since}; {_next_slot(facts)}"
    if (until := consent.paused_at(looked_at)) is not None:
        return Why.PAUSED, f"paused until {at(until)}, and it was released at {at(release.due_at)}"
    return None


def _next_slot(facts: Facts) -> str:
    if facts.verdict not in (Verdict.DUE, Verdict.HAS_IT):
        left_out = _left_out_now(facts)
        return left_out[1] if left_out else "left out now"
    if facts.next_slot is None:
        return "joins at the next slot, once one is queued"
    target, due_at = facts.next_slot
    return f"joins at the next slot, {target} at {at(due_at)}"


def _left_out_now(facts: Facts) -> tuple[Why, str] | None:
    """Say why the audience rule leaves a person out of what is still to come; None where it does not."""
    consent, person = facts.consent, facts.person
    match facts.verdict:
        case Verdict.SUPPRESSED:
            on = _on(person.suppressed_at)
            return Why.SUPPRESSED, f"suppressed by {_words(person.suppressed_by or '')}{on}"
        case Verdict.UNSUBSCRIBED:
            gone = consent.last("unsubscribed") if consent else None
            return Why.UNSUBSCRIBED, f"unsubscribed{_on(gone)}"
        case Verdict.PENDING:
            return Why.NOT_CONFIRMED, "not confirmed yet"
        case Verdict.OUTSIDE:
            return Why.OUTSIDE, _outside(facts)
        case Verdict.PAUSED:
            until = consent.paused_until if consent else None
            return Why.PAUSED, f"paused until {at(until) if until else 'further notice'}"
    return None


def _outside(facts: Facts) -> str:
    return f"not in the audience of {facts.series}"


def _stopped(facts: Facts) -> tuple[Why, str] | None:
    """Say what keeps everybody from getting it; None where nothing does."""
    release = facts.release
    if release is not None and release.state is ReleaseState.HELD:
        mend = f"it goes on with: newsletter resume {facts.target}"
        return Why.HELD, f"held: {one_line(release.reason)}; {mend}"
    for verdict, name, since in (
        (Why.SERIES_PAUSED, facts.series, facts.series_paused_at),
        (Why.ISSUE_PAUSED, facts.target, facts.issue_paused_at),
    ):
        if since is not None:
            return verdict, f"{name} is paused since {at(since)}; it goes on with: newsletter resume {name}"
    return None


def _due(facts: Facts, due_at: datetime) -> tuple[Why, str]:
    if due_at <= facts.now:
        return Why.DUE, f"due since {at(due_at)} and not released yet: newsletter run does it"
    local = f"{due_at.astimezone(ZoneInfo(facts.zone)):%Y-%m-%d %H:%M} {facts.zone}"
    return Why.DUE, f"due at {local} ({at(due_at)})"


def _last_call(facts: Facts, outcome: Outcome) -> Call | None:
    return next((one for one in reversed(facts.calls) if one.is_own and one.outcome == outcome), None)


def _by_decision(facts: Facts, what: str) -> str:
    found = max((one.at for one in facts.decisions if one.what == what), default=None)
    return f" at {at(found)}" if found else ""


def at(instant: datetime) -> str:
    """Write an instant in UTC."""
    return f"{instant:%Y-%m-%d %H:%M}Z"


def _at(instant: datetime | None) -> str:
    return f"at {at(instant)}" if instant else "at an instant that was not kept"


def _on(instant: datetime | None) -> str:
    return f" on {at(instant)}" if instant else ""


def _words(reason: str) -> str:
    return reason.replace("_", " ")
