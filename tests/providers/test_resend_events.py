from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.resend_events import open_listener
from newsletter.testing.reports import resend_report, svix_headers

#: A published example of the scheme (docs.svix.com/receiving/verifying-payloads/how-manual).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = datetime.fromtimestamp(1614265330, UTC)
SIGNED = {
    "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "svix-timestamp": "1614265330",
    "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
OTHER_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER_SIGNATURE = "v1,hK4CWvngkaAwjY1pABLuUbOIkEJjW9tAapq1no4ojG0="
MESSAGE = {
    "from": "a@news.example.org",
    "to": ["ann@example.org"],
    "subject": "Neck",
    "tags": [{"name": "reference", "value": "nl-d1-12-7-0-45"}],
}


def heard(headers=SIGNED, body=BODY, now=AT, secret=SECRET):
    listener = open_listener({"RESEND_WEBHOOK_SECRET": secret})
    return listener.listen(Post({name.lower(): value for name, value in headers.items()}, body), now)


def told(name, **extra):
    report = resend_report(
        SECRET, name, {**MESSAGE, **extra.pop("message", {})}, AT, event_id="msg_1", **extra
    )
    (event,) = heard(report.headers, report.body)
    return event


def test_the_published_example_is_taken_and_kept_as_something_unknown():
    (event,) = heard()
    assert (event.id, event.kind, event.raw) == (SIGNED["svix-id"], EventKind.OTHER, BODY)


def test_another_secret_signs_otherwise():
    headers = {**SIGNED, "svix-signature": OTHER_SIGNATURE}
    assert heard(headers, secret=OTHER_SECRET)
    with pytest.raises(Forged):
        heard(headers)


def test_one_of_several_signatures_is_enough():
    assert heard(
        {**SIGNED, "svix-signature": f"v1a,xyz v1,AAAA {OTHER_SIGNATURE} {SIGNED['svix-signature']}"}
    )


def test_the_names_of_the_standard_are_taken_too():
    assert heard({name.replace("svix", "webhook"): value for name, value in SIGNED.items()})


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b'{"test": 2432232315}'},
        {"body": BODY[:-1]},
        {"body": b""},
        {"headers": {**SIGNED, "svix-id": "msg_other"}},
        {"headers": {**SIGNED, "svix-id": "m" * 201}},
        {"headers": {**SIGNED, "svix-timestamp": "1614265331"}},
        {"headers": {**SIGNED, "svix-timestamp": "soon"}},
        {"headers": {**SIGNED, "svix-signature": SIGNED["svix-signature"].replace("v1,", "v2,")}},
        {"headers": {**SIGNED, "svix-signature": SIGNED["svix-signature"].removeprefix("v1,")}},
        {"headers": {**SIGNED, "svix-signature": "v1,Zoë"}},
        {"headers": {name: SIGNED[name] for name in ("svix-id", "svix-timestamp")}},
        {"headers": {}},
        {"now": AT + timedelta(minutes=5, seconds=1)},
        {"now": AT - timedelta(minutes=5, seconds=1)},
    ],
)
def test_what_is_not_signed_like_this_just_now_is_forged(changed):
    with pytest.raises(Forged):
        heard(**changed)


@pytest.mark.parametrize("late", [timedelta(minutes=5), -timedelta(minutes=5)])
def test_a_clock_may_be_wrong_by_five_minutes(late):
    assert heard(now=AT + late)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_no base64", "whsec_!!!"])
def test_a_secret_that_is_none_is_named(secret):
    with pytest.raises(ProviderError, match="RESEND_WEBHOOK_SECRET"):
        open_listener({"RESEND_WEBHOOK_SECRET": secret})


def test_the_secret_may_be_in_a_file(tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    listener = open_listener({"RESEND_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")})
    assert listener.listen(Post(SIGNED, BODY), AT)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("email.sent", EventKind.ACCEPTED),
        ("email.delivered", EventKind.DELIVERED),
        ("email.delivery_delayed", EventKind.DEFERRED),
        ("email.complained", EventKind.COMPLAINED),
        ("email.opened", EventKind.OPENED),
        ("email.clicked", EventKind.CLICKED),
        ("contact.updated", EventKind.OTHER),
        ("email.invented", EventKind.OTHER),
    ],
)
def test_every_type_has_its_meaning(name, kind):
    event = told(name)
    assert (event.id, event.kind, event.at) == ("msg_1", kind, AT)
    assert event.bounce is None


def test_an_event_names_its_delivery_and_its_recipient():
    event = told("email.delivered")
    assert (event.reference, event.recipient) == ("nl-d1-12-7-0-45", "ann@example.org")
    assert event.raw == b""


def test_an_international_domain_is_read_as_people_write_it():
    assert told("email.delivered", message={"to": ["ann@xn--mller-kva.example"]}).recipient == (
        "ann@müller.example"
    )


def test_with_several_recipients_it_is_about_nobody():
    assert told("email.complained", message={"to": ["a@example.org", "b@example.org"]}).recipient == ""


@pytest.mark.parametrize(
    ("bounce", "means", "suppresses"),
    [
        ({"type": "Permanent", "subType": "General"}, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ({"type": "Permanent", "subType": "NoEmail"}, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ({"type": "Transient", "subType": "MailboxFull"}, Bounce.SOFT, None),
        ({"type": "Transient", "subType": "General"}, Bounce.SOFT, None),
        ({"type": "Transient", "subType": "ContentRejected"}, Bounce.BLOCK, None),
        ({"type": "Permanent", "diagnosticCode": ["smtp; 550 5.7.1 policy"]}, Bounce.BLOCK, None),
        ({"type": "Permanent", "diagnosticCode": ["smtp; 550 5.1.1 x"]}, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ({"type": "Undetermined"}, Bounce.SOFT, None),
        ({}, Bounce.SOFT, None),
        ("nonsense", Bounce.SOFT, None),
    ],
)
def test_only_a_permanent_bounce_is_hard(bounce, means, suppresses):
    event = told("email.bounced", bounce=bounce)
    assert (event.kind, event.bounce, event.suppresses) == (EventKind.BOUNCED, means, suppresses)


def test_a_reason_has_no_address_in_it():
    bounce = {"type": "Permanent", "diagnosticCode": ["550 5.1.1 <ann@example.org>: unknown\r\nX"]}
    assert told("email.bounced", bounce=bounce).reason == "Permanent; 550 5.1.1 <(address)>: unknown X"


@pytest.mark.parametrize(
    ("reason", "suppresses"),
    [("previous_bounce", Suppressed.HARD_BOUNCE), ("previous_complaint", Suppressed.COMPLAINT)],
)
def test_what_the_provider_does_not_send_to_any_more_neither_do_we(reason, suppresses):
    event = told("email.suppressed", suppressed={"reason": reason})
    assert (event.kind, event.suppresses) == (EventKind.BOUNCED, suppresses)


def test_a_mail_that_failed_says_nothing_about_its_address():
    event = told("email.failed", failed={"reason": "reached_daily_quota"})
    assert (event.kind, event.bounce, event.suppresses) == (EventKind.FAILED, Bounce.BLOCK, None)
    assert event.reason == "reached_daily_quota"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff", b'{"type": 7, "data": []}', b'{"type": "email.sent", "data": 1}'],
)
def test_a_signed_body_of_any_shape_is_kept(body):
    (event,) = heard(svix_headers(SECRET, body, AT), body)
    assert replace(event, id="").reference == ""
