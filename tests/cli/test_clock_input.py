"""A cadence that cannot be used is refused in one sentence; one that is risky is a finding of `check`."""

import pytest
from letter_cast import SERIES_FILE, rewrite


def test_a_cadence_without_a_zone_is_told_what_to_write(terminal, letter):
    rewrite(letter / SERIES_FILE, 'zone = "Europe/London"\n', "")
    said = terminal.refuses("queue", "back-pain")
    assert said.startswith(f"{SERIES_FILE}:4: the cadence has no zone")
    assert 'zone = "Europe/London"' in said


def test_a_misspelt_zone_key_is_what_is_told(terminal, letter):
    rewrite(letter / SERIES_FILE, "zone =", "zoen =")
    assert terminal.refuses("check").startswith(f"{SERIES_FILE}:7: unknown key 'zoen'")


@pytest.mark.parametrize("command", ["queue back-pain", "check", "plan"])
def test_a_fixed_offset_is_refused_with_a_place(terminal, letter, command):
    rewrite(letter / SERIES_FILE, "Europe/London", "EST")
    said = terminal.refuses(*command.split())
    assert said.startswith(f"{SERIES_FILE}:7: 'EST' is an offset and knows no summer time")
    assert '"America/New_York"' in said


def test_a_date_that_is_skipped_twice_is_refused(terminal, letter):
    skip = "starts = 2026-12-01\nskip = [\n    2026-12-08,\n    2026-12-15,\n    2026-12-08,\n]\n"
    rewrite(letter / SERIES_FILE, "starts = 2026-12-01\n", skip)
    assert terminal.refuses("check").startswith(f"{SERIES_FILE}:12: 2026-12-08 is skipped twice; remove one")


def test_a_slot_in_the_small_hours_is_found_at_its_line_and_stops_nothing(terminal, letter):
    rewrite(letter / SERIES_FILE, '"09:00"', '"02:30"')
    said = terminal("check")
    assert said.code == 0
    assert f"{SERIES_FILE}:6" in said.out
    assert "slot-in-the-small-hours (SCH-1)" in said.out
    assert terminal("queue", "back-pain").code == 0


def test_a_skipped_date_before_the_start_is_found_with_the_nearest(terminal, letter):
    rewrite(letter / SERIES_FILE, "starts = 2026-12-01\n", "starts = 2026-12-01\nskip = [2026-11-24]\n")
    said = terminal("check")
    assert said.code == 0
    assert "skip-misses-cadence (SCH-4)" in said.out
    assert "2026-12-01" in said.out


def test_the_last_day_of_the_calendar_is_no_traceback(terminal, letter):
    said = terminal("queue", "back-pain/neck", "--at", "9999-12-31")
    assert "Traceback" not in said.err
    assert "this is a bug" not in said.err
