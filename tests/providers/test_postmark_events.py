import json
from datetime import UTC, datetime

import pytest

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.postmark_events import open_listener
from newsletter.testing.reports import Report, postmark_report

LOGIN = "postmark:long-and-random"
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
REFERENCE = "nl-d1-12-7-0-45"


def heard(report, login=LOGIN):
    listener = open_listener({"POSTMARK_WEBHOOK_LOGIN": login})
    return listener.listen(Post(report.headers, report.body), AT)


def told(name, **extra):
    (event,) = heard(postmark_report(LOGIN, name, REFERENCE, "ann@example.org", AT, **extra))
    return event


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Basic"},
        {"authorization": postmark_report("postmark:wrong", "Delivery", "", "", AT).headers["authorization"]},
        {"authorization": LOGIN},
        {"authorization": "Bearer cG9zdG1hcms6bG9uZy1hbmQtcmFuZG9t"},
        {"authorization": "Basic \udcff"},
        {"x-postmark-signature": "anything"},
    ],
)
def test_what_does_not_come_with_our_name_and_password_is_forged(headers):
    with pytest.raises(Forged):
        heard(Report(b'{"RecordType": "Delivery"}', headers))


@pytest.mark.parametrize("login", ["", "password", ":password", "name:", "two words:x"])
def test_a_login_that_is_none_is_named(login):
    with pytest.raises(ProviderError, match="POSTMARK_WEBHOOK_LOGIN"):
        open_listener({"POSTMARK_WEBHOOK_LOGIN": login})


def test_the_login_may_be_in_a_file(tmp_path):
    (tmp_path / "login").write_text(f"{LOGIN}\n")
    listener = open_listener({"POSTMARK_WEBHOOK_LOGIN_FILE": str(tmp_path / "login")})
    report = postmark_report(LOGIN, "Delivery", REFERENCE, "ann@example.org", AT)
    assert listener.listen(Post(report.headers, report.body), AT)


@pytest.mark.parametrize(
    ("name", "extra", "kind", "bounce", "suppresses"),
    [
        ("Delivery", {}, EventKind.DELIVERED, None, None),
        ("Open", {}, EventKind.OPENED, None, None),
        ("Click", {}, EventKind.CLICKED, None, None),
        ("SpamComplaint", {"Type": "SpamComplaint"}, EventKind.COMPLAINED, None, Suppressed.COMPLAINT),
        ("Inbound", {}, EventKind.OTHER, None, None),
        ("SubscriptionChange", {"SuppressSending": False}, EventKind.OTHER, None, None),
        ("SubscriptionChange", {"SuppressSending": "true"}, EventKind.OTHER, None, None),
        (
            "SubscriptionChange",
            {"SuppressSending": True, "SuppressionReason": "ManualSuppression", "Origin": "Recipient"},
            EventKind.UNSUBSCRIBED,
            None,
            None,
        ),
        (
            "SubscriptionChange",
            {"SuppressSending": True, "SuppressionReason": "HardBounce"},
            EventKind.BOUNCED,
            Bounce.HARD,
            Suppressed.HARD_BOUNCE,
        ),
        (
            "SubscriptionChange",
            {"SuppressSending": True, "SuppressionReason": "SpamComplaint"},
            EventKind.COMPLAINED,
            None,
            Suppressed.COMPLAINT,
        ),
    ],
)
def test_every_record_has_its_meaning(name, extra, kind, bounce, suppresses):
    event = told(name, **extra)
    assert (event.kind, event.bounce, event.suppresses, event.at) == (kind, bounce, suppresses, AT)


