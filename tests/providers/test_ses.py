import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
from newsletter.domain.provider import Outcome, Recovery
from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, braces, open_provider, ses
from newsletter.providers.ses import Place, Ses, base_url_of
from newsletter.providers.ses_template import Template
from newsletter.providers.settings import Secret
from newsletter.providers.sigv4 import Credentials
from newsletter.providers.stencil import PIECE
from newsletter.testing.fake_ses import FakeSes, Fault, Keys, Limits, Response, error

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = Keys("AKIDEXAMPLE", SECRET)
CREDENTIALS = Credentials(Secret("AKIDEXAMPLE"), Secret(SECRET))
PLACE = Place("eu-west-1", "news", 50)
#: What a template could take for a variable, or for the end of one.
LOOKALIKES = (
    "{{html_name}}",
    "{{ text_name }}",
    "{{{html_name}}}",
    "{{#each x}}",
    "{{",
    "{",
    "}",
    "}}",
    "a{",
    "}b",
    "\\",
    "\\\\",
    "\\{{html_name}}",
    '","x":"',
    "&#123;",
)
words = st.one_of(
    st.sampled_from(LOOKALIKES + HOSTILE_NAMES),
    st.text(st.sampled_from('{}\\"ab '), max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@pytest.fixture
def fake():
    with FakeSes(keys=KEYS) as running:
        yield running


def open_ses(url, patience=None, place=PLACE, credentials=CREDENTIALS, **values):
    return Ses(url, place, lambda: credentials, patience, **values)


provider_of = opening(open_ses)


def body_of(account, mailing=None, message=None):
    return json.loads(account.compile(message or a_message())(mailing or a_mailing()).request().body)


class TestSes(SubstitutionCases):
    key_in_use = SECRET
    recovery = Recovery.EVENTS


@pytest.mark.parametrize("passes", [1, 2])
def test_nothing_that_a_person_wrote_is_substituted_or_changed_for_the_eye(provider_of, passes):
    with FakeSes(keys=KEYS, passes=passes) as fake:
        check_that_nothing_written_is_substituted(fake, provider_of(fake.url), words, 80)


@pytest.mark.parametrize("lookalike", LOOKALIKES[:5])
def test_without_taking_braces_apart_a_lookalike_is_substituted_or_nobody_gets_anything(
    account, fake, monkeypatch, lookalike
):
    """The mutant that shows that the rule above is what protects the text."""
    monkeypatch.setattr(braces, "_DOUBLE", braces.re.compile("(?!)"))
    send(account, a_mailing(a_recipient(0, "Ann")), a_message(html=(lookalike, " ", NAME)))
    assert not [mail for mail in fake.accepted if mail.html == f"{lookalike} Ann"]


def test_a_field_that_stands_in_braces_stays_in_them(account, fake):
    message = a_message(html=("{", NAME, "}"), text=("\\", NAME, "}}"), subject=("{{", NAME, "}"))
    send(account, a_mailing(a_recipient(0, "Ann")), message)
    mail = fake.accepted[0]
    assert (seen(mail.html), shown(mail.text)) == ("{Ann}", "\\Ann}}")
    assert shown(mail.subject) == "{{Ann}"


def test_styles_keep_their_braces(account, fake):
    css = "<style>@media(max-width:9px){.a{color:red}}</style>"
    send(account, message=a_message(html=(css, NAME)))
    assert fake.accepted[0].html.startswith(css)


def test_an_entry_has_what_belongs_to_one_recipient_and_the_call_what_is_everybodys(account):
    said = body_of(account, a_mailing(a_recipient(0, reference="nl-1-1-1-0-0")))
    (entry,) = said["BulkEmailEntries"]
    assert entry["Destination"] == {"ToAddresses": ["reader0@example.org"]}
    assert entry["ReplacementHeaders"] == [
        {"Name": "List-Unsubscribe", "Value": f"<{a_recipient(0).unsubscribe_url}>"}
    ]
    assert entry["ReplacementTags"] == [
        {"Name": "series", "Value": "back-pain"},
        {"Name": "issue", "Value": "lower-back"},
        {"Name": "reference", "Value": "nl-1-1-1-0-0"},
    ]
    assert said["FromEmailAddress"] == "Back Care Weekly <weekly@news.example.org>"
    assert said["ReplyToAddresses"] == ["editors@news.example.org"]
    assert said["ConfigurationSetName"] == "news"
    template = said["DefaultContent"]["Template"]
    assert [header["Name"] for header in template["Headers"]] == [
        "List-Id",
        "List-Unsubscribe-Post",
        "Feedback-ID",
    ]
    assert "ListManagementOptions" not in said


def test_every_recipient_has_every_key_and_so_have_the_defaults(account):
    said = body_of(account)
    keys = {"html_name", "html_unsubscribe_url", "text_name", "text_unsubscribe_url"}
    assert json.loads(said["DefaultContent"]["Template"]["TemplateData"]) == dict.fromkeys(keys, "")
    for entry in said["BulkEmailEntries"]:
        data = entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
        assert json.loads(data).keys() == keys
    assert json.loads(data)["text_name"] == "there"


def test_a_message_without_reply_to_headers_tags_and_fields_is_taken(account, fake):
    message = a_message(reply_to="", headers=(), tags=(), html=("<p>Hello</p>",), text=("Hello",))
    assert send(account, message=message).outcome is Outcome.ACCEPTED
    assert fake.accepted[0].tags == {"reference": a_recipient(0).reference}


def test_two_fallbacks_of_one_field_do_not_mix(account, fake):
    message = a_message(text=(Field("name", "you"), "|", Field("name", "friend")))
    send(account, a_mailing(a_recipient(0, "")), message)
    assert fake.accepted[0].text == "you|friend"


@pytest.mark.parametrize("address", ["a@example.org, b@example.org", "a@example.org\r\nx", "no address"])
def test_an_address_of_another_form_is_refused_before_anything_leaves(account, fake, address):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address=address)))
    assert (answer.outcome, len(fake.requests)) == (Outcome.REFUSED, 0)


