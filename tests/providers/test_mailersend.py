import json
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from provider_cases import (
    IMPATIENT,
    NAME,
    SubstitutionCases,
    check_that_nothing_written_is_substituted,
    opening,
    seen,
    send,
    shown,
)
from provider_cast import HOSTILE_NAMES, a_mailing, a_message, a_recipient

from newsletter.domain.pieces import Field
from newsletter.domain.provider import Outcome, Recovery
from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, mailersend, mailersend_form, open_provider
from newsletter.providers.mailersend import LOOKS, MailerSend
from newsletter.providers.settings import Secret
from newsletter.testing.fake_mailersend import Account, FakeMailerSend, Fault, Response

SECRET = "mlsn.S3cretS3cretS3cret"
LOOKALIKES = ("{{name}}", "{{ name }}", "{$name}", "{% if x %}", "{# x #}", "{", "$", "{{", "{{{$", "#x}")
words = st.one_of(
    st.sampled_from(LOOKALIKES + HOSTILE_NAMES),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text("{}$%# a", max_size=8),
)


@pytest.fixture
def fake():
    with FakeMailerSend() as running:
        yield running


provider_of = opening(
    lambda url, patience=None, rest=lambda _: None: MailerSend(url, Secret(SECRET), patience, rest)
)


class TestMailerSend(SubstitutionCases):
    key_in_use = SECRET
    recovery = Recovery.EVENTS

    def test_everybody_is_accepted_with_an_id_of_their_own(self, provider):
        """One id is for all of a batch: the tag tells them apart."""
        answer = self.send(provider, a_mailing())
        assert answer.outcome is Outcome.ACCEPTED
        assert (sorted(answer.ids), len(set(answer.ids.values()))) == ([0, 1, 2], 1)


def test_nothing_that_a_person_wrote_is_substituted_or_changed_for_the_eye(fake, account):
    check_that_nothing_written_is_substituted(fake, account, words, max_examples=60)


@pytest.mark.parametrize("lookalike", LOOKALIKES[:5])
def test_without_taking_them_apart_a_lookalike_would_be_substituted(account, fake, monkeypatch, lookalike):
    """The mutant that shows that the rule above is what protects the text."""
    monkeypatch.setattr(mailersend_form, "_OPENS", mailersend_form.re.compile("(?!)"))
    monkeypatch.setattr(mailersend_form, "_OPENS_OR_ENDS", mailersend_form.re.compile("(?!)"))
    send(account, message=a_message(html=(lookalike, "!")))
    assert fake.accepted[0].html == "!"


def test_a_field_between_our_own_signs_makes_no_variable(account, fake):
    message = a_message(html=("{", NAME, "}"), text=("{", NAME, "$x}"))
    send(account, a_mailing(a_recipient(0, "{x}{")), message)
    assert (seen(fake.accepted[0].html), shown(fake.accepted[0].text)) == ("{{x}{}", "{{x}{$x}")


def test_styles_stay_styles(account, fake):
    css = "<style>@media(max-width:9px){#a{color:red}}</style>"
    send(account, message=a_message(html=(css, NAME, "{#x#}")))
    html = fake.accepted[0].html
    assert html.startswith("<style>@media(max-width:9px){ #a{color:red}}</style>")
    assert seen(html).endswith("{#x#}")


def test_what_belongs_to_one_recipient_goes_with_it(account, fake):
    send(account, a_mailing(a_recipient(0, reference="nl-d1-1-1-0-0")))
    (said,) = json.loads(fake.requests[0].body)
    assert said["to"] == [{"email": "reader0@example.org"}]
    assert said["list_unsubscribe"] == f"<{a_recipient(0).unsubscribe_url}>"
    assert [header["name"] for header in said["headers"]] == [
        "List-Id",
        "List-Unsubscribe-Post",
        "Feedback-ID",
    ]
    assert said["tags"] == ["back-pain", "lower-back", "nl-d1-1-1-0-0"]
    assert said["settings"] == {"track_clicks": False, "track_opens": False, "track_content": False}
    assert said["from"] == {"email": "weekly@news.example.org", "name": "Back Care Weekly"}
    assert said["reply_to"] == {"email": "editors@news.example.org"}
    assert fake.requests[0].headers["authorization"] == f"Bearer {SECRET}"


def test_a_batch_is_looked_at_until_it_is_completed(fake, provider_of):
    fake.account.slow, rests = 2, []
    answer = send(provider_of(fake.url, rest=rests.append))
    assert (answer.outcome, rests) == (Outcome.ACCEPTED, [1.0, 2.0, 4.0])


