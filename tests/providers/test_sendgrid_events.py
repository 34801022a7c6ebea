import json
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_ecdsa import KEY, SIGNATURE

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.sendgrid_events import TOLERANCE, VARIABLE, open_listener
from newsletter.testing.sendgrid_reports import SigningKey, sendgrid_event, sendgrid_report, signed_headers

OURS = SigningKey(7)
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
GUIDE = (Path(__file__).parents[2] / "docs/providers/sendgrid.md").read_text(encoding="utf-8")
REFERENCE = "nl-d1-12-7-0-45"
HEAD = "x-twilio-email-event-webhook-"


def heard(report, now=AT, key=OURS.public):
    return open_listener({VARIABLE: key}).listen(Post(report.headers, report.body), now)


def told(name, **extra):
    event = sendgrid_event(name, REFERENCE, "ann@example.org", AT, **extra)
    (found,) = heard(sendgrid_report(OURS, [event], AT))
    return found


def test_the_vector_is_taken_as_it_came():
    body = b'[{"email":"hello@world.com","event":"dropped","sg_event_id":"x"}]\r\n'
    signature = b64encode(SIGNATURE).decode()
    headers = {f"{HEAD}timestamp": "1600112502", f"{HEAD}signature": signature}
    listener, at = open_listener({VARIABLE: KEY}), datetime.fromtimestamp(1600112502, UTC)
    (event,) = listener.listen(Post(headers, body), at)
    assert (event.kind, event.id, event.recipient) == (EventKind.FAILED, "x", "hello@world.com")
    for changed in (body.rstrip(), body.replace(b"hello", b"other"), json.dumps(json.loads(body)).encode()):
        with pytest.raises(Forged):
            listener.listen(Post(headers, changed), at)


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "no base64"},
        {"signature": "bm90aGluZw=="},
        {"signature": "\udcff"},
        {"timestamp": ""},
        {"timestamp": str(int(AT.timestamp()) + 1)},
        {"timestamp": "\udcff"},
    ],
)
def test_what_is_not_signed_by_our_key_is_forged(change):
    report = sendgrid_report(OURS, [], AT)
    headers = {**report.headers, **{f"{HEAD}{name}": value for name, value in change.items()}}
    with pytest.raises(Forged):
        heard(type(report)(report.body, headers))


def test_another_key_is_not_ours():
    with pytest.raises(Forged, match="our key"):
        heard(sendgrid_report(SigningKey(8), [], AT))


def test_a_timestamp_that_is_none_is_refused_although_it_is_signed():
    headers = {f"{HEAD}timestamp": "soon", f"{HEAD}signature": OURS.sign(b"soon[]")}
    with pytest.raises(Forged, match="no number"):
        open_listener({VARIABLE: OURS.public}).listen(Post(headers, b"[]"), AT)


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [
        (timedelta(0), True),
        (timedelta(hours=24), True),
        (TOLERANCE, True),
        (TOLERANCE + timedelta(seconds=1), False),
        (-timedelta(minutes=5), True),
        (-timedelta(minutes=6), False),
    ],
)
def test_a_signature_counts_for_as_long_as_a_report_is_repeated(age, is_taken):
    report = sendgrid_report(OURS, [sendgrid_event("delivered", REFERENCE, "ann@example.org", AT)], AT)
    if is_taken:
        assert heard(report, AT + age)
    else:
        with pytest.raises(Forged, match="too old"):
            heard(report, AT + age)


@pytest.mark.parametrize("key", ["", "MFkw", "two words", KEY[:-4], "A" * len(KEY)])
def test_a_key_that_is_none_is_named(key):
    with pytest.raises(ProviderError, match=VARIABLE):
        open_listener({VARIABLE: key})


def test_the_key_may_be_in_a_file(tmp_path):
    (tmp_path / "key").write_text(f"{OURS.public}\n")
    listener = open_listener({f"{VARIABLE}_FILE": str(tmp_path / "key")})
    report = sendgrid_report(OURS, [sendgrid_event("open", REFERENCE, "ann@example.org", AT)], AT)
    assert listener.listen(Post(report.headers, report.body), AT)


