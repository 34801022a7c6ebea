"""Every hold is told to the people of `alert_to`: once each, by mail, through the same ledger."""

from dataclasses import replace
from datetime import timedelta

import pytest
from letter_cast import ARTICLE_FILE, FIRST, MISCONFIGURED, UNKNOWN, rewrite

from newsletter.domain.provider import Answer, Outcome, Recovery

BOSS = "boss"


@pytest.fixture
def watched(office):
    """Give a letter whose holds are told to somebody."""
    rewrite(
        office.root / "newsletter.toml",
        "postal_address",
        f'alert_to = ["{BOSS}@example.org"]\npostal_address',
    )
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
