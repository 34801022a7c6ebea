from datetime import UTC, datetime

import pytest

from newsletter.domain.bouncing import Bounce
from newsletter.domain.clicks import Click
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.sparkpost_events import open_listener
from newsletter.testing.reports import Report
from newsletter.testing.sparkpost_reports import sparkpost_event, sparkpost_report

LOGIN = "sparkpost:long-and-random"
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 12, 2, tzinfo=UTC)
REFERENCE = "nl-d1-12-7-0-45"


def heard(report, login=LOGIN):
    listener = open_listener({"SPARKPOST_WEBHOOK_LOGIN": login})
    return listener.listen(Post(report.headers, report.body), NOW)


def told(name, **extra):
    (event,) = heard(
        sparkpost_report(LOGIN, sparkpost_event(name, REFERENCE, "Ann@example.org", AT, **extra))
    )
    return event


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": sparkpost_report("sparkpost:wrong").headers["authorization"]},
        {"authorization": LOGIN},
        {"authorization": "Basic \udcff"},
        {"x-messagesystems-webhook-token": LOGIN},
    ],
)
def test_what_does_not_come_with_our_name_and_password_is_forged(headers):
    with pytest.raises(Forged):
        heard(Report(b"[]", headers))


@pytest.mark.parametrize("login", ["", "password", ":password", "name:"])
def test_a_login_that_is_none_is_named(login):
    with pytest.raises(ProviderError, match="SPARKPOST_WEBHOOK_LOGIN"):
        open_listener({"SPARKPOST_WEBHOOK_LOGIN": login})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("injection", EventKind.ACCEPTED),
        ("delivery", EventKind.DELIVERED),
        ("delay", EventKind.DEFERRED),
        ("policy_rejection", EventKind.FAILED),
        ("generation_rejection", EventKind.FAILED),
        ("generation_failure", EventKind.FAILED),
        ("spam_complaint", EventKind.COMPLAINED),
        ("list_unsubscribe", EventKind.UNSUBSCRIBED),
        ("link_unsubscribe", EventKind.UNSUBSCRIBED),
        ("open", EventKind.OPENED),
        ("initial_open", EventKind.OPENED),
        ("amp_open", EventKind.OPENED),
        ("click", EventKind.CLICKED),
        ("amp_click", EventKind.CLICKED),
    ],
)
def test_every_event_is_of_its_kind_and_names_its_delivery(name, kind):
    event = told(name)
    assert (event.kind, event.reference, event.at) == (kind, REFERENCE, AT)
    assert (event.message_id, event.recipient) == ("65832150921904138", "Ann@example.org")


@pytest.mark.parametrize(
    ("classes", "bounce"),
    [
        (("10", "30", 10), Bounce.HARD),
        (("20", "21", "22", "24", "40", "70", "100"), Bounce.SOFT),
        (("23", "25", "50", "51", "52", "53", "54"), Bounce.BLOCK),
    ],
)
@pytest.mark.parametrize("name", ["bounce", "out_of_band"])
def test_the_class_tells_what_a_bounce_says_of_the_address(name, classes, bounce):
    for one in classes:
        event = told(name, bounce_class=one, raw_reason="it did not arrive")
        assert (event.kind, event.bounce) == (EventKind.BOUNCED, bounce)


@pytest.mark.parametrize(
    ("values", "kind", "bounce"),
    [
        ({"bounce_class": "90"}, EventKind.UNSUBSCRIBED, None),
        ({"bounce_class": "60"}, EventKind.OTHER, None),
        ({"bounce_class": "80"}, EventKind.OTHER, None),
        ({"bounce_class": "1", "raw_reason": "550 5.1.1 no such user"}, EventKind.BOUNCED, Bounce.HARD),
        ({"bounce_class": "1", "raw_reason": "552 5.2.2 full"}, EventKind.BOUNCED, Bounce.SOFT),
        ({"bounce_class": None, "raw_reason": "who knows"}, EventKind.BOUNCED, Bounce.SOFT),
        (
            {"bounce_class": "10", "raw_reason": "550 5.7.1 blocked by policy"},
            EventKind.BOUNCED,
            Bounce.BLOCK,
        ),
    ],
)
def test_other_bounces_are_read_for_what_they_are(values, kind, bounce):
    event = told("bounce", **values)
    assert (event.kind, event.bounce) == (kind, bounce)


def test_the_reason_is_told_without_the_address():
    event = told("bounce", bounce_class="10", error_code="550", raw_reason="550 <ann@example.org> is unknown")
    assert event.reason == "550; 550 <(address)> is unknown"


def test_a_click_tells_its_link():
    event = told("click", target_link_url="https://x.example/a", ip_address="192.0.2.7", user_agent="Mail/1")
    assert event.click == Click("https://x.example/a", "192.0.2.7")


def test_a_post_of_many_gives_each_and_a_ping_gives_nothing():
    events = [sparkpost_event("delivery", f"r-{n}", "ann@example.org", AT) for n in range(3)]
    assert [event.reference for event in heard(sparkpost_report(LOGIN, *events))] == ["r-0", "r-1", "r-2"]
    assert heard(sparkpost_report(LOGIN)) == []


def test_a_repeat_has_the_same_id():
    event = sparkpost_event("delivery", REFERENCE, "ann@example.org", AT)
    first, second = heard(sparkpost_report(LOGIN, event)), heard(sparkpost_report(LOGIN, event))
    assert first == second
    without = sparkpost_event("delivery", REFERENCE, "ann@example.org", AT, event_id=None)
    assert heard(sparkpost_report(LOGIN, without))[0].id == heard(sparkpost_report(LOGIN, without))[0].id


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"7", b"[7]", b'[{"msys":7}]', b'[{"msys":{"x":{"type":["x"]}}}]', b'[{"a":1}]', b"\xff"],
)
def test_what_cannot_be_read_is_kept_and_changes_nothing(body):
    report = Report(body, sparkpost_report(LOGIN).headers)
    (event,) = heard(report)
    assert (event.kind, event.reference, event.at) == (EventKind.OTHER, "", NOW)
    assert event.raw == body or event.raw in body


@pytest.mark.parametrize("written", ["1796115600", 1796115600, "2026-12-01T09:00:00.000+00:00"])
def test_the_time_is_read_in_every_form(written):
    assert told("delivery", timestamp=written).at == AT


def test_a_time_that_is_none_is_now():
    assert told("delivery", timestamp="9" * 40).at == NOW
