from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from newsletter.domain.cadence import Cadence
from newsletter.domain.shown import Shown, shift

CADENCE = Cadence(1, time(9), "America/Vancouver", date(2026, 12, 1))
AT_NINE = datetime(2026, 12, 8, 16, tzinfo=UTC)
BEFORE = Shown(7, "back-pain/neck", date(2026, 12, 8), "2025.2", AT_NINE)


def test_a_slot_is_shown_again_by_its_cadence_and_the_rules_of_today():
    again = BEFORE.by(CADENCE, "2026.6")
    assert again == replace(BEFORE, tzdata="2026.6", due_at=CADENCE.due_at(BEFORE.local_date))


def test_new_rules_that_leave_the_instant_alone_are_no_shift():
    assert shift(BEFORE, replace(BEFORE, tzdata="2026.6")) is None


def test_a_slot_that_was_never_shown_has_no_shift():
    assert shift(replace(BEFORE, due_at=None), replace(BEFORE, tzdata="2026.6")) is None


def test_a_shift_says_which_slot_comes_when_and_when_it_would_have():
    after = replace(BEFORE, tzdata="2026.6", due_at=AT_NINE + timedelta(hours=1))
    said = str(shift(BEFORE, after))
    assert said == (
        "back-pain/neck: its slot of 2026-12-08 comes at 2026-12-08 17:00 UTC, not at 2026-12-08 16:00 UTC:"
        " its cadence was changed, or its zone by tzdata 2026.6"
    )


def test_under_the_same_rules_it_was_the_cadence():
    after = replace(BEFORE, due_at=AT_NINE + timedelta(hours=1))
    assert str(shift(BEFORE, after)).endswith("16:00 UTC: its cadence was changed")
