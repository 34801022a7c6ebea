import json
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from provider_cases import (
    LINK,
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
from newsletter.providers import ProviderSettings, braces, open_provider, sparkpost
from newsletter.providers.settings import Secret
from newsletter.providers.sparkpost import SparkPost
from newsletter.providers.sparkpost_form import Form
from newsletter.providers.stencil import PIECE
from newsletter.testing.fake_sparkpost import Account, FakeSparkPost, Fault, Response

SECRET = "0123abcd-secret-4567"
LOOKALIKES = (
    "{{name}}",
    "{{{html_name}}}",
    "{{ html_name }}",
    "{{if html_name}}x{{end}}",
    "{{{{raw}}}}",
    "{",
    "}",
    "{{",
    "}}}",
    "\\{{html_name}}",
    "{a{b}{{",
)
words = st.one_of(
    st.sampled_from(LOOKALIKES + HOSTILE_NAMES),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text("{}\\ax", max_size=8),
)


@pytest.fixture
def fake():
    with FakeSparkPost() as running:
        yield running


provider_of = opening(lambda url, patience=None: SparkPost(url, Secret(SECRET), patience))


class TestSparkPost(SubstitutionCases):
    key_in_use = SECRET
    recovery = Recovery.QUERY

    def test_everybody_is_accepted_with_an_id_of_their_own(self, provider):
        """One id is for all of a transmission: the reference tells them apart."""
        answer = self.send(provider, a_mailing())
        assert answer.ids == dict.fromkeys(range(3), self.fake.accepted[0].id)


@pytest.mark.parametrize("passes", [1, 2])
def test_nothing_that_a_person_wrote_is_substituted_or_changed_for_the_eye(provider_of, passes):
    with FakeSparkPost(passes=passes) as fake:
        check_that_nothing_written_is_substituted(fake, provider_of(fake.url), words, max_examples=60)


@pytest.mark.parametrize("lookalike", LOOKALIKES[:5])
def test_without_taking_braces_apart_a_lookalike_is_substituted_or_nobody_gets_anything(
    account, fake, monkeypatch, lookalike
):
    """The mutant that shows that the rule above is what protects the text."""
    monkeypatch.setattr(braces, "_DOUBLE", braces.re.compile("(?!)"))
    send(account, a_mailing(a_recipient(0, "Ann")), a_message(html=(lookalike, " ", NAME)))
    assert not [mail for mail in fake.accepted if mail.html == f"{lookalike} Ann"]


def test_a_whole_link_of_a_recipient_arrives_as_it_is(account, fake):
    """Two braces would encode it: inside of a link the service does so."""
    url = "https://news.example.org/u?a=1&b=%20c"
    message = a_message(html=('<a href="', LINK, '">go</a> https://x.example/', NAME), text=("See ", LINK))
    send(account, a_mailing(a_recipient(0, "a b", unsubscribe_url=url)), message)
    mail = fake.accepted[0]
    assert mail.html == '<a href="https://news.example.org/u?a=1&amp;b=%20c">go</a> https://x.example/a b'
    assert (mail.text, mail.headers["List-Unsubscribe"]) == (f"See {url}", f"<{url}>")


def test_what_belongs_to_the_call_and_to_one_recipient_goes_with_it(account, fake):
    send(account, a_mailing(a_recipient(0, reference="nl-1-1-1-0-0")))
    said = json.loads(fake.requests[0].body)
    assert said["campaign_id"] == "nl-1-1-1-0"
    assert said["options"] == {
        "open_tracking": False,
        "click_tracking": False,
        "inline_css": False,
        "transactional": True,
    }
    (one,) = said["recipients"]
    assert one["address"] == {"email": "reader0@example.org"}
    assert one["metadata"] == {"reference": "nl-1-1-1-0-0"}
    mail = fake.accepted[0]
    assert mail.sender == "Back Care Weekly <weekly@news.example.org>"
    assert mail.headers["Reply-To"] == "editors@news.example.org"
    assert mail.headers["List-Id"] == "<back-pain.news.example.org>"
    assert mail.headers["Feedback-ID"] == "lower-back:back-pain:issue:newsexample"
    assert fake.requests[0].headers["authorization"] == SECRET


def test_a_message_that_is_not_transactional_would_lose_its_way_out(fake, account, monkeypatch):
    """The reason for that option."""
    monkeypatch.setattr("newsletter.providers.sparkpost_form._options", lambda message: {})
    send(account)
    assert "unsubscribe.sparkpost.example" in fake.accepted[0].headers["List-Unsubscribe"]


def test_a_notice_has_no_way_out_of_the_service_either(fake, account):
    send(account, message=a_message(notice="confirm", headers=(("Auto-Submitted", ("auto-generated",)),)))
    assert fake.accepted[0].headers == {
        "Auto-Submitted": "auto-generated",
        "Reply-To": "editors@news.example.org",
    }


def test_two_fallbacks_of_one_field_do_not_mix(account, fake):
    message = a_message(text=(Field("name", "you"), "|", Field("name", "friend")))
    send(account, a_mailing(a_recipient(0, "")), message)
    assert fake.accepted[0].text == "you|friend"


@pytest.mark.parametrize(
    "address", ["a@example.org, b@example.org", "a@example.org\r\nx", "no address", '"a,b"@example.org']
)
def test_an_address_that_the_service_would_refuse_unnamed_is_refused_before(account, fake, address):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address=address)))
    assert answer.outcome is Outcome.REFUSED
    assert (len(fake.requests), len(fake.accepted)) == (0, 0)


