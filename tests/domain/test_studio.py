from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from newsletter.domain.cadence import Cadence
from newsletter.domain.series import Issue, Mode, Series
from newsletter.domain.studio import PERSONAS, due_line, first_dates, persona
from newsletter.domain.subscriber import Subscriber
from newsletter.errors import Place

CADENCE = Cadence(1, time(9), "Europe/London", date(2026, 12, 1), frozenset({date(2026, 12, 8)}))
ISSUES = tuple(Issue(name, name, "", (), Place("s.toml")) for name in ("one", "two", "three"))
SERIES = Series("s", "S", "a@example.org", "", CADENCE, timedelta(hours=6), ISSUES, (), Place("s.toml"))
NOBODY, IN_TOKYO = PERSONAS[0].reader, Subscriber("t@example.org", zone="Asia/Tokyo")
EACH_ZONE = replace(SERIES, cadence=replace(CADENCE, subscriber_zone=True))


def test_an_issue_is_dated_by_its_place_and_a_skipped_date_is_left_out():
    assert first_dates(SERIES) == [date(2026, 12, 1), date(2026, 12, 15), date(2026, 12, 22)]


@pytest.mark.parametrize("starts", [date.min, date.max])
def test_even_the_ends_of_the_calendar_have_dates(starts):
    assert len(first_dates(replace(SERIES, cadence=replace(CADENCE, starts=starts)))) == 3


@pytest.mark.parametrize(
    ("series", "reader", "said"),
    [
        (SERIES, NOBODY, "Tuesday 15 December 2026, 09:00 in Europe/London"),
        (
            SERIES,
            IN_TOKYO,
            "Tuesday 15 December 2026, 09:00 in Europe/London; Tuesday 18:00 in Asia/Tokyo",
        ),
        (EACH_ZONE, IN_TOKYO, "Tuesday 15 December 2026, 09:00 in Asia/Tokyo"),
        (EACH_ZONE, NOBODY, "Tuesday 15 December 2026, 09:00 in Europe/London"),
        (replace(SERIES, mode=Mode.SEQUENCE), NOBODY, "Tuesday 2 after joining, 09:00 in Europe/London"),
    ],
)
def test_a_reader_is_told_when_an_issue_comes_where_they_are(series, reader, said):
    assert due_line(series, 2, reader) == said


def test_sample_readers_have_keys_of_their_own_and_no_address_is_one():
    assert len({one.key for one in PERSONAS}) == len(PERSONAS)
    assert persona("rtl").name
    assert persona("ada@example.org") is None
