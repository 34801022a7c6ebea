"""Clicks, from the reports that a provider signs to the numbers of an issue, and what is kept of them."""

import re
from contextlib import closing
from datetime import timedelta

import pytest
from letter_cast import FIRST, PEOPLE, Office, write_letter
from sqlalchemy import select

from newsletter.app import App
from newsletter.domain.clicks import Clicks, Sign
from newsletter.domain.event import Heard, Post
from newsletter.store.tables import provider_event
from newsletter.testing.reports import Report, mailgun_report, postmark_report, resend_report, svix_headers

RESEND, MAILGUN, POSTMARK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "test-signing-key", "hook:secret"
SECRETS = {
    "RESEND_WEBHOOK_SECRET": RESEND,
    "MAILGUN_WEBHOOK_SIGNING_KEY": MAILGUN,
    "POSTMARK_WEBHOOK_LOGIN": POSTMARK,
}
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0"
LINK, IP = "https://example.org/book?for=ada", "192.0.2.7"


@pytest.fixture
def office(tmp_path, database_url):
    write_letter(tmp_path)
    with (tmp_path / "newsletter.toml").open("a") as settings:
        settings.write(f'\n[database]\nurl = "{database_url}"\n')
    with closing(Office(tmp_path)) as office:
        office.join(*PEOPLE)
        office.connect()
        office.queue()
        office.run(FIRST + HOUR)
        yield office


def reference(office, name):
    """Return what somebody's mail of the first issue was called to the provider."""
    people = [one for call in office.provider.calls for one in call.recipients]
    return next(one.reference for one in people if one.address == f"{name}@example.org")


def report(office, name, kind, after=timedelta(), **said):
    """Report on somebody's mail, as Resend does."""
    tags = [{"name": "reference", "value": reference(office, name)}]
    message = {"to": [f"{name}@example.org"], "tags": tags}
    signed = resend_report(RESEND, kind, message, FIRST + after, **said)
    headers = svix_headers(RESEND, signed.body, office.clock.now())
    take(office, "resend", Report(signed.body, headers))


def click(office, name, after, *, link=LINK, ip=IP, agent=BROWSER):
    said = {"link": link, "ipAddress": ip, "userAgent": agent, "timestamp": (FIRST + after).isoformat()}
    report(office, name, "email.clicked", after, click=said)


def take(office, provider, signed):
    app = App(office.root, clock=office.clock, environment=SECRETS)
    office.apps.append(app)
    assert app.hearing.hear([(provider, Post(signed.headers, signed.body))]) == [Heard.TAKEN]


def clicks(office):
    return office.app().summing.report("lower-back").issues[0].clicks


def kept(office):
    columns = (provider_event.c.link, provider_event.c.visitor, provider_event.c.by_program)
    with office.app().database.reading() as tx:
        return [tuple(row) for row in tx.execute(select(*columns))]


def test_clicks_are_counted_with_those_that_came_at_once_beside_them(office):
    report(office, "ada", "email.delivered")
    report(office, "ben", "email.delivered")
    click(office, "ada", timedelta(milliseconds=400))
    click(office, "ben", 20 * MINUTE)
    click(office, "ben", 30 * MINUTE)
    assert clicks(office) == Clicks(3, 1, {Sign.AT_ONCE: 1})


def test_the_links_of_the_footer_are_links_of_the_mail(office):
    # The issue has none of its own.
    for number, path in enumerate(("u", "p", "w")):
        assert clicks(office).automatic == 0
        click(office, "ada", 20 * MINUTE + number * 3 * SECOND, link=f"https://news.example.org/{path}/x")
    assert clicks(office) == Clicks(3, 3, {Sign.EVERY_LINK: 3})


def test_a_report_that_comes_again_is_one_click(office):
    tags = [{"name": "reference", "value": reference(office, "ada")}]
    same = resend_report(RESEND, "email.clicked", {"to": [], "tags": tags}, office.clock.now())
    for _ in range(3):
        take(office, "resend", same)
    assert clicks(office) == Clicks(1)


def test_a_click_that_comes_before_its_delivery_is_told_counts_the_same(office):
    click(office, "ada", timedelta(milliseconds=400))
    assert clicks(office) == Clicks(1)
    report(office, "ada", "email.delivered")
    assert clicks(office) == Clicks(1, 1, {Sign.AT_ONCE: 1})


def test_of_a_click_neither_the_link_nor_the_address_is_kept(office):
    click(office, "ada", HOUR)
    click(office, "ben", HOUR, agent="curl/8.0")
    (link, visitor, by_program), (same, where, is_program) = sorted(kept(office), key=lambda one: one[2])
    assert (link, visitor) == (same, where)
    assert (by_program, is_program) == (False, True)
    # What is kept has no place for a letter of a link, or a dot of an address.
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in (link, visitor))


def test_who_is_forgotten_leaves_a_click_from_nowhere(office):
    click(office, "ada", HOUR)
    click(office, "ben", HOUR)
    office.app().leaving.forget("ada@example.org", office.clock.now())
    assert sorted(visitor != "" for _, visitor, _ in kept(office)) == [False, True]
    assert clicks(office).raw == 2


def test_every_provider_tells_link_place_and_program(office):
    click(office, "ben", HOUR)
    name, at = reference(office, "ada"), office.clock.now()
    told = {"url": LINK, "ip": IP}
    bot, scanner = {"user-agent": BROWSER, "bot": "generic"}, {"user-agent": "Mozilla/5.0 SafeLinks"}
    for client in (bot, scanner):
        said = {**told, "client-info": client}
        take(office, "mailgun", mailgun_report(MAILGUN, "clicked", name, "ada@example.org", at, **said))
    said = {"OriginalLink": LINK, "Geo": {"IP": IP}, "UserAgent": "python-requests/2.32"}
    take(office, "postmark", postmark_report(POSTMARK, "Click", name, "ada@example.org", at, **said))
    found = kept(office)
    assert len({one[:2] for one in found}) == 1
    assert sorted(one[2] for one in found) == [False, True, True, True]


def test_a_click_that_says_nothing_is_a_click(office):
    for said in (None, [], "x", {"link": 5, "ipAddress": {}, "userAgent": None}):
        report(office, "ada", "email.clicked", HOUR, click=said)
    assert clicks(office) == Clicks(4)


def test_clicks_on_a_rehearsal_are_none(tmp_path):
    write_letter(tmp_path)
    with closing(Office(tmp_path)) as office:
        office.join(*PEOPLE).queue()
        office.run(FIRST + HOUR)
        assert clicks(office) == Clicks()
