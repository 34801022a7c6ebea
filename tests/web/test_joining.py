"""People join: by a form, a mail, a button; and nobody else makes them."""

import re
from datetime import timedelta

import pytest
from joining_cast import ADA, FORM, NEW, links_of, open_site
from letter_cast import FIRST
from sqlalchemy import select, update

from newsletter.domain.bouncing import Suppressed
from newsletter.domain.limits import LIMITS, Scope
from newsletter.domain.subscriber import Subscriber, address_hash
from newsletter.domain.tokens import Grant, Purpose
from newsletter.pipeline.subscribing import Pending
from newsletter.store import consents, subscribers, suppressions
from newsletter.store.tables import consent_event, delivery, issue, subscriber, web_limit

TITLE = "Back pain"


@pytest.fixture
def site(tmp_path, database_url):
    with open_site(tmp_path, database_url) as site:
        yield site


@pytest.fixture
def local(tmp_path):
    """Give a site on an SQLite file, where the database does not matter."""
    with open_site(tmp_path) as site:
        yield site


def test_who_fills_in_the_form_is_mailed_a_link_and_joins_by_its_button(site):
    assert "Check your mail" in site.subscribe().text
    assert site.state() == "pending"
    site.run()
    page = site.http.get(site.link())
    assert "One press, and it begins" in page.text
    assert site.state() == "pending"
    page = site.http.post(site.link())
    assert "Welcome" in page.text
    assert (
        f"{TITLE}</bdi></strong>.\nThe next issue for you comes on Tuesday 1 December 2026 at 09:00"
        in page.text
    )
    assert site.state() == "active"
    site.run(seconds=4 * 86400)
    assert site.mail("Lower back")


def test_what_they_agreed_to_is_kept_with_both_steps(site):
    site.joined()
    (asked, confirmed) = site.events("kind", "how", "text", "version", "ip")
    text = "Yes, send me “Back pain” by email. I can leave at any time, with one click in any email."
    assert asked == ("requested", "form", text, asked[3], "")
    assert confirmed == ("confirmed", "confirmation link", text, asked[3], "")
    assert len(asked[3]) == 12
    assert text in site.http.get(FORM).text


def test_an_ip_is_kept_only_where_the_letter_says_so(tmp_path):
    with open_site(tmp_path, web="keep_ip = true") as site:
        site.joined()
        assert site.events("ip") == [("127.0.0.1",)] * 2


def test_nothing_that_a_visitor_typed_is_in_the_mail(local):
    local.subscribe(NEW, name="Buy Now")
    local.run()
    mail = local.mail("Please confirm")
    assert mail["To"] == NEW
    assert "Buy" not in mail.as_string()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Id"] is None
    assert len(set(links_of(mail))) == 1
    assert "example.org" not in local.link().replace("news.example.org", "")


@pytest.mark.parametrize("name", ["http://x.example", "www.x.example", "a@b.example", "a/b"])
def test_an_advertisement_is_no_name(local, name):
    local.subscribe(NEW, name=name)
    with local.app.database.reading() as tx:
        assert tx.execute(select(subscriber.c.name).where(subscriber.c.address == NEW)).scalar_one() == ""


def test_a_name_that_is_known_is_not_changed_by_a_visitor(local):
    local.subscribe(ADA, name="Somebody")
    with local.app.database.reading() as tx:
        assert tx.execute(select(subscriber.c.name).where(subscriber.c.address == ADA)).scalar_one() == "Ada"


def test_known_and_unknown_addresses_get_the_same_answer(local):
    local.joined("left@example.org")
    local.http.post(local.leaving("left@example.org"))
    answers = {local.subscribe(one).text for one in (NEW, ADA, "left@example.org")}
    assert len(answers) == 1


def test_who_gets_it_already_is_told_so_by_mail_alone(site):
    site.subscribe(ADA)
    site.run()
    assert site.mail("You get “Back pain” already", ADA)
    assert site.state(ADA) == "active"
    page = site.http.get(site.link("already", ADA))
    assert "What you get" in page.text


def test_pressing_again_is_the_same(site):
    site.joined()
    before = site.events()
    assert "Welcome" in site.http.post(site.link()).text
    assert "Welcome" in site.http.get(site.link()).text
    assert site.events() == before


