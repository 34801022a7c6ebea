import re
import threading
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cases import ProviderCases
from provider_cast import HOSTILE_NAMES, SUBJECTS, a_mailing, a_message, a_recipient, names
from raw_mail import one_click_lines, one_click_lines_for, subject_of

from newsletter.checks.message_bytes import check_bytes
from newsletter.domain.finding import Severity
from newsletter.domain.pieces import Field
from newsletter.domain.provider import Outcome, Recovery
from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, open_provider
from newsletter.providers.settings import MailServer, Secret
from newsletter.providers.smtp import Smtp
from newsletter.providers.smtp_envelope import Envelope
from newsletter.providers.smtp_talk import Patience
from newsletter.testing.certificates import can_make, make_certificate
from newsletter.testing.fake_smtp import BODY, DOT, GREETING, Does, FakeSmtp, Fault

IMPATIENT = Patience(reply=timedelta(seconds=0.3), call=timedelta(seconds=1))
PASSWORD = "correct horse battery"
needs_openssl = pytest.mark.skipif(not can_make(), reason="no openssl makes certificates here")


class Hands:
    """Seconds that are moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def fake():
    with FakeSmtp() as running:
        yield running


@pytest.fixture
def connect():
    """Give what opens a provider on a fake; all are closed at the end."""
    opened = []

    def connect(fake, patience=None, *, password=None, **values):
        server = MailServer(
            **{"host": "127.0.0.1", "port": fake.port, "security": "none"} | values_of(values)
        )
        opened.append(Smtp(server, password, patience, **parts_of(values)))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def values_of(values):
    return {name: value for name, value in values.items() if name not in ("context", "elapsed")}


def parts_of(values):
    return {name: value for name, value in values.items() if name in ("context", "elapsed")}


@pytest.fixture
def smtp(fake, connect):
    return connect(fake)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def send(smtp, *people, message=None, may_start=lambda: True):
    mailing = a_mailing(*(people or [a_recipient()]))
    return smtp.compile(message or a_message())(mailing).make(may_start)


def broken(mail):
    """List the rules that are broken; that a name is too long for one line is no more than said."""
    return {found.rule for found in check_bytes(mail.data) if found.severity is not Severity.INFO}


def commands(fake, connection=None):
    said = [(number, text.partition(" ")[0].upper()) for number, text in fake.heard]
    return [verb for number, verb in said if connection in (None, number)]


def connections(fake):
    return [mail.connection for mail in fake.accepted]


class TestSmtp(ProviderCases):
    newline = "\r\n"

    @pytest.fixture
    def provider(self, smtp, fake):
        self.fake = fake
        return smtp

    def received(self, recipient):
        mail = [one.mail for one in self.fake.accepted if one.recipients == (recipient.address,)][-1]
        text, html = (part.get_payload(decode=True).decode() for part in mail.iter_parts())
        return html, text, mail

    def how_many(self):
        return len(self.fake.accepted)

    def test_a_repeat_leaves_one_mail_each(self, provider):
        """A repeat is a second mail: nothing tells a server that it has it, but for the same Message-ID."""
        first, second = self.send(provider, a_mailing()), self.send(provider, a_mailing())
        assert first.ids == second.ids
        assert self.how_many() == 6


def test_a_call_is_of_one_and_a_lost_answer_is_found_out_by_nothing(smtp):
    assert (smtp.capabilities.batch_size, smtp.capabilities.recovery) == (1, Recovery.NONE)


def test_the_answer_has_the_message_id_and_what_the_server_calls_the_mail(smtp):
    answer = send(smtp)
    assert answer.ids == {0: "m0.abc@news.example.org"}
    assert (answer.status, answer.request_id) == (250, "2.0.0 Ok: queued as fake-000001")


# The bytes on the wire


def test_a_mail_arrives_byte_for_byte_as_it_was_shown(smtp, fake):
    call = smtp.compile(a_message())(a_mailing(a_recipient()))
    call.make()
    assert fake.accepted[0].data == call.request().body


def test_what_arrives_breaks_no_rule_whoever_it_is_for(smtp, fake):
    people = [a_recipient(pos, name) for pos, name in enumerate(HOSTILE_NAMES)]
    long_enough = a_message(
        text=("Rake the bed level and firm it with the back of the rake.\n", Field("name"))
    )
    assert send(smtp, *people, message=long_enough).outcome is Outcome.ACCEPTED
    assert len(fake.accepted) == len(people)
    assert [rule for mail in fake.accepted for rule in broken(mail)] == []


@pytest.mark.parametrize("subject", SUBJECTS, ids=range(len(SUBJECTS)))
def test_a_difficult_subject_arrives_as_it_was_written(smtp, fake, subject):
    send(smtp, message=a_message(subject=(subject,)))
    data = fake.accepted[-1].data
    assert subject_of(data) == subject
    assert one_click_lines(data) == one_click_lines_for(a_recipient())


def test_no_name_and_no_subject_adds_a_header_or_a_recipient(smtp, fake):
    numbers = count()

    @settings(max_examples=60)
    @given(names, st.one_of(names, st.just("Hello\r\nBcc: all@example.org\r\n\r\n.\r\nQUIT")))
    def nothing_is_added(name, subject):
        number = next(numbers)
        message = a_message(subject=(subject, Field("name")))
        assert send(smtp, a_recipient(number, name), message=message).outcome is Outcome.ACCEPTED
        mail = fake.accepted[-1]
        assert mail.recipients == (f"reader{number}@example.org",)
        assert [header.lower() for header in mail.mail.keys()] == HEADERS  # noqa: SIM118 - twice would be twice
        assert broken(mail) <= ALLOWED

    nothing_is_added()
    assert len(fake.accepted) == next(numbers)


HEADERS = [
    "date", "from", "reply-to", "to", "subject", "message-id", "mime-version", "content-type", "list-id",
    "list-unsubscribe", "list-unsubscribe-post", "feedback-id",
]  # fmt: skip
#: Of a text or a subject that somebody invents.
ALLOWED = {
    "text-part-too-short (MIME-2)",
    "subject-looks-like-a-reply (HDR-4)",
    "stray-control-character (MIME-5)",
}


def test_a_line_that_begins_with_a_dot_keeps_it(smtp, fake):
    # No builder of ours makes one; a header that another adds may.
    envelope_of = smtp.compile(a_message())(a_mailing(a_recipient()))
    mail = b"Subject: dots\r\n\r\n.\r\n..\r\n.QUIT\r\n"
    session = smtp._open(smtp.timer())
    session.carry(envelope_of._envelope(a_recipient()), mail, lambda: True)
    session.close()
    assert fake.accepted[0].data == mail


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org>\r\nRCPT TO:<b@example.org",
        "a b@example.org",
        "no address",
        "@example.org",
        "a@",
        "<a@example.org>",
        "a@example.org\r\nDATA",
        f"{'a' * 65}@example.org",
    ],
)
def test_what_is_no_address_never_reaches_an_envelope(smtp, fake, address):
    answer = send(smtp, a_recipient(address=address))
    assert answer.outcome is Outcome.REFUSED
    assert "nothing was sent" in answer.reason
    assert fake.heard == []


def test_an_international_domain_is_sent_as_ascii(smtp, fake):
    send(smtp, a_recipient(address="ann@bücher.example"))
    assert fake.accepted[0].recipients == ("ann@xn--bcher-kva.example",)


def test_an_international_address_is_refused_where_the_server_cannot_take_it(smtp, fake):
    answer = send(smtp, a_recipient(address="zoë@example.org"))
    assert answer.outcome is Outcome.REFUSED
    assert "offers no SMTPUTF8; nothing was sent" in answer.reason
    assert (send(smtp).outcome, connections(fake)) == (Outcome.ACCEPTED, [1])


def test_an_international_sender_needs_a_person_where_the_server_cannot_take_it(smtp):
    answer = send(smtp, message=a_message(sender="zoë@news.example.org"))
    assert answer.outcome is Outcome.MISCONFIGURED
    assert "the sender's address" in answer.reason


def test_an_international_address_is_taken_where_the_server_can(connect):
    with FakeSmtp(extensions=("SMTPUTF8", "8BITMIME")) as fake:
        assert send(connect(fake), a_recipient(address="zoë@example.org")).outcome is Outcome.ACCEPTED
        assert fake.accepted[0].recipients == ("zoë@example.org",)


def test_bounces_go_to_the_sender_or_to_the_return_path(fake, connect):
    send(connect(fake))
    send(connect(fake, return_path="bounces+{reference}@news.example.org"))
    assert [mail.sender for mail in fake.accepted] == [
        "weekly@news.example.org",
        "bounces+nl-d1-1-7-0-0@news.example.org",
    ]
    assert fake.accepted[1].mail["From"].addresses[0].addr_spec == "weekly@news.example.org"


def test_a_mail_larger_than_the_server_takes_is_not_sent(connect):
    with FakeSmtp(extensions=("SIZE 1000",)) as fake:
        answer = send(connect(fake))
        assert answer.outcome is Outcome.MISCONFIGURED
        assert "the server takes 1,000; nothing was sent" in answer.reason
        assert fake.accepted == []


# Refusals at each verb

EVERYWHERE = [(), ("PIPELINING",), ("PIPELINING", "X-LENIENT")]


@pytest.mark.parametrize("extensions", EVERYWHERE)
@pytest.mark.parametrize(
    ("at", "reply", "outcome"),
    [
        ("MAIL", "550 5.1.8 Bad sender", Outcome.MISCONFIGURED),
        ("MAIL", "451 4.3.0 Later", Outcome.DEFERRED),
        ("RCPT", "550 5.1.1 No such user", Outcome.REFUSED),
        ("RCPT", "450 4.2.1 Busy", Outcome.DEFERRED),
        ("RCPT", "554 5.7.1 Relay access denied", Outcome.MISCONFIGURED),
        ("DATA", "554 5.6.0 Malformed", Outcome.MISCONFIGURED),
        ("DATA", "451 4.3.0 Later", Outcome.DEFERRED),
        (DOT, "554 5.3.4 Too large", Outcome.MISCONFIGURED),
        (DOT, "550 5.1.1 No such user", Outcome.REFUSED),
        (DOT, "452 4.3.1 No room", Outcome.DEFERRED),
    ],
)
def test_a_refusal_is_told_and_the_connection_serves_the_next(connect, at, reply, outcome, extensions):
    with FakeSmtp(extensions=extensions, script=[Fault(at, reply=reply)]) as fake:
        smtp = connect(fake)
        answer = send(smtp)
        assert (answer.outcome, answer.status) == (outcome, int(reply[:3]))
        assert reply in answer.reason
        assert fake.accepted == []
        assert send(smtp).outcome is Outcome.ACCEPTED
        assert connections(fake) == [1]


@pytest.mark.parametrize(
    ("at", "reply", "outcome"),
    [
        (GREETING, "421 4.3.2 Too many connections", Outcome.DEFERRED),
        (GREETING, "554 5.7.1 Your network is blocked", Outcome.MISCONFIGURED),
        (GREETING, "HTTP/1.1 400 Bad Request", Outcome.DEFERRED),
        ("AUTH", "535 5.7.8 Wrong password", Outcome.MISCONFIGURED),
        ("AUTH", "454 4.7.0 Temporary failure", Outcome.DEFERRED),
        ("MAIL", "421 4.3.2 Going down", Outcome.DEFERRED),
        ("RCPT", "421 4.3.2 Going down", Outcome.DEFERRED),
        ("DATA", "421 4.3.2 Going down", Outcome.DEFERRED),
        (DOT, "421 4.3.2 Going down", Outcome.DEFERRED),
        ("MAIL", "what", Outcome.DEFERRED),
        (DOT, "what", Outcome.UNKNOWN),
        (DOT, "354 Go on", Outcome.UNKNOWN),
    ],
)
def test_a_reply_that_ends_the_connection_is_told(connect, at, reply, outcome):
    with FakeSmtp(script=[Fault(at, reply=reply)]) as fake:
        smtp = connect(fake, password=Secret(PASSWORD), user="newsletter")
        assert send(smtp).outcome is outcome
        assert fake.accepted == []
        assert send(smtp).outcome is Outcome.ACCEPTED
        assert connections(fake) == [2]


def test_of_many_recipients_the_refused_are_told_apart(connect):
    with FakeSmtp(refuses={"reader5@example.org": "550 5.1.1 No such user"}) as fake:
        answer = send(connect(fake), a_recipient(3), a_recipient(5), a_recipient(8))
        assert sorted(answer.ids) == [3, 8]
        assert answer.rejected == {5: "RCPT: 550 5.1.1 No such user"}


def test_of_many_recipients_a_call_that_broke_off_is_unknown(smtp, fake):
    fake.refuses = {"reader1@example.org": "451 4.3.0 Later"}
    answer = send(smtp, a_recipient(0), a_recipient(1))
    assert answer.outcome is Outcome.UNKNOWN
    assert "some were accepted, then RCPT: 451" in answer.reason


# Lost connections


@pytest.mark.parametrize("extensions", EVERYWHERE[:2])
@pytest.mark.parametrize("does", [Does.DROP, Does.HALF, Does.HANG])
@pytest.mark.parametrize("at", [GREETING, "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
def test_what_is_lost_before_the_mail_was_not_sent(connect, at, does, extensions):
    with FakeSmtp(extensions=extensions, script=[Fault(at, does), Fault("HELO", Does.DROP)]) as fake:
        smtp = connect(fake, IMPATIENT, password=Secret(PASSWORD), user="newsletter")
        answer = send(smtp)
        assert answer.outcome is Outcome.DEFERRED
        assert "nothing was sent" in answer.reason
        assert fake.accepted == []
        fake.script.clear()
        assert send(connect(fake)).outcome is Outcome.ACCEPTED


def test_what_is_lost_in_the_middle_of_the_mail_was_not_sent(smtp, fake):
    fake.script.append(Fault(BODY, Does.DROP))
    large = a_message(html=("<p>Sow.</p>\n" * 400_000,))
    answer = send(smtp, message=large)
    assert answer.outcome is Outcome.DEFERRED
    assert fake.accepted == []
    assert send(smtp).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("accepts", [True, False])
@pytest.mark.parametrize("does", [Does.DROP, Does.HALF, Does.HANG])
def test_what_is_lost_after_the_final_dot_is_unknown(fake, connect, does, accepts):
    fake.script.append(Fault(DOT, does, accepts=accepts))
    smtp = connect(fake, IMPATIENT)
    answer = send(smtp)
    assert answer.outcome is Outcome.UNKNOWN
    assert "after the mail, before an answer" in answer.reason
    assert len(fake.accepted) == accepts


def test_an_answer_counts_although_the_connection_goes_with_it(smtp, fake):
    fake.script.append(Fault(DOT, Does.LEAVE, accepts=True))
    assert send(smtp).outcome is Outcome.ACCEPTED
    assert send(smtp).outcome is Outcome.ACCEPTED
    assert connections(fake) == [1, 2]


def test_nobody_listening_means_that_nothing_was_sent(connect):
    with FakeSmtp() as fake:
        smtp = connect(fake)
    answer = send(smtp)
    assert answer.outcome is Outcome.DEFERRED
    assert "nothing was sent" in answer.reason


def test_a_call_that_starts_too_late_sends_nothing(smtp, fake):
    asked = []
    answer = send(smtp, may_start=lambda: bool(asked.append(commands(fake))))
    assert answer.outcome is Outcome.DEFERRED
    assert (fake.accepted, asked[0][-1]) == ([], "DATA")


def test_a_server_that_never_stops_answering_is_left(connect):
    endless = "\n".join(["250-more"] * 200 + ["250 done"])
    with FakeSmtp(script=[Fault("MAIL", reply=endless)]) as fake:
        assert send(connect(fake)).outcome is Outcome.DEFERRED


def test_a_reply_that_comes_out_of_turn_is_not_taken_for_the_answer_to_the_mail(smtp, fake):
    fake.script.append(Fault("DATA", reply="354 Go on\n250 2.0.0 Accepted"))
    answer = send(smtp)
    assert answer.outcome is Outcome.DEFERRED
    assert answer.reason == "the server spoke out of turn, nothing was sent"


# Kept connections


def test_one_connection_carries_many_mails_and_says_goodbye(smtp, fake):
    for _ in range(3):
        send(smtp)
    smtp.close()
    assert connections(fake) == [1, 1, 1]
    assert commands(fake) == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


def test_a_connection_that_was_idle_is_asked_first(fake, connect):
    hands = Hands()
    smtp = connect(fake, elapsed=hands)
    send(smtp)
    hands.now += 60
    send(smtp)
    assert commands(fake)[4:] == ["NOOP", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("idle", [0, 60])
def test_a_server_that_was_started_anew_costs_nobody_a_mail(fake, connect, idle):
    hands = Hands()
    smtp = connect(fake, elapsed=hands)
    send(smtp)
    fake.hang_up()
    hands.now += idle
    assert send(smtp).outcome is Outcome.ACCEPTED
    assert connections(fake) == [1, 2]


def test_a_server_that_takes_two_mails_a_connection_is_connected_anew(connect):
    with FakeSmtp(most_mails=2) as fake:
        smtp = connect(fake)
        assert {send(smtp).outcome for _ in range(5)} == {Outcome.ACCEPTED}
        assert connections(fake) == [1, 1, 2, 2, 3]


def test_a_first_connection_that_is_sent_away_is_not_tried_again(smtp, fake):
    fake.script += [Fault("MAIL", reply="421 4.3.2 Going down")] * 2
    assert send(smtp).outcome is Outcome.DEFERRED
    assert commands(fake).count("MAIL") == 1


def test_two_threads_have_two_connections_and_a_third_call_opens_none(fake, connect):
    smtp = connect(fake)
    meeting = threading.Barrier(2)

    def meet():
        meeting.wait(5)
        return True

    threads = [threading.Thread(target=send, args=(smtp,), kwargs={"may_start": meet}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(connections(fake)) == [1, 2]
    send(smtp)
    assert max(connections(fake)) == 2


def test_commands_go_together_where_the_server_allows_it(connect):
    with FakeSmtp(extensions=()) as plain, FakeSmtp(extensions=("PIPELINING",)) as piped:
        # The fake hangs up on whoever does it unasked.
        assert send(connect(plain)).outcome is Outcome.ACCEPTED
        assert send(connect(piped)).outcome is Outcome.ACCEPTED


# Privacy


@needs_openssl
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_goes_out_under_tls(connect, certificate, security):
    with FakeSmtp(certificate=certificate, is_wrapped=security == "tls", password=PASSWORD) as fake:
        smtp = connect(
            fake, security=security, user="newsletter", password=Secret(PASSWORD),
            context=certificate.trusting_context(),
        )  # fmt: skip
        assert send(smtp).outcome is Outcome.ACCEPTED
        assert send(smtp).outcome is Outcome.ACCEPTED
        assert connections(fake) == [1, 1]
        assert ("STARTTLS" in commands(fake)) is (security == "starttls")


@needs_openssl
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_stops_before_the_password(connect, certificate, security):
    with FakeSmtp(certificate=certificate, is_wrapped=security == "tls", password=PASSWORD) as fake:
        smtp = connect(fake, security=security, user="newsletter", password=Secret(PASSWORD))
        answer = send(smtp)
        assert answer.outcome is Outcome.MISCONFIGURED
        assert (
            f"the certificate of 127.0.0.1:{fake.port} cannot be trusted, nothing was sent" in answer.reason
        )
        assert "AUTH" not in commands(fake)


@needs_openssl
def test_a_certificate_of_another_name_is_not_trusted(connect, tmp_path):
    other = make_certificate(tmp_path, "DNS:mail.example.org")
    with FakeSmtp(certificate=other) as fake:
        answer = send(connect(fake, security="starttls", context=other.trusting_context()))
        assert answer.outcome is Outcome.MISCONFIGURED
        assert "cannot be trusted" in answer.reason


def test_a_server_without_starttls_gets_nothing(fake, connect):
    answer = send(connect(fake, security="starttls", user="newsletter", password=Secret(PASSWORD)))
    assert answer.outcome is Outcome.MISCONFIGURED
    assert "offers no STARTTLS, nothing was sent" in answer.reason
    assert commands(fake) == ["EHLO"]


@needs_openssl
def test_what_was_said_in_the_clear_is_not_taken_for_private(connect, certificate):
    injected = Fault("STARTTLS", reply="220 Go ahead\n250 2.0.0 injected")
    with FakeSmtp(certificate=certificate, script=[injected]) as fake:
        answer = send(connect(fake, security="starttls", context=certificate.trusting_context()))
        assert answer.outcome is Outcome.DEFERRED
        assert fake.accepted == []


def test_a_wrong_port_for_tls_is_no_mail(fake, connect):
    answer = send(connect(fake, IMPATIENT, security="tls"))
    assert answer.outcome is Outcome.DEFERRED
    assert "nothing was sent" in answer.reason


# Logging in


@pytest.mark.parametrize("ways", ["PLAIN LOGIN", "CRAM-MD5 LOGIN"])
def test_a_user_logs_in_once_a_connection(connect, ways):
    with FakeSmtp(password=PASSWORD, ways_to_log_in=ways) as fake:
        smtp = connect(fake, user="newsletter", password=Secret(PASSWORD))
        assert {send(smtp).outcome for _ in range(2)} == {Outcome.ACCEPTED}
        assert commands(fake).count("AUTH") == 1


def test_a_wrong_password_needs_a_person_and_is_shown_to_nobody(connect):
    with FakeSmtp(password="another") as fake:
        smtp = connect(fake, user="newsletter", password=Secret(PASSWORD))
        answer = send(smtp)
        assert answer.outcome is Outcome.MISCONFIGURED
        assert "AUTH: 535 5.7.8 Authentication failed for newsletter with ***" in answer.reason
        assert commands(fake).count("AUTH") == 1
        assert PASSWORD not in f"{smtp!r} {vars(smtp)} {smtp.compile(a_message())(a_mailing()).request()}"


def test_a_server_that_wants_a_user_says_so(connect):
    with FakeSmtp(password=PASSWORD) as fake:
        answer = send(connect(fake))
        assert answer.outcome is Outcome.MISCONFIGURED
        assert "530 5.7.0 Authentication required" in answer.reason


def test_a_server_with_no_way_to_log_in_needs_a_person(connect):
    with FakeSmtp(ways_to_log_in="CRAM-MD5") as fake:
        answer = send(connect(fake, user="newsletter", password=Secret(PASSWORD)))
        assert answer.outcome is Outcome.MISCONFIGURED
        assert "offers no AUTH PLAIN or LOGIN" in answer.reason


def test_the_request_shows_the_envelope_and_hides_the_password(fake, connect):
    smtp = connect(fake, user="newsletter", password=Secret(PASSWORD))
    request = smtp.compile(a_message())(a_mailing()).request()
    assert request.url == f"smtp://127.0.0.1:{fake.port} (none)"
    assert request.headers == {
        "AUTH": "newsletter ***",
        "MAIL FROM": "<weekly@news.example.org>",
        "RCPT TO": "<reader0@example.org>",
    }
    assert fake.heard == []


# Settings


def opened(environment=None, **server):
    given = {"host": "smtp.example.org", **server}
    provider = open_provider(
        ProviderSettings("smtp", environment=environment or {}, server=MailServer(**given))
    )
    provider.close()
    return provider


@pytest.mark.parametrize(
    ("server", "port"),
    [
        ({}, 587),
        ({"security": "tls"}, 465),
        ({"host": "::1", "security": "none"}, 25),
        ({"port": 2525}, 2525),
    ],
)
def test_a_server_opens_on_its_usual_port(server, port):
    assert opened(**server).server.number == port


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ({"host": None}, "smtp has no host; write host"),
        ({"host": "smtp example"}, "is no host"),
        ({"host": "a..b"}, "is no host"),
        ({"security": "ssl"}, "no security 'ssl'"),
        ({"security": "none"}, 'in the clear; write security = "starttls" or "tls"'),
        ({"user": "zoë"}, "not ASCII"),
        ({"user": "newsletter"}, "SMTP_PASSWORD is not set; put the provider's password"),
        ({"return_path": "Bounces <a@example.org>"}, "bounces cannot go to"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_mend(server, why):
    with pytest.raises(ProviderError, match=why):
        opened(**server)


def test_a_base_url_is_refused_with_what_to_write():
    settings = ProviderSettings("smtp", "http://127.0.0.1:9025", server=MailServer("smtp.example.org"))
    with pytest.raises(ProviderError, match="write host and port"):
        open_provider(settings)


def test_a_password_may_have_spaces_and_stand_in_a_file(tmp_path):
    (tmp_path / "password").write_text("abcd efgh ijkl mnop\n")
    environment = {"SMTP_PASSWORD_FILE": str(tmp_path / "password")}
    assert opened(environment, user="newsletter").capabilities.name == "smtp"


def test_a_sender_that_cannot_get_bounces_is_found_before_anything_is_sent(smtp):
    with pytest.raises(ProviderError, match="bounces cannot go to"):
        smtp.compile(a_message(sender="Back Care <nobody>"))


def asked_for(fake):
    return [text for _, text in fake.heard if text.startswith(("MAIL", "RCPT"))]


def test_with_dsn_the_server_is_asked_to_tell_by_the_name_of_the_delivery(connect):
    with FakeSmtp(extensions=("PIPELINING", "DSN")) as fake:
        assert (
            send(connect(fake, dsn=True), a_recipient(address="a+b=c@example.org")).outcome
            is Outcome.ACCEPTED
        )
        assert asked_for(fake) == [
            "MAIL FROM:<weekly@news.example.org> RET=HDRS ENVID=nl-d1-1-7-0-0",
            "RCPT TO:<a+b=c@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@example.org",
        ]


@pytest.mark.parametrize(("extensions", "dsn"), [(("PIPELINING",), True), (("DSN",), False)])
def test_a_server_that_does_not_offer_dsn_or_is_not_to_be_asked_is_told_nothing_of_it(
    connect, extensions, dsn
):
    with FakeSmtp(extensions=extensions) as fake:
        assert send(connect(fake, dsn=dsn)).outcome is Outcome.ACCEPTED
        assert not [line for line in asked_for(fake) if "ENVID" in line or "NOTIFY" in line]


def test_an_international_address_has_no_original_one_in_ascii(connect):
    with FakeSmtp(extensions=("DSN", "SMTPUTF8", "8BITMIME")) as fake:
        assert (
            send(connect(fake, dsn=True), a_recipient(address="zoë@example.org")).outcome is Outcome.ACCEPTED
        )
        assert asked_for(fake)[1] == "RCPT TO:<zoë@example.org> NOTIFY=FAILURE,DELAY"


@given(st.text(max_size=150))
def test_a_name_of_any_kind_is_written_in_a_hundred_signs_at_most(name):
    wishes = Envelope("a@example.org", "b@example.org", name).mail_wishes
    written = wishes.partition("ENVID=")[2]
    assert len(written) <= 100
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", written)
