import smtplib
import subprocess
import sys
from contextlib import contextmanager

import pytest

from newsletter.errors import ProviderError
from newsletter.testing.certificates import can_make, make_certificate
from newsletter.testing.fake_smtp import DOT, Does, FakeSmtp, Fault, serve
from newsletter.testing.smtp_log import read_log

MAIL = b"Subject: dots\r\nMessage-ID: <a@example.org>\r\n\r\n.\r\n..\r\nend\r\n"


@contextmanager
def visit(fake):
    with smtplib.SMTP("127.0.0.1", fake.port, "test", timeout=5) as client:
        yield client


def send(fake, mail=MAIL, to="b@example.org", **options):
    with visit(fake) as client:
        client.sendmail("a@example.org", to, mail, **options)


def test_a_library_that_knows_nothing_of_it_sends_a_mail():
    with FakeSmtp() as fake:
        send(fake)
        assert (fake.accepted[0].sender, fake.accepted[0].recipients) == ("a@example.org", ("b@example.org",))
        assert fake.accepted[0].data == MAIL


@pytest.mark.skipif(not can_make(), reason="no openssl makes certificates here")
def test_what_was_said_before_starttls_is_forgotten(tmp_path):
    certificate = make_certificate(tmp_path)
    with FakeSmtp(certificate=certificate, password="secret") as fake, visit(fake) as client:
        client.ehlo()
        assert client.docmd("AUTH", "PLAIN AG5ld3NsZXR0ZXIAc2VjcmV0")[0] == 538
        client.starttls(context=certificate.trusting_context())
        assert client.docmd("MAIL", "FROM:<a@example.org>")[0] == 503
        client.ehlo()
        assert client.docmd("MAIL", "FROM:<a@example.org>")[0] == 530
        client.login("newsletter", "secret")
        assert client.docmd("MAIL", "FROM:<a@example.org>")[0] == 250


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("RCPT TO:<a@example.org>", 503),
        ("DATA", 503),
        ("MAIL FROM:a@example.org", 501),
        ("MAIL FROM:<a@example.org> SMTPUTF8", 555),
        ("MAIL FROM:<a@example.org> SIZE=99999999", 552),
        ("STARTTLS", 503),
        ("AUTH CRAM-MD5", 504),
        ("AUTH PLAIN !", 501),
        ("TURN", 500),
        ("EHLO", 501),
    ],
)
def test_a_command_that_breaks_a_rule_is_refused(command, code):
    with FakeSmtp() as fake, visit(fake) as client:
        client.ehlo()
        assert client.docmd(command)[0] == code


@pytest.mark.parametrize(
    ("mail", "code"), [(b"a\nb\r\n", 550), (b"a\rb\r\n", 550), (b"x" * 999 + b"\r\n", 554)]
)
def test_a_mail_that_a_strict_server_refuses_is_refused(mail, code):
    with FakeSmtp() as fake, visit(fake) as client:
        client.ehlo()
        for command in ("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA"):
            client.docmd(command)
        client.send(mail + b".\r\n")
        assert client.getreply()[0] == code
        assert fake.accepted == []


def test_a_fault_comes_once():
    with FakeSmtp(script=[Fault(DOT, Does.DROP), Fault("RCPT", reply="550 5.1.1 No")]) as fake:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(fake)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(fake)
        send(fake)
        assert len(fake.accepted) == 1


def test_what_was_accepted_outlives_the_fake(tmp_path):
    log = tmp_path / "log"
    with FakeSmtp(log=log) as fake:
        send(fake)
    log.write_bytes(log.read_bytes() + b'{"id": "cut o')
    with FakeSmtp(log=log) as fake:
        send(fake, to="c@example.org")
        assert [mail.id for mail in fake.accepted] == ["fake-000001", "fake-000002"]
    assert [mail.recipients for mail in read_log(log)] == [("b@example.org",), ("c@example.org",)]


def test_it_is_started_from_the_command_line_and_tells_what_it_takes():
    argv = [sys.executable, "-m", "newsletter", "provider", "fake", "smtp", "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline()
            assert said.startswith("fake SMTP on 127.0.0.1:")
            port = int(said.partition(",")[0].rpartition(":")[2])
            with smtplib.SMTP("127.0.0.1", port, "test", timeout=5) as client:
                client.sendmail("a@example.org", "b@example.org", MAIL)
            assert process.stdout.readline() == "accepted fake-000001 for b@example.org\n"
        finally:
            process.terminate()


def test_a_port_that_is_taken_is_said():
    with FakeSmtp() as fake, pytest.raises(ProviderError, match="choose another with --port"):
        serve(fake.port)
