"""What must hold of every seed, whatever went wrong: judged by the provider's own log.

Our tables are read only where the promise is about them: nobody is dropped silently (I2), the ledger says
what the provider did (I7), the counts balance (I8), and nothing is left over (I11).
"""

from collections import Counter
from collections.abc import Callable, Iterator

from sim_evidence import Evidence
from sim_history import History
from sim_pace import too_fast
from sim_plan import DUE, HOUR, ISSUES

from newsletter.domain.delivery import START_DEADLINE
from newsletter.domain.unknown import Policy

DEADLINE = START_DEADLINE.total_seconds()
#: A provider that is well has an issue within so long of its slot.
SOON = 600.0


def nothing_breaks(seen: Evidence) -> Iterator[str]:
    """I0: the engine never raises what it does not mean to."""
    for error in dict.fromkeys(seen.history.errors):
        yield f"I0: the engine broke: {error}"


def violations(seen: Evidence) -> list[str]:
    """Tell in sentences what does not hold."""
    return [sentence for check in CHECKS for sentence in check(seen)]


def at_most_once(seen: Evidence) -> Iterator[str]:
    """I1: one accept for an issue and a person; where the policy is to send again, at least once will do."""
    for (name, person), times in seen.truth.items():
        if len(times) > 1 and seen.plan.policy is not Policy.RESEND and not _outlived_its_key(seen, times):
            yield f"I1: reader {person} was accepted {len(times)} times for {name}, at {_spell(times)}"


def _outlived_its_key(seen: Evidence, times: list[float]) -> bool:
    # A database that forgot a call cannot know how old its key is; the file beside it knows of the call, and
    # nothing is sent (`tests/store/test_lineage.py`).
    return (
        bool(seen.history.restored) and times[-1] - times[0] > seen.plan.capabilities.key_ttl.total_seconds()
    )


def nobody_is_dropped(seen: Evidence) -> Iterator[str]:
    """I2: whoever may get an issue all the time has it, or is listed with a reason."""
    released = {one.issue: one for one in seen.releases}
    for name in seen.issues:
        if name in seen.history.cancelled:
            continue
        if name not in released:
            yield f"I2: {name} was never released"
            continue
        for person in range(1, seen.plan.people + 1):
            if person not in seen.history.ever_away and (name, person) not in seen.truth:
                yield from _why_not(seen, name, person)


def _why_not(seen: Evidence, name: str, person: int) -> Iterator[str]:
    place, row = (name, person), seen.rows.get((name, person))
    if row is None:
        yield f"I2: reader {person} has no row for {name}"
        return
    if row.state == "rejected" and row.reason:
        return
    if place in seen.visible or seen.decided(place):
        return
    if row.state == "waiting" and any((earlier, person) in seen.visible for earlier in seen.issues):
        return
    yield f"I2: reader {person} was never accepted for {name}, the ledger only says {row.state}: {row.reason}"


def consent_is_kept(seen: Evidence) -> Iterator[str]:
    """I3: no call starts for anybody later than the deadline after they left."""
    for entry in seen.starts:
        for person in entry.people:
            since = _away_since(seen.history, person, entry.at)
            if since is not None and entry.at > since + DEADLINE:
                yield (
                    f"I3: a call for reader {person} ({entry.issue}) began at {entry.at:.1f}, "
                    f"{entry.at - since:.1f} s after they left"
                )


def pace_is_kept(seen: Evidence) -> Iterator[str]:
    """I4: claims keep the configured rate and the day's quota."""
    # Each account has a pace of its own; a clock that jumps and a database that forgets lose count.
    if seen.jumps or seen.history.restored or seen.plan.switches is not None:
        return
    for sentence in too_fast(seen.plan, seen.history.claims, seen.accepts):
        yield f"I4: {sentence}"


def in_time(seen: Evidence) -> Iterator[str]:
    """I5: no call before the slot; all is done soon after it where nothing goes wrong."""
    for entry in seen.starts:
        due = DUE[ISSUES.index(entry.issue)]
        if entry.wall < due:
            yield f"I5: {entry.issue} was called at {entry.wall}, before {due}"
    if seen.plan.is_calm and not seen.plan.is_limited:
        for (name, person), times in seen.truth.items():
            late = times[0] - (DUE[ISSUES.index(name)] - DUE[0]).total_seconds() - 60
            if late > SOON:
                yield f"I5: reader {person} got {name} {late:.0f} s late, though nothing went wrong"


