import json
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.mailgun_events import open_listener
from newsletter.testing.reports import mailgun_report

KEY = "test-signing-key"
AT = datetime.fromtimestamp(1529006854, UTC)
SIGNATURE = {
    "timestamp": "1529006854",
    "token": "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0",
    "signature": "a4aa5558dda1bdd45f39600cf45ad25006c9fa7980b210160d6df1e9c70160f5",
}
REFERENCE = "nl-d1-12-7-0-45"
NO_SUCH_USER = {"code": 550, "enhanced-code": "5.1.1", "message": "5.1.1 no such user <ann@example.org>"}


def heard(body, now=AT, key=KEY):
    return open_listener({"MAILGUN_WEBHOOK_SIGNING_KEY": key}).listen(Post({}, body), now)


def signed(signature=SIGNATURE, data=None):
    return json.dumps({"signature": signature, "event-data": data or {"event": "delivered"}}).encode()


def told(name, **extra):
    (event,) = heard(mailgun_report(KEY, name, REFERENCE, "ann@example.org", AT, **extra).body)
    return event


def test_the_known_signature_is_taken_and_its_token_names_the_event():
    (event,) = heard(signed())
    assert (event.id, event.kind) == (SIGNATURE["token"], EventKind.DELIVERED)
    assert heard(signed({**SIGNATURE, "timestamp": 1529006854})) == [event]


@pytest.mark.parametrize(
    "changed",
    [
        {"token": "b" * 50},
        {"token": ""},
        {"token": 7},
        {"token": "x" * 201},
        {"timestamp": "1529006855"},
        {"timestamp": 1529006855},
        {"timestamp": "²"},
        {"signature": SIGNATURE["signature"][:-1]},
        {"signature": SIGNATURE["signature"].upper()},
        {"signature": ""},
        {"signature": None},
        {"signature": "é"},
    ],
)
def test_another_signature_is_forged(changed):
    with pytest.raises(Forged):
        heard(signed({**SIGNATURE, **changed}))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"signature": []}', b"a=b&c=d", b"\xff\xfe", signed()[:-9]]
)
def test_what_has_no_signature_is_forged(body):
    with pytest.raises(Forged):
        heard(body)


def test_a_report_may_be_repeated_for_hours_but_not_for_ever():
    assert heard(signed(), AT + timedelta(hours=9))
    for now in (AT + timedelta(hours=13), AT - timedelta(minutes=6)):
        with pytest.raises(Forged):
            heard(signed(), now)


def test_a_missing_key_is_named():
    with pytest.raises(ProviderError, match="MAILGUN_WEBHOOK_SIGNING_KEY"):
        open_listener({})


@pytest.mark.parametrize(
    ("name", "extra", "kind", "bounce", "suppresses"),
    [
        ("accepted", {}, EventKind.ACCEPTED, None, None),
        ("delivered", {}, EventKind.DELIVERED, None, None),
        ("opened", {}, EventKind.OPENED, None, None),
        ("clicked", {}, EventKind.CLICKED, None, None),
        ("complained", {}, EventKind.COMPLAINED, None, Suppressed.COMPLAINT),
        ("unsubscribed", {}, EventKind.UNSUBSCRIBED, None, None),
        ("rejected", {"reject": {"reason": "spam"}}, EventKind.FAILED, Bounce.BLOCK, None),
        (
            "failed",
            {"severity": "temporary", "delivery-status": NO_SUCH_USER},
            EventKind.DEFERRED,
            None,
            None,
        ),
        ("failed", {"delivery-status": NO_SUCH_USER}, EventKind.DEFERRED, None, None),
        ("stored", {}, EventKind.OTHER, None, None),
        (None, {}, EventKind.OTHER, None, None),
    ],
)
def test_every_event_has_its_meaning(name, extra, kind, bounce, suppresses):
    event = told(name, **extra)
    assert (event.kind, event.bounce, event.suppresses, event.at) == (kind, bounce, suppresses, AT)


@pytest.mark.parametrize(
    ("reason", "status", "kind", "bounce"),
    [
        ("bounce", NO_SUCH_USER, EventKind.BOUNCED, Bounce.HARD),
        ("bounce", {"code": 550, "message": "no such user"}, EventKind.BOUNCED, Bounce.LIKELY),
        ("bounce", {"code": 550, "message": "5.7.1 blocked"}, EventKind.BOUNCED, Bounce.BLOCK),
        ("generic", {"code": 452, "message": "4.2.2 full"}, EventKind.BOUNCED, Bounce.SOFT),
        ("generic", {"code": 602, "message": "Too old"}, EventKind.BOUNCED, Bounce.SOFT),
        ("generic", {}, EventKind.BOUNCED, Bounce.SOFT),
        ("generic", "nonsense", EventKind.BOUNCED, Bounce.SOFT),
        ("suppress-bounce", {"code": 605}, EventKind.BOUNCED, Bounce.HARD),
        ("suppress-complaint", {"code": 607}, EventKind.BOUNCED, Bounce.UNWANTED),
        ("suppress-unsubscribe", {"code": 606}, EventKind.UNSUBSCRIBED, None),
    ],
)
def test_a_failure_for_good_is_read_by_its_reason_and_its_codes(reason, status, kind, bounce):
    event = told("failed", severity="permanent", reason=reason, **{"delivery-status": status})
    assert (event.kind, event.bounce) == (kind, bounce)


def test_an_event_names_its_delivery_and_keeps_no_address_in_its_reason():
    event = told("failed", severity="permanent", **{"delivery-status": NO_SUCH_USER})
    assert (event.reference, event.recipient) == (REFERENCE, "ann@example.org")
    assert event.message_id == "20260102.1@news.example.org"
    assert event.reason == "550; 5.1.1; 5.1.1 no such user <(address)>"
    assert event.raw == b""


def test_what_has_no_known_meaning_is_kept_as_it_came():
    event = told("stored")
    assert (event.reason, event.reference) == ("stored", "")
    assert b'"stored"' in event.raw


@pytest.mark.parametrize("timestamp", [None, "x", True, 1e300, -1e300, float("inf"), [], {}])
def test_an_instant_that_is_none_is_that_of_its_coming(timestamp):
    body = signed(data={"event": "delivered", "timestamp": timestamp})
    if timestamp == float("inf"):
        with pytest.raises(Forged):
            heard(body)
        return
    assert heard(body)[0].at == AT
