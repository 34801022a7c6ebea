"""What the ledger says of one delivery: accepted, refused, unknown, left out, or still to be sent."""

from newsletter.domain.delivery import LEFT_IN_DOUBT, DeliveryState
from newsletter.domain.facts import Call, Delivery, Facts
from newsletter.domain.hindrances import held_up
from newsletter.domain.provider import Outcome
from newsletter.domain.subscriber import Consent
from newsletter.domain.traces import one_line
from newsletter.domain.why import Answer, Why, at, at_some_time, dated, spelt

_LEFT = ("left while the outcome was unknown", LEFT_IN_DOUBT)


def of_delivery(facts: Facts, found: Delivery) -> Answer:
    """Say what became of a delivery."""
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
            return Why.CANCELLED, f"cancelled{by_decision(facts, 'cancel')} before any call was made for it"
        case "unknown":
            return Why.UNKNOWN, _unknown(facts, found)
        case "sending":
            return (
                Why.SENDING,
                f"being sent: the call to {found.provider} began {at_some_time(found.last_call_at)}",
            )
    return held_up(facts) or _not_sent_yet(facts, found)


def _accepted(facts: Facts, found: Delivery) -> Answer:
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
    call = _last_call(facts, Outcome.ACCEPTED) or _last_call(facts, Outcome.REPEATED)
    instant = found.accepted_at or (call and (call.ended_at or call.started_at))
    if instant:
        return f"accepted at {at(instant)} by {found.provider}"
    marked = max((one.at for one in facts.decisions if one.what == "mark_sent"), default=None)
    called = f"; called {at_some_time(found.last_call_at)}" if found.last_call_at else ""
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
    since = f"unknown whether {found.provider} took the call made {at_some_time(found.last_call_at)}"
    if found.state is DeliveryState.PLANNED:
        if stopped := held_up(facts):
            return f"{since}; looked into no further: {stopped[1]}"
        if found.standing(facts.now) != found.batch_state:
            return f"{since}; newsletter run looks into it"
        if found.next_at is not None:
            return f"{since}; looked into again at {at(found.next_at)}"
    left = f"{since}; {one_line(found.reason)}" if found.reason else since
    return f"{left}; settle it with: newsletter resolve {facts.target}"


def _left_out_of_call(facts: Facts, found: Delivery) -> Answer:
    gone = facts.consent.last("unsubscribed") if facts.consent else None
    has_left = found.reason == Consent.UNSUBSCRIBED or (found.reason in _LEFT and gone is not None)
    if has_left:
        return Why.UNSUBSCRIBED, f"unsubscribed{dated(gone)}, after the release and before a call was made"
    if found.reason in (Consent.PENDING, "no subscription"):
        return Why.NOT_CONFIRMED, "not confirmed when the call was made"
    reason = facts.person.suppressed_by or found.reason or "nothing kept says why"
    on = dated(facts.person.suppressed_at)
    return Why.SUPPRESSED, f"suppressed by {spelt(reason)}{on}, after the release and before a call was made"


def _not_sent_yet(facts: Facts, found: Delivery) -> Answer:
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


def _last_call(facts: Facts, outcome: Outcome) -> Call | None:
    return next((one for one in reversed(facts.calls) if one.is_own and one.outcome == outcome), None)


def by_decision(facts: Facts, what: str) -> str:
    """Write when a person decided something; nothing where nobody did."""
    found = max((one.at for one in facts.decisions if one.what == what), default=None)
    return f" at {at(found)}" if found else ""
