"""Windows, and what counts as one visitor."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.limits import Limit, address_of, may_mail, network_of

NOW = datetime(2026, 12, 1, 9, 59, tzinfo=UTC)


@given(st.integers(0, 2**33).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_an_instant_is_in_the_window_that_it_says(now):
    limit = Limit(1, timedelta(hours=1))
    since = limit.since(now)
    assert since <= now < since + limit.span
    assert limit.since(since) == since


def test_a_window_of_an_hour_begins_at_the_hour():
    assert Limit(1, timedelta(hours=1)).since(NOW) == NOW.replace(minute=0)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_a_network_is_what_one_customer_has(ip, network):
    assert network_of(ip) == network


@pytest.mark.parametrize("text", ["", "1.2.3", "example.org", "1.2.3.4, 5.6.7.8", "\0"])
def test_what_is_no_address_is_none(text):
    assert address_of(text) is None


@pytest.mark.parametrize(
    ("hours", "may", "may_if_asked"),
    [
        ([], True, True),
        ([23], False, False),
        ([24], True, True),
        ([24, 99], True, True),
        ([24, 99, 999], False, True),
    ],
)
def test_an_address_gets_a_mail_a_day_and_three_in_all_until_its_owner_confirms(hours, may, may_if_asked):
    before = [NOW - timedelta(hours=one) for one in hours]
    assert may_mail(before, NOW) is may
    assert may_mail(before, NOW, is_asked=True) is may_if_asked
