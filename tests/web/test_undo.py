"""Who has left by the page can take it back for an hour, and nobody can after that."""

import re

import pytest
from joining_cast import ADA, NEW, open_site

from newsletter.domain.tokens import Purpose

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def site(tmp_path, database_url):
    with open_site(tmp_path, database_url) as site:
        yield site


def undo_of(page):
    found = re.search(r'action="(/undo/[^"]+)"', page.text)
    return found[1] if found else None


def test_undo_brings_back_what_was_left(site):
    page = site.http.post(site.leaving())
    assert site.state(ADA) == "unsubscribed"
    back = site.http.post(undo_of(page))
    assert "You are back" in back.text
    assert site.state(ADA) == "active"
    assert site.events() == [("unsubscribed", "page"), ("confirmed", "undo")]


def test_undo_is_there_for_an_hour(site):
    page = site.http.post(site.leaving())
    site.wait(minutes=59)
    assert undo_of(site.http.get(site.leaving()))
    site.wait(minutes=2)
    assert undo_of(site.http.get(site.leaving())) is None
    answer = site.http.post(undo_of(page))
    assert (answer.status_code, site.state(ADA)) == (410, "unsubscribed")
    assert "please subscribe again" in answer.text


def test_a_mail_client_gets_a_small_answer_and_the_page_can_undo_it(site):
    assert site.http.post(site.leaving(), data=ONE_CLICK).text == "You have left.\n"
    site.http.post(undo_of(site.http.get(site.leaving())))
    assert site.state(ADA) == "active"


def test_undo_is_used_once_and_never_after_another_leaving(site):
    first = undo_of(site.http.post(site.leaving()))
    site.http.post(first)
    assert site.http.post(first).status_code == 410
    site.wait(minutes=5)
    site.http.post(site.leaving())
    assert site.http.post(first).status_code == 410
    assert site.state(ADA) == "unsubscribed"


def test_everything_is_left_and_taken_back_together(site):
    site.app.enrolling.add(ADA, "", "", "sleep", "asked")
    site.wait(minutes=1)
    assert "Unsubscribe from everything" in site.http.get(site.leaving()).text
    page = site.http.post(site.leaving(), data={"all": "yes"})
    assert set(site.states(ADA).values()) == {"unsubscribed"}
    site.http.post(undo_of(page))
    assert set(site.states(ADA).values()) == {"active"}


def test_undo_does_not_bring_back_what_was_left_before(site):
    site.app.enrolling.add(ADA, "", "", "sleep", "asked")
    site.http.post(site.leaving(slug="sleep"))
    site.wait(minutes=1)
    site.http.post(undo_of(site.http.post(site.leaving())))
    assert site.states(ADA) == {"back-pain": "active", "sleep": "unsubscribed"}


def test_a_mail_client_leaves_one_series_whatever_else_it_says(site):
    site.app.enrolling.add(ADA, "", "", "sleep", "asked")
    site.http.post(site.leaving(), data={**ONE_CLICK, "all": "yes"})
    assert site.states(ADA) == {"back-pain": "unsubscribed", "sleep": "active"}


def test_who_has_one_series_is_not_asked_about_all(site):
    assert "everything" not in site.http.get(site.leaving()).text


def test_undo_makes_nobody_active_who_had_not_confirmed(site):
    site.subscribe(NEW)
    page = site.http.post(site.leaving(NEW))
    assert site.state(NEW) == "unsubscribed"
    site.http.post(undo_of(page))
    assert site.state(NEW) == "pending"


def test_a_person_who_was_forgotten_does_not_come_back(site):
    page = site.http.post(site.leaving())
    path = site.leaving()
    site.app.leaving.forget(ADA, site.office.clock.now())
    assert site.http.post(undo_of(page)).status_code == 410
    assert undo_of(site.http.get(path)) is None


def test_undo_takes_no_other_token_and_no_get(site):
    path = undo_of(site.http.post(site.leaving()))
    assert site.http.get(path).status_code == 405
    for purpose in set(Purpose) - {Purpose.UNDO}:
        assert site.http.post(f"/undo/{site.token(purpose)}").status_code == 410
    assert site.state(ADA) == "unsubscribed"


def pause(site, weeks=3):
    site.app.pausing.pause(ADA, None, site.office.clock.now(), weeks=weeks)


def pauses(site):
    return [one.paused_until for one in site.app.leaving.show(ADA).subscriptions]


def test_undo_brings_back_a_pause_too(site):
    pause(site)
    before = pauses(site)
    page = site.http.post(site.leaving())
    assert pauses(site) == [None]
    site.http.post(undo_of(page))
    assert pauses(site) == before
    assert site.events()[-1] == ("paused", "undo")


def test_undo_brings_back_no_pause_that_had_ended(site):
    pause(site)
    site.app.pausing.resume(ADA, None, site.office.clock.now())
    site.http.post(undo_of(site.http.post(site.leaving())))
    assert (site.state(ADA), pauses(site)) == ("active", [None])


def test_undo_brings_back_no_pause_that_is_over_by_then(site):
    pause(site, weeks=1)
    site.wait(weeks=2)
    site.http.post(undo_of(site.http.post(site.leaving())))
    assert (site.state(ADA), pauses(site)) == ("active", [None])
