"""What SendGrid, Brevo, Mailjet, SparkPost, Mandrill and MailerSend tell of an account, ready or not."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from newsletter.domain.diagnosis import Examination, Verdict
from newsletter.domain.provider import Provider
from newsletter.providers.brevo import Brevo
from newsletter.providers.mailersend import MailerSend
from newsletter.providers.mailjet import Mailjet
from newsletter.providers.mandrill import Mandrill
from newsletter.providers.sendgrid import SendGrid
from newsletter.providers.settings import Secret
from newsletter.providers.sparkpost import SparkPost
from newsletter.testing.fake_account import FakeAccount
from newsletter.testing.fake_brevo import Account as BrevoAccount
from newsletter.testing.fake_brevo import FakeBrevo
from newsletter.testing.fake_http import Response
from newsletter.testing.fake_mailersend import FakeMailerSend
from newsletter.testing.fake_mailjet import FakeMailjet
from newsletter.testing.fake_mandrill import Account as MandrillAccount
from newsletter.testing.fake_mandrill import FakeMandrill
from newsletter.testing.fake_sendgrid import FakeSendGrid
from newsletter.testing.fake_sparkpost import FakeSparkPost

HOME = "news.example.org"
DOMAIN = f"domain {HOME}"
LIMITS = "limits of the plan"
OK, BLOCKS, PROBLEM, UNCHECKED = Verdict.OK, Verdict.BLOCKS, Verdict.PROBLEM, Verdict.UNCHECKED
KEY = "0123456789-the-key-of-the-account"
BAD_GATEWAY = Response(502, b"<html>", {})
PAGE = Response(200, b"<html>Log in to the hotel's network</html>", {})


def mailjet(url: str, secret: Secret) -> Mailjet:
    return Mailjet(url, Secret("the-public-one"), secret)


KINDS: dict[str, tuple[Callable[..., FakeAccount], Callable[[str, Secret], Provider]]] = {
    "sendgrid": (FakeSendGrid, SendGrid),
    "brevo": (FakeBrevo, Brevo),
    "mailjet": (FakeMailjet, mailjet),
    "sparkpost": (FakeSparkPost, SparkPost),
    "mandrill": (FakeMandrill, Mandrill),
    "mailersend": (FakeMailerSend, MailerSend),
}


def examined(name: str, *domains: str, pages: dict[str, Any] | None = None, **given: Any) -> Examination:
    """Ask a fake whose pages tell something else than they do by themselves."""
    make, open_at = KINDS[name]
    with make(**given) as fake:
        for one, value in (pages or {}).items():
            setattr(fake.pages, one, value)
        with closing(open_at(fake.url, Secret(KEY))) as provider:
            return provider.examine(domains or (HOME,))


def verdicts(found: Examination) -> dict[str, Verdict]:
    return {one.what: one.verdict for one in found.checked}


def said(found: Examination, what: str) -> str:
    return next(f"{one.said}; {one.mend}" for one in found.checked if one.what == what)


@pytest.mark.parametrize(
    ("name", "limits", "dkim", "bounces"),
    [
        ("sendgrid", "90 of 100 left (monthly)", ["s1._domainkey", "s2._domainkey"], "em77"),
        ("brevo", "300 mails left", ["mail._domainkey"], ""),
        ("mailjet", "", ["mailjet._domainkey"], ""),
        ("sparkpost", "120 of 50,000 this month", ["scph1126._domainkey"], ""),
        ("mandrill", "500 an hour, 0 waiting", [], ""),
        ("mailersend", "990 of 1,000 requests left today", ["mlsend2._domainkey"], "mta"),
    ],
)
def test_an_account_that_is_ready_tells_key_domain_records_and_limits(name, limits, dkim, bounces):
    found = examined(name)
    assert verdicts(found) == {"key": OK, DOMAIN: OK, LIMITS: OK if limits else UNCHECKED}
    assert limits in said(found, LIMITS)
    assert list(found.dkim.get(HOME, [])) == [f"{one}.{HOME}" for one in dkim]
    assert found.bounces == ({HOME: f"{bounces}.{HOME}"} if bounces else {})


@pytest.mark.parametrize(
    ("name", "pages", "what", "verdict"),
    [
        ("sendgrid", {"domains": {}}, DOMAIN, BLOCKS),
        ("sendgrid", {"domains": {HOME: False}}, DOMAIN, BLOCKS),
        ("sendgrid", {"domains": {"example.org": True}}, DOMAIN, UNCHECKED),
        ("sendgrid", {"domains": {f"other.{HOME}": True}}, DOMAIN, BLOCKS),
        ("sendgrid", {"rights": ("email_logs.read",)}, "key", BLOCKS),
        ("sendgrid", {"rights": ("mail.send",)}, "key", OK),
        ("sendgrid", {"rights": ("mail.send",)}, "email logs", UNCHECKED),
        ("sendgrid", {"rights": ("mail.send",)}, DOMAIN, UNCHECKED),
        ("sendgrid", {"rights": ("mail.send",)}, LIMITS, UNCHECKED),
        ("sendgrid", {"credits": (0, 100)}, LIMITS, BLOCKS),
        ("brevo", {"domains": {}}, DOMAIN, BLOCKS),
        ("brevo", {"domains": {HOME: (False, False)}}, DOMAIN, BLOCKS),
        ("brevo", {"domains": {HOME: (True, False)}}, DOMAIN, PROBLEM),
        ("brevo", {"domains": {"example.org": (True, True)}}, DOMAIN, UNCHECKED),
        ("brevo", {"may_send": False}, "account", BLOCKS),
        ("brevo", {"credits": 0}, LIMITS, BLOCKS),
        ("brevo", {"credits": None}, LIMITS, UNCHECKED),
        ("mailjet", {"senders": {}}, DOMAIN, BLOCKS),
        ("mailjet", {"senders": {f"*@{HOME}": "Inactive"}}, DOMAIN, BLOCKS),
        ("mailjet", {"senders": {f"weekly@{HOME}": "Active"}}, DOMAIN, UNCHECKED),
        ("mailjet", {"dkim": "Error"}, DOMAIN, PROBLEM),
        ("mailjet", {"level": "Hardlock"}, "account", BLOCKS),
        ("mailjet", {"is_active": False}, "account", BLOCKS),
        ("sparkpost", {"domains": {}}, DOMAIN, BLOCKS),
        ("sparkpost", {"is_verified": False}, DOMAIN, BLOCKS),
        ("sparkpost", {"compliance": "blocked"}, DOMAIN, BLOCKS),
        ("sparkpost", {"domains": {HOME: "invalid"}}, DOMAIN, PROBLEM),
        ("sparkpost", {"status": "suspended"}, "account", BLOCKS),
        ("sparkpost", {"replaces_header": True}, "unsubscribe header", PROBLEM),
        ("sparkpost", {"used": (50_000, 50_000)}, LIMITS, BLOCKS),
        ("sparkpost", {"may_read": False}, DOMAIN, UNCHECKED),
        ("sparkpost", {"may_read": False}, LIMITS, UNCHECKED),
        ("mandrill", {"domains": {}}, DOMAIN, BLOCKS),
        ("mandrill", {"domains": {HOME: (True, False, True)}}, DOMAIN, BLOCKS),
        ("mandrill", {"domains": {HOME: (True, True, False)}}, DOMAIN, BLOCKS),
        ("mandrill", {"waiting": 40}, LIMITS, PROBLEM),
        ("mandrill", {"quota": 0}, LIMITS, BLOCKS),
        ("mailersend", {"domains": {}}, DOMAIN, BLOCKS),
        ("mailersend", {"domains": {HOME: False}}, DOMAIN, BLOCKS),
        ("mailersend", {"is_paused": True}, DOMAIN, BLOCKS),
        ("mailersend", {"tracks_unsubscribes": True}, f"unsubscribe tracking of {HOME}", PROBLEM),
        ("mailersend", {"requests": (0, 1_000)}, LIMITS, BLOCKS),
        ("mailersend", {"may_read": False}, "key", UNCHECKED),
        ("mailersend", {"may_read": False}, DOMAIN, UNCHECKED),
    ],
)
def test_an_account_tells_what_is_wrong_with_it(name, pages, what, verdict):
    assert verdicts(examined(name, pages=pages))[what] is verdict


def test_mandrill_says_what_of_a_domain_is_not_valid():
    found = examined("mandrill", pages={"domains": {HOME: (True, False, True)}})
    assert "its DKIM is not valid" in said(found, DOMAIN)
    found = examined("mandrill", pages={"domains": {HOME: (True, True, False)}})
    assert "its owner is not verified" in said(found, DOMAIN)


def test_a_domain_on_a_later_page_of_mailersend_is_found():
    domains = {f"n{number}.example.org": True for number in range(6)} | {HOME: True}
    assert verdicts(examined("mailersend", pages={"domains": domains}))[DOMAIN] is OK


def test_several_domains_are_told_of_one_by_one():
    other = "other.example.org"
    for name in KINDS:
        found = verdicts(examined(name, HOME, other))
        assert found[DOMAIN] is OK, name
        assert found[f"domain {other}"] is BLOCKS, name


@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_key_blocks_and_is_not_shown(name):
    found = examined(name, key="another:one")
    assert verdicts(found) == {"key": BLOCKS, DOMAIN: UNCHECKED}
    assert KEY not in str(found)


def test_a_wrong_key_of_mandrill_is_known_by_its_name_whatever_the_status():
    found = examined("mandrill", key="another", account=MandrillAccount(errors_are_500=True))
    assert verdicts(found)["key"] is BLOCKS


def test_brevo_says_that_it_does_not_know_the_address_of_this_machine():
    found = examined("brevo", account=BrevoAccount(is_known_here=False))
    assert verdicts(found)["key"] is BLOCKS
    assert "unrecognised IP address" in said(found, "key")


@pytest.mark.parametrize("answer", [BAD_GATEWAY, PAGE], ids=["502", "another page"])
@pytest.mark.parametrize("name", KINDS)
def test_an_answer_of_the_network_proves_nothing(name, answer):
    assert verdicts(examined(name, reading=[answer]))["key"] is UNCHECKED


@pytest.mark.parametrize("name", KINDS)
def test_what_does_not_answer_proves_nothing_and_is_no_error(name):
    make, open_at = KINDS[name]
    with make() as fake:
        url = fake.url
    with closing(open_at(url, Secret(KEY))) as provider:
        assert verdicts(provider.examine((HOME,)))["key"] is UNCHECKED


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"null", b'"words"', b'{"data":[1,null],"Data":{},"domains":7}', b"[[],1]"]
)
def test_rubbish_after_a_good_answer_is_no_error(name, body):
    found = examined(name, reading=[None, *[Response(200, body, {})] * 9])
    assert {one.what for one in found.checked} >= {"key"}
    found = examined(name, reading=[Response(200, body, {})] * 9)
    assert {one.what for one in found.checked} >= {"key"}


@pytest.mark.parametrize("name", KINDS)
def test_looking_at_an_account_sends_nothing(name):
    make, open_at = KINDS[name]
    with make() as fake, closing(open_at(fake.url, Secret(KEY))) as provider:
        provider.examine((HOME,))
        assert list(fake.accepted) == []
