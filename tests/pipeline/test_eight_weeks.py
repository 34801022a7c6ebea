"""Eight weeks of two series while clocks change and people move, come and go: each issue once, on time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

import pytest
from eight_weeks_cast import (
    AUTUMN,
    CAIRO,
    FRIDAY,
    HOUR,
    JOINERS,
    LEAVERS,
    LONDON,
    LORD_HOWE,
    MONDAY,
    MOVERS,
    NEW_YORK,
    ONE_HOUR,
    OWN_HOUR,
    PARIS,
    SATURDAY,
    SPRING,
    STAYERS,
    SUNDAY,
    THURSDAY,
    WEDNESDAY,
    WEEKS,
    Guest,
    Period,
    Weeks,
    few_zones,
    opened,
    series_text,
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def begin(request, tmp_path_factory):
    """Give what opens a letter at an instant, on a database of its own."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    with few_zones():
        yield lambda files, now: opened(tmp_path_factory.mktemp("letter"), server, files, now)


@pytest.fixture(scope="module", params=[AUTUMN, SPRING], ids=["autumn", "spring"])
def period(request):
    """Give eight weeks in which all four zones change their clocks."""
    return request.param


def both_series(period: Period, issues: int = len(WEEKS)) -> dict[str, str]:
    saturday, wednesday = (period.at(1, since).date() for since in (SATURDAY, WEDNESDAY))
    return {
        OWN_HOUR: series_text("09:00", LONDON, saturday, issues, subscriber_zone=True),
        ONE_HOUR: series_text("18:30", NEW_YORK, wednesday, issues),
    }


@pytest.fixture(scope="module")
def played(begin, period):
    """Give eight weeks that everybody has lived through."""
    with begin(both_series(period), period.at(1, MONDAY)) as weeks:
        there = {one.name: one.home for one in (*MOVERS, *LEAVERS)}
        weeks.join(STAYERS | there, OWN_HOUR, ONE_HOUR)
        events = [
            *(
                (period.at(*at), partial(weeks.move, one.name, zone))
                for one in MOVERS
                for at, zone in one.moves.items()
            ),
            *(
                (period.at(*one.comes), partial(weeks.join, {one.name: one.home}, OWN_HOUR, ONE_HOUR))
                for one in JOINERS
            ),
            *((period.at(*one.goes), partial(weeks.leave, one.name, *one.left)) for one in LEAVERS),
        ]
        weeks.play(events, period.at(10, MONDAY))
        yield weeks


def by_zone(period: Period, zones: Mapping[int, str]) -> list[tuple[int, datetime]]:
    """Tell the instants of the series that has everybody's own hour; the zones are by week."""
    return [(week, period.own_hour(week, zone)) for week, zone in zones.items()]


def at_one_hour(period: Period, weeks: Iterable[int] = WEEKS) -> list[tuple[int, datetime]]:
    return [(week, period.one_hour(week)) for week in weeks]


def test_everybody_gets_eight_issues_of_both_series_each_at_its_own_hour(played, period):
    for name, zone in STAYERS.items():
        assert played.diary.notes[OWN_HOUR, name] == by_zone(period, dict.fromkeys(WEEKS, zone)), name
        assert played.diary.notes[ONE_HOUR, name] == at_one_hour(period), name


@pytest.mark.parametrize("mover", MOVERS, ids=lambda one: one.name)
def test_whoever_moves_gets_each_issue_once_at_the_hour_of_the_zone_they_were_in(played, period, mover):
    counts = dict(zip(WEEKS, mover.counts, strict=True))
    assert played.diary.notes[OWN_HOUR, mover.name] == by_zone(period, counts)
    assert played.diary.notes[ONE_HOUR, mover.name] == at_one_hour(period)


@pytest.mark.parametrize("guest", JOINERS, ids=lambda one: one.name)
def test_whoever_joins_gets_the_issues_that_are_still_to_come(played, period, guest):
    assert_gets(played, period, guest)


@pytest.mark.parametrize("guest", LEAVERS, ids=lambda one: one.name)
def test_whoever_leaves_gets_nothing_from_then_on(played, period, guest):
    assert_gets(played, period, guest)


def assert_gets(played, period: Period, guest: Guest) -> None:
    expected = by_zone(period, dict.fromkeys(guest.own_hour, guest.home))
    assert played.diary.notes[OWN_HOUR, guest.name] == expected
    assert played.diary.notes[ONE_HOUR, guest.name] == at_one_hour(period, guest.one_hour)


def test_nobody_else_gets_anything(played):
    cast = {*STAYERS, *(one.name for one in (*MOVERS, *JOINERS, *LEAVERS))}
    assert {name for _, name in played.diary.notes} == cast
    assert played.app.reporting.status().attention == ()


#: Five weeks in which London, Cairo and New York change their clocks.
FIVE = replace(AUTUMN, monday=AUTUMN.monday + timedelta(weeks=2))
#: Two days each in which nothing ran, over a slot: from when, until when, and when a word let it go on.
ABSENCES = (
    (2, ONE_HOUR, WEDNESDAY - 12 * HOUR, THURSDAY + 12 * HOUR, THURSDAY + 15 * HOUR),
    (2, OWN_HOUR, THURSDAY + 18 * HOUR, SATURDAY + 18 * HOUR, SUNDAY + 12 * HOUR),
    # After the hour of Lord Howe; and never let go.
    (3, OWN_HOUR, FRIDAY + 23 * HOUR, SUNDAY + 23 * HOUR, SUNDAY + 23.5 * HOUR),
    (4, OWN_HOUR, THURSDAY + 18 * HOUR, SATURDAY + 18 * HOUR, None),
)


