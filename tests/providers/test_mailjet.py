import json
import re
from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cases import NAME, HttpCases, opening, send
from provider_cast import a_mailing, a_message, a_recipient, names, reference

from newsletter.domain.pieces import Field
from newsletter.domain.provider import Outcome, Recovery
from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, open_provider
from newsletter.providers.encoding import one_line
from newsletter.providers.mailjet import Mailjet, campaign_of
from newsletter.providers.settings import Secret
from newsletter.testing.fake_mailjet import Account, FakeMailjet, Fault, Response

GUIDE = (Path(__file__).parents[2] / "docs/providers/mailjet.md").read_text(encoding="utf-8")
PUBLIC, PRIVATE = "5ec2e75ec2e75ec2e75ec2e75ec2e75e", "a1b2c3d4e5f60718293a4b5c6d7e8f90"


@pytest.fixture
def fake():
    with FakeMailjet() as running:
        yield running


def open_mailjet(url, patience=None):
    return Mailjet(url, Secret(PUBLIC), Secret(PRIVATE), patience)


provider_of = opening(open_mailjet)


class TestMailjet(HttpCases):
    key_in_use = PRIVATE

    def test_a_repeat_leaves_one_mail_each(self, provider):
        """The service takes it, and sends nobody a second mail."""
        first, again = self.send(provider, a_mailing()), self.send(provider, a_mailing())
        assert first.outcome is again.outcome is Outcome.ACCEPTED
        assert (self.how_many(), len(self.fake.duplicates)) == (3, 3)
        assert provider.capabilities.recovery is Recovery.RECIPIENT_DEDUPE


def test_what_each_gets_is_what_the_plainest_filling_gives(account, fake):
    @settings(max_examples=60)
    @given(st.lists(names, min_size=1, max_size=4), names)
    def holds(people, fallback):
        name = Field("name", fallback)
        message = a_message(subject=("For ", name), html=("<p>", name, "</p>"), text=("Hello ", name))
        count = len(fake.accepted)
        key = f"nl-1-{count + 1}-1-0"
        crowd = [a_recipient(pos, one, reference=f"{key}-{pos}") for pos, one in enumerate(people)]
        assert send(account, a_mailing(*crowd, key=key), message).outcome is Outcome.ACCEPTED
        for one, mail in zip(crowd, fake.accepted[count:], strict=True):
            assert mail.to == (one.address,)
            assert mail.html == reference(message.html, one, is_html=True)
            assert mail.text == reference(message.text, one)
            assert mail.subject == one_line(reference(message.subject, one))
            assert mail.reference == one.reference
            assert mail.headers["List-Unsubscribe"] == f"<{one.unsubscribe_url}>"

    holds()
    assert fake.leaks == []


@pytest.mark.parametrize("name", ['{{var:name:"x"}}', "[[var:name]]", "{% if x %}", "[[EMAIL_TO]]"])
def test_what_looks_like_a_template_is_none(account, fake, name):
    message = a_message(html=(name, NAME), text=(name, NAME), subject=(name, NAME))
    send(account, a_mailing(a_recipient(0, name)), message)
    mail = fake.accepted[0]
    assert mail.text == mail.subject == name + name
    assert json.loads(fake.requests[0].body)["Messages"][0]["TemplateLanguage"] is False


def test_an_element_is_a_complete_message(account, fake):
    send(account)
    (sent, *others) = json.loads(fake.requests[0].body)["Messages"]
    assert len(others) == 2
    assert sent.pop("HTMLPart")
    assert sent.pop("TextPart")
    assert sent == {
        "From": {"Email": "weekly@news.example.org", "Name": "Back Care Weekly"},
        "ReplyTo": {"Email": "editors@news.example.org"},
        "To": [{"Email": "reader0@example.org"}],
        "Subject": "Lower back: where the ache comes from",
        "Headers": {
            "List-Unsubscribe": f"<{a_recipient(0).unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Feedback-ID": "lower-back:back-pain:issue:newsexample",
        },
        "TrackOpens": "disabled",
        "TrackClicks": "disabled",
        "TemplateLanguage": False,
        "CustomID": "nl-d1-1-7-0-0",
        "CustomCampaign": "nl-1-1 2026-12-01-back-pain-lower-back",
        "DeduplicateCampaign": True,
    }


@pytest.mark.parametrize("name", ["Message-ID", "Date", "X-MJ-CustomID", "X-Mailjet-Campaign", "LIST-ID"])
def test_a_header_that_would_refuse_the_mail_is_left_out(account, fake, name):
    headers = ((name, ("x",)), ("X-Own", ("y",)))
    assert send(account, message=a_message(headers=headers)).outcome is Outcome.ACCEPTED
    assert fake.accepted[0].headers.keys() == {"X-Own", "Reply-To"}


@pytest.mark.parametrize(
    ("key", "label", "campaign"),
    [
        ("nl-d1-12-7-0", "2026-12-01-back-pain", "nl-d1-12 2026-12-01-back-pain"),
        # What is sent again reaches only who has not got it.
        ("nl-d1-12-7-1", "2026-12-01-back-pain", "nl-d1-12 2026-12-01-back-pain"),
        # Nobody gets it twice who was put into another batch of the release.
        ("nl-d1-12-8-0", "2026-12-01-back-pain", "nl-d1-12 2026-12-01-back-pain"),
        # A confirmation that is asked for again is another one.
        ("nl-d1-0-7-0", "confirm", "nl-d1-0-7"),
        ("nl-d1-0-8-0", "confirm", "nl-d1-0-8"),
        ("another", "é/x", "another"),
        ("nl-d1-12-7-0", "é/x", "nl-d1-12 --x"),
    ],
)
def test_a_campaign_is_what_nobody_gets_twice(key, label, campaign):
    assert campaign_of(a_mailing(key=key, label=label)) == campaign


