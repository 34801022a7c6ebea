import json
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from provider_cases import (
    DOUBTFUL,
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
from newsletter.providers import ProviderSettings, open_provider, sendgrid_form
from newsletter.providers.sendgrid import SendGrid
from newsletter.providers.sendgrid_form import LARGEST_CALL, LARGEST_VALUES, REFERENCE, Form
from newsletter.providers.settings import Secret
from newsletter.testing.fake_sendgrid import Account, FakeSendGrid, Fault, Response

GUIDE = (Path(__file__).parents[2] / "docs/providers/sendgrid.md").read_text(encoding="utf-8")
SECRET = "SG.secret-0123.abcd-4567"
#: What a service could take for something of its own.
LOOKALIKES = (
    "-nl-",
    "-nl0-1-",
    "-name-",
    "%name%",
    "[%name%]",
    "{{name}}",
    "{{{name}}}",
    "<%asm_group_unsubscribe_raw_url%>",
    "[unsubscribe]",
    "-1-",
)
NOT_DOUBTFUL = (Fault.TRUNCATED_ANSWER, Fault.SLOW_ANSWER)
words = st.one_of(
    st.sampled_from(LOOKALIKES + HOSTILE_NAMES),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@pytest.fixture
def fake():
    with FakeSendGrid() as running:
        yield running


provider_of = opening(lambda url, patience=None: SendGrid(url, Secret(SECRET), patience))


def body_of(account, mailing=None, message=None):
    return json.loads(account.compile(message or a_message())(mailing or a_mailing()).request().body)


class TestSendGrid(SubstitutionCases):
    key_in_use = SECRET
    recovery = Recovery.QUERY

    def test_everybody_is_accepted_with_an_id_of_their_own(self, provider):
        """One id is for all of a call: the reference tells them apart."""
        answer = self.send(provider, a_mailing())
        assert answer.ids == dict.fromkeys(range(3), self.fake.accepted[0].id)

    @pytest.mark.parametrize("fault", [one for one in DOUBTFUL if one not in NOT_DOUBTFUL])
    def test_a_doubtful_call_is_unknown(self, impatient, fake, fault):
        super().test_a_doubtful_call_is_unknown(impatient, fake, fault)

    @pytest.mark.parametrize("fault", NOT_DOUBTFUL)
    def test_an_answer_whose_body_is_slow_or_cut_is_whole(self, impatient, fake, fault):
        """It has none: the status and the id are all."""
        fake.script.append(fault)
        assert send(impatient).ids == dict.fromkeys(range(3), fake.accepted[0].id)


@pytest.mark.parametrize("passes", [1, 2])
def test_nothing_that_a_person_wrote_is_substituted_or_changed_for_the_eye(provider_of, passes):
    with FakeSendGrid(passes=passes) as fake:
        check_that_nothing_written_is_substituted(fake, provider_of(fake.url), words, 60)


@pytest.mark.parametrize("passes", [1, 2])
def test_a_name_that_is_a_tag_arrives_as_it_is(provider_of, passes):
    message = a_message(html=(NAME, " ", LINK), text=(NAME, LINK))
    tag = Form(message).tag(2)
    with FakeSendGrid(passes=passes) as fake:
        for name in (tag, tag[:12], tag[12:], f"x{tag}"):
            send(provider_of(fake.url), a_mailing(a_recipient(0, name)), message)
            assert fake.accepted[-1].text == f"{name}{a_recipient(0).unsubscribe_url}"


def test_without_other_tags_that_name_would_be_substituted(account, fake, monkeypatch):
    """The mutant that shows that the choice of tags is what protects the text."""
    monkeypatch.setattr(sendgrid_form._Tags, "are_clear_of", lambda *_: True)
    message = a_message(html=(NAME, LINK), text=(NAME, LINK))
    # The tags of the text come first: its link is replaced after its name.
    send(account, a_mailing(a_recipient(0, Form(message).tag(2))), message)
    assert fake.accepted[0].text == a_recipient(0).unsubscribe_url * 2


def test_a_personalization_has_all_that_belongs_to_one_recipient(account):
    said = body_of(account, a_mailing(a_recipient(0, reference="nl-1-1-1-0-0")))
    (one,) = said["personalizations"]
    assert one["to"] == [{"email": "reader0@example.org"}]
    assert one["custom_args"] == {REFERENCE: "nl-1-1-1-0-0"}
    assert list(one["headers"]) == ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"]
    assert one["headers"]["List-Unsubscribe"] == f"<{a_recipient(0).unsubscribe_url}>"
    assert sorted(one["substitutions"].values()) == sorted(
        [a_recipient(0).unsubscribe_url, "Ann Example"] * 2
    )


def test_what_is_everybodys_is_there_once(account):
    said = body_of(account)
    assert said["from"] == {"email": "weekly@news.example.org", "name": "Back Care Weekly"}
    assert said["reply_to"] == {"email": "editors@news.example.org"}
    assert said["subject"] == "Lower back: where the ache comes from"
    assert [one["type"] for one in said["content"]] == ["text/plain", "text/html"]
    assert said["categories"] == ["series-back-pain", "issue-lower-back"]
    assert len(said["personalizations"]) == 3


def test_nothing_of_the_service_is_put_into_the_mail(account, fake):
    said = body_of(account)
    assert said["tracking_settings"] == {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
    }
    assert not {"asm", "mail_settings", "template_id", "batch_id"} & said.keys()
    send(account)
    assert {mail.headers["List-Unsubscribe"] for mail in fake.accepted} == {
        f"<{a_recipient(pos).unsubscribe_url}>" for pos in range(3)
    }


def test_with_subscription_tracking_the_way_out_would_be_another_one(account, fake, monkeypatch):
    monkeypatch.setattr(sendgrid_form, "_NO_TRACKING", {})
    send(account)
    assert "sendgrid.example" in fake.accepted[0].headers["List-Unsubscribe"]


def test_a_message_without_reply_to_headers_tags_and_fields_is_taken(account, fake):
    message = a_message(reply_to="", headers=(), tags=(), html=("<p>Hello</p>",), text=("",))
    assert send(account, message=message).outcome is Outcome.ACCEPTED
    assert (fake.accepted[0].html, fake.accepted[0].text) == ("<p>Hello</p>", "")


def test_two_fallbacks_of_one_field_do_not_mix(account, fake):
    message = a_message(text=(Field("name", "you"), "|", Field("name", "friend")))
    send(account, a_mailing(a_recipient(0, "")), message)
    assert fake.accepted[0].text == "you|friend"


def test_a_name_in_a_header_stays_on_one_line_and_ascii(account, fake):
    message = a_message(headers=(("X-Name", ("<", NAME, ">")),))
    send(account, a_mailing(a_recipient(0, "Zoë\r\nBcc: x@example.org")), message)
    assert fake.accepted[0].headers["X-Name"] == "<Zo%C3%AB Bcc: x@example.org>"


def test_a_sender_is_written_with_an_ascii_domain_and_their_own_name(account, fake):
    message = a_message(sender='"Smith, Jones & Söhne" <hello@bücher.example>', reply_to="Zoë <z@b.example>")
    send(account, message=message)
    assert fake.accepted[0].sender == "Smith, Jones & Söhne <hello@xn--bcher-kva.example>"
    assert fake.accepted[0].headers["Reply-To"] == "Zoë <z@b.example>"


def test_the_key_travels_in_its_header(account, fake):
    send(account)
    headers = fake.requests[0].headers
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("newsletter/")


@pytest.mark.parametrize(("fault", "waits"), [(Fault.RATE_LIMITED, True), (Fault.RATE_LIMITED_BARE, False)])
def test_a_rate_limit_defers_for_as_long_as_it_says(account, fake, fault, waits):
    fake.script.append(fault)
    answer = send(account)
    assert (answer.outcome, len(fake.accepted)) == (Outcome.DEFERRED, 0)
    assert bool(answer.retry_after) is waits
    assert not waits or timedelta(seconds=15) < answer.retry_after <= timedelta(seconds=20)


def test_an_account_without_credits_waits_an_hour_and_loses_nobody(account, fake):
    fake.account.credits = 2
    answer = send(account)
    assert (answer.outcome, answer.retry_after) == (Outcome.DEFERRED, timedelta(hours=1))
    assert answer.reason == "HTTP 401: Maximum credits exceeded"
    assert not fake.accepted


def test_a_sender_that_is_not_verified_is_a_matter_for_a_person(provider_of):
    with FakeSendGrid(account=Account(senders={"elsewhere.example"})) as fake:
        answer = send(provider_of(fake.url))
    assert (answer.outcome, answer.status) == (Outcome.MISCONFIGURED, 403)
    assert "verified Sender Identity" in answer.reason


def test_another_key_is_a_matter_for_a_person(provider_of):
    with FakeSendGrid(key="another") as fake:
        assert send(provider_of(fake.url)).outcome is Outcome.MISCONFIGURED


def test_an_answer_that_repeats_the_key_is_shown_without_it(account, fake):
    said = {"errors": [{"message": f"the key {SECRET} is wrong", "field": None}]}
    fake.script.append(Response(403, json.dumps(said).encode()))
    assert send(account).reason == "HTTP 403: the key *** is wrong"


def test_the_key_comes_from_the_environment_or_a_file(fake, tmp_path):
    (tmp_path / "key").write_text("SG.mine\n")
    for environment in ({"SENDGRID_API_KEY": "SG.mine"}, {"SENDGRID_API_KEY_FILE": str(tmp_path / "key")}):
        provider = open_provider(ProviderSettings("sendgrid", fake.url, environment=environment))
        send(provider)
        provider.close()
        assert fake.requests[-1].headers["authorization"] == "Bearer SG.mine"
    with pytest.raises(ProviderError, match="SENDGRID_API_KEY"):
        open_provider(ProviderSettings("sendgrid"))


def test_it_is_asked_half_an_hour_later_and_before_it_forgets(account):
    can = account.capabilities
    assert (can.name, can.batch_size, can.is_atomic) == ("sendgrid", 1000, True)
    assert can.settles_after == timedelta(minutes=30)
    assert can.settles_after + can.look_interval < can.remembers_for < timedelta(days=30)


def test_the_page_of_the_docs_tells_the_limits_and_the_settings_in_force(account):
    can = account.capabilities
    for words in (
        f"{can.batch_size:,} recipients",
        f"{LARGEST_CALL // 1_000_000} MB",
        f"{LARGEST_VALUES:,} bytes",
        f"{int(can.settles_after.total_seconds() // 60)} minutes",
        "SENDGRID_API_KEY_FILE",
        "SENDGRID_WEBHOOK_PUBLIC_KEY",
        REFERENCE,
    ):
        assert words in GUIDE, words
    assert re.search(r'^name = "sendgrid"', GUIDE, re.MULTILINE)


def test_a_thousand_recipients_are_built_in_milliseconds(account):
    compiled = account.compile(a_message(html=("x" * 20_000, NAME, "x" * 20_000, LINK)))
    mailing = a_mailing(*(a_recipient(pos, f"Person {pos}") for pos in range(1000)))
    compiled(mailing)
    best = min(_seconds(compiled, mailing) for _ in range(20))
    # The aim is 6 ms; a machine that does something else beside it takes longer.
    assert best < 0.05


def _seconds(compiled, mailing):
    start = time.perf_counter()
    compiled(mailing)
    return time.perf_counter() - start
