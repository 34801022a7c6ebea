"""The evidence of an explanation: what happened, one line each, by instant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from newsletter.domain.facts import Call, ConsentEvent, Delivery, Facts
from newsletter.domain.release import Release, ReleaseState

#: What somebody decides that changes what a person gets.
DECISIONS = ("pause", "resume", "cancel", "mark_sent", "send_again")


@dataclass(frozen=True)
class Trace:
    """Something that happened, or will; `at` is None where the instant was not kept."""

    at: datetime | None
    what: str
    detail: str = ""


def traces_of(facts: Facts) -> tuple[Trace, ...]:
    """List the evidence for one person and one issue, the earliest first."""
    found = [*_of_person(facts), *_of_issue(facts), *_of_delivery(facts)]
    dated = [one for one in found if one.at is not None]
    # Sorting is stable: what happened at one instant stays as it was listed.
    dated.sort(key=lambda one: one.at or facts.now)
    return (*dated, *(one for one in found if one.at is None))


def _of_person(facts: Facts) -> Iterator[Trace]:
    person, consent = facts.person, facts.consent
    for event in consent.events if consent else ():
        yield Trace(event.at, event.kind, _consent(event))
    if consent is not None and consent.paused_until is not None:
        yield Trace(consent.paused_until, "paused until")
    if person.suppressed_by is None:
        return
    yield Trace(person.suppressed_at, "suppressed", person.suppressed_by.replace("_", " "))
    for other in facts.others:
        if other.target != facts.target:
            yield from (one for one in _stamps(other) if one.what != "delivered")


def _of_issue(facts: Facts) -> Iterator[Trace]:
    if facts.queued_at is not None:
        yield Trace(facts.queued_at, "due", _local(facts, facts.queued_at))
    release = facts.release
    if release is not None:
        yield from _release(facts, release)
    for one in facts.rehearsals:
        copies = [other for other in facts.others if other.occasion == one.occasion]
        yield Trace(one.due_at, "rehearsed", copies[0].standing(facts.now) if copies else "not for them")
    for decision in facts.decisions:
        if decision.what in DECISIONS:
            yield Trace(decision.at, decision.what.replace("_", " "), decision.target)
    if facts.series_paused_at is not None:
        yield Trace(facts.series_paused_at, "paused", facts.series)
    if facts.issue_paused_at is not None:
        yield Trace(facts.issue_paused_at, "paused", facts.target)


def _of_delivery(facts: Facts) -> Iterator[Trace]:
    for call in facts.calls:
        yield Trace(call.started_at, "called", _call(call))
    if facts.delivery is None:
        return
    for earlier in facts.earlier:
        yield Trace(earlier.last_call_at, "waits for", f"{earlier.target}: {earlier.standing(facts.now)}")
    if facts.delivery.message_id:
        yield Trace(None, "provider id", one_line(facts.delivery.message_id))
    if facts.delivery.reason:
        yield Trace(None, "reason", one_line(facts.delivery.reason))
    yield from _stamps(facts.delivery)


def _release(facts: Facts, release: Release) -> Iterator[Trace]:
    yield Trace(release.due_at, "due", _local(facts, release.due_at))
    started_at = facts.started_at(release)
    if started_at is not None:
        yield Trace(started_at, "released", f"to {release.planned:,} people")
    if release.state in (ReleaseState.HELD, ReleaseState.CANCELLED):
        yield Trace(None, release.state.value, one_line(release.reason))


def _stamps(found: Delivery) -> Iterator[Trace]:
    for what, instant in (
        ("delivered", found.delivered_at),
        ("bounced", found.bounced_at),
        ("complained", found.complained_at),
    ):
        if instant is not None:
            yield Trace(instant, what, found.target)


def _consent(event: ConsentEvent) -> str:
    said = ": ".join(part for part in (event.how.replace("_", " "), one_line(event.text)) if part)
    return f"{said} (from {event.issue})" if event.issue else said


def _call(call: Call) -> str:
    parts = [f"{call.provider}: {call.outcome or 'no answer recorded'}"]
    if call.status is not None:
        parts.append(f"HTTP {call.status}")
    if call.request_id:
        parts.append(f"request {one_line(call.request_id)}")
    return ", ".join(parts)


def _local(facts: Facts, instant: datetime) -> str:
    return f"{instant.astimezone(ZoneInfo(facts.zone)):%Y-%m-%d %H:%M} {facts.zone}"


def one_line(text: str) -> str:
    """Put what others wrote on one line that cannot steer a terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
