"""A cadence that does not do what its editor expects is warned of, at its line."""

from dataclasses import replace
from datetime import date, time

import pytest
from checks_cast import HERE, issue, letter, rules, section, series

from newsletter.checks.cadence import check_cadence
from newsletter.checks.structure import check_letter
from newsletter.domain.finding import Severity
from newsletter.errors import Place

TIME, SKIP = Place("content/series/garden.toml", 6), Place("content/series/garden.toml", 9)


def garden(**cadence):
    """Give a series on Tuesdays from 1 December 2026."""
    made = series(issue("one", "soil"))
    return replace(made, cadence=replace(made.cadence, **cadence))


def test_a_slot_at_nine_that_skips_a_tuesday_is_fine():
    assert list(check_cadence(garden(skip=frozenset({date(2026, 12, 15)})))) == []


@pytest.mark.parametrize("wall", [time(0), time(1, 30), time(3, 59)])
def test_a_slot_in_the_small_hours_is_warned_of_at_the_line_of_its_time(wall):
    (found,) = check_cadence(garden(time=wall, places={"time": TIME}))
    assert (found.rule, found.severity) == ("slot-in-the-small-hours (SCH-1)", Severity.WARNING)
    assert (found.place, found.target) == (TIME, "garden")
    assert f"{wall:%H:%M}" in found.what
    assert "04:00" in found.mend


@pytest.mark.parametrize("wall", [time(4), time(23, 59)])
def test_a_slot_outside_the_small_hours_is_not(wall):
    assert list(check_cadence(garden(time=wall))) == []


@pytest.mark.parametrize(
    ("day", "mend"),
    [
        (date(2026, 12, 16), "write 2026-12-15, or remove it"),
        (date(2026, 12, 20), "write 2026-12-22, or remove it"),
        (date(2026, 11, 24), "write 2026-12-01, or remove it"),
    ],
)
def test_a_skipped_date_without_a_slot_offers_the_nearest_with_one(day, mend):
    cadence = garden(skip=frozenset({day}), places={day.isoformat(): SKIP})
    (found,) = check_cadence(cadence)
    assert (found.rule, found.severity) == ("skip-misses-cadence (SCH-4)", Severity.WARNING)
    assert (found.place, found.mend) == (SKIP, mend)


def test_a_skipped_date_next_to_one_that_is_skipped_is_only_removed():
    (found,) = check_cadence(garden(skip=frozenset({date(2026, 12, 15), date(2026, 12, 16)})))
    assert (found.mend, found.place) == ("remove it", HERE)


def test_a_check_of_the_letter_has_them():
    early = garden(time=time(2))
    assert rules(check_letter(letter(section("soil")), early)) == ["slot-in-the-small-hours (SCH-1)"]