def test_a_name_in_a_header_stays_on_one_line_and_ascii(account, fake):
    message = a_message(headers=(("X-Name", ("<", NAME, ">")), ("X-Title", ("{{a}}",))))
    send(account, a_mailing(a_recipient(0, "Zoë\r\nBcc: {{x}}")), message)
    assert fake.accepted[0].headers == {"X-Name": "<Zo%C3%AB Bcc: %7B%7Bx}}>", "X-Title": "{ {a}}"}


@pytest.mark.parametrize(
    ("sender", "written"),
    [
        ("weekly@news.example.org", "weekly@news.example.org"),
        ('"Smith, Jones" <hello@news.example.org>', '"Smith, Jones" <hello@news.example.org>'),
        ("Zoë <hello@bücher.example>", "=?utf-8?q?Zo=C3=AB?= <hello@xn--bcher-kva.example>"),
    ],
)
def test_a_sender_is_written_in_ascii(account, fake, sender, written):
    assert send(account, message=a_message(sender=sender)).outcome is Outcome.ACCEPTED
    assert fake.accepted[0].sender == written


def test_a_long_name_of_a_sender_is_written_on_one_line(account, fake):
    assert send(account, message=a_message(sender=f"{'Ä' * 90} <a@b.example>")).outcome is Outcome.ACCEPTED
    assert "?= =?utf-8?" in fake.accepted[0].sender


@pytest.mark.parametrize(
    "address",
    ["a@example.org, b@example.org", "no address", "jörg@example.org", '"a,b"@example.org', "a@localhost"],
)
def test_an_address_that_cannot_be_sent_to_is_refused_before_anything_leaves(account, fake, address):
    answer = send(account, a_mailing(a_recipient(0), a_recipient(1, address=address)))
    assert answer.outcome is Outcome.REFUSED
    assert (len(fake.requests), len(fake.accepted)) == (0, 0)


def test_an_international_domain_is_written_as_ascii(account, fake):
    assert send(account, a_mailing(a_recipient(0, address="anna@bücher.example"))).outcome is Outcome.ACCEPTED
    assert (fake.accepted[0].to, fake.leaks) == (("anna@xn--bcher-kva.example",), [])


