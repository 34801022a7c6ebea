"""What is held for a person: far more people than last time, and what nobody can prove."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from letter_cast import FIRST, SECOND, SERIES_FILE, UNKNOWN, once_each, rewrite

from newsletter.domain.provider import Recovery
from newsletter.domain.release import ReleaseState, too_many

CROWD = tuple(f"reader{n}" for n in range(110))


def release_of(office, issue):
    return [row.release for row in office.app().queueing.rows() if row.slot.issue == issue][-1]


@pytest.mark.parametrize(
    ("people", "before", "limit", "is_held"),
    [
        (100, None, None, False),
        (1000, None, None, False),
        (1001, None, 1000, True),
        (1000, None, 1000, False),
        (600, 500, None, False),
        (601, 500, None, True),
        (199, 100, None, False),
        (200, 100, None, True),
        (100, 0, None, True),
    ],
)
def test_an_audience_is_held_beyond_the_limit_or_if_it_grew_by_a_fifth_and_a_hundred(
    people, before, limit, is_held
):
    assert bool(too_many(people, before, limit)) is is_held


def test_far_more_people_than_last_time_wait_for_a_word(queued):
    service = queued.connect()
    queued.run(until=FIRST)
    queued.join(*CROWD)
    queued.run(until=SECOND)
    held = release_of(queued, "neck")
    assert (held.state, held.reason) == (ReleaseState.HELD, "the audience grew from 5 to 115")
    assert Counter(service.accepted) == once_each(["lower-back"])
    queued.app().holding.resume("neck", queued.clock.now())
    queued.run()
    assert len([one for one in service.accepted if one[0] == "neck"]) == 115


def test_after_a_date_without_an_issue_the_next_goes_to_as_many_as_the_last_that_went(office):
    office.join(*CROWD)
    office.queue("back-pain/lower-back")
    service = office.connect()
    office.run(until=FIRST)
    office.clock.advance_to(FIRST + timedelta(days=8))
    office.run(until=office.clock.now())
    office.queue("back-pain/neck")
    office.run(until=FIRST + timedelta(days=20))
    assert Counter(issue for issue, _ in service.accepted) == {"lower-back": 115, "neck": 115}


def test_a_plan_tells_beforehand_that_an_issue_will_be_held(queued):
    queued.connect()
    queued.run(until=FIRST)
    queued.join(*CROWD)
    (neck,) = queued.app().planning.plan(queued.clock.now(), 8).slots
    assert neck.blockers == ("it will be held: the audience grew from 5 to 115",)


def test_max_recipients_stops_an_issue_for_more(office):
    rewrite(office.root / SERIES_FILE, "[cadence]", "max_recipients = 4\n[cadence]")
    office.queue()
    service = office.connect()
    office.run(until=FIRST)
    assert release_of(office, "lower-back").reason == "5 recipients are more than max_recipients = 4"
    assert service.accepted == []


def test_a_late_issue_for_too_many_says_both(office):
    rewrite(office.root / SERIES_FILE, "[cadence]", "max_recipients = 4\n[cadence]")
    office.queue()
    office.connect()
    office.clock.advance_to(FIRST + timedelta(hours=7))
    office.run(until=FIRST + timedelta(hours=8))
    reason = release_of(office, "lower-back").reason
    assert reason == "its slot was found 7 h 00 min late; 5 recipients are more than max_recipients = 4"


def test_a_rehearsal_that_was_held_is_real_once_the_provider_is(queued):
    queued.clock.advance_to(FIRST + timedelta(hours=7))
    queued.run(until=FIRST + timedelta(hours=8))
    assert release_of(queued, "lower-back").state is ReleaseState.HELD
    service = queued.connect()
    queued.app().holding.resume("lower-back", queued.clock.now())
    queued.run(until=FIRST + timedelta(hours=9))
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_an_issue_that_goes_on_leaves_its_series_paused(queued):
    service = queued.connect()
    holding = queued.app().holding
    holding.pause("back-pain", queued.clock.now())
    holding.pause("lower-back", queued.clock.now())
    assert holding.resume("lower-back", queued.clock.now()).still_paused == "back-pain"
    queued.run(until=FIRST + timedelta(hours=1))
    assert service.accepted == []


def test_a_series_that_goes_on_takes_all_of_its_issues_along(queued):
    service = queued.connect()
    queued.app().holding.pause("lower-back", queued.clock.now())
    queued.app().holding.resume("back-pain", queued.clock.now())
    queued.run(until=FIRST + timedelta(hours=1))
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_a_pause_is_shown_and_one_in_the_middle_of_a_send_is_not_forgotten(queued):
    queued.connect()
    queued.app().holding.pause("back-pain", queued.clock.now())
    queued.run(until=FIRST + timedelta(hours=1))
    status = queued.app().reporting.status()
    assert [one.target for one in status.paused] == ["back-pain"]
    assert [one.left for one in status.on_its_way] == [None]
    (asked,) = status.attention
    assert asked.command == "newsletter resume back-pain"
    assert asked.what.startswith("paused for 3 days")


def test_a_full_disk_is_found_before_anybody_is_mailed(queued, monkeypatch):
    service = queued.connect()
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=1_000))
    queued.run(until=FIRST + timedelta(hours=1))
    reason = "0 MB are free beside the database, and 1 MB are needed"
    assert release_of(queued, "lower-back").reason == reason
    assert service.accepted == []


def test_a_rehearsal_is_held_for_nobody(office):
    rewrite(office.root / SERIES_FILE, "[cadence]", "max_recipients = 4\n[cadence]")
    office.queue()
    office.run(until=FIRST)
    assert release_of(office, "lower-back").state is ReleaseState.SETTLED


@pytest.mark.parametrize(
    ("policy", "calls", "states"),
    [
        ("hold", 3, {"accepted": 3, "unknown": 2}),
        ("resend", 4, {"accepted": 5}),
        ("skip", 3, {"accepted": 3, "unknown": 2}),
    ],
)
def test_the_series_says_what_happens_where_nothing_can_be_proved(office, policy, calls, states):
    rewrite(office.root / SERIES_FILE, "[cadence]", f'if_unknown = "{policy}"\n[cadence]')
    office.queue()
    service = office.connect(script=[UNKNOWN])
    service.capabilities = replace(service.capabilities, recovery=Recovery.NONE)
    office.run(until=FIRST + timedelta(days=1))
    assert len(service.calls) == calls
    assert office.states() == states
    is_open = release_of(office, "lower-back").state is ReleaseState.SENDING
    assert is_open is (policy == "hold")
    assert bool(office.app().reporting.status().attention) is (policy == "hold")


def test_a_status_says_how_long_a_send_takes_and_what_waits(queued):
    queued.connect(script=[UNKNOWN])
    queued.run(until=FIRST)
    status = queued.app().reporting.status()
    (moving,) = status.on_its_way
    assert moving.counts == {"accepted": 3, "unknown": 2}
    (doubt,) = status.unknown
    assert (doubt.target, doubt.people) == ("back-pain/lower-back", 2)
    assert doubt.next_at is not None
    assert status.attention == ()
