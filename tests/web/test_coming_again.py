"""Who was forgotten by their own wish can subscribe anew, as somebody else; nothing of before comes back."""

import pytest
from joining_cast import ADA, NEW, open_site
from sqlalchemy import select

from newsletter.domain.bouncing import Suppressed
from newsletter.domain.subscriber import address_hash
from newsletter.domain.tokens import Purpose
from newsletter.store import subscribers, suppressions
from newsletter.store.tables import subscriber


@pytest.fixture
def site(tmp_path, database_url):
    with open_site(tmp_path, database_url) as site:
        yield site


def forget(site, address=ADA):
    site.app.leaving.forget(address, site.office.clock.now())


def reason(site, address=ADA):
    with site.app.database.reading() as tx:
        return subscribers.suppression_reason(tx, address_hash(address, site.app.deployment.salt))


def rows(site):
    columns = (subscriber.c.id, subscriber.c.address, subscriber.c.name)
    with site.app.database.reading() as tx:
        return [tuple(row) for row in tx.execute(select(*columns).order_by(subscriber.c.id))]


def test_who_was_forgotten_subscribes_anew_with_a_new_confirmation(site):
    forget(site)
    site.subscribe(ADA)
    assert (site.state(ADA), reason(site)) == ("pending", "forgotten")
    site.run()
    site.http.post(site.link(address=ADA))
    assert (site.state(ADA), reason(site)) == ("active", None)
    assert rows(site)[0] == (1, None, "")
    assert rows(site)[-1][1] == ADA
    assert "Ada" not in str(rows(site))


def test_until_they_confirm_no_list_brings_them_back(site):
    forget(site)
    site.subscribe(ADA)
    found = site.app.enrolling.add(ADA, "", "", "back-pain", "asked at reception")
    assert (found.suppressed, found.added) == (1, 0)
    assert site.state(ADA) == "pending"


def test_old_links_of_theirs_lead_to_nobody(site):
    old = [site.leaving(ADA), f"/p/{site.token(Purpose.DETAILS)}"]
    forget(site)
    site.subscribe(ADA)
    site.run()
    site.http.post(site.link(address=ADA))
    for path in old:
        site.http.post(path, data={"act": "off", "series": "back-pain"})
    assert site.state(ADA) == "active"


def test_forgotten_twice_and_back_again(site):
    for _ in range(2):
        forget(site)
        for mail in site.office.root.rglob("*.eml"):
            mail.unlink()
        site.wait(days=1)
        site.subscribe(ADA)
        site.run()
        site.http.post(site.link(address=ADA))
        assert site.state(ADA) == "active"
    assert [one for _, one, _ in rows(site)].count(ADA) == 1


@pytest.mark.parametrize("grave", [Suppressed.HARD_BOUNCE, Suppressed.COMPLAINT])
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_a_hard_bounce_or_a_complaint_is_stronger_whichever_came_first(site, grave, is_first):
    def hear():
        with site.app.database.writing() as tx:
            hash_ = address_hash(ADA, site.app.deployment.salt)
            suppressions.suppress(tx, hash_, grave, site.office.clock.now())

    if is_first:
        hear()
    forget(site)
    if not is_first:
        hear()
    assert "Check your mail" in site.subscribe(ADA).text
    site.run()
    assert (site.mails(ADA), site.states(ADA), reason(site)) == ([], {"back-pain": "unsubscribed"}, grave)


def test_somebody_takes_an_address_that_was_forgotten_by_a_link_that_came_to_it(site):
    site.joined()
    forget(site, NEW)
    path = f"/p/{site.token(Purpose.DETAILS)}"
    site.http.post(path, data={"act": "address", "address": NEW})
    site.run()
    assert site.http.post(site.link("your new address")).status_code == 200
    assert (site.state(NEW), reason(site, NEW)) == ("active", None)
