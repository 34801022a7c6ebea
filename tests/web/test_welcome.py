"""A series may welcome those who have confirmed: once for each confirmation, and only while they get it."""

import pytest
from joining_cast import NEW, links_of, open_site
from letter_cast import SERIES_FILE, rewrite
from sqlalchemy import select

from newsletter.store.tables import delivery, issue


@pytest.fixture
def site(tmp_path, database_url):
    with open_site(tmp_path, database_url) as site:
        rewrite(tmp_path / SERIES_FILE, "\n[cadence]", "welcome = true\n\n[cadence]")
        site.office.queue("back-pain")
        yield site


def welcomes(site):
    rows = select(delivery.c.occasion, delivery.c.state).join(issue, issue.c.id == delivery.c.issue_id)
    with site.app.database.reading() as tx:
        return [tuple(row) for row in tx.execute(rows.where(issue.c.slug == "_welcome"))]


def test_who_has_confirmed_is_welcomed_within_seconds(site):
    site.joined()
    site.run(seconds=10)
    mail = site.mail("Welcome")
    assert mail["Subject"] == "Welcome to “Back pain”"
    assert mail["Auto-Submitted"] == "auto-generated"
    (path,) = set(links_of(mail))
    page = site.http.get(path)
    assert page.status_code == 200
    assert NEW not in page.text


def test_pressing_again_welcomes_nobody_again(site):
    site.joined()
    site.http.post(site.link())
    site.run()
    site.http.post(site.link())
    site.run()
    assert len(welcomes(site)) == 1


def test_the_link_of_a_welcome_works_for_as_long_as_they_are_there(site):
    site.joined()
    site.run()
    (path,) = set(links_of(site.mail("Welcome")))
    site.wait(days=900)
    site.http.post(path, data={"act": "off", "series": "back-pain"})
    assert site.state() == "unsubscribed"
    site.app.leaving.forget(NEW, site.office.clock.now())
    assert site.http.get(path).status_code == 404


def test_each_confirmation_has_a_welcome_of_its_own(site):
    site.joined()
    site.run()
    site.app.leaving.unsubscribe(NEW, None, site.office.clock.now())
    site.wait(days=1)
    site.joined()
    site.run()
    assert len(welcomes(site)) == 2


def test_who_leaves_before_it_goes_out_is_not_welcomed(site):
    site.joined()
    site.app.leaving.unsubscribe(NEW, None, site.office.clock.now())
    site.run()
    assert [state for _, state in welcomes(site)] == ["suppressed"]


def test_a_series_that_does_not_say_so_welcomes_nobody(site):
    site.joined(NEW, "sleep")
    site.run()
    assert welcomes(site) == []


def test_who_was_put_on_the_list_is_not_welcomed(site):
    site.app.enrolling.add(NEW, "", "", "back-pain", "asked at reception")
    assert welcomes(site) == []
