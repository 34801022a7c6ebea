"""What queueing an issue means: which date it gets, and what changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum

from newsletter.domain.cadence import Cadence
from newsletter.domain.series import Mode, Series
from newsletter.errors import Refused


class Change(StrEnum):
    """What queueing an issue does."""

    #: It gets a slot.
    ADDED = "added"
    #: It keeps its slot and gets a new revision.
    RENEWED = "renewed"
    #: In a sequence: from now on it goes to those whose turn it is.
    APPROVED = "approved"
    #: It gets another date.
    MOVED = "moved"
    #: Nothing differs.
    UNCHANGED = "unchanged"
    #: It went out before; nothing is done.
    SENT = "sent"


@dataclass(frozen=True)
class QueueEntry:
    """What happens to one issue; `difference` is a unified diff of the text parts, by line.

    `in_turn` for one of a sequence: its date is that of the next slot, and each person's is their own.
    """

    target: str
    change: Change
    subject: str
    local_date: date | None = None
    due_at: datetime | None = None
    zone: str = ""
    moved_from: date | None = None
    difference: tuple[str, ...] = ()
    note: str = ""
    each_zone: time | None = None
    in_turn: bool = False


def merged(moved: Sequence[QueueEntry], queued: Sequence[QueueEntry]) -> list[QueueEntry]:
    """Tell of each issue once: that it moved, where it did, with the difference of its text."""
    by_target = {one.target: one for one in queued}
    kept = (Change.ADDED, Change.MOVED, Change.SENT)
    told = [one for one in queued if one.change in kept or one.target not in {move.target for move in moved}]
    named = {one.target for one in told}
    return [
        replace(one, difference=by_target[one.target].difference) if one.target in by_target else one
        for one in moved
        if one.target not in named
    ] + told


def free_date(cadence: Cadence, taken: Collection[date], now: datetime) -> date:
    """Return the next date of a cadence that no issue has."""
    for day in cadence.dates(now):
        if day not in taken:
            return day
    raise Refused("the cadence has no free date in ten years", mend="shorten its skip list")


def starts_note(cadence: Cadence, now: datetime) -> str:
    """Say that the first date of a cadence has passed, so that its next free one is taken."""
    is_past = cadence.due_at(cadence.starts) <= now
    return f"starts = {cadence.starts} is past; issues take the next free dates" if is_past else ""


def chosen_date(cadence: Cadence, day: date, taken: Mapping[date, str], target: str, now: datetime) -> date:
    """Check a date that a person chose.

    Raises Refused for one that is past, or that another issue has.
    """
    if cadence.due_at(day) <= now:
        raise Refused(f"{day} is past", mend="choose a later date")
    if taken.get(day, target) != target:
        raise Refused(
            f"{taken[day]} has the slot of {day}", mend=f"choose another date, or --swap {taken[day]}"
        )
    return day


def renamed(series: Series, known: Iterable[str], used: Collection[str]) -> Mapping[str, str]:
    """Pair issues of the database that the file no longer has with those that took over: old id → new id.

    Raises Refused for one that was queued or sent and that nothing replaces.
    """
    ids = {issue.id for issue in series.issues}
    replaced = {old: issue.id for issue in series.issues for old in issue.previously}
    for old in known:
        if old not in ids and old not in replaced and old in used:
            mend = f"put it back, or write previously = [{old!r}] at the issue that replaces it"
            if series.mode is Mode.SEQUENCE:
                mend += f"; to take it out: newsletter cancel {series.slug}/{old}"
            raise Refused(
                f"issue {old!r} was queued and is gone from the file", place=series.place, mend=mend
            )
    return {old: new for old, new in replaced.items() if old in known and old not in ids}