def test_an_old_link_brings_nobody_back_who_left_since(site):
    site.joined()
    site.http.post(site.leaving(NEW))
    for answer in (site.http.get(site.link()), site.http.post(site.link())):
        assert answer.status_code == 410
        assert "please subscribe again" in answer.text
    assert site.state() == "unsubscribed"


def test_who_left_comes_back_by_a_new_link_only(site):
    site.joined()
    old = site.link()
    site.http.post(site.leaving(NEW))
    site.subscribe()
    assert site.state() == "unsubscribed"
    assert site.http.post(old).status_code == 410
    site.run()
    assert site.link() != old
    site.http.post(site.link())
    assert site.state() == "active"


def test_no_import_brings_back_who_left_and_was_typed_in_since(site):
    site.joined()
    site.http.post(site.leaving(NEW))
    site.subscribe()
    site.app.enrolling.add(NEW, "", "", "back-pain", "on paper")
    assert site.state() == "unsubscribed"


def test_who_leaves_before_the_mail_goes_out_is_not_mailed(site):
    site.subscribe()
    site.app.leaving.unsubscribe(NEW, None, site.office.clock.now())
    site.run()
    assert site.mails() == []


@pytest.mark.parametrize("reason", list(Suppressed))
def test_a_suppressed_address_gets_no_link(site, reason):
    with site.app.database.writing() as tx:
        hash_ = address_hash(NEW, site.app.deployment.salt)
        suppressions.suppress(tx, hash_, reason, site.office.clock.now())
    assert "Check your mail" in site.subscribe().text
    site.run()
    assert site.mails() == []


@pytest.mark.parametrize(
    "change",
    [lambda path: path[:-1], lambda path: path[:20], lambda path: path + "x", lambda path: "/c/"],
    ids=["cut", "short", "longer", "none"],
)
def test_a_broken_link_is_a_page_that_says_what_to_do(local, change):
    local.subscribe()
    local.run()
    path = change(local.link())
    for answer in (local.http.get(path), local.http.post(path)):
        assert answer.status_code == 404
        assert "open it from the email itself" in answer.text
    assert local.state() == "pending"


def test_a_link_works_for_seven_days(local):
    local.subscribe()
    local.run()
    local.wait(days=6.9)
    assert local.http.get(local.link()).status_code == 200
    local.wait(days=0.2)
    answer = local.http.post(local.link())
    assert (answer.status_code, local.state()) == (404, "pending")
    assert "subscribe again" in answer.text


def test_a_token_of_another_purpose_confirms_nothing(local):
    local.subscribe()
    for purpose in set(Purpose) - {Purpose.CONFIRM}:
        assert local.http.post(f"/c/{local.token(purpose, NEW)}").status_code == 404
    forged = local.app.keys.sign(Purpose.CONFIRM, Grant(1, local.grant(NEW).subscriber_id, 0, 1))
    assert local.http.post(f"/c/{forged}").status_code == 404
    assert local.state() == "pending"


def test_a_scanner_that_opens_every_link_of_every_mail_changes_nothing(site):
    site.subscribe()
    site.run(seconds=5 * 86400)
    site.http.get(f"/p/{site.token(Purpose.DETAILS)}")
    paths = {path for name in (NEW, ADA) for mail in site.mails(name) for path in links_of(mail)}
    assert {path[:3] for path in paths} == {"/c/", "/u/", "/w/", "/p/"}
    before = site.everything()
    pages = [site.http.request(method, path) for path in paths for method in ("GET", "HEAD")]
    further = {link for page in pages for link in re.findall(r'href="(/[^"]+)"', page.text)}
    pages += [site.http.get(path) for path in further]
    assert {page.status_code for page in pages} == {200}
    assert site.everything() == before


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b", "a b@example.org", "a@example.org\r\nBcc: b@example.org", "a@" + "x" * 300],
)
def test_what_is_no_address_is_shown_where_it_was_typed(local, address):
    answer = local.subscribe(address)
    assert answer.status_code == 422
    assert 'aria-invalid="true" aria-describedby="wrong"' in answer.text
    assert 'id="wrong" role="alert"' in answer.text
    assert local.events() == []