@pytest.mark.parametrize(
    "message",
    [
        {"headers": tuple((f"X-{number}", ("x",)) for number in range(16))},
        {"headers": (("X-Ünlaut", ("x",)),)},
        {"headers": (("X" * 127, ("x",)),)},
        {"headers": (("X" * 100, ("x" * 897,)),)},
        {"html": (Field("height"),)},
        {"subject": (Field("height"),)},
        {"html": ("x" * 500_001,)},
        {"sender": "Nobody"},
        {"sender": "jörg@example.org"},
        {"reply_to": "a@example.org, b@example.org"},
    ],
)
def test_what_cannot_be_a_call_is_found_when_it_is_compiled(account, message):
    with pytest.raises(ProviderError):
        account.compile(a_message(**message))


def test_fifty_go_in_one_call_and_the_body_is_there_once(account, fake):
    message = a_message(html=("x" * 200_000, NAME))
    crowd = [a_recipient(pos, f"Person{pos}") for pos in range(50)]
    assert send(account, a_mailing(*crowd), message).outcome is Outcome.ACCEPTED
    assert (len(fake.accepted), len(fake.requests), fake.leaks) == (50, 1, [])
    parts = Template(message).body(a_mailing(*crowd))
    assert max(map(len, parts)) < PIECE
    assert sum(map(len, parts)) < 300_000


def test_results_belong_to_their_recipients(account, fake):
    fake.statuses = {
        "reader5@example.org": ("MESSAGE_REJECTED", "It has a virus"),
        "reader6@example.org": ("FAILED", "x"),
    }
    answer = send(account, a_mailing(*map(a_recipient, (3, 5, 6, 8))))
    assert answer.rejected == {5: "MESSAGE_REJECTED, It has a virus", 6: "FAILED, x"}
    assert answer.ids == {3: fake.accepted[0].id, 8: fake.accepted[1].id}
    assert answer.request_id


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.RATE_LIMITED_BARE])
def test_a_throttled_call_waits_a_little_whatever_its_status(account, fake, fault):
    fake.script.append(fault)
    answer = send(account)
    assert (answer.outcome, answer.retry_after) == (Outcome.DEFERRED, timedelta(seconds=2))
    assert answer.status == (429 if fault is Fault.RATE_LIMITED else 400)


def test_a_call_of_a_second_s_allowance_is_never_taken_in_part(provider_of):
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    with FakeSes(keys=KEYS, limits=Limits(rate=14), now=lambda: start) as fake:
        account = provider_of(fake.url, place=replace(PLACE, send_rate=14), now=lambda: start)
        assert account.capabilities.batch_size == 14
        crowd = a_mailing(*map(a_recipient, range(14)))
        assert send(account, crowd).outcome is Outcome.ACCEPTED
        assert send(account, crowd).outcome is Outcome.DEFERRED
        assert len(fake.accepted) == 14


def test_a_larger_call_is_taken_in_part_and_nobody_is_guessed(provider_of):
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    with FakeSes(keys=KEYS, limits=Limits(daily=2), now=lambda: start) as fake:
        answer = send(provider_of(fake.url, now=lambda: start))
        assert (answer.outcome, sorted(answer.ids)) == (Outcome.UNKNOWN, [0, 1])
        assert "ACCOUNT_DAILY_QUOTA_EXCEEDED" in answer.reason
        answer = send(provider_of(fake.url, now=lambda: start))
        assert (answer.outcome, answer.retry_after) == (Outcome.DEFERRED, timedelta(hours=1))


@pytest.mark.parametrize(
    ("credentials", "minutes"),
    [
        (Credentials(Secret("AKIDEXAMPLE"), Secret("another")), 0),
        (Credentials(Secret("AKIDOTHER"), Secret(SECRET)), 0),
        (replace(CREDENTIALS, token=Secret("T" * 300)), 0),
        (CREDENTIALS, 6),
    ],
)
def test_a_signature_that_does_not_fit_is_a_matter_for_a_person(fake, provider_of, credentials, minutes):
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    answer = send(provider_of(fake.url, credentials=credentials, now=lambda: at))
    assert (answer.outcome, answer.status, len(fake.accepted)) == (Outcome.MISCONFIGURED, 403, 0)
    assert not any(secret in answer.reason for secret in credentials.secrets)


