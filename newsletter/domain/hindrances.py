"""What keeps an issue from a person: by the audience rule, then or now, or for everybody."""

from newsletter.domain.facts import Facts
from newsletter.domain.release import Release, ReleaseState
from newsletter.domain.subscriber import Verdict
from newsletter.domain.traces import one_line
from newsletter.domain.why import Answer, Why, at, dated, spelt


def left_out_then(facts: Facts, release: Release) -> Answer | None:
    """Say why a release left a person out, from what is dated; None where nothing says so."""
    consent, person = facts.consent, facts.person
    looked_at = facts.started_at(release) or facts.now
    was_never_prepared = release.state is ReleaseState.CANCELLED and not release.prepared_to
    if consent is None or was_never_prepared:
        return None
    if person.suppressed_at is not None and person.suppressed_at <= looked_at:
        return (
            Why.SUPPRESSED,
            f"suppressed by {spelt(person.suppressed_by or '')}{dated(person.suppressed_at)}",
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
        left_out = left_out_now(facts)
        return left_out[1] if left_out else "left out now"
    if facts.next_slot is None:
        return "joins at the next slot, once one is queued"
    target, due_at = facts.next_slot
    return f"joins at the next slot, {target} at {at(due_at)}"


def left_out_now(facts: Facts) -> Answer | None:
    """Say why the audience rule leaves a person out of what is still to come; None where it does not."""
    consent, person = facts.consent, facts.person
    match facts.verdict:
        case Verdict.SUPPRESSED:
            on = dated(person.suppressed_at)
            return Why.SUPPRESSED, f"suppressed by {spelt(person.suppressed_by or '')}{on}"
        case Verdict.UNSUBSCRIBED:
            gone = consent.last("unsubscribed") if consent else None
            return Why.UNSUBSCRIBED, f"unsubscribed{dated(gone)}"
        case Verdict.PENDING:
            return Why.NOT_CONFIRMED, "not confirmed yet"
        case Verdict.OUTSIDE:
            return Why.OUTSIDE, outside(facts)
        case Verdict.PAUSED:
            until = consent.paused_until if consent else None
            return Why.PAUSED, f"paused until {at(until) if until else 'further notice'}"
    return None


def outside(facts: Facts) -> str:
    """Say that somebody is not in the audience that the series names."""
    return f"not in the audience of {facts.series}"


def held_up(facts: Facts) -> Answer | None:
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
