"""Nobody's mailbox is filled by a stranger who types its address."""

import pytest
from joining_cast import ADA, FORM, NEW, open_site

from newsletter.domain.tokens import Purpose


@pytest.fixture
def site(tmp_path, database_url):
    with open_site(tmp_path, database_url) as site:
        yield site


@pytest.fixture
def local(tmp_path):
    """Give a site on an SQLite file, where the database does not matter."""
    with open_site(tmp_path) as site:
        yield site


def asked(site):
    return len([kind for kind, _ in site.events() if kind == "requested"])


def test_an_address_gets_one_link_in_24_hours_whoever_asks_and_for_whatever_series(site):
    texts = {site.subscribe().text for _ in range(3)}
    site.subscribe(NEW, "sleep")
    assert (len(texts), asked(site)) == (1, 1)
    # The hours count, not the date.
    site.wait(hours=23)
    site.subscribe()
    assert asked(site) == 1
    site.wait(hours=1)
    site.subscribe()
    assert asked(site) == 2


def test_an_address_gets_three_links_and_never_more_until_its_owner_confirms(site):
    for _ in range(6):
        site.subscribe()
        site.wait(days=40)
    assert asked(site) == 3


def test_whoever_has_confirmed_is_counted_anew(site):
    site.subscribe()
    site.wait(days=1)
    site.joined()
    site.subscribe(NEW, "sleep")
    assert asked(site) == 3
    site.wait(days=1)
    site.subscribe(NEW, "sleep")
    site.wait(days=1)
    site.subscribe(NEW, "sleep")
    assert asked(site) == 5
    site.wait(days=1)
    site.subscribe(NEW, "sleep")
    assert asked(site) == 5


def test_whoever_gets_a_series_is_told_so_once_a_day_however_long(local):
    for _ in range(5):
        local.subscribe(ADA)
        local.subscribe(ADA)
        local.wait(days=1)
    assert asked(local) == 5
    local.http.post(local.leaving())
    local.subscribe(ADA)
    assert asked(local) == 6


def test_whoever_was_mailed_a_link_may_turn_on_each_series_once_a_day(local):
    local.app.leaving.unsubscribe(ADA, None, local.office.clock.now())
    page = f"/p/{local.token(Purpose.DETAILS)}"
    for slug in ("back-pain", "sleep", "sleep"):
        local.http.post(page, data={"act": "on", "series": slug})
    assert asked(local) == 2


def test_a_link_to_the_details_is_mailed_once_a_day_and_takes_nothing_from_the_form(local):
    page = f"/p/{local.token(Purpose.CHOOSE)}"
    for _ in range(5):
        local.http.post(page, data={"act": "link"})
        local.http.post(page, data={"act": "link"})
        local.wait(days=1)
        page = f"/p/{local.token(Purpose.CHOOSE)}"
    assert [kind for kind, _ in local.events()] == ["link requested"] * 5
    assert local.subscribe(ADA).status_code == 200
    assert asked(local) == 1


def test_an_address_that_has_had_its_links_is_answered_as_any_other(local):
    first = local.subscribe().text
    again = local.subscribe().text
    assert first == again
    assert local.http.get(FORM).status_code == 200
