from datetime import UTC, datetime

import pytest

from newsletter.domain.bouncing import Bounce
from newsletter.domain.clicks import Click
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.mailersend_events import open_listener
from newsletter.testing.mailersend_reports import mailersend_report
from newsletter.testing.reports import Report

SECRET = "signing-secret"
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 12, 2, tzinfo=UTC)
REFERENCE = "nl-d1-12-7-0-45"


def heard(report, secret=SECRET):
    listener = open_listener({"MAILERSEND_WEBHOOK_SECRET": secret})
    (event,) = listener.listen(Post(report.headers, report.body), NOW)
    return event


def report(name, reference=REFERENCE, **values):
    return mailersend_report(SECRET, name, reference, "ann@example.org", AT, **values)


def test_the_signature_is_the_one_of_the_test_vector():
    signature = "41e6659dcd6c927c9acb4e9efcaf36d4e2f9eb4370b9b068dfc4de5677eb9a5e"
    body = b'{"type":"activity.delivered","data":{"id":"1"}}'
    event = heard(Report(body, {"signature": signature}), "test-secret")
    assert (event.kind, event.id) == (EventKind.DELIVERED, "1")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: Report(one.body, {}),
        lambda one: Report(one.body, {"signature": ""}),
        lambda one: Report(one.body, {"signature": "\udcff"}),
        lambda one: Report(one.body + b" ", one.headers),
        lambda one: mailersend_report("other", "activity.sent", REFERENCE, "ann@example.org", AT),
        lambda one: Report(b"", one.headers),
    ],
)
def test_what_is_not_signed_as_it_is_is_forged(change):
    with pytest.raises(Forged):
        heard(change(report("activity.sent")))


def test_a_missing_secret_is_named():
    with pytest.raises(ProviderError, match="MAILERSEND_WEBHOOK_SECRET"):
        open_listener({})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("activity.sent", EventKind.ACCEPTED),
        ("activity.delivered", EventKind.DELIVERED),
        ("activity.deferred", EventKind.DEFERRED),
        ("activity.soft_bounced", EventKind.BOUNCED),
        ("activity.hard_bounced", EventKind.BOUNCED),
        ("activity.opened", EventKind.OPENED),
        ("activity.opened_unique", EventKind.OPENED),
        ("activity.clicked", EventKind.CLICKED),
        ("activity.clicked_unique", EventKind.CLICKED),
        ("activity.unsubscribed", EventKind.UNSUBSCRIBED),
        ("activity.spam_complaint", EventKind.COMPLAINED),
    ],
)
def test_every_event_is_of_its_kind_and_names_its_delivery_by_a_tag(name, kind):
    event = heard(report(name))
    assert (event.kind, event.reference, event.at, event.recipient) == (
        kind,
        REFERENCE,
        AT,
        "ann@example.org",
    )
    assert event.message_id == "62fb66bef54a112e920b5493"


def test_a_mail_without_our_tag_names_none():
    assert heard(report("activity.sent", "")).reference == ""


@pytest.mark.parametrize(
    ("name", "values", "bounce"),
    [
        ("activity.hard_bounced", {"reason": "550 5.1.1 unknown"}, Bounce.HARD),
        ("activity.hard_bounced", {"reason": "550 5.7.1 blocked by policy"}, Bounce.BLOCK),
        ("activity.hard_bounced", {}, Bounce.HARD),
        ("activity.soft_bounced", {"reason": "552 5.2.2 full"}, Bounce.SOFT),
        ("activity.soft_bounced", {"readable_reason": "421 4.7.0 spam"}, Bounce.BLOCK),
        ("activity.soft_bounced", {"reason": "550 5.1.1 unknown"}, Bounce.SOFT),
    ],
)
def test_a_bounce_says_what_of_the_address(name, values, bounce):
    assert heard(report(name, **values)).bounce is bounce


def test_the_reason_is_told_without_the_address():
    event = heard(
        report("activity.hard_bounced", reason="550 <ann@example.org> unknown", readable_reason="gone")
    )
    assert event.reason == "550 <(address)> unknown; gone"


def test_a_click_tells_its_link():
    event = heard(report("activity.clicked", url="https://x.example/a", ip="192.0.2.7"))
    assert event.click == Click("https://x.example/a", "192.0.2.7")


def test_a_repeat_has_the_same_id():
    assert (
        heard(report("activity.sent", id_="62f1")).id
        == heard(report("activity.opened", id_="62f1")).id
        == "62f1"
    )
    long = report("activity.sent", id_="x" * 300)
    assert heard(long).id == heard(long).id
    assert len(heard(long).id) == 64


@pytest.mark.parametrize("name", ["maintenance.start", "bulk_email.completed", "activity.survey_opened", "x"])
def test_what_says_nothing_of_a_mail_is_kept_and_changes_nothing(name):
    event = heard(report(name))
    assert (event.kind, event.reference) == (EventKind.OTHER, "")
    assert event.raw