def test_a_batch_that_is_not_completed_in_time_is_unknown(fake, provider_of):
    """It may still be refused as a whole: the events of its mails tell."""
    fake.account.slow, rests = 9, []
    answer = send(provider_of(fake.url, rest=rests.append))
    assert (answer.outcome, rests, answer.ids) == (Outcome.UNKNOWN, list(LOOKS), {})
    assert answer.request_id


def test_looks_end_with_the_time_of_a_call(fake, provider_of, monkeypatch):
    monkeypatch.setattr(mailersend, "LOOKS", (0.0,) * 100_000)
    fake.account.slow = 100_000
    assert send(provider_of(fake.url, IMPATIENT)).outcome is Outcome.UNKNOWN
    assert len(fake.requests) == 20


def test_who_is_suppressed_is_rejected_and_the_others_are_not_touched(account, fake):
    fake.account.suppressed.add("reader1@example.org")
    answer = send(account)
    assert (answer.outcome, sorted(answer.ids)) == (Outcome.ACCEPTED, [0, 2])
    assert answer.rejected == {1: "suppressed at MailerSend"}


def test_one_bad_message_is_rejected_at_its_own_place(account, fake, monkeypatch):
    monkeypatch.setattr(mailersend, "unfit", lambda recipients: None)
    answer = send(account, a_mailing(a_recipient(4), a_recipient(9, address="no body@example.org")))
    assert (answer.outcome, sorted(answer.ids), sorted(answer.rejected)) == (Outcome.ACCEPTED, [4], [9])
    assert "MS42208" in answer.rejected[9]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (Account(domains={"other.example"}), Outcome.MISCONFIGURED),
        (Account(has_headers=False), Outcome.MISCONFIGURED),
        (Account(quota=0), Outcome.DEFERRED),
        (Account(per_minute=0), Outcome.DEFERRED),
    ],
)
def test_an_account_that_may_not_send_this_takes_nobody(provider_of, state, outcome):
    with FakeMailerSend(account=state) as fake:
        assert (send(provider_of(fake.url)).outcome, len(fake.accepted)) == (outcome, 0)


@pytest.mark.parametrize("status", [429, 500, 404])
def test_a_status_that_cannot_be_had_is_unknown(account, fake, status):
    fake.reading.extend([Response(status, b"")] * len(LOOKS))
    assert send(account).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "address", ["a@example.org, b@example.org", "a@example.org\r\nx", "no address", "zoë@example.org"]
)
def test_an_address_of_another_form_is_refused_before_anything_leaves(account, fake, address):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address=address)))
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)


def test_five_hundred_go_in_one_call(account, fake):
    crowd = [a_recipient(pos) for pos in range(500)]
    assert send(account, a_mailing(*crowd)).outcome is Outcome.ACCEPTED
    assert (len(fake.accepted), fake.leaks) == (500, [])


@pytest.mark.parametrize(
    ("fault", "wait"), [(Fault.RATE_LIMITED, timedelta(seconds=1)), (Fault.RATE_LIMITED_BARE, None)]
)
def test_a_limit_defers(account, fake, fault, wait):
    fake.script.append(fault)
    answer = send(account)
    assert (answer.outcome, answer.retry_after) == (Outcome.DEFERRED, wait)


@pytest.mark.parametrize(
    "message",
    [
        {"headers": (("X-Ünlaut", ("x",)),)},
        {"html": (Field("height"),)},
        {"subject": (Field("height"),)},
        {"sender": "Nobody"},
        {"reply_to": "zoë@example.org"},
    ],
)
def test_what_cannot_be_sent_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))


def test_an_answer_that_repeats_the_token_is_shown_without_it(account, fake):
    fake.script.append(Response(403, json.dumps({"message": f"no {SECRET}"}).encode()))
    assert send(account).reason == "HTTP 403: no ***"


@pytest.mark.parametrize("path", ["", "/v1"])
def test_the_token_comes_from_the_environment(fake, path):
    environment = {"MAILERSEND_API_TOKEN": "mine"}
    provider = open_provider(ProviderSettings("mailersend", fake.url + path, environment=environment))
    assert provider.compile(a_message())(a_mailing()).request().url == f"{fake.url}/v1/bulk-email"
    provider.close()
    with pytest.raises(ProviderError, match="MAILERSEND_API_TOKEN"):
        open_provider(ProviderSettings("mailersend"))


def test_a_call_has_time_for_its_looks(provider_of, fake):
    can = provider_of(fake.url, IMPATIENT).capabilities
    assert (can.name, can.batch_size, can.is_atomic) == ("mailersend", 500, False)
    assert can.call_timeout == 3 * IMPATIENT.call
