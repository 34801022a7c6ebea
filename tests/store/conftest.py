import pytest
from store_cast import NOW, Newsletter

from newsletter.domain.clock import PlayedClock


@pytest.fixture
def newsletter(database):
    """Give a series with two issues and nobody in it."""
    return Newsletter(database).apply()


@pytest.fixture
def clock():
    return PlayedClock(NOW)


@pytest.fixture
def trio(newsletter):
    """Give a newsletter whose first issue is released to Ann, Bob and Cleo in one batch."""
    newsletter.people = dict(zip(("ann", "bob", "cleo"), newsletter.join("ann", "bob", "cleo"), strict=True))
    newsletter.queue()
    newsletter.sent = newsletter.release()
    return newsletter


@pytest.fixture
def crowd(newsletter):
    """Give a newsletter whose first issue is released to seven people, in batches of one."""
    names = [f"reader{number}" for number in range(7)]
    newsletter.people = dict(zip(names, newsletter.join(*names), strict=True))
    newsletter.queue()
    newsletter.sent = newsletter.release(batch_size=1)
    return newsletter
