"""Why a person got an issue, or did not: one verdict and one sentence.

The ledger speaks first: who has a delivery is told what became of it. Whoever has none was left out by the
audience rule, joined later, or is still to get it.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from newsletter.domain.facts import Facts
from newsletter.domain.hindrances import held_up, left_out_now, left_out_then, outside
from newsletter.domain.recorded import by_decision, of_delivery
from newsletter.domain.release import Release, ReleaseState
from newsletter.domain.subscriber import Verdict
from newsletter.domain.traces import Trace, traces_of
from newsletter.domain.turns import Turn
from newsletter.domain.why import Answer, Why, at


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


def _answer(facts: Facts) -> Answer:
    if facts.delivery is not None:
        return of_delivery(facts, facts.delivery)
    if facts.consent is None:
        return Why.NEVER_SUBSCRIBED, f"never subscribed to {facts.series}"
    if facts.turn is not None:
        return left_out_now(facts) or _in_turn(facts, facts.turn)
    if facts.queued_at is not None:
        return left_out_now(facts) or held_up(facts) or _due(facts, facts.queued_at)
    release = facts.release
    if release is not None and facts.has_passed(release):
        return _of_release(facts, release)
    if release is not None:
        return left_out_now(facts) or held_up(facts) or _due(facts, release.due_at)
    if facts.rehearsals:
        days = ", ".join(dict.fromkeys(at(one.due_at) for one in facts.rehearsals))
        return Why.ONLY_REHEARSED, f"only rehearsed, on {days}: nothing left this machine"
    return Why.NOT_QUEUED, f"not queued; it gets a slot with: newsletter queue {facts.target}"


def _in_turn(facts: Facts, turn: Turn) -> Answer:
    approve = f"newsletter queue {facts.target}"
    if turn.is_out:
        return Why.TAKEN_OUT, f"taken out of the sequence; it comes back with: {approve}"
    if turn.is_passed:
        return Why.PASSED, f"passed over: they had had {turn.furthest}, which comes after it"
    if stopped := held_up(facts):
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


def _of_release(facts: Facts, release: Release) -> Answer:
    left_out = left_out_then(facts, release)
    if left_out is not None:
        return left_out
    if release.state is ReleaseState.CANCELLED:
        done = f"cancelled{by_decision(facts, 'cancel')}"
        return Why.CANCELLED, f"{done}: its send of {at(release.due_at)} did not reach them"
    if facts.verdict is Verdict.OUTSIDE:
        return Why.OUTSIDE, f"{outside(facts)} as it is now"
    return (
        Why.NOT_RECORDED,
        f"not in the release of {at(release.due_at)}; nothing that was kept says why",
    )


def _due(facts: Facts, due_at: datetime) -> Answer:
    if due_at <= facts.now:
        return Why.DUE, f"due since {at(due_at)} and not released yet: newsletter run does it"
    local = f"{due_at.astimezone(ZoneInfo(facts.zone)):%Y-%m-%d %H:%M} {facts.zone}"
    return Why.DUE, f"due at {local} ({at(due_at)})"
