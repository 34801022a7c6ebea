"""People choose what they get, see what is kept of them, take it along, and are forgotten."""

import json
import re
from datetime import UTC, datetime

import pytest
from joining_cast import ADA, NEW, links_of, open_site
from letter_cast import FIRST, UNKNOWN
from sqlalchemy import select

from newsletter.domain.subscriber import address_hash
from newsletter.domain.tokens import Purpose
from newsletter.pipeline.addressing import Frozen
from newsletter.store import subscribers
from newsletter.store.tables import batch, consent_event, subscriber, subscription, suppression

MORE = "more@example.org"


@pytest.fixture
def site(tmp_path, database_url):
    with open_site(tmp_path, database_url) as site:
        yield site


@pytest.fixture
def local(tmp_path):
    """Give a site on an SQLite file, where the database does not matter."""
    with open_site(tmp_path) as site:
        yield site


def own(site, address=ADA):
    """Return the path of a link that was mailed to somebody just now."""
    return "/p/" + site.token(Purpose.DETAILS, address)


def passed_on(site, address=ADA):
    """Return the path to which any mail of theirs leads."""
    return "/p/" + site.token(Purpose.CHOOSE, address)


def act(site, path, act, **values):
    return site.http.post(path, data={"act": act, **values})


def person(site, address=ADA):
    with site.app.database.reading() as tx:
        rows = select(subscriber.c.name, subscriber.c.zone).where(subscriber.c.address == address)
        return tuple(tx.execute(rows).one())


def paused(site):
    with site.app.database.reading() as tx:
        rows = select(subscription.c.paused_until).order_by(subscription.c.subscriber_id)
        return tx.execute(rows).scalars().first()


def test_every_mail_leads_to_the_choices(local):
    local.office.run(until=FIRST)
    page = local.http.get(local.leaving())
    path = page.text.partition('href="/p/')[2].partition('"')[0]
    assert "Back pain" in local.http.get(f"/p/{path}").text


def test_a_series_is_paused_for_weeks_and_goes_on(site):
    page = act(site, passed_on(site), "pause", series="back-pain", weeks="4")
    assert "You get nothing of Back pain before Friday 25 December 2026." in page.text
    assert "Paused until Friday 25 December 2026." in page.text
    assert paused(site) == datetime(2026, 12, 25, tzinfo=UTC)
    page = act(site, passed_on(site), "resume", series="back-pain")
    assert "You get Back pain again." in page.text
    assert paused(site) is None
    assert site.events() == [("paused", "preferences"), ("resumed", "preferences")]


@pytest.mark.parametrize("weeks", ["", "0", "-1", "53", "999999999999", "four", "²", "1.5"])
def test_weeks_that_are_none_pause_nothing(local, weeks):
    assert act(local, passed_on(local), "pause", series="back-pain", weeks=weeks).status_code == 200
    assert paused(local) is None


def test_a_series_is_turned_off_at_once(site):
    assert "You get no more of Back pain." in act(site, passed_on(site), "off", series="back-pain").text
    assert site.state(ADA) == "unsubscribed"
    assert site.events() == [("unsubscribed", "preferences")]


def test_a_series_is_turned_on_by_a_link_in_a_mail_alone(site):
    act(site, own(site), "off", series="back-pain")
    for slug in ("back-pain", "sleep"):
        assert "Please check your mail" in act(site, own(site), "on", series=slug).text
        assert site.state(ADA, slug) in ("unsubscribed", "pending")
        site.run()
        site.http.post(site.link(address=ADA) if slug == "back-pain" else site.link("Sleep", ADA))
    assert site.states(ADA) == {"back-pain": "active", "sleep": "active"}


def test_a_mail_that_was_passed_on_shows_and_changes_nothing_of_who_they_are(local):
    path = passed_on(local)
    page = local.http.get(path)
    assert "ada" not in page.text.lower().replace(path.lower(), "")
    for name, values in (
        ("person", {"name": "Eve", "zone": "Asia/Tokyo"}),
        ("address", {"address": NEW}),
        ("erase", {"sure": "yes"}),
    ):
        act(local, path, name, **values)
    assert act(local, path, "erase").status_code == 404
    assert local.http.get(f"{path}/data.json").status_code == 404
    assert person(local) == ("Ada", "")
    local.run()
    assert local.mails() == []