def test_without_that_refusal_it_is_counted_and_the_log_has_to_tell_who(account, fake, monkeypatch):
    monkeypatch.setattr(sparkpost, "unfit", lambda recipients: None)
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address="nobody")))
    assert (answer.outcome, len(fake.accepted), answer.ids) == (Outcome.UNKNOWN, 1, {})
    assert "1 of 2 were refused" in answer.reason
    alone = send(account, a_mailing(a_recipient(1, address="nobody")))
    assert (alone.outcome, len(fake.accepted)) == (Outcome.REFUSED, 1)


def test_an_international_domain_is_written_in_ascii(account, fake):
    assert send(account, a_mailing(a_recipient(0, address="anna@bücher.example"))).outcome is Outcome.ACCEPTED
    assert (fake.accepted[0].address, fake.leaks) == ("anna@xn--bcher-kva.example", [])


def test_a_thousand_go_in_one_call_and_the_body_is_there_once(account, fake):
    message = a_message(html=("x" * 100_000, NAME))
    crowd = [a_recipient(pos, f"Person{pos}") for pos in range(1000)]
    assert send(account, a_mailing(*crowd), message).outcome is Outcome.ACCEPTED
    assert (len(fake.accepted), len(fake.requests), fake.leaks) == (1000, 1, [])
    parts = Form(message).body(a_mailing(*crowd))
    assert sum(len(part) > 1000 for part in parts) == 1
    assert max(map(len, parts)) < PIECE


@pytest.mark.parametrize(
    "message",
    [
        {"headers": (("X-Ünlaut", ("x",)),)},
        {"headers": (("X-Long", ("x" * 1000,)),)},
        {"html": (Field("height"),)},
        {"subject": (Field("height"),)},
        {"sender": "Nobody"},
        {"html": ("x" * 20_000_001,)},
    ],
)
def test_what_cannot_be_sent_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))


@pytest.mark.parametrize(
    ("fault", "wait"), [(Fault.RATE_LIMITED, timedelta(seconds=1)), (Fault.RATE_LIMITED_BARE, None)]
)
def test_a_limit_defers(account, fake, fault, wait):
    fake.script.append(fault)
    answer = send(account)
    assert (answer.outcome, answer.retry_after) == (Outcome.DEFERRED, wait)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (Account(left=2), Outcome.DEFERRED),
        (Account(left=2, period="daily"), Outcome.DEFERRED),
        (Account(left=2, period="monthly"), Outcome.MISCONFIGURED),
        (Account(domains={"other.example"}), Outcome.MISCONFIGURED),
        (Account(is_suspended=True), Outcome.MISCONFIGURED),
    ],
)
def test_an_account_that_may_not_send_this_takes_nobody(provider_of, state, outcome):
    with FakeSparkPost(account=state) as fake:
        assert (send(provider_of(fake.url)).outcome, len(fake.accepted)) == (outcome, 0)


def test_an_answer_that_repeats_the_key_is_shown_without_it(account, fake):
    fake.script.append(Response(403, json.dumps({"errors": [{"message": f"key {SECRET}"}]}).encode()))
    assert send(account).reason == "HTTP 403: key ***"


@pytest.mark.parametrize("path", ["", "/api/v1", "/api/v1/"])
def test_the_key_comes_from_the_environment(fake, path):
    environment = {"SPARKPOST_API_KEY": "mine"}
    provider = open_provider(ProviderSettings("sparkpost", fake.url + path, environment=environment))
    assert send(provider).outcome is Outcome.ACCEPTED
    provider.close()
    assert fake.requests[0].headers["authorization"] == "mine"
    with pytest.raises(ProviderError, match="SPARKPOST_API_KEY"):
        open_provider(ProviderSettings("sparkpost"))


def test_it_is_asked_before_it_forgets(account):
    can = account.capabilities
    assert (can.name, can.batch_size, can.is_atomic) == ("sparkpost", 1000, False)
    assert can.settles_after + can.look_interval < can.remembers_for < timedelta(days=10)
