from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from newsletter.domain.cadence import Cadence, clock_note, next_start, resolve

#: Every zone of the world would take half a minute; every sixth has all kinds of them.
ZONES = sorted(zone for zone in available_timezones() if "/" in zone)[::6]
TUESDAY = date(2026, 12, 1)


def a_cadence(**values) -> Cadence:
    given = {"weekday": 1, "time": time(9), "zone": "Europe/London", "starts": TUESDAY}
    return Cadence(**{**given, **values})


def utc(*numbers):
    return datetime(*numbers, tzinfo=UTC)


def local_instants(day, wall, zone):
    """Find every instant at which the clocks of a zone show a wall time, the slow way."""
    shown = datetime.combine(day, wall)
    around = [
        datetime.combine(day, time(12), UTC) + timedelta(hours=hours) for hours in (-36, -12, 0, 12, 36)
    ]
    guesses = {shown.replace(tzinfo=UTC) - at.astimezone(ZoneInfo(zone)).utcoffset() for at in around}
    return sorted(at for at in guesses if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == shown)


@pytest.mark.parametrize(
    ("zone", "day", "wall", "instant"),
    [
        ("Europe/London", date(2026, 3, 29), time(1, 30), utc(2026, 3, 29, 1, 30)),
        ("America/New_York", date(2026, 3, 8), time(2, 30), utc(2026, 3, 8, 7, 30)),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), utc(2026, 10, 3, 15, 45)),
        ("Africa/Cairo", date(2026, 4, 24), time(0, 30), utc(2026, 4, 23, 22, 30)),
    ],
)
def test_a_time_that_the_clocks_skip_is_shifted_forward(zone, day, wall, instant):
    assert local_instants(day, wall, zone) == []
    assert resolve(day, wall, zone) == instant
    assert instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) > datetime.combine(day, wall)
    assert clock_note(day, wall, zone) == "gap:shifted"


@pytest.mark.parametrize(
    ("zone", "day", "wall", "instant"),
    [
        ("Europe/London", date(2026, 10, 25), time(1, 30), utc(2026, 10, 25, 0, 30)),
        ("America/New_York", date(2026, 11, 1), time(1, 30), utc(2026, 11, 1, 5, 30)),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), utc(2026, 4, 4, 14, 45)),
        ("Africa/Cairo", date(2026, 10, 29), time(23, 30), utc(2026, 10, 29, 20, 30)),
    ],
)
def test_a_time_that_the_clocks_show_twice_is_the_first(zone, day, wall, instant):
    assert len(local_instants(day, wall, zone)) == 2
    assert resolve(day, wall, zone) == instant == local_instants(day, wall, zone)[0]
    assert clock_note(day, wall, zone) == "fold:first"


def test_a_slot_shown_twice_fires_once():
    sundays = a_cadence(weekday=6, time=time(1, 30), starts=date(2026, 10, 25))
    first, second = utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)
    assert next(sundays.dates(first - timedelta(seconds=1))) == date(2026, 10, 25)
    assert next(sundays.dates(first)) == date(2026, 11, 1)
    assert next(sundays.dates(second)) == date(2026, 11, 1)


def test_an_ordinary_slot_has_no_note():
    assert clock_note(TUESDAY, time(9), "Europe/London") == ""


def test_the_wall_time_stays_when_the_offset_changes():
    cadence = a_cadence(starts=date(2026, 10, 20))
    assert cadence.due_at(date(2026, 10, 20)) == utc(2026, 10, 20, 8)
    assert cadence.due_at(date(2026, 10, 27)) == utc(2026, 10, 27, 9)


@pytest.mark.parametrize("wall", [time(0), time(2, 30), time(9), time(23, 45)])
def test_every_week_of_ten_years_comes_once_in_zones_all_over_the_world(wall):
    expected = [
        TUESDAY + timedelta(days=n) for n in range(3640) if (TUESDAY + timedelta(days=n)).weekday() == 1
    ]
    for zone in ZONES:
        assert list(a_cadence(time=wall, zone=zone).dates(utc(2026, 11, 1))) == expected, zone


@pytest.mark.parametrize("wall", [time(0, 30), time(2, 15)])
def test_instants_only_go_forward_and_are_the_first_that_show_the_wall_time(wall):
    for zone in ZONES:
        # Sundays: where most of the world changes its clocks.
        cadence = a_cadence(weekday=6, time=wall, zone=zone, starts=date(2023, 1, 1))
        days = list(islice(cadence.dates(utc(2022, 12, 1)), 260))
        instants = [cadence.due_at(day) for day in days]
        assert all(earlier < later for earlier, later in pairwise(instants)), zone
        for day, instant in zip(days, instants, strict=True):
            shown = local_instants(day, wall, zone)
            assert (shown[0] if shown else instant) == instant, (zone, day)
            assert bool(shown) is not (clock_note(day, wall, zone) == "gap:shifted"), (zone, day)


def test_asking_at_each_slot_for_the_next_one_misses_none():
    cadence = a_cadence(zone="Africa/Cairo", weekday=4, time=time(0), starts=date(2026, 1, 2))
    asked, now = [], utc(2026, 1, 1)
    for _ in range(60):
        asked.append(next(cadence.dates(now)))
        now = cadence.due_at(asked[-1])
    assert asked == list(islice(cadence.dates(utc(2026, 1, 1)), 60))


def test_skipped_dates_are_left_out():
    cadence = a_cadence(skip=frozenset({date(2026, 12, 8), date(2026, 12, 22)}))
    assert list(islice(cadence.dates(utc(2026, 11, 1)), 3)) == [
        TUESDAY,
        date(2026, 12, 15),
        date(2026, 12, 29),
    ]


def test_nothing_comes_before_the_start():
    assert next(a_cadence(starts=date(2026, 12, 2)).dates(utc(2020, 1, 1))) == date(2026, 12, 8)
    assert next(a_cadence(starts=date(2020, 1, 1)).dates(utc(2026, 12, 1, 9))) == date(2026, 12, 8)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_the_edges_of_the_world_have_their_own_date(zone):
    cadence = a_cadence(zone=zone, starts=date(2026, 1, 1))
    due = cadence.due_at(TUESDAY)
    assert next(cadence.dates(due - timedelta(seconds=1))) == TUESDAY
    assert next(cadence.dates(due)) == TUESDAY + timedelta(days=7)


@pytest.mark.parametrize(
    ("now", "day"), [(utc(2026, 12, 1, 8, 59), TUESDAY), (utc(2026, 12, 1, 9), date(2026, 12, 8))]
)
def test_a_series_starts_on_the_first_date_still_to_come(now, day):
    assert next_start(1, time(9), "Europe/London", now) == day


def test_a_rhythm_can_start_today_where_it_is_tomorrow_already():
    # 22:30 UTC on Monday is Tuesday morning in Auckland.
    assert next_start(1, time(12), "Pacific/Auckland", utc(2026, 11, 30, 22, 30)) == TUESDAY


def test_a_weekday_has_a_name():
    assert a_cadence().weekday_name == "Tuesday"
