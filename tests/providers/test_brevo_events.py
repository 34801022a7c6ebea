import json
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.brevo_events import open_listener
from newsletter.testing.brevo_reports import brevo_event, brevo_report
from newsletter.testing.reports import Report

LOGIN = "brevo:long-and-random"
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
REFERENCE = "nl-d1-12-7-0-45"


def heard(report, login=LOGIN):
    listener = open_listener({"BREVO_WEBHOOK_LOGIN": login})
    return listener.listen(Post(report.headers, report.body), AT + timedelta(hours=3))


def told(name, **extra):
    (event,) = heard(brevo_report(LOGIN, brevo_event(name, REFERENCE, "ann@example.org", AT, **extra)))
    return event


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic"},
        {"authorization": f"Bearer {LOGIN}"},
        {"authorization": brevo_report("brevo:wrong", {}).headers["authorization"]},
        {"authorization": "Basic \udcff"},
    ],
)
def test_what_does_not_come_with_our_name_and_password_is_forged(headers):
    with pytest.raises(Forged):
        heard(Report(b'{"event": "delivered"}', headers))


@pytest.mark.parametrize("login", ["", "password", ":password", "name:", "two words:x"])
def test_a_login_that_is_none_is_named(login):
    with pytest.raises(ProviderError, match="BREVO_WEBHOOK_LOGIN"):
        open_listener({"BREVO_WEBHOOK_LOGIN": login})


@pytest.mark.parametrize(
    ("name", "extra", "kind", "bounce", "suppresses"),
    [
        ("request", {}, EventKind.ACCEPTED, None, None),
        ("sent", {}, EventKind.ACCEPTED, None, None),
        ("delivered", {}, EventKind.DELIVERED, None, None),
        ("deferred", {"reason": "451 4.3.0 later"}, EventKind.DEFERRED, None, None),
        ("soft_bounce", {"reason": "552 5.2.2 full"}, EventKind.BOUNCED, Bounce.SOFT, None),
        ("soft_bounce", {"reason": "550 5.7.1 policy"}, EventKind.BOUNCED, Bounce.BLOCK, None),
        ("hard_bounce", {}, EventKind.BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("hard_bounce", {"reason": "550 5.1.1 no"}, EventKind.BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("hard_bounce", {"reason": "550 5.7.1 policy"}, EventKind.BOUNCED, Bounce.BLOCK, None),
        ("invalid_email", {}, EventKind.BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("blocked", {"reason": "blocked"}, EventKind.BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("blocked", {"reason": "spam complaint"}, EventKind.BOUNCED, Bounce.UNWANTED, Suppressed.COMPLAINT),
        ("error", {"reason": "content"}, EventKind.FAILED, Bounce.BLOCK, None),
        ("spam", {}, EventKind.COMPLAINED, None, Suppressed.COMPLAINT),
        ("complaint", {}, EventKind.COMPLAINED, None, Suppressed.COMPLAINT),
        ("unsubscribe", {}, EventKind.UNSUBSCRIBED, None, None),
        ("unsubscribed", {}, EventKind.UNSUBSCRIBED, None, None),
        ("opened", {}, EventKind.OPENED, None, None),
        ("unique_opened", {}, EventKind.OPENED, None, None),
        ("proxy_open", {}, EventKind.OPENED, None, None),
        ("unique_proxy_open", {}, EventKind.OPENED, None, None),
        ("click", {"link": "https://x.example"}, EventKind.CLICKED, None, None),
        ("list_addition", {}, EventKind.OTHER, None, None),
        (None, {}, EventKind.OTHER, None, None),
    ],
)
def test_every_event_has_its_meaning(name, extra, kind, bounce, suppresses):
    event = told(name, **extra)
    assert (event.kind, event.bounce, event.suppresses) == (kind, bounce, suppresses)


def test_an_event_names_its_delivery_its_mail_and_its_recipient():
    event = told("delivered")
    assert (event.reference, event.recipient, event.raw) == (REFERENCE, "ann@example.org", b"")
    assert event.message_id == "202612010900.56761188@smtp-relay.mailin.fr"


def test_only_the_time_whose_zone_is_known_counts():
    assert told("delivered").at == AT
    for strange in (None, "1796115600000", True, 10**30):
        assert told("delivered", ts_epoch=strange).at == AT + timedelta(hours=3)


def test_a_click_is_told_without_a_person():
    click = told("click", link="https://x.example/a", ip="192.0.2.1", user_agent="curl/8").click
    assert (click.link, click.visitor, click.by_program) == ("https://x.example/a", "192.0.2.1", True)
    assert told("opened").click is None


def test_several_events_of_a_post_are_all_heard():
    crowd = [brevo_event(name, REFERENCE, "ann@example.org", AT) for name in ("request", "delivered", "x")]
    events = heard(brevo_report(LOGIN, *crowd))
    assert [event.kind for event in events] == [EventKind.ACCEPTED, EventKind.DELIVERED, EventKind.OTHER]
    assert json.loads(events[2].raw)["event"] == "x"


def test_a_repeat_has_the_same_id_and_another_event_another():
    ids = {told("opened").id, told("opened").id, told("click").id, told("click", link="https://x").id}
    assert len(ids) == 3
    assert all(len(id_) == 64 for id_ in ids)


def test_a_reason_has_no_address_in_it():
    event = told("hard_bounce", reason="550 5.1.1 <ann@example.org>: unknown\r\nX")
    assert event.reason == "hard_bounce; 550 5.1.1 <(address)>: unknown X"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b"\xff", b'{"event": 7}', b'"x"', b"[7]", b'[{"event":[]}]']
)
def test_a_body_of_any_shape_is_kept(body):
    headers = brevo_report(LOGIN, {}).headers
    (event,) = heard(Report(body, headers))
    assert (event.kind, event.reference) == (EventKind.OTHER, "")
    assert event.raw or not body


def test_an_empty_group_tells_nothing():
    assert heard(Report(b"[]", brevo_report(LOGIN, {}).headers)) == []
