import json
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from provider_cases import (
    NAME,
    SubstitutionCases,
    check_that_nothing_written_is_substituted,
    opening,
    send,
)
from provider_cast import HOSTILE_NAMES, a_mailing, a_message, a_recipient

from newsletter.domain.pieces import Field
from newsletter.domain.provider import Outcome, Recovery
from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, mailgun, mailgun_form, open_provider
from newsletter.providers.mailgun import Mailgun
from newsletter.providers.mailgun_form import Form
from newsletter.providers.settings import Secret
from newsletter.providers.stencil import PIECE
from newsletter.testing.fake_mailgun import FakeMailgun, Fault, Response
from newsletter.testing.mailgun_rules import one_of, read_form, variables_of

SECRET = "0123abcd-secret-4567"
LOOKALIKES = (
    "%recipient.name%",
    "%recipient.html_name%",
    "%RECIPIENT.html_name%",
    "%recipient.reference%",
    "%recipient%",
    "%recipient_email%",
    "%unsubscribe_url%",
    "%tag_unsubscribe_url%",
    "%mailing_list_unsubscribe_email%",
    "recipient.text_name%",
    "100%",
    "%",
    "%%recipient.text_name%%",
)
words = st.one_of(
    st.sampled_from(LOOKALIKES + HOSTILE_NAMES),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@pytest.fixture
def fake():
    with FakeMailgun() as running:
        yield running


provider_of = opening(lambda url, patience=None: Mailgun(url, Secret(SECRET), patience))


class TestMailgun(SubstitutionCases):
    key_in_use = SECRET
    recovery = Recovery.QUERY

    def test_everybody_is_accepted_with_an_id_of_their_own(self, provider):
        """One id is for all of a call: the address tells them apart."""
        answer = self.send(provider, a_mailing())
        assert answer.ids == dict.fromkeys(range(3), self.fake.accepted[0].id.strip("<>"))


@pytest.mark.parametrize("passes", [1, 2])
def test_nothing_that_a_person_wrote_is_substituted_or_changed_for_the_eye(provider_of, passes):
    with FakeMailgun(passes=passes) as fake:
        check_that_nothing_written_is_substituted(fake, provider_of(fake.url), words, 60)


@pytest.mark.parametrize("lookalike", LOOKALIKES[:9])
@pytest.mark.parametrize("switch", ["disarmed_html", "disarmed_text"])
def test_without_the_disarming_a_lookalike_would_be_substituted(provider_of, monkeypatch, lookalike, switch):
    """The mutant that shows that the rule above is what protects the text."""
    monkeypatch.setattr(mailgun_form, "_LOOKALIKE", mailgun_form.re.compile("(?!)"))
    with FakeMailgun() as fake:
        message = a_message(subject=(lookalike,), html=(lookalike, NAME), text=(lookalike, NAME))
        send(provider_of(fake.url), a_mailing(a_recipient(0, "Ann", reference="r-0")), message)
        changed = fake.accepted[0].html if switch == "disarmed_html" else fake.accepted[0].text
    assert (lookalike in changed) == (lookalike in ("%recipient.name%", "%RECIPIENT.html_name%"))


def test_a_form_has_every_key_for_every_recipient(account):
    request = account.compile(a_message())(a_mailing()).request()
    form = read_form(request.headers["Content-Type"], request.body)
    variables = variables_of(form)
    assert one_of(form, "to") == "reader0@example.org,reader1@example.org,reader2@example.org"
    assert list(variables) == one_of(form, "to").split(",")
    assert {tuple(values) for values in variables.values()} == {
        (
            "html_name",
            "html_unsubscribe_url",
            "text_name",
            "text_unsubscribe_url",
            "header_unsubscribe_url",
            "reference",
        )
    }
    assert variables["reader2@example.org"]["text_name"] == "there"


def test_what_belongs_to_the_call_goes_with_it(account, fake):
    send(account, a_mailing(a_recipient(0, reference="nl-1-1-1-0-0")))
    mail = fake.accepted[0]
    assert fake.requests[0].path == "/v3/news.example.org/messages"
    assert (mail.key, mail.tags) == ("nl-1-1-1-0", ("series-back-pain", "issue-lower-back", "nl-1-1-1-0"))
    assert mail.variables == {"reference": "nl-1-1-1-0-0"}
    assert mail.headers["Reply-To"] == "editors@news.example.org"
    assert mail.headers["List-Id"] == "Back pain <back-pain.news.example.org>"
    assert mail.sender == "Back Care Weekly <weekly@news.example.org>"
    assert not {"X-Mailgun-Variables", "Message-Id", "Message-ID"} & mail.headers.keys()
    form = read_form(fake.requests[0].headers["content-type"], fake.requests[0].body)
    assert one_of(form, "o:tracking") == "no"


def test_two_fallbacks_of_one_field_do_not_mix(account, fake):
    message = a_message(text=(Field("name", "you"), "|", Field("name", "friend")))
    send(account, a_mailing(a_recipient(0, "")), message)
    assert fake.accepted[0].text == "you|friend"


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org, b@example.org",
        "a@example.org\r\nx",
        "no address",
        "%recipient.name%@example.org",
        '"a,b"@example.org',
        "A <a@example.org>",
    ],
)
def test_an_address_that_could_be_read_as_others_is_refused_before_anything_leaves(account, fake, address):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address=address)))
    assert answer.outcome is Outcome.REFUSED
    assert (len(fake.requests), len(fake.accepted)) == (0, 0)


