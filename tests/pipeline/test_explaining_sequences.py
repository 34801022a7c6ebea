"""Why somebody has, or has not yet, had an issue of a sequence."""

from contextlib import closing
from datetime import timedelta

import pytest
from letter_cast import FIRST, UNKNOWN
from sequence_cast import ISSUES, open_sequence, tuesday, weeks_until, write_sequence


@pytest.fixture
def office(tmp_path, database_url):
    """Give a sequence of four approved issues with one person."""
    with closing(open_sequence(tmp_path, database_url, "ada")) as office:
        yield office


def said(office, name="ada"):
    """Tell the verdict and the sentence of each issue for somebody."""
    found = office.app().explaining.explain(f"{name}@example.org", None, office.clock.now())
    return {one.target.partition("/")[2]: (one.verdict.value, one.sentence) for one in found}


def test_what_comes_is_said_with_what_comes_before(office):
    weeks_until(office, 1)
    found = said(office)
    assert found["one"] == (
        "accepted",
        "accepted at 2026-12-01 09:00Z by service under provider id id-ada@example.org",
    )
    assert found["two"] == ("due", "due at 2026-12-08 09:00 Europe/London (2026-12-08 09:00Z)")
    assert found["four"] == (
        "due",
        (
            "after back-pain/two, back-pain/three: "
            "due at 2026-12-22 09:00 Europe/London (2026-12-22 09:00Z) at the earliest"
        ),
    )


def test_it_comes_when_it_was_said(office):
    announced = said(office)["three"][1]
    weeks_until(office, 5)
    assert "(2026-12-15 09:00Z)" in announced
    assert said(office)["three"][1].startswith("accepted at 2026-12-15 09:00Z")


def test_an_issue_that_came_too_late_into_its_place_was_passed_over(office):
    weeks_until(office, 2)
    write_sequence(office.root, ("one", "extra", "two", "three", "four"))
    office.queue()
    assert said(office)["extra"] == (
        "passed",
        "passed over: they had had back-pain/two, which comes after it",
    )


def test_what_was_taken_out_or_is_not_approved_says_so(office):
    write_sequence(office.root, (*ISSUES, "five"))
    office.queue("back-pain/one")
    office.cancel("back-pain/one")
    found = said(office)
    assert found["one"] == (
        "taken_out",
        "taken out of the sequence; it comes back with: newsletter queue back-pain/one",
    )
    assert found["two"][0] == "due"
    assert found["five"] == (
        "not_approved",
        "not approved, and comes later; approve it with: newsletter queue back-pain/five",
    )


def test_an_unsettled_issue_keeps_the_next(office):
    office.provider.script += [UNKNOWN] * 5
    office.release()
    app = office.app()
    app.engine.delivering.step()
    assert said(office)["two"] == ("waiting", "waits until their earlier issue is settled: back-pain/one")


def test_somebody_who_left_or_pauses_is_told_that_first(office):
    office.leave("ada")
    assert {verdict for verdict, _ in said(office).values()} == {"unsubscribed"}


def test_without_a_slot_the_sequence_stands_still(office):
    office.cancel("back-pain")
    assert said(office)["one"] == (
        "not_queued",
        "the sequence has no slot; it gets one with: newsletter queue back-pain",
    )


def test_in_every_zone_the_hour_is_the_persons_own(tmp_path, database_url):
    with closing(open_sequence(tmp_path, database_url, subscriber_zone=True)) as office:
        office.app().enrolling.add("kei@example.org", "Kei", "Asia/Tokyo", None, "asked at reception")
        office.app().enrolling.add("nia@example.org", "Nia", "America/New_York", None, "asked at reception")
        assert said(office, "kei")["one"][1].startswith(
            "due at 2026-12-01 09:00 Asia/Tokyo (2026-12-01 00:00Z)"
        )
        office.run(FIRST)
        assert said(office, "kei")["two"][1].startswith("due at 2026-12-08 09:00 Asia/Tokyo")
        assert said(office, "nia")["one"][1].startswith("due at 2026-12-01 09:00 America/New_York")
        assert said(office, "nia")["two"][1].startswith(
            "after back-pain/one: due at 2026-12-08 09:00 America/New_York"
        )
        office.run(tuesday(2) + timedelta(days=1))
        assert said(office, "nia")["two"][0] == "accepted"