def test_who_they_are_is_shown_by_a_link_that_is_mailed_to_them(site):
    assert "Please check your mail" in act(site, passed_on(site), "link").text
    site.run()
    page = site.http.get(site.link("Your details", ADA))
    assert ADA in page.text
    assert 'value="Ada"' in page.text


def test_a_name_and_a_zone_are_kept(site):
    page = act(site, own(site), "person", name=" Ada  L. ", zone="Asia/Tokyo")
    assert "Your name and zone are kept." in page.text
    assert person(site) == ("Ada L.", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"name": "Ada", "zone": "Tokio"},
            "There is no zone &#39;Tokio&#39;; did you mean &#39;Asia/Tokyo&#39;?",
        ),
        ({"name": "Ada\r\nBcc: x@example.org", "zone": ""}, "The name has a line break in it"),
        ({"name": "Ada", "zone": "x" * 5000}, "There is no zone"),
    ],
)
def test_what_cannot_be_kept_is_said_and_changes_nothing(local, values, said):
    page = act(local, own(local), "person", **values)
    assert page.status_code == 422
    assert said in page.text
    assert person(local) == ("Ada", "")


def test_an_address_changes_when_the_new_mailbox_answers(site):
    site.office.run(until=FIRST)
    page = act(site, own(site), "address", address=NEW)
    assert "Please check the mail of your new address" in page.text
    assert site.state(NEW) is None
    site.run()
    link = site.link("new address")
    assert "Use this address?" in site.http.get(link).text
    assert site.http.get(link).status_code == 200
    id_before = site.grant(ADA)
    assert "It is yours" in site.http.post(link).text
    assert site.grant(NEW) == id_before
    assert site.state(NEW) == "active"
    assert [kind for kind, _ in site.events()] == ["move requested", "moved"]
    site.run(seconds=8 * 86400)
    assert [mail["Subject"] for mail in site.mails(ADA)] == ["Lower back: where the ache comes from"]
    assert "Neck: small movements, gentle hands" in [mail["Subject"] for mail in site.mails(NEW)]


def test_a_link_to_change_an_address_works_once_and_the_latest_alone(site):
    act(site, own(site), "address", address=MORE)
    site.run()
    act(site, own(site), "address", address=NEW)
    site.run()
    older, newer = (site.link("new address", one) for one in (MORE, NEW))
    assert site.http.post(older).status_code == 404
    assert site.http.post(newer).status_code == 200
    assert [site.http.request(method, newer).status_code for method in ("GET", "POST")] == [404, 404]
    assert site.state(NEW) == "active"


def test_an_address_that_somebody_uses_is_not_taken_and_nobody_is_told_before(site):
    texts = set()
    for address in (NEW, "ben@example.org"):
        texts.add(act(site, own(site), "address", address=address).text.replace(address, ""))
    site.run()
    answer = site.http.post(site.link("new address", "ben@example.org"))
    assert answer.status_code == 409
    assert "gets mail from us already" in answer.text
    assert site.state(ADA) == site.state("ben@example.org") == "active"


def test_an_address_that_cannot_be_mailed_is_said(local):
    page = act(local, own(local), "address", address="nobody")
    assert page.status_code == 422
    assert "is no address" in page.text