def test_without_that_refusal_somebody_else_gets_the_mail(account, fake, monkeypatch):
    monkeypatch.setattr(mailgun, "unfit", lambda recipients: None)
    send(account, a_mailing(a_recipient(0, address="a@example.org\r\nx")))
    assert fake.accepted[0].address == "a@example.orgx"


def test_one_address_twice_cannot_share_a_call(account, fake):
    twice = [a_recipient(0, "Ann"), a_recipient(1, "Bob", address="Reader0@Example.org")]
    answer = send(account, a_mailing(*twice))
    assert (answer.outcome, len(fake.accepted)) == (Outcome.REFUSED, 0)
    assert "same address" in answer.reason


def test_without_that_refusal_one_of_the_two_counts_as_accepted_and_gets_nothing(account, fake, monkeypatch):
    monkeypatch.setattr(mailgun, "unfit", lambda recipients: None)
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address="Reader0@Example.org")))
    assert (len(answer.ids), len(fake.accepted)) == (2, 1)


def test_an_international_domain_is_written_as_its_values_are(account, fake):
    assert send(account, a_mailing(a_recipient(0, address="anna@bücher.example"))).outcome is Outcome.ACCEPTED
    assert (fake.accepted[0].address, fake.leaks) == ("anna@xn--bcher-kva.example", [])


def test_a_thousand_go_in_one_call_and_the_body_is_there_once(account, fake):
    message = a_message(html=("x" * 100_000, NAME))
    crowd = [a_recipient(pos, f"Person{pos}") for pos in range(1000)]
    assert send(account, a_mailing(*crowd), message).outcome is Outcome.ACCEPTED
    assert (len(fake.accepted), len(fake.requests), fake.leaks) == (1000, 1, [])
    parts = Form(message).body(a_mailing(*crowd))
    assert sum(len(part) > 1000 for part in parts) == 2
    assert max(map(len, parts)) < PIECE
    assert sum(map(len, parts)) < 1_000_000


@pytest.mark.parametrize(
    "message",
    [
        {"headers": (("X-Long", ("x" * 800,)),) * 21},
        {"headers": (("X-Ünlaut", ("x",)),)},
        {"headers": (('X"Y', ("x",)),)},
        {"html": (Field("height"),)},
        {"subject": (Field("height"),)},
        {"sender": "Nobody"},
        {"sender": "Path <me@../domains>"},
    ],
)
def test_what_cannot_be_a_form_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))


@pytest.mark.parametrize(("fault", "wait"), [(Fault.RATE_LIMITED, 1), (Fault.RATE_LIMITED_BARE, 2)])
def test_a_limit_defers_for_as_long_as_it_says(account, fake, fault, wait):
    fake.script.append(fault)
    answer = send(account)
    assert (answer.outcome, answer.retry_after) == (Outcome.DEFERRED, timedelta(seconds=wait))


def test_an_answer_that_repeats_the_key_is_shown_without_it(account, fake):
    fake.script.append(Response(403, json.dumps({"message": f"key {SECRET} is wrong"}).encode()))
    assert send(account).reason == "HTTP 403: key *** is wrong"


def test_a_base_url_with_a_path_is_found_out(fake, provider_of):
    answer = send(provider_of(f"{fake.url}/v3"))
    assert (answer.outcome, len(fake.accepted)) == (Outcome.MISCONFIGURED, 0)
    assert "base_url" in answer.reason


def test_the_key_comes_from_the_environment(fake):
    environment = {"MAILGUN_API_KEY": "mine"}
    provider = open_provider(ProviderSettings("mailgun", fake.url, environment=environment))
    send(provider)
    provider.close()
    assert fake.requests[0].headers["authorization"] == "Basic YXBpOm1pbmU="
    with pytest.raises(ProviderError, match="MAILGUN_API_KEY"):
        open_provider(ProviderSettings("mailgun"))


def test_it_is_asked_half_an_hour_later_and_before_it_forgets(account):
    can = account.capabilities
    assert (can.name, can.batch_size, can.is_atomic) == ("mailgun", 1000, True)
    assert can.settles_after == timedelta(minutes=30)
    assert can.settles_after + can.look_interval < can.remembers_for < timedelta(days=3)