def test_what_was_typed_is_escaped_and_kept_in_the_form(local):
    answer = local.subscribe('"><script>alert(1)</script>', name="Ada <3")
    assert "<script" not in answer.text
    assert 'value="Ada &lt;3"' in answer.text


def test_a_field_that_no_person_sees_catches_a_program(local):
    assert "Check your mail" in local.subscribe(website="https://x.example").text
    assert local.states() == {}


def test_a_form_that_is_filled_in_at_once_is_asked_for_once_more(local):
    token = re.search(r'name="token" value="([^"]+)"', local.http.get(FORM).text)[1]
    values = {"address": NEW, "token": token}
    answer = local.http.post(FORM, data=values)
    assert "once more" in answer.text
    assert f'value="{NEW}"' in answer.text
    assert local.states() == {}
    local.wait(seconds=3)
    assert "Check your mail" in local.http.post(FORM, data=values).text


def test_a_form_of_another_website_is_asked_for_once_more(local):
    html = local.app.enrolling.form("back-pain")
    assert 'action="https://news.example.org/subscribe/back-pain"' in html
    answer = local.http.post(FORM, data={"address": NEW}, headers={"Origin": "https://clinic.example"})
    assert "once more" in answer.text
    assert local.states() == {}
    token = re.search(r'name="token" value="([^"]+)"', answer.text)[1]
    local.wait(seconds=3)
    local.http.post(FORM, data={"address": NEW, "token": token})
    assert local.state() == "pending"


@pytest.mark.parametrize("purpose", [Purpose.FORM, Purpose.UNSUBSCRIBE])
def test_the_proof_of_another_form_is_none(local, purpose):
    now = int(local.office.clock.now().timestamp()) - 60
    token = local.app.keys.sign(purpose, Grant(2 if purpose is Purpose.FORM else 1, 0, 0, now))
    local.http.post(FORM, data={"address": NEW, "token": token})
    assert local.states() == {}


def test_an_old_form_is_asked_for_once_more(local):
    token = re.search(r'name="token" value="([^"]+)"', local.http.get(FORM).text)[1]
    local.wait(days=1.1)
    assert "once more" in local.http.post(FORM, data={"address": NEW, "token": token}).text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_series_that_does_not_exist_has_no_form(local, method):
    answer = local.http.request(method, "/subscribe/nothing")
    assert answer.status_code == 404
    assert "There is no page here" in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"address=" + b"a" * 7000, b"&" * 1000, b"a=b&" * 100])
def test_rubbish_is_no_address(local, body):
    answer = local.http.post(FORM, content=body)
    assert answer.status_code == 422
    assert local.http.post(FORM, content=b"x" * 10_000_000).status_code == 413


def test_a_visitor_who_asks_for_many_is_told_to_wait(site):
    answers = [site.subscribe(f"p{number}@example.org") for number in range(LIMITS[Scope.VISITOR].most + 2)]
    assert [answer.status_code for answer in answers[-3:]] == [200, 429, 429]
    assert answers[-1].headers["retry-after"] == "3600"
    assert "try again in an hour" in answers[-1].text
    site.wait(hours=1)
    assert site.subscribe().status_code == 200


def behind_a_proxy(site, ip, number=0):
    return site.subscribe(f"q{number}@example.org", headers={"X-Forwarded-For": ip})


def test_only_our_own_proxy_is_believed_whom_it_speaks_for(tmp_path):
    with open_site(tmp_path, web='proxies = ["127.0.0.0/8", "10.0.0.1"]\nkeep_ip = true') as site:
        behind_a_proxy(site, "198.51.100.7, 203.0.113.9, 10.0.0.1")
        behind_a_proxy(site, "nonsense", 1)
        assert site.events("ip") == [("203.0.113.9",), ("127.0.0.1",)]


def test_nobody_else_can_say_who_they_are(tmp_path):
    with open_site(tmp_path, web="keep_ip = true") as site:
        behind_a_proxy(site, "198.51.100.7")
        assert site.events("ip") == [("127.0.0.1",)]


def test_a_network_shares_its_limit(tmp_path):
    with open_site(tmp_path, web='proxies = ["127.0.0.1"]') as site:
        most = LIMITS[Scope.NETWORK].most
        answers = [behind_a_proxy(site, f"2001:db8::{number:x}", number) for number in range(most + 1)]
        assert [answers[-2].status_code, answers[-1].status_code] == [200, 429]
        assert behind_a_proxy(site, "2001:db8:0:1::1").status_code == 200


