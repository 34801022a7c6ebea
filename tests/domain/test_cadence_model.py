"""The scheduler against somebody who looks at a clock on the wall every minute."""

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from clock_cast import DAY, MINUTE, changes, local
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from newsletter.domain.cadence import Cadence
from newsletter.domain.queueing import free_date

SINCE, UNTIL = datetime(1990, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
#: Changes of half an hour and of several, at midnight, around Ramadan, of a whole day; and none at all.
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Kwajalein",
)
AHEAD = 9 * DAY


def seen_on_the_wall(cadence: Cadence, now: datetime) -> list[tuple[date, datetime]]:
    """Tell which slots come in nine days, minute by minute.

    A slot comes when the clock shows its time, the first time that it does. Where the clock jumps over that,
    it comes as long after the jump as the clock was before it.
    """
    first: dict[date, datetime] = {}
    # A clock that jumps over a day is two days ahead of what it was about to show.
    at = now.replace(second=0) - 2 * DAY - MINUTE
    rules = ZoneInfo(cadence.zone)
    before = local(at, cadence.zone)
    while at <= now + AHEAD:
        at += MINUTE
        shown = at.astimezone(rules).replace(tzinfo=None)
        if shown - before > MINUTE:
            for day in (before.date() + n * DAY for n in range((shown.date() - before.date()).days + 1)):
                wanted = datetime.combine(day, cadence.time)
                if before < wanted < shown:
                    first.setdefault(day, at - MINUTE + (wanted - before))
        if shown.time() == cadence.time:
            first.setdefault(shown.date(), at)
        before = shown
    return sorted(
        ((day, due_at) for day, due_at in first.items()
         if day.weekday() == cadence.weekday and day >= cadence.starts and day not in cadence.skip
         and now < due_at <= now + AHEAD),
        key=lambda one: one[1],
    )  # fmt: skip


def scheduled(cadence: Cadence, now: datetime) -> list[tuple[date, datetime]]:
    """Walk from slot to slot, as the scheduler does: each time asking for the next one."""
    found: list[tuple[date, datetime]] = []
    at = now
    while at <= now + AHEAD:
        day = next(cadence.dates(at))
        at = cadence.due_at(day)
        found.append((day, at))
    return list(takewhile(lambda one: one[1] <= now + AHEAD, found))


@st.composite
def situations(draw: st.DrawFn) -> tuple[Cadence, datetime]:
    """Draw a cadence and a moment, mostly close to a clock change."""
    zone = draw(st.sampled_from(ZONES))
    known = [one for one in changes(zone, SINCE, UNTIL) if one.at.second == 0]
    change = draw(st.sampled_from(known)) if known else None
    shown = change.shown_before if change else datetime(2027, 3, 28, 2)  # noqa: DTZ001
    wanted = shown + draw(st.integers(-100, 200)) * MINUTE
    weekday = draw(st.sampled_from([wanted.weekday()] * 3 + list(range(7))))
    wall = draw(
        st.one_of(st.just(wanted.time()), st.times().map(lambda one: one.replace(second=0, microsecond=0)))
    )
    at = change.at if change else shown.replace(tzinfo=UTC)
    now = (
        at
        + draw(st.integers(-10 * 1440, 2 * 1440)) * MINUTE
        + draw(st.integers(0, 59)) * timedelta(seconds=1)
    )
    starts = now.date() + draw(st.integers(-30, 10)) * DAY
    skip = draw(st.frozensets(st.integers(-10, 15).map(lambda n: wanted.date() + n * DAY), max_size=4))
    return Cadence(weekday, wall, zone, starts, skip), now


@settings(max_examples=120)
@given(situations())
def test_the_slots_are_those_that_somebody_sees_on_the_wall(situation: tuple[Cadence, datetime]) -> None:
    cadence, now = situation
    assert scheduled(cadence, now) == seen_on_the_wall(cadence, now)


@settings(max_examples=60)
@given(situations(), st.data())
def test_the_next_free_date_is_the_first_that_nobody_has(
    situation: tuple[Cadence, datetime], data: st.DataObject
) -> None:
    cadence, now = situation
    days = [day for day, _ in seen_on_the_wall(cadence, now)]
    assume(days)
    taken = data.draw(st.sets(st.sampled_from(days)))
    free = free_date(cadence, taken, now)
    assert free == next((day for day in days if day not in taken), free)
    assert free not in taken
    assert free in days or free > days[-1]
