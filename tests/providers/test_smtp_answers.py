"""What each reply of a mail server proves: about one recipient, about the mail, or about the account."""

from datetime import timedelta

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.smtp_answers import Said, Verb, refusal

REFUSED, DEFERRED, MISCONFIGURED = Outcome.REFUSED, Outcome.DEFERRED, Outcome.MISCONFIGURED


def answer(verb, reply):
    code, _, text = reply.partition(" ")
    return refusal(Said(verb, int(code), text))


@pytest.mark.parametrize(
    ("verb", "reply", "outcome"),
    [
        # An address or a mailbox, at once or when the mail is whole.
        (Verb.RCPT, "550 5.1.1 No such user", REFUSED),
        (Verb.RCPT, "550 5.1.0 Address rejected", REFUSED),
        (Verb.RCPT, "551 5.1.6 Has moved", REFUSED),
        (Verb.RCPT, "550 5.1.2 Bad domain", REFUSED),
        (Verb.RCPT, "556 5.1.10 Null MX", REFUSED),
        (Verb.RCPT, "501 5.1.3 Bad syntax", REFUSED),
        (Verb.RCPT, "550 5.2.1 Mailbox disabled", REFUSED),
        (Verb.RCPT, "552 5.2.2 Mailbox full", REFUSED),
        (Verb.RCPT, "550 5.4.1 Recipient address rejected: Access denied", REFUSED),
        (Verb.RCPT, "554 5.4.6 Routing loop", REFUSED),
        (Verb.RCPT, "550 5.5.0 Requested action not taken: mailbox unavailable", REFUSED),
        (Verb.RCPT, "553 5.6.7 The address is not ASCII", REFUSED),
        (Verb.RCPT, "550 5.7.1 The group takes mail of its members only", REFUSED),
        (Verb.RCPT, "550 No such user", REFUSED),
        (Verb.RCPT, "552 Storage exceeded", REFUSED),
        (Verb.RCPT, "550 5.0.0 Unknown", REFUSED),
        (Verb.MESSAGE, "550 5.1.1 No such user", REFUSED),
        (Verb.MESSAGE, "552 5.2.2 Mailbox full", REFUSED),
        (Verb.MESSAGE, "550 5.7.1 Refused by a rule of the mailbox", REFUSED),
        # The sender, the mail or the account: the next would be refused as well.
        (Verb.RCPT, "553 5.1.7 Bad sender", MISCONFIGURED),
        (Verb.RCPT, "550 5.1.8 Bad sender", MISCONFIGURED),
        (Verb.MAIL, "552 5.3.4 Too large", MISCONFIGURED),
        (Verb.MESSAGE, "552 5.2.3 Too large", MISCONFIGURED),
        (Verb.MESSAGE, "554 5.6.0 Malformed", MISCONFIGURED),
        (Verb.MESSAGE, "554 5.5.2 Malformed", MISCONFIGURED),
        (Verb.RCPT, "503 5.5.1 Out of order", MISCONFIGURED),
        (Verb.RCPT, "503 Out of order", MISCONFIGURED),
        (Verb.MESSAGE, "550 5.7.26 No DMARC", MISCONFIGURED),
        (Verb.MESSAGE, "550 5.7.25 No reverse DNS", MISCONFIGURED),
        (Verb.MESSAGE, "550 5.7.515 Not authenticated", MISCONFIGURED),
        (Verb.MESSAGE, "421 4.7.32 Not aligned", MISCONFIGURED),
        (Verb.MESSAGE, "421 5.7.32 Not aligned", MISCONFIGURED),
        (Verb.RCPT, "550 4.7.23 No reverse DNS", MISCONFIGURED),
        (Verb.RCPT, "554 5.7.1 Relay access denied", MISCONFIGURED),
        (Verb.RCPT, "550 relaying denied", MISCONFIGURED),
        (Verb.RCPT, "550 5.7.1 Listed by Spamhaus", MISCONFIGURED),
        (Verb.MESSAGE, "554 5.7.1 Rejected as spam", MISCONFIGURED),
        (Verb.MESSAGE, "550 SC-001 Mail rejected for policy reasons", MISCONFIGURED),
        (Verb.MESSAGE, "554 Message rejected: Email address is not verified", MISCONFIGURED),
        (Verb.MESSAGE, "552 Too much", MISCONFIGURED),
        (Verb.MAIL, "550 Sender rejected", MISCONFIGURED),
        (Verb.MAIL, "530 5.7.0 Must issue a STARTTLS command first", MISCONFIGURED),
        (Verb.RCPT, "530 Log in", MISCONFIGURED),
        (Verb.AUTH, "535 5.7.8 Wrong", MISCONFIGURED),
        (Verb.AUTH, "534 5.7.9 Another way is required", MISCONFIGURED),
        (Verb.CONNECT, "554 5.7.1 Blocked", MISCONFIGURED),
        (Verb.EHLO, "550 Bad name", MISCONFIGURED),
        # Later.
        (Verb.CONNECT, "421 4.3.2 Busy", DEFERRED),
        (Verb.STARTTLS, "454 4.7.0 TLS is not available", DEFERRED),
        (Verb.AUTH, "454 4.7.0 Temporary failure", DEFERRED),
        (Verb.MAIL, "452 4.3.1 No room", DEFERRED),
        (Verb.MESSAGE, "451 4.4.1 No route", DEFERRED),
        (Verb.RCPT, "550 5.4.5 Daily user sending limit exceeded", DEFERRED),
        # No reply at all.
        (Verb.MAIL, "-1 HTTP/1.1 400", DEFERRED),
        (Verb.MESSAGE, "-1 HTTP/1.1 400", Outcome.UNKNOWN),
        (Verb.MESSAGE, "354 Go on", Outcome.UNKNOWN),
    ],
)
def test_a_reply_proves(verb, reply, outcome):
    assert answer(verb, reply).outcome is outcome


