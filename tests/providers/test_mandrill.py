import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from provider_cases import (
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
from newsletter.domain.provider import Answer, OneClick, Outcome, Recovery, always
from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, mandrill_form, open_provider
from newsletter.providers.mandrill import Mandrill
from newsletter.providers.settings import Secret
from newsletter.testing.fake_mandrill import Account, FakeMandrill, Fault, Response

SECRET = "md-S3cretS3cretS3cret"
LOOKALIKES = ("*|NAME|*", "*|UNSUB:https://x.example|*", "*|EMAIL|*", "*|*|NAME|*|*", "*", "|*", "|", "**||")
words = st.one_of(
    st.sampled_from(LOOKALIKES + HOSTILE_NAMES),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text("*|NAME", max_size=8),
)


class OneByOne:
    """A mailing to several, as the engine makes it of a provider whose calls are of one."""

    def __init__(self, provider):
        self.provider = provider
        self.capabilities = provider.capabilities
        self.close = provider.close

    def compile(self, message):
        fill = self.provider.compile(message)
        return lambda mailing: Calls(
            [fill(replace(mailing, recipients=(one,))) for one in mailing.recipients]
        )


class Calls:
    def __init__(self, calls):
        self.calls = calls

    def request(self):
        return self.calls[0].request()

    def make(self, may_start=always):
        ids = {}
        for call in self.calls:
            answer = call.make(may_start)
            if answer.outcome is not Outcome.ACCEPTED:
                return answer
            ids |= answer.ids
        return Answer(Outcome.ACCEPTED, ids=ids)


@pytest.fixture
def fake():
    with FakeMandrill() as running:
        yield running


provider_of = opening(lambda url, patience=None: OneByOne(Mandrill(url, Secret(SECRET), patience)))


class TestMandrill(SubstitutionCases):
    key_in_use = SECRET
    recovery = Recovery.QUERY


@pytest.mark.parametrize("merges", [False, True])
def test_nothing_that_a_person_wrote_is_substituted_or_changed_for_the_eye(provider_of, merges):
    """Not even where an account merges although the call says no."""
    with FakeMandrill(account=Account(merges=merges)) as fake:
        check_that_nothing_written_is_substituted(fake, provider_of(fake.url), words, max_examples=40)


def test_without_taking_them_apart_a_lookalike_would_be_substituted(account, fake, monkeypatch):
    """The mutant that shows that the rule above is what protects the text."""
    fake.account.merges = True
    monkeypatch.setattr(mandrill_form, "_VARIABLE", mandrill_form.re.compile("(?!)"))
    monkeypatch.setattr(mandrill_form.html_apart, "__defaults__", (mandrill_form.re.compile("(?!)"),))
    send(account, a_mailing(a_recipient()), a_message(html=("*|EMAIL|*",)))
    assert fake.accepted[0].html == "reader0@example.org"


def test_a_field_between_our_own_signs_makes_no_variable(account, fake):
    fake.account.merges = True
    message = a_message(html=("*", NAME, "*"), text=("*|", NAME, "|*"))
    send(account, a_mailing(a_recipient(0, "|EMAIL|")), message)
    assert (seen(fake.accepted[0].html), shown(fake.accepted[0].text)) == ("*|EMAIL|*", "*||EMAIL||*")


def test_what_belongs_to_the_call_goes_with_it(account, fake):
    send(account, a_mailing(a_recipient(0, reference="nl-1-1-1-0-0")))
    said = json.loads(fake.requests[0].body)
    assert (said["key"], said["async"]) == (SECRET, False)
    message = said["message"]
    assert message["to"] == [{"type": "to", "email": "reader0@example.org"}]
    assert message["metadata"] == {"reference": "nl-1-1-1-0-0", "mailing": "nl-1-1-1-0"}
    assert message["tags"] == ["back-pain"]
    switched_off = ("preserve_recipients", "merge", "track_opens", "track_clicks", "auto_text", "inline_css")
    assert not any(message[name] for name in switched_off)
    mail = fake.accepted[0]
    assert mail.sender == "Back Care Weekly <weekly@news.example.org>"
    assert mail.headers == {
        "Reply-To": "editors@news.example.org",
        "List-Id": "Back pain <back-pain.news.example.org>",
        "List-Unsubscribe": f"<{a_recipient(0).unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "lower-back:back-pain:issue:newsexample",
    }


def test_a_call_of_several_is_never_made(account, fake):
    answer = account.provider.compile(a_message())(a_mailing()).make()
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)


@pytest.mark.parametrize("address", ["a@example.org, b@example.org", "a@example.org\r\nx", "no address"])
def test_an_address_of_another_form_is_refused_before_anything_leaves(account, fake, address):
    answer = send(account, a_mailing(a_recipient(1, address=address)))
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)


@pytest.mark.parametrize("reason", ["hard-bounce", "soft-bounce", "spam", "unsub", "custom"])
def test_who_is_on_the_denylist_is_rejected_with_the_reason(account, fake, reason):
    fake.account.denied["reader0@example.org"] = reason
    answer = account.provider.compile(a_message())(a_mailing(a_recipient(0))).make()
    assert (answer.outcome, answer.rejected) == (Outcome.ACCEPTED, {0: f"rejected; {reason}"})


@pytest.mark.parametrize(
    "state",
    [
        Account(domains={"other.example"}),
        Account(is_unpaid=True),
        Account(is_unpaid=True, errors_are_500=False),
    ],
)
def test_an_account_that_may_not_send_takes_nobody(provider_of, state):
    with FakeMandrill(account=state) as fake:
        answer = send(provider_of(fake.url), a_mailing(a_recipient()))
        assert (answer.outcome, len(fake.accepted)) == (Outcome.MISCONFIGURED, 0)


def test_what_is_queued_for_later_counts_as_accepted(account, fake):
    fake.account.queues = "hourly-quota-exhausted"
    assert send(account).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("is_500", [True, False])
def test_a_wrong_key_holds_whatever_the_status_is(provider_of, is_500):
    with FakeMandrill(key="another", account=Account(errors_are_500=is_500)) as fake:
        answer = send(provider_of(fake.url))
    assert (answer.outcome, answer.status) == (Outcome.MISCONFIGURED, 500 if is_500 else 401)


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
        {"headers": (("X-H", (Field("height"),)),)},
        {"sender": "Nobody"},
        {"html": ("x" * 25_000_001,)},
    ],
)
def test_what_cannot_be_sent_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))


def test_an_answer_that_repeats_the_key_is_shown_without_it(account, fake):
    fake.script.append(Response(500, json.dumps({"name": "Invalid_Key", "message": f"no {SECRET}"}).encode()))
    assert send(account).reason == "HTTP 500: Invalid_Key; no ***"


def test_the_key_comes_from_the_environment(fake):
    environment = {"MANDRILL_API_KEY": "mine"}
    provider = open_provider(ProviderSettings("mandrill", fake.url, environment=environment))
    assert send(provider, a_mailing(a_recipient())).outcome is Outcome.ACCEPTED
    provider.close()
    assert json.loads(fake.requests[0].body)["key"] == "mine"
    with pytest.raises(ProviderError, match="MANDRILL_API_KEY"):
        open_provider(ProviderSettings("mandrill"))


def test_it_says_what_its_form_costs(account):
    can = account.capabilities
    assert (can.name, can.batch_size, can.one_click) == ("mandrill", 1, OneClick.ALONE)
    assert can.settles_after + can.look_interval < can.remembers_for < timedelta(days=7)
