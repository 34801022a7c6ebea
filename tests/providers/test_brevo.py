import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import strategies as st
from provider_cases import (
    NAME,
    HttpCases,
    check_that_nothing_written_is_substituted,
    opening,
    seen,
    send,
    shown,
)
from provider_cast import HOSTILE_NAMES, a_mailing, a_message, a_recipient, reference

from newsletter.domain.pieces import Field
from newsletter.domain.provider import Outcome, Recovery
from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, brevo, brevo_form, open_provider
from newsletter.providers.brevo import Brevo
from newsletter.providers.settings import Secret
from newsletter.providers.stencil import PIECE
from newsletter.testing.fake_brevo import KEY_TTL, Account, FakeBrevo, Fault, Response

GUIDE = (Path(__file__).parents[2] / "docs/providers/brevo.md").read_text(encoding="utf-8")
KEY = "xkeysib-1f2e3d4c5b6a-secret"
#: What a template could take for something of its own, or for the end of it.
LOOKALIKES = (
    "{{params.name}}", "{{ params.x }}", "{%if x%}", "{%", "%}", "{#", "{# x", "{{", "{", "}", "}}", "a{",
    "}b", "%", "#", "&#123;", "&#123;{",
)  # fmt: skip
words = st.one_of(
    st.sampled_from(LOOKALIKES + HOSTILE_NAMES),
    st.text(st.sampled_from("{}%#ab "), max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@pytest.fixture
def fake():
    with FakeBrevo() as running:
        yield running


def open_brevo(url, patience=None, key=KEY):
    return Brevo(url, Secret(key), patience)


provider_of = opening(open_brevo)


class TestBrevo(HttpCases):
    key_in_use = KEY

    def received(self, recipient):
        mail = self.mail_to(recipient)
        return seen(mail.html), shown(mail.text), mail.headers

    def check(self, provider, recipient):
        html, text, _ = self.received(recipient)
        greeting = a_message()
        assert html == seen(reference(greeting.html, recipient, is_html=True))
        assert text == reference(greeting.text, recipient)

    def test_a_repeat_leaves_one_mail_each(self, provider):
        """It tells no ids: that it is refused says that an earlier call was taken."""
        self.send(provider, a_mailing())
        again = self.send(provider, a_mailing())
        assert (again.outcome, again.ids) == (Outcome.REPEATED, {})
        assert self.how_many() == 3
        assert provider.capabilities.recovery is Recovery.KEY


def test_nothing_that_a_person_wrote_is_substituted_or_changed_for_the_eye(account, fake):
    account_of_each = _with_new_keys(account)
    check_that_nothing_written_is_substituted(fake, account_of_each, words, max_examples=70)


def _with_new_keys(account):
    """Let every call have a key of its own, as every batch has."""

    class Renewing:
        count = 0

        def compile(self, message):
            compiled = account.compile(message)

            def fill(mailing):
                self.count += 1
                return compiled(a_mailing(*mailing.recipients, key=f"nl-1-1-{self.count}-0"))

            return fill

    return Renewing()


def test_a_call_has_a_whole_version_for_each(account, fake):
    send(account, a_mailing(a_recipient(0), a_recipient(1, "Bob")))
    said = json.loads(fake.requests[0].body)
    first, second = said.pop("messageVersions")
    assert said.pop("headers")["idempotencyKey"]
    assert said == {
        "sender": {"email": "weekly@news.example.org", "name": "Back Care Weekly"},
        "replyTo": {"email": "editors@news.example.org"},
        "subject": "Lower back: where the ache comes from",
        "htmlContent": "<p>Lower back: where the ache comes from</p>",
        "tags": ["back-pain", "lower-back", "nl-1-1-1-0"],
    }
    assert sorted(first) == ["headers", "htmlContent", "subject", "textContent", "to"]
    assert (first["to"], second["to"]) == (
        [{"email": "reader0@example.org"}],
        [{"email": "reader1@example.org"}],
    )
    assert first["headers"] == {
        "List-Id": "Back pain <back-pain.news.example.org>",
        "List-Unsubscribe": f"<{a_recipient(0).unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "lower-back:back-pain:issue:newsexample",
        "X-Mailin-custom": "nl-d1-1-7-0-0",
    }
    assert second["headers"]["X-Mailin-custom"] == "nl-d1-1-7-0-1"


def test_a_key_is_the_same_uuid_for_the_same_call_only(account, fake):
    for key in ("nl-1-1-1-0", "nl-1-1-1-0", "nl-1-1-1-1"):
        send(account, a_mailing(key=key))
    first, again, other = (json.loads(one.body)["headers"]["idempotencyKey"] for one in fake.requests)
    assert first == again != other
    assert str(UUID(first)) == first


def test_an_event_finds_its_delivery(account, fake):
    send(account, a_mailing(a_recipient(0, reference="nl-d1-12-7-0-45")))
    assert fake.accepted[0].headers["X-Mailin-Custom"] == fake.accepted[0].reference == "nl-d1-12-7-0-45"


def test_a_message_without_reply_to_headers_and_tags_is_taken(account):
    assert send(account, message=a_message(reply_to="", headers=(), tags=())).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("weekly@news.example.org", None),
        ('"Smith, Jones" <weekly@news.example.org>', "Smith, Jones"),
        ("Möbel <weekly@news.example.org>", "Möbel"),
        ('"Müller, Söhne" <weekly@news.example.org>', "=?utf-8?b?TcO8bGxlciwgU8O2aG5l?="),
    ],
)
def test_a_name_that_the_service_would_drop_is_encoded(account, fake, sender, name):
    assert send(account, message=a_message(sender=sender)).outcome is Outcome.ACCEPTED
    assert json.loads(fake.requests[0].body)["sender"].get("name") == name