def test_all_together_share_a_limit_and_leave_everybody_their_own(site):
    with site.app.database.writing() as tx:
        since = LIMITS[Scope.OVERALL].since(site.office.clock.now())
        site.app.pages.limiting.over(tx, "a@example.org", "192.0.2.1", site.office.clock.now())
        tx.execute(
            update(web_limit)
            .where(web_limit.c.scope == Scope.OVERALL)
            .values(uses=LIMITS[Scope.OVERALL].most)
        )
    assert site.subscribe().status_code == 429
    with site.app.database.reading() as tx:
        rows = tx.execute(select(web_limit.c.scope, web_limit.c.since)).all()
    # Nobody's own was used up by it.
    assert len(rows) == len(LIMITS) + 1
    assert (Scope.OVERALL, since) in [tuple(row) for row in rows]


def test_counts_keep_no_address(site):
    site.subscribe()
    with site.app.database.reading() as tx:
        keys = tx.execute(select(web_limit.c.key)).scalars().all()
    assert {len(key) for key in keys} == {32}


def test_people_of_an_import_are_asked_a_few_a_second(site):
    now = site.office.clock.now()
    salt = site.app.deployment.salt
    people = {address_hash(one, salt): Subscriber(one) for one in (f"i{n}@example.org" for n in range(5))}
    with site.app.database.writing() as tx:
        ids = list(subscribers.add_people(tx, people).values())
        for id_ in ids:
            consents.begin(tx, 1, id_)
        site.app.pages.sign_ups.plan_confirmations(tx, [Pending(1, id_) for id_ in ids])
    site.run(seconds=1)
    first = len(list(site.office.root.rglob("outbox/*_confirm/*.eml")))
    site.run(seconds=5)
    assert first < len(list(site.office.root.rglob("outbox/*_confirm/*.eml"))) == 5
    assert site.office.clock.now() - now < timedelta(seconds=10)
    site.http.post(site.link(address="i3@example.org"))
    assert (site.state("i3@example.org"), site.state("i4@example.org")) == ("active", "pending")


def test_the_next_issue_is_named_in_the_zone_of_whoever_has_one(local):
    local.app.enrolling.add(NEW, "", "Asia/Tokyo", "sleep", "on paper")
    page = local.joined()
    assert "Tuesday 1 December 2026 at 18:00 (Asia/Tokyo)" in page.text


def test_a_series_without_a_date_promises_none(local):
    local.office.run(until=FIRST + timedelta(weeks=3))
    page = local.joined()
    assert "as soon as the next issue has a date" in page.text


def test_a_sequence_names_its_first_slot(tmp_path):
    with open_site(tmp_path) as site:
        file = tmp_path / "content/series/sleep.toml"
        file.write_text(file.read_text().replace("[cadence]", 'mode = "sequence"\n\n[cadence]', 1))
        (tmp_path / "content/series/rest.toml").write_text(file.read_text().replace("Sleep", "Rest"))
        site.office.queue("rest")
        site.office.run(until=FIRST + timedelta(weeks=5))
        page = site.joined(NEW, "rest")
        now = site.office.clock.now()
        days = (8 - now.isoweekday() + 1) % 7 or 7
        assert f"{now + timedelta(days=days):%A} {(now + timedelta(days=days)).day} " in page.text


def test_a_mail_of_no_issue_is_noted_under_the_event_that_asked(site):
    site.subscribe()
    site.run()
    rows = (
        select(delivery.c.occasion, consent_event.c.kind)
        .join(issue, issue.c.id == delivery.c.issue_id)
        .join(consent_event, consent_event.c.id == delivery.c.occasion)
        .where(issue.c.slug == "_confirm")
    )
    with site.app.database.reading() as tx:
        assert [kind for _, kind in tx.execute(rows)] == ["requested"]


PAGES = [FORM, "/c/x", "/p/x", "/m/x", "/subscribe/nothing"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_and_brings_nothing_along(local, path):
    answer = local.http.get(path)
    assert len(answer.content) < 20_000
    assert "<script" not in answer.text
    assert not re.findall(r"https?://", answer.text)
    assert answer.text.count("<h1>") == 1
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