def in_order(seen: Evidence) -> Iterator[str]:
    """I6: a person's earlier issue is accepted before a call for the next one begins."""
    for entry in seen.starts:
        number = ISSUES.index(entry.issue)
        for earlier in ISSUES[:number]:
            if earlier in seen.history.released_by_hand or earlier in seen.history.cancelled:
                continue
            for person in entry.people:
                times = seen.truth.get((earlier, person))
                if times and times[0] > entry.at and not seen.decided((earlier, person)):
                    yield (
                        f"I6: {entry.issue} was called for reader {person} at {entry.at:.1f}, "
                        f"{earlier} was accepted only at {times[0]:.1f}"
                    )


def ledger_is_true(seen: Evidence) -> Iterator[str]:
    """I7: the ledger says accepted of those whom the provider accepted, or does not pretend to know."""
    for place, row in seen.rows.items():
        name, person = place
        if (
            row.state == "accepted"
            and place not in seen.truth
            and seen.history.decided.get(place) != "mark_sent"
        ):
            yield f"I7: the ledger says accepted of reader {person} ({name}), the provider never did"
        # A new generation that a policy began, or a database that forgot, knows no better.
        forgot = seen.plan.policy is Policy.RESEND or seen.history.restored
        if place in seen.truth and row.state not in ("accepted", "unknown") and not forgot:
            said = f"{row.state}: {row.reason}"
            yield f"I7: the provider accepted reader {person} ({name}), the ledger says {said}"
    for place in seen.told:
        if seen.rows[place].state != "accepted" and not seen.history.restored:
            yield f"I7: an event told of {place}, and the ledger says {seen.rows[place].state}"
    for place in seen.truth:
        if place not in seen.rows:
            yield f"I7: the provider accepted {place}, the ledger has no row"


def counts_balance(seen: Evidence) -> Iterator[str]:
    """I8: who was looked at is planned or excluded, and planned people have rows."""
    rows = Counter(row.release_id for row in seen.rows.values())
    for one in seen.releases:
        if one.candidates != one.planned + sum(one.excluded.values()):
            yield f"I8: {one.issue}: {one.candidates} people, {one.planned} planned, {one.excluded} left out"
        if one.planned != rows[one.id]:
            yield f"I8: {one.issue} says {one.planned} planned and has {rows[one.id]} rows"
        if one.state in ("sending", "settled") and one.candidates != seen.plan.people:
            yield f"I8: {one.issue} looked at {one.candidates} of {seen.plan.people} people"


def stops_stop(seen: Evidence) -> Iterator[str]:
    """I9: no call begins later than the deadline after a pause or a cancel that the database remembers."""
    if seen.history.restored:
        return
    for entry in seen.starts:
        for name, began, ended in seen.history.pauses:
            if name in (None, entry.issue) and began + DEADLINE < entry.at < (ended or entry.at + 1):
                yield f"I9: {entry.issue} was called at {entry.at:.1f}, paused since {began:.1f}"
        cancelled = seen.history.cancelled.get(entry.issue)
        wanted = all(seen.decided((entry.issue, person)) for person in entry.people)
        if cancelled is not None and entry.at > cancelled + DEADLINE and not wanted:
            yield f"I9: {entry.issue} was called at {entry.at:.1f}, cancelled at {cancelled:.1f}"


def nothing_is_left(seen: Evidence) -> Iterator[str]:
    """I11: in the end nothing waits but for a person."""
    for batch_id, state, next_at in seen.open_batches:
        if state != "unknown" or next_at is not None:
            yield f"I11: batch {batch_id} is still {state}, due at {next_at}"
        elif seen.plan.resolves:
            yield f"I11: batch {batch_id} is still unknown after everything unknown was settled"
    for one in seen.releases:
        if one.state in ("preparing", "held"):
            yield f"I11: {one.issue} is still {one.state}"
    for place, row in seen.rows.items():
        if row.own == "waiting" and seen.plan.resolves:
            yield f"I11: {place} still waits, though everything unknown was settled"


CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    nothing_breaks, at_most_once, nobody_is_dropped, consent_is_kept, pace_is_kept, in_time, in_order,
    ledger_is_true, counts_balance, stops_stop, nothing_is_left,
)  # fmt: skip


def _away_since(history: History, person: int, at: float) -> float | None:
    since = None
    for when, is_away in history.away.get(person, ()):
        if when > at:
            break
        if not is_away:
            since = None
        elif since is None:
            since = when
    return since


def _spell(times: list[float]) -> str:
    return ", ".join(f"{at:.1f} s ({at / HOUR:.1f} h)" for at in times)