def test_a_header_is_never_more_than_ascii(account, fake):
    link = "https://news.example.org/u/ü{{x"
    send(account, a_mailing(a_recipient(0, unsubscribe_url=link)))
    assert fake.accepted[0].headers["List-Unsubscribe"] == "<https://news.example.org/u/%C3%BC%7B%7Bx>"


def test_a_style_sheet_opens_nothing_and_stays_one(account, fake):
    style = "<style>@media print{#a{color:red}}.b{{}</style>"
    send(account, message=a_message(html=(style, NAME)))
    assert fake.accepted[0].html == "<style>@media print{ #a{color:red}}.b{ {}</style>Ann Example"


def test_an_international_domain_is_written_in_ascii(account, fake):
    assert send(account, a_mailing(a_recipient(0, address="anna@bücher.example"))).outcome is Outcome.ACCEPTED
    assert fake.accepted[0].to == ("anna@xn--bcher-kva.example",)


def test_a_thousand_go_in_one_call_in_pieces(account, fake):
    crowd = [a_recipient(pos, f"Person{pos}") for pos in range(1000)]
    message = a_message(html=("x" * 15_000, NAME))
    assert send(account, a_mailing(*crowd), message).outcome is Outcome.ACCEPTED
    assert (len(fake.accepted), len(fake.requests), fake.leaks) == (1000, 1, [])
    parts = brevo_form.Form(message).body(a_mailing(*crowd))
    # The body is there once, and every version points at it.
    assert len({id(part) for part in parts if len(part) > 15_000}) == 1
    assert max(map(len, parts)) < PIECE


def test_more_than_twenty_megabytes_are_not_sent_but_divided(account, fake):
    message = a_message(html=("x" * 40_000, NAME))
    crowd = [a_recipient(pos) for pos in range(1000)]
    answer = send(account, a_mailing(*crowd), message)
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)
    assert "20 MB" in answer.reason
    assert send(account, a_mailing(*crowd[:250]), message).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "message",
    [
        {"headers": (("X-Ünlaut", ("x",)),)},
        {"headers": (("X-A", ("ü",)),)},
        {"html": (Field("height"),)},
        {"subject": (Field("height"),)},
        {"sender": "nobody"},
    ],
)
def test_what_cannot_be_sent_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))


