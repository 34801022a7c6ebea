"""What the coming slots of a sequence will be: who gets which issue, week after week. Changes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import takewhile

from sqlalchemy import Connection

from newsletter.domain.sequence import Part, advance, next_part, ruling
from newsletter.domain.series import AppliedSeries
from newsletter.domain.subscriber import Verdict
from newsletter.domain.zones import opens_at
from newsletter.pipeline.standing import standing
from newsletter.store import sequences
from newsletter.store.slots import Slot


@dataclass(frozen=True)
class Week:
    """One slot of a sequence: who gets which issue then, by zone and over all, and why others get none.

    `waiting` counts those whose next issue cannot go, by that issue.
    """

    local_date: date
    issues: Counter[Part] = field(default_factory=Counter)
    due: Counter[str] = field(default_factory=Counter)
    excluded: Counter[Verdict] = field(default_factory=Counter)
    waiting: Counter[Part] = field(default_factory=Counter)


def weeks_of(tx: Connection, of: AppliedSeries, slot: Slot, now: datetime, until: datetime) -> list[Week]:
    """Play the coming slots of a sequence by its people as they are now: nobody comes, nobody goes."""
    parts = sequences.parts(tx, of.id)
    first = max(now, opens_at(of.cadence, slot.local_date))
    found = standing(tx, of.id, due_at=max(first, of.cadence.due_at(slot.local_date)), now=first)
    others: Counter[Verdict] = Counter()
    by_zone: dict[str, Counter[int]] = {}
    for (zone, one), number in found.items():
        if one.verdict is Verdict.DUE:
            by_zone.setdefault(zone or of.cadence.zone, Counter())[one.furthest] += number
        else:
            others[one.verdict] += number
    weeks = []
    for day in _days(of, slot, now, until):
        weeks.append(_week(parts, day, by_zone, others))
        by_zone = {zone: advance(parts, people) for zone, people in by_zone.items()}
    return weeks


def _week(
    parts: Sequence[Part], day: date, by_zone: Mapping[str, Mapping[int, int]], others: Counter[Verdict]
) -> Week:
    week = Week(day, excluded=Counter(others))
    for zone, people in by_zone.items():
        for furthest, number in people.items():
            part = next_part(parts, furthest)
            verdict = ruling(part)
            if part is not None and verdict is Verdict.DUE:
                week.issues[part] += number
                week.due[zone] += number
                continue
            week.excluded[verdict] += number
            if part is not None:
                week.waiting[part] += number
    return week


def _days(of: AppliedSeries, slot: Slot, now: datetime, until: datetime) -> Iterator[date]:
    yield slot.local_date
    after = max(now, of.cadence.due_at(slot.local_date)) + timedelta(microseconds=1)
    yield from takewhile(
        lambda day: opens_at(of.cadence, day) <= until,
        (day for day in of.cadence.dates(after) if day > slot.local_date),
    )