def test_temporary_credentials_send_their_token_signed(provider_of):
    with FakeSes(keys=replace(KEYS, token="T/+=")) as fake:
        temporary = provider_of(fake.url, credentials=replace(CREDENTIALS, token=Secret("T/+=")))
        assert send(temporary).outcome is Outcome.ACCEPTED


def test_a_sender_or_a_set_that_is_not_set_up_is_told(provider_of):
    with FakeSes(keys=KEYS, domains=["other.example"]) as fake:
        assert send(provider_of(fake.url)).outcome is Outcome.MISCONFIGURED
    with FakeSes(keys=KEYS, configuration_sets=["other"]) as fake:
        answer = send(provider_of(fake.url))
        assert (answer.outcome, answer.status) == (Outcome.MISCONFIGURED, 404)


def test_a_key_in_the_answer_is_not_repeated(account, fake):
    fake.script.append(Response(500, json.dumps({"message": f"{SECRET} and AKIDEXAMPLE"}).encode()))
    assert send(account).reason == "HTTP 500: *** and ***"
    fake.script.append(error("BadRequestException", f"{'w' * 280}{SECRET}"))
    assert SECRET[:10] not in send(account).reason


def opened(fake_url=None, **values):
    environment = values.pop(
        "environment", {"AWS_ACCESS_KEY_ID": "AKIAREHEARSAL", "AWS_SECRET_ACCESS_KEY": "x"}
    )
    given = {"region": "eu-west-1", **values}
    provider = open_provider(ProviderSettings("ses", fake_url, environment=environment, **given))
    provider.close()
    return provider


def test_the_settings_say_where_and_how_fast():
    can = opened(configuration_set="news", send_rate=200).capabilities
    assert (can.batch_size, can.calls_per_second, can.is_atomic) == (50, 4, False)
    assert can.recovery is Recovery.EVENTS
    can = opened().capabilities
    assert (can.batch_size, can.calls_per_second) == (14, 1)
    assert can.recovery is Recovery.NONE
    assert opened(send_rate=0.5).capabilities.batch_size == 1
    assert opened(send_rate=0.5).capabilities.calls_per_second == 0.5


def test_a_region_may_come_from_the_environment_and_must_be_one():
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert opened(region=None, environment={**keys, "AWS_REGION": "us-east-1"})
    assert base_url_of("us-east-1") == "https://email.us-east-1.amazonaws.com"
    assert base_url_of("cn-north-1") == "https://email.cn-north-1.amazonaws.com.cn"
    for region in (None, "Ireland", "eu-west-1.evil.example/"):
        with pytest.raises(ProviderError, match="region"):
            opened(region=region)


def test_keys_are_read_anew_for_each_call_and_shown_to_nobody(tmp_path):
    files = {name: tmp_path / name for name in ("id", "key")}
    files["id"].write_text("AKIDEXAMPLE")
    files["key"].write_text("old")
    names = {"AWS_ACCESS_KEY_ID_FILE": str(files["id"]), "AWS_SECRET_ACCESS_KEY_FILE": str(files["key"])}
    with FakeSes(keys=KEYS) as fake:
        environment = {**names, "OTHER": SECRET}
        given = ProviderSettings("ses", fake.url, region="eu-west-1", environment=environment)
        provider = open_provider(given)
        assert send(provider).outcome is Outcome.MISCONFIGURED
        files["key"].write_text(SECRET)
        assert send(provider).outcome is Outcome.ACCEPTED
        files["key"].unlink()
        answer = send(provider)
        provider.close()
    assert (answer.outcome, len(fake.accepted)) == (Outcome.MISCONFIGURED, 3)
    assert "AWS_SECRET_ACCESS_KEY_FILE" in answer.reason
    assert SECRET not in f"{provider!r} {vars(provider)}"


def test_the_shown_call_has_no_signature(account):
    request = account.compile(a_message())(a_mailing()).request()
    assert request.headers["Authorization"] == "AWS4-HMAC-SHA256 ***"
    assert request.url.endswith("/v2/email/outbound-bulk-emails")
    assert ses.ALGORITHM in str(request.headers)
