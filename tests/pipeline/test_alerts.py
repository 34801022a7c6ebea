"""Every hold is told to the people of `alert_to`: once each, by mail, through the same ledger."""

from dataclasses import replace
from datetime import timedelta

import pytest
from letter_cast import ARTICLE_FILE, FIRST, MISCONFIGURED, UNKNOWN, rewrite

from newsletter.domain.provider import Answer, Outcome, Recovery

BOSS = "boss"


def with_boss(office):
    """Name somebody to tell of holds."""
    rewrite(
        office.root / "newsletter.toml",
        "postal_address",
        f'alert_to = ["{BOSS}@example.org"]\npostal_address',
    )


@pytest.fixture
def watched(office):
    """Give a letter whose holds are told to somebody."""
    with_boss(office)
    office.queue()
    return office


def told(service):
    return [name for issue, name in service.accepted if issue == "_alert"]


def test_a_hold_is_told_once_however_long_it_lasts(watched):
    service = watched.connect()
    watched.clock.advance_to(FIRST + timedelta(hours=7))
    watched.run(until=FIRST + timedelta(days=2))
    watched.run(until=FIRST + timedelta(days=3))
    assert told(service) == [BOSS]


def test_another_hold_of_the_same_issue_is_told_again(watched):
    service = watched.connect(script=[MISCONFIGURED])
    watched.run(until=FIRST + timedelta(hours=1))
    service.script = [MISCONFIGURED]
    watched.app().holding.resume("lower-back", watched.clock.now())
    watched.run(until=FIRST + timedelta(hours=2))
    assert told(service) == [BOSS, BOSS]


def test_an_alert_that_the_provider_does_not_take_is_tried_ever_more_seldom(watched):
    service = watched.connect(script=[MISCONFIGURED] * 200)
    watched.run(until=FIRST + timedelta(hours=1))
    assert 3 < len(service.calls) < 20
    assert told(service) == []


@pytest.mark.parametrize("wait", [timedelta(0), timedelta(seconds=-5)])
def test_a_wait_of_nothing_does_not_mean_at_once(queued, wait):
    service = queued.connect(script=[Answer(Outcome.DEFERRED, "busy", retry_after=wait)] * 200)
    queued.run(until=FIRST + timedelta(minutes=10))
    assert len(service.calls) < 30


def test_an_unknown_outcome_that_nothing_can_prove_is_told(watched):
    service = watched.connect(script=[UNKNOWN])
    service.capabilities = replace(service.capabilities, recovery=Recovery.NONE)
    for days in (1, 2, 3):
        watched.run(until=FIRST + timedelta(days=days))
    assert told(service) == [BOSS]


def test_the_article_is_not_needed_for_it(watched):
    service = watched.connect()
    (watched.root / ARTICLE_FILE).unlink()
    watched.clock.advance_to(FIRST + timedelta(hours=7))
    watched.run(until=FIRST + timedelta(hours=8))
    assert told(service) == [BOSS]


def test_a_date_that_nothing_was_approved_for_is_told_once_and_nothing_is_sent(office):
    with_boss(office)
    office.queue("back-pain/lower-back")
    service = office.connect()
    for days in (0, 8, 9, 10):
        office.clock.advance_to(FIRST + timedelta(days=days))
        office.run(until=office.clock.now())
    assert told(service) == [BOSS]
    assert {issue for issue, _ in service.accepted} == {"lower-back", "_alert"}
    rows = office.app().queueing.rows()
    assert [(row.slot.target, row.is_empty) for row in rows] == [
        ("back-pain/lower-back", False),
        ("back-pain", True),
    ]
    assert rows[1].release.reason == "no issue was approved for it; next in the file is neck"
    assert office.app().reporting.status().settled == 1


def test_after_an_empty_date_the_issue_takes_the_next_one(office):
    office.queue("back-pain/lower-back")
    office.connect()
    office.run(until=FIRST)
    office.clock.advance_to(FIRST + timedelta(days=7))
    office.run(until=office.clock.now())
    office.queue("back-pain/neck")
    assert office.slots() == {"neck": "2026-12-15"}


@pytest.mark.parametrize("why", ["finished", "not begun", "paused", "planned later"])
def test_a_date_without_an_issue_is_nothing_to_tell_where_that_is_meant(office, why):
    with_boss(office)
    service = office.connect()
    if why == "finished":
        office.queue()
    elif why == "paused":
        office.queue("back-pain/lower-back")
        office.run(until=FIRST + timedelta(days=1))
        office.app().holding.pause("back-pain", office.clock.now())
    elif why == "planned later":
        office.queue("back-pain/lower-back")
        office.queue("back-pain/neck", at=(FIRST + timedelta(weeks=3)).date())
    else:
        office.queue("back-pain/lower-back", dry_run=True)
    office.run(until=FIRST + timedelta(days=9))
    office.clock.advance_to(FIRST + timedelta(days=9))
    office.app().engine.tick()
    assert told(service) == []