HARD, SOFT, BLOCK, UNWANTED = Bounce.HARD, Bounce.SOFT, Bounce.BLOCK, Bounce.UNWANTED
BOUNCED, UNSUBSCRIBED = EventKind.BOUNCED, EventKind.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("name", "extra", "kind", "bounce"),
    [
        ("processed", {}, EventKind.ACCEPTED, None),
        ("delivered", {"response": "250 OK"}, EventKind.DELIVERED, None),
        ("deferred", {"response": "451 try again", "attempt": "5"}, EventKind.DEFERRED, None),
        ("bounce", {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"}, BOUNCED, HARD),
        ("bounce", {"type": "bounce", "status": "550", "reason": "550 no such user"}, BOUNCED, HARD),
        ("bounce", {"type": "bounce"}, BOUNCED, HARD),
        ("bounce", {"type": "bounce", "status": "5.7.1", "reason": "550 5.7.1 policy"}, BOUNCED, BLOCK),
        ("bounce", {"type": "bounce", "reason": "554 blocked by spamhaus"}, BOUNCED, BLOCK),
        ("bounce", {"type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 policy"}, BOUNCED, BLOCK),
        ("bounce", {"type": "blocked"}, BOUNCED, BLOCK),
        ("bounce", {"type": "blocked", "status": "4.2.2", "reason": "mailbox full"}, BOUNCED, SOFT),
        ("bounce", {"type": "blocked", "status": "5.1.1", "reason": "550 5.1.1 unknown"}, BOUNCED, SOFT),
        ("dropped", {"reason": "Bounced Address"}, BOUNCED, HARD),
        ("dropped", {"reason": "Bounced Address\n"}, BOUNCED, HARD),
        ("dropped", {"reason": "Invalid"}, BOUNCED, HARD),
        ("dropped", {"reason": "Spam Reporting Address"}, BOUNCED, UNWANTED),
        ("dropped", {"reason": "Unsubscribed Address"}, UNSUBSCRIBED, None),
        ("dropped", {"reason": "Recipient List over Package Quota"}, EventKind.FAILED, BLOCK),
        ("dropped", {"reason": "Spam Content"}, EventKind.FAILED, BLOCK),
        ("dropped", {}, EventKind.FAILED, BLOCK),
        ("spamreport", {}, EventKind.COMPLAINED, None),
        ("unsubscribe", {}, UNSUBSCRIBED, None),
        ("group_unsubscribe", {"asm_group_id": 7}, UNSUBSCRIBED, None),
        ("group_resubscribe", {"asm_group_id": 7}, EventKind.OTHER, None),
        ("open", {}, EventKind.OPENED, None),
        ("click", {"url": "https://example.org/"}, EventKind.CLICKED, None),
        ("an event of tomorrow", {}, EventKind.OTHER, None),
    ],
)
def test_every_event_means_what_the_table_says(name, extra, kind, bounce):
    event = told(name, **extra)
    assert (event.kind, event.bounce) == (kind, bounce)
    assert event.reference == ("" if kind is EventKind.OTHER else REFERENCE)
    assert bool(event.raw) is (kind is EventKind.OTHER)


def guide_rows():
    _, _, rest = GUIDE.partition("\n| report |")
    rows = rest.split("\n\n")[0].splitlines()[2:]
    return [[re.findall(r"`([^`]+)`", cell) for cell in row.strip("|").split("|")] for row in rows]


@pytest.mark.parametrize(("names", "kept"), guide_rows())
def test_the_page_of_the_docs_says_what_a_report_is_kept_as(names, kept):
    name, *how = names
    for reason in how or [""]:
        of_another_name = name.endswith("unsubscribe") and reason
        event = told(reason) if of_another_name else told(name, reason=reason, type=reason)
        assert event.kind == kept[0]


def test_only_what_says_that_nobody_is_there_or_wants_it_suppresses_at_once():
    assert told("bounce", type="blocked", reason="550 5.1.1 unknown").suppresses is None
    assert told("bounce", type="bounce", reason="550 5.1.1 unknown").suppresses is Suppressed.HARD_BOUNCE
    assert told("spamreport").suppresses is Suppressed.COMPLAINT
    assert told("dropped", reason="Spam Reporting Address").suppresses is Suppressed.COMPLAINT


def test_an_event_tells_whose_when_and_which_call():
    event = told("delivered", timestamp=1796115605, sg_event_id="e-1")
    assert (event.provider, event.id, event.recipient) == ("sendgrid", "e-1", "ann@example.org")
    assert event.message_id == "Xj5LmNkWSOqRbdvOpR34BA"
    assert event.at == datetime.fromtimestamp(1796115605, UTC)


def test_a_click_tells_what_was_clicked_and_whether_a_program_did():
    event = told("click", url="https://example.org/a", ip="192.0.2.1", useragent="curl/8")
    assert (event.click.link, event.click.visitor) == ("https://example.org/a", "192.0.2.1")
    assert event.click.by_program


def test_addresses_in_the_words_of_others_are_not_kept():
    assert told("bounce", type="bounce", reason="550 ann@example.org unknown").reason.count("@") == 0


def test_many_events_of_a_post_are_all_heard():
    events = [sendgrid_event("delivered", f"nl-d1-12-7-0-{pos}", "ann@example.org", AT) for pos in range(500)]
    found = heard(sendgrid_report(OURS, events, AT))
    assert [one.reference for one in found] == [one["newsletter_reference"] for one in events]
    assert len({one.id for one in found}) == 500


def test_an_event_without_an_id_has_one_of_what_it_says():
    one, other = told("open", sg_event_id=""), told("open", sg_event_id="x" * 300)
    assert one.id == told("open", sg_event_id="").id
    assert len({one.id, other.id}) == 2
    assert len(other.id) == 64


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"7", b'"x"', b"null", b"\xff"])
def test_a_post_that_is_no_list_is_kept_as_it_came(body):
    listener = open_listener({VARIABLE: OURS.public})
    (event,) = listener.listen(Post(signed_headers(OURS, body, AT), body), AT)
    assert (event.kind, event.raw) == (EventKind.OTHER, body)


@pytest.mark.parametrize(
    "body", [b"[]", b"[7]", b"[null]", b'[{"event": 7}]', b'[{"email": [], "event": "open"}]']
)
def test_whatever_is_in_the_list_is_read(body):
    listener = open_listener({VARIABLE: OURS.public})
    assert len(listener.listen(Post(signed_headers(OURS, body, AT), body), AT)) == len(json.loads(body))