THIS_ONE, NOT_TOLD = timedelta(), None
PACE, QUOTA = timedelta(minutes=10), timedelta(hours=1)


@pytest.mark.parametrize(
    ("verb", "reply", "wait"),
    [
        # No wait for the account: others are called meanwhile, and this one later.
        (Verb.RCPT, "450 4.2.1 Receives too fast", THIS_ONE),
        (Verb.RCPT, "452 4.2.2 Over quota", THIS_ONE),
        (Verb.RCPT, "450 Mailbox busy", THIS_ONE),
        (Verb.RCPT, "451 4.7.1 Greylisted", THIS_ONE),
        # It counts as a failure of the server, which is left alone after some of them.
        (Verb.RCPT, "451 4.3.0 Local error", NOT_TOLD),
        (Verb.MAIL, "421 4.3.2 Going down", NOT_TOLD),
        (Verb.MESSAGE, "452 4.3.1 No room", NOT_TOLD),
        # The account waits.
        (Verb.MESSAGE, "421 4.7.28 Unusual rate", PACE),
        (Verb.MESSAGE, "421 4.7.0 Try again later", PACE),
        (Verb.MESSAGE, "421 RP-001 Too many", PACE),
        (Verb.MAIL, "454 4.7.0 Throttling failure: Maximum sending rate exceeded", PACE),
        (Verb.CONNECT, "421 Too many connections", PACE),
        (Verb.MAIL, "454 Throttling failure: Daily message quota exceeded", QUOTA),
        (Verb.MESSAGE, "550 5.4.5 Daily sending quota exceeded", QUOTA),
    ],
)
def test_later_says_who_waits_and_for_how_long(verb, reply, wait):
    assert answer(verb, reply).retry_after == wait


def test_what_a_server_says_is_repeated_on_one_line_with_its_verb():
    told = refusal(Said(Verb.RCPT, 550, "5.1.1 No such\n5.1.1 user\x07 here"))
    assert told.reason == "RCPT: 550 5.1.1 No such 5.1.1 user here"
    assert told.status == 550
