"""What each provider tells of an account that is ready, and of one that is not."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from newsletter.domain.diagnosis import Examination, Verdict
from newsletter.domain.provider import Provider
from newsletter.errors import ProviderError
from newsletter.providers.mailgun import Mailgun
from newsletter.providers.postmark import Postmark
from newsletter.providers.resend import Resend
from newsletter.providers.ses import Place, Ses
from newsletter.providers.settings import MailServer, Secret
from newsletter.providers.sigv4 import Credentials
from newsletter.providers.smtp import Smtp
from newsletter.testing.fake_http import Response
from newsletter.testing.fake_mailgun import FakeMailgun
from newsletter.testing.fake_postmark import FakePostmark
from newsletter.testing.fake_resend import FakeResend
from newsletter.testing.fake_ses import FakeSes, Keys, Limits
from newsletter.testing.fake_smtp import FakeSmtp
from newsletter.testing.postmark_rules import Server

HOME = "news.example.org"
KEY = "re_0123456789abcdef"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
BAD_GATEWAY = Response(502, b"<html>", {})
PAGE = Response(200, b"<html>Log in to the hotel's network</html>", {})


def examined(provider: Provider, *domains: str) -> Examination:
    with closing(provider):
        return provider.examine(domains or (HOME,))


def verdicts(found: Examination) -> dict[str, Verdict]:
    return {one.what: one.verdict for one in found.checked}


def said(found: Examination, what: str) -> str:
    return next(f"{one.said}; {one.mend}" for one in found.checked if one.what == what)


def resend(fake: FakeResend, key: str = KEY) -> Resend:
    return Resend(fake.url, Secret(key))


def test_resend_tells_the_domain_its_key_and_where_bounces_go():
    with FakeResend() as fake:
        fake.pages.used = {"x-resend-daily-quota": "7", "x-resend-monthly-quota": "1234"}
        found = examined(resend(fake))
    assert verdicts(found) == {
        "key": Verdict.OK,
        f"domain {HOME}": Verdict.OK,
        "limits of the plan": Verdict.UNCHECKED,
    }
    assert "7 today and 1,234 this month" in said(found, "limits of the plan")
    assert found.dkim == {HOME: [f"resend._domainkey.{HOME}"]}
    assert found.bounces == {HOME: f"send.{HOME}"}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("pending", Verdict.BLOCKS),
        ("not_started", Verdict.BLOCKS),
        ("failed", Verdict.BLOCKS),
        ("temporary_failure", Verdict.PROBLEM),
        ("partially_verified", Verdict.OK),
    ],
)
def test_resend_tells_how_far_a_domain_is(status, verdict):
    with FakeResend() as fake:
        fake.pages.domains = {HOME: status}
        found = examined(resend(fake), HOME, "other.example.org")
    assert verdicts(found)[f"domain {HOME}"] is verdict
    assert verdicts(found)["domain other.example.org"] is Verdict.BLOCKS


def test_a_key_of_resend_that_may_only_send_is_good_and_tells_nothing():
    with FakeResend() as fake:
        fake.pages.may_only_send = True
        found = examined(resend(fake))
    assert verdicts(found) == {"key": Verdict.OK, f"domain {HOME}": Verdict.UNCHECKED}


def test_a_wrong_key_of_resend_blocks_and_is_not_shown():
    with FakeResend(api_key="re_right") as fake:
        found = examined(resend(fake))
    assert verdicts(found)["key"] is Verdict.BLOCKS
    assert KEY not in str(found)


def postmark(fake: FakePostmark) -> Postmark:
    return Postmark(fake.url, Secret("0123-token"), stream="broadcast")


def test_postmark_tells_its_stream_and_nothing_of_domains():
    with FakePostmark(server=Server(unsubscribes="Custom")) as fake:
        found = examined(postmark(fake))
    assert verdicts(found) == {
        "key": Verdict.OK,
        "stream broadcast": Verdict.OK,
        f"domain {HOME}": Verdict.UNCHECKED,
        "limits of the plan": Verdict.UNCHECKED,
    }


@pytest.mark.parametrize(
    ("server", "what", "verdict"),
    [
        (Server(), "stream broadcast", Verdict.PROBLEM),
        (Server(streams={"outbound": "Transactional"}), "stream broadcast", Verdict.BLOCKS),
        (Server(streams={"broadcast": "Transactional"}), "stream broadcast", Verdict.PROBLEM),
        (Server(archived={"broadcast"}), "stream broadcast", Verdict.BLOCKS),
        (Server(is_sandbox=True), "server", Verdict.BLOCKS),
        (Server(tracks_opens=True), "open tracking", Verdict.PROBLEM),
    ],
)
def test_postmark_tells_what_is_wrong_with_a_server(server, what, verdict):
    with FakePostmark(server=server) as fake:
        assert verdicts(examined(postmark(fake)))[what] is verdict


def test_a_wrong_token_of_postmark_blocks():
    with FakePostmark(token="another") as fake:
        found = examined(postmark(fake))
    assert verdicts(found)["key"] is Verdict.BLOCKS
    assert "HTTP 401" in said(found, "key")


def mailgun(fake: FakeMailgun, path: str = "") -> Mailgun:
    return Mailgun(fake.url + path, Secret("0123-key"))


def test_mailgun_tells_the_domain_its_key_and_the_limit_that_was_set():
    with FakeMailgun() as fake:
        fake.pages.limit, fake.pages.used = 50_000, 1_200
        found = examined(mailgun(fake))
    assert set(verdicts(found).values()) == {Verdict.OK}
    assert "1,200 of 50,000" in said(found, "limits of the plan")
    assert found.dkim == {HOME: [f"pic._domainkey.{HOME}"]}
    assert found.bounces == {HOME: HOME}


@pytest.mark.parametrize(
    ("pages", "what", "verdict"),
    [
        ({"domains": {HOME: "unverified"}}, f"domain {HOME}", Verdict.BLOCKS),
        ({"domains": {HOME: "disabled"}}, f"domain {HOME}", Verdict.BLOCKS),
        ({"domains": {}}, f"domain {HOME}", Verdict.BLOCKS),
        ({"kind": "sandbox"}, f"domain {HOME}", Verdict.BLOCKS),
        ({"tracks_unsubscribes": True}, f"unsubscribe tracking of {HOME}", Verdict.PROBLEM),
        ({"limit": 10, "used": 10}, "limits of the plan", Verdict.BLOCKS),
        ({}, "limits of the plan", Verdict.UNCHECKED),
    ],
)
def test_mailgun_tells_what_is_wrong_with_a_domain(pages, what, verdict):
    with FakeMailgun() as fake:
        for name, value in pages.items():
            setattr(fake.pages, name, value)
        assert verdicts(examined(mailgun(fake)))[what] is verdict


def test_a_wrong_key_of_mailgun_blocks():
    with FakeMailgun(api_key="another") as fake:
        assert verdicts(examined(mailgun(fake)))["key"] is Verdict.BLOCKS


def test_a_wrong_path_of_mailgun_is_no_answer_of_its_api():
    with FakeMailgun() as fake:
        found = examined(mailgun(fake, "/v3"))
    assert verdicts(found)["key"] is Verdict.UNCHECKED
    assert "base_url" in said(found, "key")


def ses(fake: FakeSes, send_rate: float = 14.0, secret: str = "rehearsal") -> Ses:
    credentials = Credentials(Secret("AKIAREHEARSAL"), Secret(secret))
    return Ses(fake.url, Place("eu-west-1", send_rate=send_rate), lambda: credentials, now=lambda: NOON)


def fake_ses(**values: object) -> FakeSes:
    return FakeSes(now=lambda: NOON, keys=Keys(), **values)


def test_ses_tells_the_identity_its_three_keys_and_the_quota():
    with fake_ses(limits=Limits(rate=50, daily=100_000)) as fake:
        fake.pages.mail_from = f"bounce.{HOME}"
        found = examined(ses(fake))
    assert set(verdicts(found).values()) == {Verdict.OK}
    assert "0 of 100,000 sent in 24 hours, 50 a second" in said(found, "limits of the plan")
    assert found.dkim == {HOME: [f"token{n}._domainkey.{HOME}" for n in (1, 2, 3)]}
    assert found.bounces == {HOME: f"bounce.{HOME}"}


def test_ses_lets_a_verified_domain_stand_for_those_below_it():
    with fake_ses() as fake:
        fake.pages.identities = {"example.org": True}
        found = examined(ses(fake))
    assert "verified by example.org" in said(found, f"domain {HOME}")
    assert found.dkim[HOME][0] == "token1._domainkey.example.org"


@pytest.mark.parametrize(
    ("pages", "what", "verdict"),
    [
        ({"identities": {}}, f"domain {HOME}", Verdict.BLOCKS),
        ({"identities": {HOME: False}}, f"domain {HOME}", Verdict.BLOCKS),
        ({"signs": False}, f"domain {HOME}", Verdict.PROBLEM),
        ({"mail_from": "b.example.org", "mail_from_status": "FAILED"}, f"domain {HOME}", Verdict.PROBLEM),
        ({"is_out_of_sandbox": False}, "account", Verdict.BLOCKS),
        ({"is_enabled": False}, "account", Verdict.BLOCKS),
    ],
)
def test_ses_tells_what_is_wrong_with_an_account(pages, what, verdict):
    with fake_ses() as fake:
        for name, value in pages.items():
            setattr(fake.pages, name, value)
        assert verdicts(examined(ses(fake)))[what] is verdict


def test_a_rate_beyond_the_quota_of_ses_is_a_problem():
    with fake_ses(limits=Limits(rate=1, daily=200)) as fake:
        found = examined(ses(fake))
    assert verdicts(found)["limits of the plan"] is Verdict.PROBLEM
    assert "send_rate = 1 " in said(found, "limits of the plan")


def test_wrong_and_missing_keys_of_ses_block():
    def missing() -> Credentials:
        raise ProviderError("AWS_ACCESS_KEY_ID is not set", mend="set it")

    with fake_ses() as fake:
        assert verdicts(examined(ses(fake, secret="another"))) == {"key": Verdict.BLOCKS}
        none = Ses(fake.url, Place("eu-west-1"), missing, now=lambda: NOON)
        assert verdicts(examined(none)) == {"key": Verdict.BLOCKS}


def smtp(fake: FakeSmtp, password: str = "secret", return_path: str = "") -> Smtp:
    server = MailServer("127.0.0.1", fake.port, "none", "newsletter", return_path)
    return Smtp(server, Secret(password))


def test_a_mail_server_lets_us_in_and_nothing_is_mailed():
    with FakeSmtp(password="secret") as fake:
        found = examined(smtp(fake, return_path="bounces@mail.example.org"))
        assert fake.accepted == []
        assert not [line for _, line in fake.heard if line.upper().startswith("MAIL")]
    assert verdicts(found) == {
        "key": Verdict.OK,
        f"domain {HOME}": Verdict.UNCHECKED,
        "limits of the plan": Verdict.UNCHECKED,
    }
    assert found.bounces == {HOME: "mail.example.org"}


def test_a_wrong_password_blocks_and_is_not_shown():
    with FakeSmtp(password="secret") as fake:
        found = examined(smtp(fake, "wrong-password"))
    assert verdicts(found) == {"key": Verdict.BLOCKS}
    assert found.bounces == {HOME: HOME}
    assert "wrong-password" not in str(found)


def test_a_mail_server_that_is_away_proves_nothing():
    with FakeSmtp() as fake:
        gone = smtp(fake)
    assert verdicts(examined(gone))["key"] is Verdict.UNCHECKED


def gone() -> str:
    with FakeResend() as fake:
        return fake.url


@pytest.mark.parametrize(
    "open_at",
    [
        lambda url: Resend(url, Secret(KEY)),
        lambda url: Postmark(url, Secret("t")),
        lambda url: Mailgun(url, Secret("k")),
        lambda url: Ses(url, Place("eu-west-1"), lambda: Credentials(Secret("a"), Secret("b"))),
    ],
    ids=["resend", "postmark", "mailgun", "ses"],
)
def test_what_does_not_answer_proves_nothing_and_is_no_error(open_at: Callable[[str], Provider]):
    assert verdicts(examined(open_at(gone())))["key"] is Verdict.UNCHECKED


@pytest.mark.parametrize("answer", [BAD_GATEWAY, PAGE], ids=["502", "another page"])
def test_an_answer_of_the_network_proves_nothing(answer):
    with FakePostmark(reading=[answer]) as fake:
        assert verdicts(examined(postmark(fake)))["key"] is Verdict.UNCHECKED