@pytest.mark.parametrize(
    ("type_", "extra", "kind", "bounce"),
    [
        ("HardBounce", {"Inactive": True}, EventKind.BOUNCED, Bounce.HARD),
        ("HardBounce", {"Details": "smtp;550 5.1.1 unknown"}, EventKind.BOUNCED, Bounce.HARD),
        ("HardBounce", {"Details": "smtp;550 5.7.1 policy"}, EventKind.BOUNCED, Bounce.BLOCK),
        ("BadEmailAddress", {}, EventKind.BOUNCED, Bounce.HARD),
        ("SoftBounce", {}, EventKind.BOUNCED, Bounce.SOFT),
        ("SoftBounce", {"Inactive": True}, EventKind.BOUNCED, Bounce.HARD),
        ("DnsError", {}, EventKind.BOUNCED, Bounce.SOFT),
        ("Transient", {}, EventKind.DEFERRED, None),
        ("Blocked", {}, EventKind.BOUNCED, Bounce.BLOCK),
        ("Blocked", {"Inactive": True}, EventKind.BOUNCED, Bounce.BLOCK),
        ("DMARCPolicy", {}, EventKind.BOUNCED, Bounce.BLOCK),
        ("VirusNotification", {}, EventKind.BOUNCED, Bounce.BLOCK),
        ("SpamNotification", {}, EventKind.COMPLAINED, None),
        ("SpamComplaint", {}, EventKind.COMPLAINED, None),
        ("Unsubscribe", {}, EventKind.UNSUBSCRIBED, None),
        ("AutoResponder", {}, EventKind.OTHER, None),
        ("AddressChange", {}, EventKind.OTHER, None),
        ("ChallengeVerification", {}, EventKind.OTHER, None),
        ("Subscribe", {}, EventKind.OTHER, None),
        ("ManuallyDeactivated", {"Inactive": True}, EventKind.BOUNCED, Bounce.HARD),
        ("OfTomorrow", {}, EventKind.OTHER, None),
        (None, {}, EventKind.OTHER, None),
    ],
)
def test_a_bounce_is_read_by_its_type_and_whether_the_address_is_inactive(type_, extra, kind, bounce):
    event = told("Bounce", Type=type_, **extra)
    assert (event.kind, event.bounce) == (kind, bounce)


@pytest.mark.parametrize(("name", "extra"), [("Delivery", {}), ("Bounce", {"Type": "HardBounce"})])
def test_an_event_names_its_delivery_and_its_recipient(name, extra):
    event = told(name, **extra)
    assert (event.reference, event.recipient) == (REFERENCE, "ann@example.org")
    assert event.message_id == "883953f4-6105-42a2-a16a-77a8eac79483"
    assert event.raw == b""


def test_a_reason_has_no_address_in_it():
    event = told("Bounce", Type="HardBounce", Details="550 5.1.1 <ann@example.org>: unknown\r\nX")
    assert event.reason == "HardBounce; 550 5.1.1 <(address)>: unknown X"


def test_a_repeat_has_the_same_id_and_another_event_another():
    one = told("Bounce", Type="HardBounce", ID=4323372036854775807)
    assert one.id == "Bounce-4323372036854775807"
    ids = {told("Open").id, told("Open").id, told("Click").id, told("Click", OriginalLink="https://x").id}
    assert len(ids) == 3
    assert all(len(id_) == 64 for id_ in ids)


def test_seven_digits_of_a_second_are_read():
    assert told("Delivery", DeliveredAt="2026-12-01T08:00:00.9070259Z").at == datetime(
        2026, 12, 1, 8, 0, 0, 907025, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff", b'{"RecordType": 7}', b'{"RecordType": "Delivery", "Metadata": 1}'],
)
def test_a_body_of_any_shape_is_kept(body):
    headers = postmark_report(LOGIN, "Delivery", "", "", AT).headers
    (event,) = heard(Report(body, headers))
    assert event.reference == ""
    assert event.raw == (b"" if b"Delivery" in body else body)


def test_what_has_no_known_meaning_is_kept_as_it_came():
    event = told("Inbound")
    assert (event.reason, json.loads(event.raw)["RecordType"]) == ("Inbound", "Inbound")