def test_everything_that_is_kept_is_taken_along_as_json(site):
    site.office.run(until=FIRST)
    answer = site.http.get(f"{own(site)}/data.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    data = json.loads(answer.text)
    assert (data["address"], data["name"]) == (ADA, "Ada")
    assert data["subscriptions"] == [{"series": "back-pain", "state": "active", "paused_until": None}]
    assert [(one["what"], one["text"]) for one in data["consent"]] == [("confirmed", "asked at reception")]


def test_to_be_forgotten_takes_two_presses(site):
    path = own(site)
    page = act(site, path, "erase")
    assert "Forget me for ever" in page.text
    assert person(site) == ("Ada", "")
    assert "Goodbye" in act(site, path, "erase", sure="yes").text
    with site.app.database.reading() as tx:
        row = tx.execute(select(subscriber).where(subscriber.c.id == 1)).one()
        assert (row.address, row.name, row.zone) == (None, "", "")
        assert row.erased_at == site.office.clock.now()
        hash_ = address_hash(ADA, site.app.deployment.salt)
        assert tx.execute(select(suppression.c.address_hash, suppression.c.reason)).all() == [
            (hash_, "forgotten")
        ]
        assert subscribers.state(tx, 1, 1) == "unsubscribed"
    assert site.http.get(path).status_code == 404
    site.office.run(until=FIRST)
    assert site.mails(ADA) == []


def test_who_is_forgotten_is_in_no_call_that_is_repeated(site):
    """What an open batch keeps to repeat loses them, and stays the same for the others."""
    service = site.office.connect(script=[UNKNOWN])
    site.office.run(until=FIRST)
    with site.app.database.reading() as tx:
        before = [blob for (blob,) in tx.execute(select(batch.c.frozen)) if blob]
    assert len(before) == 1
    site.app.leaving.forget(ADA, site.office.clock.now())
    with site.app.database.reading() as tx:
        after = [blob for (blob,) in tx.execute(select(batch.c.frozen)) if blob]
    old, new = Frozen.load(before[0]), Frozen.load(after[0])
    assert [member[2] for member in old.members] == [ADA, "ben@example.org"]
    assert new.members == old.members[1:]
    assert (new.date, new.key_id) == (old.date, old.key_id)
    assert ADA.encode() not in after[0]
    assert len(service.calls) == 1


def test_an_ip_goes_with_its_person(tmp_path):
    with open_site(tmp_path, web="keep_ip = true") as site:
        site.joined()
        site.app.leaving.forget(NEW, site.office.clock.now())
        with site.app.database.reading() as tx:
            assert set(tx.execute(select(consent_event.c.ip)).scalars()) == {""}


@pytest.mark.parametrize("name", ["on", "off", "pause", "resume", "nothing", ""])
def test_a_series_that_does_not_exist_changes_nothing(local, name):
    before = local.events()
    assert act(local, own(local), name, series="nothing", weeks="2").status_code == 200
    assert local.events() == before


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.CHOOSE, Purpose.DETAILS}))
def test_a_token_of_another_purpose_shows_nothing(local, purpose):
    token = local.token(purpose)
    for answer in (local.http.get(f"/p/{token}"), act(local, f"/p/{token}", "off", series="back-pain")):
        assert answer.status_code == 404
        assert "works for a short time only" in answer.text
    if purpose is not Purpose.MOVE:
        assert local.http.get(f"/m/{token}").status_code == 404
    assert local.state(ADA) == "active"


def test_a_link_is_of_no_use_after_a_day(local):
    path = own(local)
    local.wait(days=1)
    assert local.http.get(path).status_code == 404
    assert local.http.get(f"{path}/data.json").status_code == 404


@pytest.mark.parametrize("make", [own, passed_on])
def test_the_page_is_small_and_has_a_name_for_every_field(local, make):
    page = local.http.get(make(local))
    assert len(page.content) < 20_000
    assert page.text.count("<h1>") == 1
    for field in ("name", "zone", "address") if make is own else ():
        assert f'<label for="{field}">' in page.text
        assert f'id="{field}"' in page.text
    assert "aria-label=" in page.text


def test_every_mail_leads_to_what_they_get_and_its_link_works_for_ever(local):
    local.run(seconds=5 * 86400)
    mail = local.mail("Lower back", ADA)
    in_parts = [
        set(re.findall(r"https://news\.example\.org(/p/[^\s<>\"]+)", part.get_content()))
        for part in mail.walk()
        if part.get_content_maintype() == "text"
    ]
    assert len(in_parts) == 2
    [[path], [same]] = in_parts
    assert path == same
    local.wait(days=900)
    page = local.http.get(path)
    assert page.status_code == 200
    assert ADA not in page.text
    local.http.post(path, data={"act": "pause", "series": "back-pain", "weeks": "2"})
    assert "paused until" in local.http.get(path).text.lower()


def test_the_link_of_a_mail_that_was_passed_on_changes_nobody(local):
    local.run(seconds=5 * 86400)
    (path,) = {one for one in links_of(local.mail("Lower back", ADA)) if one.startswith("/p/")}
    before = local.everything()["subscriber"]
    for act in ("person", "address", "erase"):
        local.http.post(path, data={"act": act, "name": "Eve", "address": NEW, "sure": "yes"})
    assert local.http.get(f"{path}/data.json").status_code == 404
    assert local.everything()["subscriber"] == before