@pytest.fixture(scope="module")
def interrupted(begin):
    """Give five weeks with absences."""
    with begin(both_series(FIVE, 5), FIVE.at(1, MONDAY)) as weeks:
        weeks.join(STAYERS, OWN_HOUR, ONE_HOUR)
        for week, slug, gone, back, let_go in ABSENCES:
            weeks.run(FIVE.at(week, gone))
            weeks.is_away_until(FIVE.at(week, back))
            if let_go:
                weeks.run(FIVE.at(week, let_go))
                weeks.app.holding.resume(f"{slug}/part-{week}", weeks.clock.now())
        weeks.run(FIVE.at(6, MONDAY))
        yield weeks


def got(weeks: Weeks, slug: str, week: int) -> dict[str, set[datetime]]:
    """Tell when those of each zone, all of them, got the issue of a week."""
    found = defaultdict(set)
    for name, zone in STAYERS.items():
        instants = [at for number, at in weeks.diary.notes[slug, name] if number == week]
        assert len(instants) <= 1, name
        found[zone].add(instants[0] if instants else None)
    return found


def test_after_two_days_away_what_is_too_late_waits_for_a_word_and_the_rest_goes_at_once(interrupted):
    back, let_go = FIVE.at(2, SATURDAY + 18 * HOUR), FIVE.at(2, SUNDAY + 12 * HOUR)
    # Nine o'clock in New York was five hours ago.
    expected = {zone: {back if zone == NEW_YORK else let_go} for zone in STAYERS.values()}
    assert got(interrupted, OWN_HOUR, 2) == expected


def test_a_slot_at_one_hour_that_came_while_nothing_ran_waits_for_a_word(interrupted):
    let_go = FIVE.at(2, THURSDAY + 15 * HOUR)
    assert got(interrupted, ONE_HOUR, 2) == {zone: {let_go} for zone in STAYERS.values()}


def test_hours_that_came_while_nothing_ran_wait_for_a_word_after_one_that_was_on_time(interrupted):
    on_time, let_go = FIVE.own_hour(3, LORD_HOWE), FIVE.at(3, SUNDAY + 23.5 * HOUR)
    expected = {zone: {on_time if zone == LORD_HOWE else let_go} for zone in STAYERS.values()}
    assert got(interrupted, OWN_HOUR, 3) == expected


def test_what_nobody_lets_go_is_not_sent(interrupted):
    back = FIVE.at(4, SATURDAY + 18 * HOUR)
    expected = {zone: {back if zone == NEW_YORK else None} for zone in STAYERS.values()}
    assert got(interrupted, OWN_HOUR, 4) == expected
    commands = {one.command for one in interrupted.app.reporting.status().attention}
    assert commands == {f"newsletter resume {OWN_HOUR}/part-4"}


def test_the_weeks_in_which_all_ran_are_on_time(interrupted):
    for week in (1, 5):
        expected = {zone: {FIVE.own_hour(week, zone)} for zone in STAYERS.values()}
        assert got(interrupted, OWN_HOUR, week) == expected
    for week in (1, 3, 4, 5):
        assert got(interrupted, ONE_HOUR, week) == {zone: {FIVE.one_hour(week)} for zone in STAYERS.values()}


@dataclass(frozen=True)
class Change:
    """A slot in the hour that a clock change leaves out or repeats, and when it comes in UTC."""

    series: str
    zone: str
    wall: str
    day: date
    comes_at: str


CHANGES = (
    # A time that is left out comes as much later as is left out: 02:30 at 03:30.
    Change("gap-new-york", NEW_YORK, "02:30", date(2027, 3, 14), "03-14 07:30"),
    Change("gap-paris", PARIS, "02:30", date(2027, 3, 28), "03-28 01:30"),
    Change("gap-london", LONDON, "01:30", date(2027, 3, 28), "03-28 01:30"),
    # Half an hour is left out: 02:15 comes at 02:45.
    Change("gap-lord-howe", LORD_HOWE, "02:15", date(2026, 10, 4), "10-03 15:45"),
    Change("gap-cairo", CAIRO, "00:30", date(2027, 4, 30), "04-29 22:30"),
    # Of a time that comes twice the first counts.
    Change("fold-new-york", NEW_YORK, "01:30", date(2026, 11, 1), "11-01 05:30"),
    Change("fold-paris", PARIS, "02:30", date(2026, 10, 25), "10-25 00:30"),
    Change("fold-london", LONDON, "01:30", date(2026, 10, 25), "10-25 00:30"),
    Change("fold-lord-howe", LORD_HOWE, "01:45", date(2027, 4, 4), "04-03 14:45"),
    Change("fold-cairo", CAIRO, "23:30", date(2026, 10, 29), "10-29 20:30"),
)


@pytest.fixture(scope="module")
def small_hours(begin):
    """Give a letter of many series whose slots come while clocks change, with one reader."""
    files = {one.series: series_text(one.wall, one.zone, one.day, issues=1) for one in CHANGES}
    with begin(files, AUTUMN.at(1, MONDAY)) as weeks:
        weeks.join({"ada": ""}, *files)
        weeks.run(SPRING.at(12, MONDAY))
        yield weeks


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.series)
def test_a_time_that_is_left_out_is_shifted_and_of_one_that_comes_twice_the_first_counts(small_hours, change):
    comes_at = datetime.fromisoformat(f"{change.day.year}-{change.comes_at}+00:00")
    assert small_hours.diary.notes[change.series, "ada"] == [(1, comes_at)]
