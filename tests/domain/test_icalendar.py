from datetime import UTC, datetime, timedelta

from newsletter.domain.icalendar import Entry, to_ics

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)


def written(**values: str) -> str:
    entry = Entry(
        **{"uid": "a.b", "at": AT, "lasts": timedelta(minutes=5), "title": "", "text": "", **values}
    )
    return to_ics([entry], NOW)


def unfolded(calendar: str) -> list[str]:
    return calendar.replace("\r\n ", "").split("\r\n")


def test_an_instant_is_written_in_utc_with_its_length():
    lines = unfolded(written())
    assert "DTSTART:20261201T090000Z" in lines
    assert "DTEND:20261201T090500Z" in lines
    assert "DTSTAMP:20261127T120000Z" in lines
    assert (lines[0], lines[-2:]) == ("BEGIN:VCALENDAR", ["END:VCALENDAR", ""])


def test_what_has_a_meaning_of_its_own_is_escaped():
    assert r"SUMMARY:one\, two\; a\\b\nthree" in unfolded(written(title="one, two; a\\b\nthree"))


def test_no_line_is_longer_than_75_octets_and_no_character_is_broken():
    text = "Rückenschmerzen – Ångström 🙂 " * 20
    calendar = written(text=text)
    assert max(len(line.encode()) for line in calendar.split("\r\n")) <= 75
    assert f"DESCRIPTION:{text}" in unfolded(calendar)


def test_every_break_is_one_of_two_signs():
    assert "\n" not in written(title="a\nb").replace("\r\n", "")
