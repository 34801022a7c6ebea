"""The whole way, from the queue through a real mail server on this machine."""

from collections import Counter
from contextlib import closing

import pytest
from letter_cast import FIRST, PEOPLE, SETTINGS

from newsletter.app import App
from newsletter.checks.message_bytes import check_bytes
from newsletter.domain.finding import Severity
from newsletter.domain.release import ReleaseState
from newsletter.testing.fake_smtp import DOT, Does, FakeSmtp, Fault

EVERYBODY = Counter(f"{name}@example.org" for name in PEOPLE)


@pytest.fixture
def fake():
    with FakeSmtp(password="a word that passes") as running:
        yield running


@pytest.fixture
def sending(queued, fake):
    """Give a process that sends the first issue by SMTP; it ends with the test."""
    server = f'host = "127.0.0.1"\nport = {fake.port}\nsecurity = "none"\nuser = "newsletter"\n'
    (queued.root / "newsletter.toml").write_text(f'{SETTINGS}[provider]\nname = "smtp"\n{server}')
    environment = {"SMTP_PASSWORD": "a word that passes"}
    app = App(queued.root, clock=queued.clock, environment=environment)
    with closing(app.database), closing(app.provider):
        yield app


def send(app):
    with app.sending():
        return list(app.engine.play(app.clock, FIRST))


def got(fake):
    return Counter(address for mail in fake.accepted for address in mail.recipients)


def test_everybody_gets_the_issue_once_and_alone(sending, fake):
    assert [one.release.state for one in send(sending)] == [ReleaseState.SETTLED]
    assert got(fake) == EVERYBODY
    assert {len(mail.recipients) for mail in fake.accepted} == {1}
    for mail in fake.accepted:
        assert [one for one in check_bytes(mail.data) if one.severity is Severity.ERROR] == []
        assert mail.mail["To"].addresses[0].addr_spec == mail.recipients[0]
        assert not [
            other for other in EVERYBODY if other != mail.recipients[0] and other.encode() in mail.data
        ]


def test_one_connection_carries_them_all(sending, fake):
    send(sending)
    assert {mail.connection for mail in fake.accepted} == {1}


def test_a_refused_address_costs_nobody_else_the_issue(sending, fake, queued):
    fake.refuses = {"ben@example.org": "550 5.1.1 No such user"}
    send(sending)
    assert got(fake) == EVERYBODY - Counter(["ben@example.org"])
    assert queued.states() == {"accepted": 4, "rejected": 1}


def test_an_answer_that_is_lost_after_the_mail_stays_unknown_and_is_not_sent_again(sending, fake, queued):
    fake.script.append(Fault(DOT, Does.DROP, accepts=True))
    send(sending)
    assert got(fake) == EVERYBODY
    assert queued.states() == {"accepted": 4, "unknown": 1}


def test_a_connection_that_is_lost_before_the_mail_costs_nobody_the_issue(sending, fake, queued):
    fake.script += [Fault("RCPT", Does.DROP), Fault("MAIL", reply="451 4.3.0 Later")]
    send(sending)
    sending.clock.advance_to(FIRST.replace(hour=10))
    with sending.sending():
        list(sending.engine.play(sending.clock, FIRST.replace(hour=11)))
    assert got(fake) == EVERYBODY
    assert queued.states() == {"accepted": 5}


def test_a_refused_password_holds_the_issue_for_a_person(sending, fake, queued):
    fake.password = "another"
    send(sending)
    assert (got(fake), queued.states()) == (Counter(), {"planned": 5})
    held = next(row.release for row in queued.app().queueing.rows() if row.release)
    assert "AUTH: 535 5.7.8 Authentication failed for newsletter with ***" in held.reason