def test_one_bad_address_refuses_the_call_for_everybody(account, fake):
    fake.account.invalid.add("reader1@example.org")
    answer = send(account)
    assert (answer.outcome, answer.rejected, len(fake.accepted)) == (Outcome.REFUSED, {}, 0)
    assert answer.reason == "HTTP 400: invalid_parameter; email is not valid in to"
    assert send(account, a_mailing(a_recipient(0))).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(("fault", "wait"), [(Fault.RATE_LIMITED, 1), (Fault.RATE_LIMITED_BARE, None)])
def test_a_rate_limit_defers(account, fake, fault, wait):
    fake.script.append(fault)
    answer = send(account)
    assert (answer.outcome, len(fake.accepted)) == (Outcome.DEFERRED, 0)
    assert answer.retry_after == (timedelta(seconds=wait) if wait else None)


def test_a_call_that_was_put_off_is_taken_later_under_the_same_key(account, fake):
    fake.script.append(Fault.RATE_LIMITED)
    send(account)
    assert send(account).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("fault", [Fault.ACCEPT_THEN_DROP, Fault.ERROR_AFTER, Fault.TRUNCATED_ANSWER])
def test_a_call_whose_answer_was_lost_is_known_by_its_repeat(impatient, fake, fault):
    fake.script.append(fault)
    assert send(impatient).outcome is Outcome.UNKNOWN
    assert send(impatient).outcome is Outcome.REPEATED
    assert len(fake.accepted) == 3


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.ERROR_BEFORE])
def test_a_call_that_never_came_is_taken_by_its_repeat(impatient, fake, fault):
    fake.script.append(fault)
    assert send(impatient).outcome is Outcome.UNKNOWN
    assert sorted(send(impatient).ids) == [0, 1, 2]


def test_a_repeat_for_fewer_is_refused_as_well(account, fake):
    send(account)
    assert send(account, a_mailing(a_recipient(0))).outcome is Outcome.REPEATED
    assert len(fake.accepted) == 3
    assert not account.capabilities.key_binds_payload


def test_a_repeat_stays_within_the_shorter_of_the_times_that_are_documented(account):
    assert account.capabilities.key_ttl <= KEY_TTL / 2


@pytest.mark.parametrize(
    "limits",
    [{"senders": {"elsewhere.example"}}, {"credits": 2}, {"is_validated": False}, {"is_known_here": False}],
)
def test_an_account_that_may_not_send_loses_nobody(provider_of, limits):
    with FakeBrevo(account=Account(**limits)) as fake:
        answer = send(provider_of(fake.url))
        assert (answer.outcome, answer.rejected) == (Outcome.MISCONFIGURED, {})
        assert not fake.accepted


def test_an_answer_that_repeats_the_key_is_shown_without_it(account, fake):
    said = {"code": "unauthorized", "message": f"no account for {KEY}"}
    fake.script.append(Response(401, json.dumps(said).encode()))
    assert send(account).reason == "HTTP 401: unauthorized; no account for ***"


def test_the_key_comes_from_the_environment_or_a_file(fake, tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    for environment in ({"BREVO_API_KEY": KEY}, {"BREVO_API_KEY_FILE": str(tmp_path / "key")}):
        provider = open_provider(ProviderSettings("brevo", fake.url, environment=environment))
        send(provider)
        provider.close()
        assert fake.requests[-1].headers["api-key"] == KEY
    with pytest.raises(ProviderError, match="BREVO_API_KEY"):
        open_provider(ProviderSettings("brevo"))


def test_the_page_of_the_docs_tells_the_limits_and_the_settings_in_force(account):
    can = account.capabilities
    for words_ in (
        f"{can.batch_size:,} recipients",
        f"{brevo.LARGEST_CALL // 1_000_000} MB",
        f"{int(can.key_ttl.total_seconds() // 60)} minutes",
        "BREVO_API_KEY_FILE",
        "BREVO_WEBHOOK_LOGIN",
    ):
        assert words_ in GUIDE, words_
    assert re.search(r'^name = "brevo"', GUIDE, re.MULTILINE)
