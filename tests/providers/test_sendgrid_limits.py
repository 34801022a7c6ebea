"""What cannot share a call is kept out of it: one of them would have it refused for all."""

import pytest
from provider_cases import NAME, opening, send
from provider_cast import a_mailing, a_message, a_recipient

from newsletter.domain.pieces import Field
from newsletter.domain.provider import Outcome
from newsletter.errors import ProviderError
from newsletter.providers import sendgrid
from newsletter.providers.sendgrid import SendGrid
from newsletter.providers.sendgrid_form import Form
from newsletter.providers.settings import Secret
from newsletter.providers.stencil import PIECE
from newsletter.testing.fake_sendgrid import FakeSendGrid


@pytest.fixture
def fake():
    with FakeSendGrid() as running:
        yield running


provider_of = opening(lambda url, patience=None: SendGrid(url, Secret("SG.any"), patience))


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org, b@example.org",
        "a@example.org;b@example.org",
        "a@example.org\r\nx",
        "no address",
        '"a,b"@example.org',
        "A <a@example.org>",
        "jörg@example.org",
        "a@localhost",
        "",
    ],
)
def test_an_address_that_would_refuse_the_call_is_refused_before_anything_leaves(account, fake, address):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address=address)))
    assert answer.outcome is Outcome.REFUSED
    assert (len(fake.requests), len(fake.accepted)) == (0, 0)


@pytest.mark.parametrize("address", ["Reader0@Example.org", "reader0@example.org"])
def test_one_address_twice_cannot_share_a_call(account, fake, address):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address=address)))
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)
    assert "same address" in answer.reason


def test_without_that_refusal_everybody_is_refused(account, fake, monkeypatch):
    monkeypatch.setattr(sendgrid, "unfit", lambda *_: None)
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address="Reader0@Example.org")))
    assert (answer.outcome, len(fake.accepted)) == (Outcome.REFUSED, 0)
    assert "only be included once" in answer.reason


def test_one_address_that_the_service_does_not_take_refuses_all(account, fake, monkeypatch):
    monkeypatch.setattr(sendgrid, "unfit", lambda *_: None)
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address="nobody")))
    assert (answer.outcome, len(fake.accepted)) == (Outcome.REFUSED, 0)
    assert answer.reason.startswith("HTTP 400: personalizations.1.to.0.email; ")


def test_an_international_domain_is_written_in_ascii(account, fake):
    assert send(account, a_mailing(a_recipient(0, address="anna@bücher.example"))).outcome is Outcome.ACCEPTED
    assert (fake.accepted[0].to, fake.leaks) == (("anna@xn--bcher-kva.example",), [])


def test_a_thousand_go_in_one_call_and_the_body_is_there_once(account, fake):
    message = a_message(html=("x" * 100_000, NAME))
    crowd = [a_recipient(pos, f"Person{pos}") for pos in range(1000)]
    assert send(account, a_mailing(*crowd), message).outcome is Outcome.ACCEPTED
    assert (len(fake.accepted), len(fake.requests), fake.leaks) == (1000, 1, [])
    parts = Form(message).body(a_mailing(*crowd))
    assert sum(len(part) > 10_000 for part in parts) == 1
    assert max(map(len, parts)) < PIECE
    assert sum(map(len, parts)) < 1_200_000


def test_more_than_thirty_megabytes_are_not_sent_but_divided(account, fake):
    message = a_message(html=("x" * 29_500_000, NAME))
    crowd = [a_recipient(pos) for pos in range(1000)]
    answer = send(account, a_mailing(*crowd), message)
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)
    assert "30 MB" in answer.reason


def test_values_that_are_too_large_are_kept_out(account, fake):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, "n" * 6000)))
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)
    assert "10,000 bytes" in answer.reason


@pytest.mark.parametrize(
    "message",
    [
        {"headers": (("X-Ünlaut", ("x",)),)},
        {"html": (Field("height"),)},
        {"subject": (Field("height"),)},
        {"sender": "Nobody"},
        {"sender": "jörg@example.org"},
        {"reply_to": "a@example.org, b@example.org"},
    ],
)
def test_what_cannot_be_a_call_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))
