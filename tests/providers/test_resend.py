from datetime import timedelta

import pytest
from provider_cases import ProviderCases
from provider_cast import a_mailing, a_message, a_recipient

from newsletter.domain.provider import Outcome
from newsletter.providers.resend import Resend
from newsletter.providers.settings import Secret
from newsletter.providers.wire import Patience
from newsletter.testing.fake_resend import FakeResend, Fault, Response

IMPATIENT = Patience(read=timedelta(seconds=0.15), call=timedelta(seconds=0.3))
SECRET = "re_secret_1234567890"


@pytest.fixture
def fake():
    with FakeResend() as running:
        yield running


@pytest.fixture
def resend(fake):
    opened = Resend(fake.url, Secret(SECRET))
    yield opened
    opened.close()


@pytest.fixture
def impatient(fake):
    opened = Resend(fake.url, Secret(SECRET), IMPATIENT)
    yield opened
    opened.close()


class TestResend(ProviderCases):
    @pytest.fixture
    def provider(self, resend, fake):
        self.fake = fake
        return resend

    def received(self, recipient):
        sent = [mail for mail in self.fake.accepted if mail.to == (recipient.address,)][-1]
        return sent.html, sent.text, sent.message["headers"]

    def how_many(self):
        return len(self.fake.accepted)


def send(resend, mailing=None, message=None):
    return resend.compile(message or a_message())(mailing or a_mailing()).make()


def test_an_element_is_a_complete_message(resend, fake):
    send(resend)
    sent = fake.accepted[0].message
    assert sent["from"] == "Back Care Weekly <weekly@news.example.org>"
    assert (sent["to"], sent["reply_to"]) == (["reader0@example.org"], "editors@news.example.org")
    assert sent["tags"] == [
        {"name": "series", "value": "back-pain"},
        {"name": "issue", "value": "lower-back"},
        {"name": "reference", "value": "nl-d1-1-7-0-0"},
    ]
    assert "Message-ID" not in sent["headers"]


def test_a_message_without_reply_to_headers_and_tags_is_taken(resend):
    assert send(resend, message=a_message(reply_to="", headers=(), tags=())).outcome is Outcome.ACCEPTED


def test_a_sender_whose_name_needs_quotes_is_taken(resend, fake):
    send(resend, message=a_message(sender='"Smith, Jones & Söhne" <hello@news.example.org>'))
    assert fake.accepted[0].message["from"] == '"Smith, Jones & Söhne" <hello@news.example.org>'


def test_a_name_in_the_subject_stays_on_one_line(resend, fake):
    message = a_message(subject=("For ", a_message().html[1], ": lower back"))
    send(resend, a_mailing(a_recipient(0, "Ann\r\nBcc: x@example.org")), message)
    assert fake.accepted[0].message["subject"] == "For Ann Bcc: x@example.org: lower back"


def test_the_key_and_the_validation_travel_in_headers(resend, fake):
    send(resend)
    headers = fake.requests[0].headers
    assert headers["idempotency-key"] == "nl-1-1-1-0"
    assert headers["x-batch-validation"] == "permissive"
    assert headers["user-agent"].startswith("newsletter/")
    assert headers["authorization"] == f"Bearer {SECRET}"


def test_a_refused_address_leaves_the_others_accepted(resend, fake):
    people = [a_recipient(3), a_recipient(5, address="no address"), a_recipient(8)]
    answer = send(resend, a_mailing(*people))
    assert answer.rejected == {5: "Invalid `to` field."}
    assert answer.ids == {3: fake.accepted[0].id, 8: fake.accepted[1].id}


def test_a_smaller_repeat_under_the_same_key_is_not_sent_and_waits_to_be_confirmed(resend, fake):
    send(resend)
    answer = send(resend, a_mailing(a_recipient(0)))
    assert answer.outcome is Outcome.MISMATCHED
    assert "another payload" in answer.reason
    assert (answer.ids, len(fake.accepted)) == ({}, 3)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.NEVER_ANSWER,
        Fault.ACCEPT_THEN_DROP,
        Fault.TRUNCATED_ANSWER,
        Fault.ERROR_AFTER,
        Fault.EMPTY_ANSWER,
        Fault.SLOW_ANSWER,
        Fault.DROP_BEFORE,
        Fault.ERROR_BEFORE,
        Fault.BAD_GATEWAY,
    ],
)
def test_a_doubtful_call_is_unknown_and_its_repeat_leaves_one_mail_each(impatient, resend, fake, fault):
    fake.script.append(fault)
    assert send(impatient).outcome is Outcome.UNKNOWN
    answer = send(resend)
    assert answer.outcome is Outcome.ACCEPTED
    assert sorted(mail.id for mail in fake.accepted) == sorted(answer.ids.values())


def test_a_connection_dropped_after_the_answer_costs_nobody_a_mail(resend, fake):
    fake.script.append(Fault.ANSWER_THEN_DROP)
    assert send(resend).outcome is Outcome.ACCEPTED
    # The kept connection may or may not be known to be gone by now.
    send(resend, a_mailing(key="another"))
    assert send(resend, a_mailing(key="another")).outcome is Outcome.ACCEPTED
    assert len(fake.accepted) == 6


@pytest.mark.parametrize(("fault", "wait"), [(Fault.RATE_LIMITED, 1), (Fault.RATE_LIMITED_BARE, None)])
def test_a_rate_limit_defers_for_as_long_as_it_says(resend, fake, fault, wait):
    fake.script.append(fault)
    answer = send(resend)
    assert answer.outcome is Outcome.DEFERRED
    assert answer.retry_after == (timedelta(seconds=wait) if wait else None)


def test_nobody_listening_means_that_nothing_was_sent(fake):
    url = fake.url
    fake.__exit__()
    resend = Resend(url, Secret(SECRET))
    answer = send(resend)
    resend.close()
    assert answer.outcome is Outcome.DEFERRED
    assert "nothing was sent" in answer.reason


def test_an_answer_that_repeats_the_key_is_shown_without_it(resend, fake):
    body = f'{{"name":"validation_error","message":"key {SECRET} is\\nwrong"}}'
    fake.script.append(Response(403, body.encode()))
    answer = send(resend)
    assert answer.outcome is Outcome.MISCONFIGURED
    assert answer.reason == "HTTP 403: validation_error, key re_*** is wrong"
