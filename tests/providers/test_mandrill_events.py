from datetime import UTC, datetime

import pytest

from newsletter.domain.bouncing import Bounce
from newsletter.domain.clicks import Click
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.mandrill_events import open_listener, signature
from newsletter.testing.mandrill_reports import mandrill_event, mandrill_report
from newsletter.testing.reports import Report

KEY, URL = "webhook-key", "https://u:p@news.example.org/webhooks/mandrill?a=1"
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 12, 2, tzinfo=UTC)
REFERENCE = "nl-d1-12-7-0-45"


def heard(report, key=KEY, url=URL):
    listener = open_listener({"MANDRILL_WEBHOOK_KEY": key, "MANDRILL_WEBHOOK_URL": url})
    return listener.listen(Post(report.headers, report.body), NOW)


def report(*events):
    return mandrill_report(KEY, URL, *events)


def told(name, beside=None, **extra):
    event = {**mandrill_event(name, REFERENCE, "ann@example.org", AT, **extra), **(beside or {})}
    (found,) = heard(report(event))
    return found


def test_the_signature_is_the_one_of_the_test_vector():
    fields = [("mandrill_events", '[{"event":"send","_id":"1","ts":1}]')]
    assert (
        signature(b"test-webhook-key", "https://example.com/hook", fields) == "AlFSx/rZV6fdTCjsdQAyK/B+uqE="
    )


def test_fields_are_signed_in_the_order_of_their_names():
    fields = [("b", "2"), ("a", "1")]
    assert signature(b"k", "u", fields) == signature(b"k", "u", fields[::-1])


@pytest.mark.parametrize(
    ("key", "url"), [("other", URL), (KEY, "https://news.example.org/webhooks/mandrill"), (KEY, f"{URL}/")]
)
def test_another_key_or_address_is_forged(key, url):
    with pytest.raises(Forged):
        heard(report(mandrill_event("send", REFERENCE, "ann@example.org", AT)), key, url)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: Report(one.body, {}),
        lambda one: Report(one.body, {"x-mandrill-signature": "\udcff"}),
        lambda one: Report(one.body + b"&x=1", one.headers),
        lambda one: Report(one.body.replace(b"send", b"open"), one.headers),
        lambda one: Report(b"\xff", one.headers),
        lambda one: Report(b"", one.headers),
        lambda one: Report(b"mandrill_events=%5B%5D&x=1", {}),
    ],
)
def test_what_is_not_signed_as_it_is_is_forged(change):
    with pytest.raises(Forged):
        heard(change(report(mandrill_event("send", REFERENCE, "ann@example.org", AT))))


def test_an_address_is_tried_by_a_post_without_events():
    """Before anybody has the key."""
    assert heard(mandrill_report("test-webhook", "https://elsewhere.example")) == []


@pytest.mark.parametrize("missing", ["MANDRILL_WEBHOOK_KEY", "MANDRILL_WEBHOOK_URL"])
def test_what_is_missing_is_named(missing):
    environment = {"MANDRILL_WEBHOOK_KEY": KEY, "MANDRILL_WEBHOOK_URL": URL, missing: ""}
    with pytest.raises(ProviderError, match=missing):
        open_listener(environment)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("send", EventKind.ACCEPTED),
        ("delivered", EventKind.DELIVERED),
        ("deferral", EventKind.DEFERRED),
        ("spam", EventKind.COMPLAINED),
        ("unsub", EventKind.UNSUBSCRIBED),
        ("open", EventKind.OPENED),
        ("click", EventKind.CLICKED),
        ("reject", EventKind.FAILED),
        ("hard_bounce", EventKind.BOUNCED),
        ("soft_bounce", EventKind.BOUNCED),
    ],
)
def test_every_event_is_of_its_kind_and_names_its_delivery(name, kind):
    event = told(name)
    assert (event.kind, event.reference, event.at, event.recipient) == (
        kind,
        REFERENCE,
        AT,
        "ann@example.org",
    )
    assert event.message_id


@pytest.mark.parametrize(
    ("name", "values", "bounce"),
    [
        ("hard_bounce", {"diag": "smtp;550 5.1.1 unknown"}, Bounce.HARD),
        ("hard_bounce", {"diag": "smtp;550 5.7.1 blocked by policy"}, Bounce.BLOCK),
        ("soft_bounce", {"diag": "smtp;552 5.2.2 full", "bounce_description": "mailbox_full"}, Bounce.SOFT),
        ("soft_bounce", {"diag": "smtp;421 4.7.0 too fast"}, Bounce.BLOCK),
        ("reject", {"reject": {"reason": "hard-bounce"}}, Bounce.HARD),
        ("reject", {"reject": {"reason": "spam"}}, Bounce.UNWANTED),
        ("reject", {"reject": {"reason": "unsub"}}, None),
        ("reject", {"reject": {"reason": "unsigned"}}, Bounce.BLOCK),
    ],
)
def test_what_did_not_arrive_says_what_of_the_address(name, values, bounce):
    assert told(name, **values).bounce is bounce


def test_the_reason_is_told_without_the_address():
    event = told("hard_bounce", bounce_description="bad_mailbox", diag="550 <ann@example.org> unknown")
    assert event.reason == "bad_mailbox; 550 <(address)> unknown"


def test_a_click_tells_its_link():
    beside = {"url": "https://x.example/a", "ip": "192.0.2.7", "user_agent": "Mail/1"}
    assert told("click", beside).click == Click("https://x.example/a", "192.0.2.7")


def test_many_events_come_in_one_post_and_a_repeat_has_the_same_ids():
    events = [mandrill_event(name, REFERENCE, "ann@example.org", AT) for name in ("send", "open", "send")]
    first, second = heard(report(*events)), heard(report(*events))
    assert first == second
    assert len({event.id for event in first}) == 3


@pytest.mark.parametrize(
    "event",
    [
        {"type": "blacklist", "action": "add", "reject": {}},
        {"type": "whitelist", "action": "add", "entry": {}},
        {"event": "inbound"},
        {"event": ["x"], "ts": "x"},
        7,
    ],
)
def test_what_we_know_no_meaning_of_is_kept_and_changes_nothing(event):
    (found,) = heard(report(event))
    assert (found.kind, found.reference, found.at) == (EventKind.OTHER, "", NOW)
    assert found.raw


def test_a_signed_form_without_events_is_kept():
    body = b"mandrill_events=%7B%7D"
    headers = {"x-mandrill-signature": signature(KEY.encode(), URL, [("mandrill_events", "{}")])}
    (event,) = heard(Report(body, headers))
    assert (event.kind, event.raw) == (EventKind.OTHER, body)
