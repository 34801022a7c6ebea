"""Every clock change of every zone of tzdata in ten years: a date has one slot, shifted or the first."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from clock_cast import DAY, MINUTE, Change, changes, local, zones

from newsletter.domain.cadence import HORIZON, Cadence, clock_note, resolve

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
DAYS = [SINCE.date() + n * DAY for n in range((UNTIL - SINCE).days)]
ORDINARY = time(9)
#: Dates that were left out when a country moved to the other side of the date line.
SKIPPED_DAYS = [
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Fakaofo", date(2011, 12, 30)),
    ("Pacific/Kiritimati", date(1994, 12, 31)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
]


def every_change() -> list[Change]:
    return [change for zone in zones() for change in changes(zone, SINCE, UNTIL)]


def gaps() -> list[Change]:
    return [change for change in every_change() if change.jump > timedelta()]


def folds() -> list[Change]:
    return [change for change in every_change() if change.jump < timedelta()]


def found(zone: str, shown: datetime) -> tuple[datetime, str]:
    return resolve(shown.date(), shown.time(), zone), clock_note(shown.date(), shown.time(), zone)


def around(shown: datetime, zone: str) -> list[datetime]:
    """Give the slots of the five weeks around one, as the scheduler walks from each to the next."""
    cadence = Cadence(shown.weekday(), shown.time(), zone, shown.date() - 14 * DAY)
    now = datetime.combine(cadence.starts - DAY, time(), UTC)
    walked = []
    for _ in range(5):
        now = cadence.due_at(next(cadence.dates(now)))
        walked.append(now)
    assert walked == [cadence.due_at(shown.date() + n * 7 * DAY) for n in range(-2, 3)], (zone, shown)
    return walked


def test_the_table_has_zones_of_all_kinds() -> None:
    jumps = {abs(change.jump) for change in every_change()}
    assert len(zones()) > 300
    assert {timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)} <= jumps
    assert {change.zone for change in gaps()} >= {"Australia/Lord_Howe", "Africa/Cairo", "Antarctica/Troll"}
    assert len(gaps()) > 500
    assert len(folds()) > 500


def test_each_date_of_ten_years_has_one_instant_and_the_next_date_a_later_one() -> None:
    for zone in zones():
        instants = [resolve(day, ORDINARY, zone) for day in DAYS]
        assert all(earlier < later for earlier, later in pairwise(instants)), zone
        assert [local(at, zone).date() for at in instants[::30]] == DAYS[::30], zone


def test_each_week_of_ten_years_comes_once_in_the_hours_of_the_changes() -> None:
    sundays = [day for day in DAYS if day.weekday() == 6][: HORIZON // timedelta(weeks=1)]
    for zone in zones():
        cadence = Cadence(6, time(2, 30), zone, DAYS[0])
        assert list(cadence.dates(SINCE - 2 * DAY)) == sundays, zone
        instants = [cadence.due_at(day) for day in sundays]
        assert all(earlier < later for earlier, later in pairwise(instants)), zone


def test_a_time_in_a_gap_is_shifted_forward_by_the_gap() -> None:
    for gap in gaps():
        first, end = gap.shown_before, gap.shown_after
        for shown in (first, first + MINUTE, first + gap.jump / 2, end - MINUTE):
            at, note = found(gap.zone, shown)
            assert (at, note) == (gap.in_old_time(shown), "gap:shifted"), gap
            assert local(at, gap.zone) == shown + gap.jump, gap
        assert found(gap.zone, first - MINUTE) == (gap.at - MINUTE, ""), gap
        assert found(gap.zone, end) == (gap.at, ""), gap


def test_a_time_in_a_fold_is_the_first() -> None:
    for fold in folds():
        first, end = fold.shown_after, fold.shown_before
        for shown in (first, first + MINUTE, end - MINUTE):
            at, note = found(fold.zone, shown)
            second = fold.in_new_time(shown)
            assert local(at, fold.zone) == local(second, fold.zone) == shown, fold
            assert (at, note) == (second + fold.jump, "fold:first"), fold
        assert found(fold.zone, first - MINUTE) == (fold.at + fold.jump - MINUTE, ""), fold
        assert found(fold.zone, end) == (fold.in_new_time(end), ""), fold


def test_a_scheduler_that_walks_over_a_change_misses_nothing_and_fires_nothing_twice() -> None:
    for change in every_change():
        shown = min(change.shown_before, change.shown_after)
        for wall in (shown, shown + abs(change.jump) / 2, datetime.combine(shown, ORDINARY)):
            walked = around(wall, change.zone)
            assert all(earlier < later for earlier, later in pairwise(walked)), change


@pytest.mark.parametrize(
    ("zone", "day", "wall", "shows"),
    [
        # Half an hour forward at two.
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-04T02:45"),
        # An hour forward at midnight: the date begins at one.
        ("Africa/Cairo", date(2026, 4, 24), time(0), "2026-04-24T01:00"),
        # Two hours forward at one.
        ("Antarctica/Troll", date(2026, 3, 29), time(1, 30), "2026-03-29T03:30"),
    ],
)
def test_a_gap_of_any_length_and_at_any_hour_is_shifted_by_its_length(zone, day, wall, shows) -> None:
    assert local(resolve(day, wall, zone), zone) == datetime.fromisoformat(shows)
    assert clock_note(day, wall, zone) == "gap:shifted"


@pytest.mark.parametrize(("zone", "day"), SKIPPED_DAYS)
def test_a_date_that_a_country_left_out_goes_out_a_day_later_once(zone, day) -> None:
    last = resolve(day - DAY, time(23, 59), zone)
    assert local(last + MINUTE, zone) == datetime.combine(day + DAY, time())
    for wall in (time(), time(9), time(23, 59)):
        at = resolve(day, wall, zone)
        assert local(at, zone) == datetime.combine(day + DAY, wall)
        assert clock_note(day, wall, zone) == "gap:shifted"
        assert len(set(around(datetime.combine(day, wall), zone))) == 5


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"])
def test_the_ends_of_the_calendar_are_instants_too(zone) -> None:
    assert resolve(date.min, time(), zone) < resolve(date.min + 2 * DAY, time(), zone)
    assert resolve(date.max, time(23, 59), zone) > resolve(date.max - 2 * DAY, time(), zone)
    assert list(Cadence(0, ORDINARY, zone, date.max).dates(SINCE)) == []
    late = date(9999, 12, 1)
    assert len(list(Cadence(0, ORDINARY, zone, late).dates(SINCE))) < 3


@pytest.mark.parametrize(
    ("day", "near"),
    [
        (date(2026, 12, 8), date(2026, 12, 8)),
        (date(2026, 12, 11), date(2026, 12, 8)),
        (date(2026, 12, 12), date(2026, 12, 15)),
        (date(2026, 11, 24), date(2026, 12, 1)),
        (date(2020, 1, 1), date(2026, 12, 1)),
        (date.max, date(9999, 12, 14)),
    ],
)
def test_the_nearest_date_of_a_cadence_is_one_of_its_dates(day, near) -> None:
    cadence = Cadence(1, ORDINARY, "Europe/London", date(2026, 11, 27))
    assert cadence.nearest(day) == near
    assert cadence.is_date(near)
