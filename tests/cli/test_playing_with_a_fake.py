"""Weeks that are played through a local fake: every mail once, nothing counts, and nothing real is played."""

import threading
from collections import Counter
from contextlib import contextmanager
from email.utils import parseaddr
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, TCPServer

import pytest

from newsletter.testing import resend_log, smtp_log
from newsletter.testing.fake_brevo import FakeBrevo
from newsletter.testing.fake_mailersend import FakeMailerSend
from newsletter.testing.fake_mailgun import FakeMailgun
from newsletter.testing.fake_mailjet import FakeMailjet
from newsletter.testing.fake_mandrill import FakeMandrill
from newsletter.testing.fake_postmark import FakePostmark
from newsletter.testing.fake_resend import FakeResend
from newsletter.testing.fake_sendgrid import FakeSendGrid
from newsletter.testing.fake_ses import FakeSes
from newsletter.testing.fake_smtp import FakeSmtp
from newsletter.testing.fake_sparkpost import FakeSparkPost

FAKES = {
    "brevo": FakeBrevo,
    "mailersend": FakeMailerSend,
    "mailgun": FakeMailgun,
    "mailjet": FakeMailjet,
    "mandrill": FakeMandrill,
    "postmark": FakePostmark,
    "resend": FakeResend,
    "sendgrid": FakeSendGrid,
    "ses": FakeSes,
    "smtp": FakeSmtp,
    "sparkpost": FakeSparkPost,
}
KEYS = {
    "BREVO_API_KEY": "rehearsal",
    "MAILERSEND_API_TOKEN": "rehearsal",
    "MAILGUN_API_KEY": "rehearsal",
    "MJ_APIKEY_PUBLIC": "rehearsal",
    "MJ_APIKEY_PRIVATE": "rehearsal",
    "MANDRILL_API_KEY": "rehearsal",
    "POSTMARK_SERVER_TOKEN": "rehearsal",
    "RESEND_API_KEY": "re_rehearsal",
    "SENDGRID_API_KEY": "SG.rehearsal",
    "AWS_ACCESS_KEY_ID": "AKIAREHEARSAL",
    "AWS_SECRET_ACCESS_KEY": "rehearsal",
    "AWS_REGION": "eu-west-1",
    "SPARKPOST_API_KEY": "rehearsal",
}


@pytest.fixture
def through(queued, monkeypatch):
    """Let the letter send through a provider that answers at a port of this machine."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def choose(name, port):
        monkeypatch.setenv("NEWSLETTER_PROVIDER__NAME", name)
        if name == "smtp":
            for key, value in {"HOST": "127.0.0.1", "PORT": f"{port}", "SECURITY": "none"}.items():
                monkeypatch.setenv(f"NEWSLETTER_PROVIDER__{key}", value)
        else:
            monkeypatch.setenv("NEWSLETTER_PROVIDER__BASE_URL", f"http://127.0.0.1:{port}")

    return choose


def port_of(fake):
    return fake.port if isinstance(fake, FakeSmtp) else int(fake.url.rpartition(":")[2])


def seen(mail):
    """Tell who got a mail and what its subject was; each log has its own words for it."""
    match mail:
        case smtp_log.Accepted():
            return mail.recipients[0], mail.mail["Subject"]
        case resend_log.Accepted():
            return parseaddr(mail.to[0])[1], mail.message["subject"]
        case _:
            return getattr(mail, "address", mail.to[0]), mail.subject


class Proxy(BaseHTTPRequestHandler):
    """Answers on this machine for a service elsewhere."""

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        """Say nothing."""


class Relay(BaseRequestHandler):
    """A mail server on this machine that would send."""

    def handle(self):
        self.request.sendall(b"220 mail.example.org ESMTP\r\n")


@contextmanager
def listening(handler):
    """Let something listen on this machine, and give its port."""
    with TCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("name", FAKES)
def test_weeks_are_played_through_each_fake_and_everybody_gets_each_issue_once(terminal, through, name):
    with FAKES[name]() as fake:
        through(name, port_of(fake))
        said = terminal("run", "--play", "2")
        got = Counter(map(seen, fake.accepted))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"fake {name}: nothing leaves this machine\n")
    assert said.out.count("2 of 2 accepted") == 2
    subjects = ("Lower back: where the ache comes from", "Neck: small movements, gentle hands")
    assert got == {(f"{who}@example.org", one): 1 for who in ("ada", "ben") for one in subjects}


def test_what_was_played_through_a_fake_never_counts_as_the_real_send(terminal, through):
    with FakeMailgun() as fake:
        through("mailgun", port_of(fake))
        terminal("run", "--play", "2")
    assert terminal("queue").out.count("settled (rehearsal)") == 2
    assert "rehears" in terminal("report", "back-pain").out
    assert terminal("queue", "back-pain").code == 0
    assert terminal("plan").out.count("           2  ") == 2


@pytest.mark.parametrize(("name", "handler"), [("mailgun", Proxy), ("smtp", Relay)])
def test_a_real_provider_is_never_played_not_even_by_way_of_this_machine(terminal, through, name, handler):
    with listening(handler) as port:
        through(name, port)
        assert terminal.refuses("run", "--play", "2") == (
            f"weeks are played with the outbox or a local fake only, not with {name}; "
            f"try: newsletter simulate; or: newsletter provider fake {name}"
        )


def test_a_provider_somewhere_else_is_not_even_asked(terminal, through, monkeypatch):
    through("resend", 9)
    monkeypatch.delenv("NEWSLETTER_PROVIDER__BASE_URL")
    assert "with the outbox or a local fake only" in terminal.refuses("run", "--play", "2")
