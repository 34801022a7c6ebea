import json
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.mailjet_events import open_listener
from newsletter.testing.mailjet_reports import mailjet_event, mailjet_report
from newsletter.testing.reports import Report

LOGIN = "mailjet:long-and-random"
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
REFERENCE = "nl-d1-12-7-0-45"
HARD, SOFT, BLOCK = {"hard_bounce": True}, {"hard_bounce": False}, Bounce.BLOCK
BOUNCED, FAILED = EventKind.BOUNCED, EventKind.FAILED


def heard(report, login=LOGIN):
    listener = open_listener({"MAILJET_WEBHOOK_LOGIN": login})
    return listener.listen(Post(report.headers, report.body), AT + timedelta(hours=3))


def told(name, **extra):
    (event,) = heard(mailjet_report(LOGIN, mailjet_event(name, REFERENCE, "ann@example.org", AT, **extra)))
    return event


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic"},
        {"authorization": f"Bearer {LOGIN}"},
        {"authorization": mailjet_report("mailjet:wrong").headers["authorization"]},
        {"authorization": "Basic \udcff"},
    ],
)
def test_what_does_not_come_with_our_name_and_password_is_forged(headers):
    with pytest.raises(Forged):
        heard(Report(b'[{"event": "sent"}]', headers))


@pytest.mark.parametrize("login", ["", "password", ":password", "name:", "two words:x"])
def test_a_login_that_is_none_is_named(login):
    with pytest.raises(ProviderError, match="MAILJET_WEBHOOK_LOGIN"):
        open_listener({"MAILJET_WEBHOOK_LOGIN": login})


@pytest.mark.parametrize(
    ("name", "extra", "kind", "bounce", "suppresses"),
    [
        ("sent", {"smtp_reply": "250 OK"}, EventKind.DELIVERED, None, None),
        ("bounce", {**HARD, "error": "user unknown"}, BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("bounce", HARD, BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("bounce", {**HARD, "error": "invalid domain"}, BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("bounce", {**HARD, "comment": "550 5.7.1 policy"}, BOUNCED, BLOCK, None),
        ("bounce", {**HARD, "error": "policy issue"}, BOUNCED, BLOCK, None),
        ("bounce", SOFT, BOUNCED, Bounce.SOFT, None),
        ("bounce", {}, BOUNCED, Bounce.SOFT, None),
        ("bounce", {"hard_bounce": "true"}, BOUNCED, Bounce.SOFT, None),
        ("bounce", {**SOFT, "error": "quota exceeded"}, BOUNCED, Bounce.SOFT, None),
        ("bounce", {**SOFT, "error": "user unknown"}, BOUNCED, Bounce.SOFT, None),
        ("bounce", {**SOFT, "error": "content blocked"}, BOUNCED, BLOCK, None),
        ("bounce", {**SOFT, "error": "greylisted"}, EventKind.DEFERRED, None, None),
        ("blocked", {"error": "preblocked"}, BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("blocked", {"error": "user unknown"}, BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("blocked", {"error": "spam reporter"}, BOUNCED, Bounce.UNWANTED, Suppressed.COMPLAINT),
        ("blocked", {"error": "content blocked"}, FAILED, BLOCK, None),
        ("blocked", {"error": "of tomorrow"}, FAILED, BLOCK, None),
        ("blocked", {}, FAILED, BLOCK, None),
        # Somebody has it already.
        ("blocked", {"error": "duplicate in campaign"}, EventKind.ACCEPTED, None, None),
        ("blocked", {"error": "Duplicate in Campaign"}, EventKind.ACCEPTED, None, None),
        ("spam", {"source": "JMRPP"}, EventKind.COMPLAINED, None, Suppressed.COMPLAINT),
        ("unsub", {"mj_list_id": 1}, EventKind.UNSUBSCRIBED, None, None),
        ("open", {}, EventKind.OPENED, None, None),
        ("click", {"url": "https://x.example"}, EventKind.CLICKED, None, None),
        ("of tomorrow", {}, EventKind.OTHER, None, None),
        (None, {}, EventKind.OTHER, None, None),
    ],
)
def test_every_event_has_its_meaning(name, extra, kind, bounce, suppresses):
    event = told(name, **extra)
    assert (event.kind, event.bounce, event.suppresses, event.at) == (kind, bounce, suppresses, AT)


def test_an_event_names_its_delivery_its_mail_and_its_recipient():
    event = told("sent")
    assert (event.reference, event.recipient, event.raw) == (REFERENCE, "ann@example.org", b"")
    assert event.message_id == "1152921504606846977"


def test_a_single_event_and_a_group_are_both_heard():
    crowd = [mailjet_event(name, REFERENCE, "ann@example.org", AT) for name in ("sent", "open", "x")]
    assert [one.kind for one in heard(mailjet_report(LOGIN, *crowd))] == [
        EventKind.DELIVERED, EventKind.OPENED, EventKind.OTHER,
    ]  # fmt: skip
    (event,) = heard(mailjet_report(LOGIN, crowd[2], is_grouped=False))
    assert json.loads(event.raw)["event"] == "x"


def test_a_click_is_told_without_a_person():
    click = told("click", url="https://x.example/a", ip="192.0.2.1", agent="curl/8").click
    assert (click.link, click.visitor, click.by_program) == ("https://x.example/a", "192.0.2.1", True)
    assert told("open").click is None


def test_a_repeat_has_the_same_id_and_another_event_another():
    ids = {told("open").id, told("open").id, told("click").id, told("click", url="https://x").id}
    assert len(ids) == 3
    assert all(len(id_) == 64 for id_ in ids)


def test_a_reason_has_no_address_in_it():
    event = told(
        "bounce", **HARD, error="user unknown", error_related_to="recipient", comment="<ann@x.org> no"
    )
    assert event.reason == "recipient; user unknown; <(address)> no"


@pytest.mark.parametrize("time", [None, "soon", True, 10**30])
def test_an_event_without_a_time_has_that_of_its_coming(time):
    assert told("sent", time=time).at == AT + timedelta(hours=3)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b"\xff", b'{"event": 7}', b'"x"', b"[7]", b'[{"event":[]}]']
)
def test_a_body_of_any_shape_is_kept(body):
    (event,) = heard(Report(body, mailjet_report(LOGIN).headers))
    assert (event.kind, event.reference) == (EventKind.OTHER, "")
    assert event.raw or not body


def test_an_empty_group_tells_nothing():
    assert heard(mailjet_report(LOGIN)) == []