def test_what_is_sent_again_under_another_generation_reaches_only_the_others(account, fake):
    send(account, a_mailing(a_recipient(0)))
    send(account, a_mailing(a_recipient(0), a_recipient(1), key="nl-1-1-1-1"))
    assert [mail.address for mail in fake.accepted] == ["reader0@example.org", "reader1@example.org"]


@pytest.mark.parametrize("fault", [Fault.ACCEPT_THEN_DROP, Fault.ERROR_AFTER, Fault.DROP_BEFORE])
def test_a_call_whose_answer_was_lost_is_simply_made_again(impatient, fake, fault):
    fake.script.append(fault)
    assert send(impatient).outcome is Outcome.UNKNOWN
    assert send(impatient).outcome is Outcome.ACCEPTED
    assert len(fake.accepted) == 3


def test_ids_beyond_what_a_floating_point_holds_are_kept(account, fake):
    ids = send(account).ids
    assert ids == {pos: fake.accepted[pos].id for pos in range(3)}
    assert float(ids[0]) == float(ids[1])


def test_an_invalid_address_leaves_the_others_accepted(account, fake):
    crowd = [a_recipient(3), a_recipient(5, address="nobody@nowhere"), a_recipient(8)]
    answer = send(account, a_mailing(*crowd))
    assert (answer.outcome, answer.status) == (Outcome.ACCEPTED, 400)
    assert answer.ids == {3: fake.accepted[0].id, 8: fake.accepted[1].id}
    assert answer.rejected == {5: 'mj-0013; "(address)" is an invalid email address.'}


def test_a_message_without_reply_to_headers_and_tags_is_taken(account):
    assert send(account, message=a_message(reply_to="", headers=(), tags=())).outcome is Outcome.ACCEPTED


def test_an_international_domain_is_written_in_ascii(account, fake):
    assert send(account, a_mailing(a_recipient(0, address="anna@bücher.example"))).outcome is Outcome.ACCEPTED
    assert fake.accepted[0].to == ("anna@xn--bcher-kva.example",)


@pytest.mark.parametrize(
    "message",
    [{"headers": (("X-Ünlaut", ("x",)),)}, {"html": (Field("height"),)}, {"subject": (Field("height"),)}],
)
def test_what_cannot_be_sent_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))


@pytest.mark.parametrize(("fault", "wait"), [(Fault.RATE_LIMITED, 1), (Fault.RATE_LIMITED_BARE, None)])
def test_a_rate_limit_defers(account, fake, fault, wait):
    fake.script.append(fault)
    answer = send(account)
    assert (answer.outcome, len(fake.accepted)) == (Outcome.DEFERRED, 0)
    assert answer.retry_after == (timedelta(seconds=wait) if wait else None)


@pytest.mark.parametrize("limits", [{"senders": {"elsewhere.example"}}, {"is_blocked": True}])
def test_an_account_that_may_not_send_loses_nobody(provider_of, limits):
    with FakeMailjet(account=Account(**limits)) as fake:
        answer = send(provider_of(fake.url))
        assert (answer.outcome, answer.rejected) == (Outcome.MISCONFIGURED, {})
        assert not fake.accepted


def test_an_answer_that_repeats_a_key_is_shown_without_it(account, fake):
    said = {"ErrorMessage": f"{PRIVATE} of {PUBLIC}", "StatusCode": 401}
    fake.script.append(Response(401, json.dumps(said).encode()))
    assert send(account).reason == "HTTP 401: *** of ***"


def test_the_keys_come_from_the_environment_or_files(fake, tmp_path):
    (tmp_path / "private").write_text(f"{PRIVATE}\n")
    for environment in (
        {"MJ_APIKEY_PUBLIC": PUBLIC, "MJ_APIKEY_PRIVATE": PRIVATE},
        {"MJ_APIKEY_PUBLIC": PUBLIC, "MJ_APIKEY_PRIVATE_FILE": str(tmp_path / "private")},
    ):
        provider = open_provider(ProviderSettings("mailjet", fake.url, environment=environment))
        send(provider)
        provider.close()
        token = fake.requests[-1].headers["authorization"].removeprefix("Basic ")
        assert b64decode(token).decode() == f"{PUBLIC}:{PRIVATE}"
    for missing in ("MJ_APIKEY_PUBLIC", "MJ_APIKEY_PRIVATE"):
        given_ = {"MJ_APIKEY_PUBLIC": PUBLIC, "MJ_APIKEY_PRIVATE": PRIVATE, missing: ""}
        with pytest.raises(ProviderError, match=missing):
            open_provider(ProviderSettings("mailjet", environment=given_))


def test_the_page_of_the_docs_tells_the_limits_and_the_settings_in_force(account):
    for words in (
        f"{account.capabilities.batch_size} messages",
        "MJ_APIKEY_PUBLIC_FILE",
        "MJ_APIKEY_PRIVATE_FILE",
        "MAILJET_WEBHOOK_LOGIN",
        "List-Id",
    ):
        assert words in GUIDE, words
    assert re.search(r'^name = "mailjet"', GUIDE, re.MULTILINE)
