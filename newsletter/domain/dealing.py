"""Which dates queued issues have after an edit of their series."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice, takewhile

from newsletter.domain.cadence import Cadence
from newsletter.domain.zones import opens_at

_FORTNIGHT = timedelta(weeks=2)


@dataclass(frozen=True)
class Dated:
    """An issue that waits for its date; a person chose that of one that is pinned."""

    issue: str
    local_date: date
    is_pinned: bool


def dealt(
    cadence: Cadence,
    order: Sequence[str],
    waiting: Sequence[Dated],
    taken: Collection[date],
    now: datetime,
    *,
    is_reordered: bool,
) -> Mapping[str, date]:
    """Return the new dates of the issues that move; `order` is that of the file.

    They move where the cadence has no such date any more, and where the order of the file was changed. Pinned
    ones stay, and so does what comes too soon to be moved. `taken` are dates of issues that were released.
    """
    movable = [one for one in waiting if not one.is_pinned and opens_at(cadence, one.local_date) > now]
    dates = sorted(one.local_date for one in movable)
    if not all(_has(cadence, day) for day in dates):
        others = {one.local_date for one in waiting if one not in movable} | set(taken)
        dates = list(islice(_free(cadence, others, now), len(movable)))
    elif not is_reordered:
        return {}
    by_order = sorted(movable, key=lambda one: _place(order, one) if is_reordered else one.local_date)
    pairs = zip(by_order, dates, strict=False)
    return {one.issue: day for one, day in pairs if day != one.local_date}


def empty_date(cadence: Cadence, taken: Collection[date], now: datetime) -> date | None:
    """Return the last date that came, where no issue has it though the series had begun before."""
    came = takewhile(lambda day: cadence.due_at(day) <= now, cadence.dates(now - _FORTNIGHT))
    last = max(came, default=None)
    has_begun = last is not None and any(day < last for day in taken)
    return last if has_begun and last not in taken else None


def is_reordered(before: Sequence[str], after: Sequence[str]) -> bool:
    """Tell whether issues that both lists have come in another order."""
    common = set(before) & set(after)
    return [one for one in before if one in common] != [one for one in after if one in common]


def _has(cadence: Cadence, day: date) -> bool:
    return cadence.is_date(day) and day not in cadence.skip


def _free(cadence: Cadence, taken: Collection[date], now: datetime) -> Iterable[date]:
    return (day for day in cadence.dates(now) if day not in taken)


def _place(order: Sequence[str], one: Dated) -> tuple[int, date]:
    return (order.index(one.issue) if one.issue in order else len(order), one.local_date)
