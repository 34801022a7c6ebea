"""I4: what a configured pace allows, counted from claims and from what the provider took."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from sim_plan import Plan
from sim_provider import Entry

_ROUNDING = timedelta(microseconds=2)


def too_fast(plan: Plan, claims: Sequence[datetime], accepts: Sequence[Entry]) -> Iterator[str]:
    """Tell which claims came too soon after the one before, and on which days too much was taken."""
    if plan.limits.calls_per_second is not None:
        yield from _too_close(sorted(claims), timedelta(seconds=1 / plan.limits.calls_per_second))
    yield from _too_many(plan, accepts)


def _too_close(claims: Sequence[datetime], interval: timedelta) -> Iterator[str]:
    for before, after in pairwise(claims):
        if after - before < interval - _ROUNDING:
            yield f"two claims were {after - before} apart, not {interval}"


def _too_many(plan: Plan, accepts: Sequence[Entry]) -> Iterator[str]:
    people: Counter[date] = Counter()
    for entry in accepts:
        people[entry.wall.astimezone(UTC).date()] += len(entry.people)
    first = min(people, default=None)
    for day, number in people.items():
        quota = plan.limits.quota((day - first).days if first else 0)
        if quota is not None and number > quota:
            yield f"{number} people were accepted on {day}, {quota} were allowed"
