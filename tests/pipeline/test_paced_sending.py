"""Rates, quotas, outages: a send stops by itself and goes on by itself."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from letter_cast import FIRST, SETTINGS, once_each

from newsletter.domain.provider import Answer, Outcome

DAY = timedelta(days=1)
DOWN = Answer(Outcome.DEFERRED, "no connection, nothing was sent")
BUSY = Answer(Outcome.DEFERRED, "too many requests", retry_after=timedelta(minutes=10))


def paced(office, **limits):
    """Limit the account in the letter's settings."""
    lines = "".join(f"{name} = {value}\n" for name, value in limits.items())
    (office.root / "newsletter.toml").write_text(f'{SETTINGS}[provider]\nname = "outbox"\n{lines}')
    return office.connect()


@pytest.fixture
def called_at(monkeypatch, queued):
    """Note when each call was made, by the played clock."""
    times = []

    def watch(service):
        accept = service.accept

        def noting(message, mailing):
            times.append((queued.clock.now(), len(mailing.recipients)))
            return accept(message, mailing)

        service.accept = noting
        return times

    return watch


def test_a_daily_quota_stops_the_send_and_the_next_day_goes_on(queued, called_at):
    service = paced(queued, per_day=2)
    times = called_at(service)
    queued.run(until=FIRST + 4 * DAY)
    assert [(at.date() - FIRST.date()).days for at, _ in times] == [0, 1, 2]
    assert times[1][0] == datetime(2026, 12, 2, tzinfo=UTC)
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_a_new_account_warms_up(queued, called_at):
    service = paced(queued, warm_up=[1, 2])
    times = called_at(service)
    queued.run(until=FIRST + 4 * DAY)
    by_day = Counter()
    for at, people in times:
        by_day[(at.date() - FIRST.date()).days] += people
    assert by_day == {0: 1, 1: 2, 2: 2}


def test_calls_keep_the_rate_of_the_account(queued, called_at):
    service = paced(queued, calls_per_second=0.5)
    times = called_at(service)
    queued.run(until=FIRST + DAY)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(times)]
    assert len(gaps) == 2
    assert min(gaps) >= timedelta(seconds=2)


def test_retry_after_holds_the_whole_account(queued, called_at):
    service = queued.connect(script=[BUSY])
    times = called_at(service)
    queued.run(until=FIRST + DAY)
    assert times[0][0] == FIRST + timedelta(minutes=10)
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_an_outage_opens_the_breaker_and_costs_nobody_a_mail(queued):
    service = queued.connect(script=[DOWN] * 12)
    queued.run(until=FIRST + timedelta(minutes=3))
    assert 5 <= len(service.calls) < 12
    assert "no proper answer since" in queued.app().reporting.status().provider_waits
    queued.run(until=FIRST + DAY)
    assert Counter(service.accepted) == once_each(["lower-back"])
    assert queued.app().reporting.status().provider_waits == ""


def test_an_issue_that_is_put_off_for_a_day_is_held_and_resuming_starts_again(queued):
    service = queued.connect(script=[DOWN] * 10_000)
    queued.run(until=FIRST + 3 * DAY)
    assert service.accepted == []
    (held,) = queued.app().reporting.status().attention
    assert "put it off for 24 h" in held.what
    service.script.clear()
    queued.app().holding.resume("lower-back", queued.clock.now())
    queued.run(until=queued.clock.now() + DAY)
    assert Counter(service.accepted) == once_each(["lower-back"])
