"""Posts of a topic of Amazon SNS: who may post, what is confirmed, and what each event means."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.event import EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.ses_events import SesListener, open_listener, read_event
from newsletter.providers.sns import Certificates, Topic, fetch
from newsletter.testing.certificates import can_make, make_certificate
from newsletter.testing.fake_http import FakeService, Response
from newsletter.testing.ses_reports import ARN, WELCOME, FakeTopic, ses_event

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
REFERENCE = "nl-d1-12-7-0-45"
ANN = "ann@example.org"
SENT = ses_event("Send", REFERENCE, ANN, AT)
BOUNCED, FAILED = EventKind.BOUNCED, EventKind.FAILED
NO_MAILBOX = {"bouncedRecipients": [{"emailAddress": ANN, "diagnosticCode": "smtp; 550 5.1.1 unknown user"}]}
POLICY = {"bouncedRecipients": [{"emailAddress": ANN, "diagnosticCode": "smtp; 550 5.7.1 policy"}]}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not can_make():
        pytest.skip("openssl is not there")
    return make_certificate(tmp_path_factory.mktemp("sns"), rsa_bits=2048)


@pytest.fixture
def topic(certificate):
    return FakeTopic(certificate)


def listener_of(topic, arn=ARN):
    return SesListener(Topic.parse(arn), Certificates(topic.fetch))


def heard(topic, report, now=AT + timedelta(minutes=1)):
    return listener_of(topic).listen(Post(report.headers, report.body), now)


def told(name, **details):
    return read_event("id-1", json.dumps(ses_event(name, REFERENCE, ANN, AT, **details)), AT)


def changed(report, **values):
    return type(report)(json.dumps({**json.loads(report.body), **values}).encode(), report.headers)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("more", [{}, {"Subject": None}, {"Subject": "über\nzwei"}])
def test_a_post_of_our_topic_is_read(topic, version, more):
    topic.version = version
    (event,) = heard(topic, topic.notification(SENT, AT, **more))
    assert (event.kind, event.reference, event.recipient) == (EventKind.ACCEPTED, REFERENCE, ANN)
    assert (event.at, event.message_id) == (AT, "0102018f5b8e4d3c-7a1b-000000")


def test_a_post_that_comes_again_is_the_same_event(topic):
    report = topic.notification(SENT, AT)
    first, again = heard(topic, report), heard(topic, report, AT + timedelta(minutes=50))
    assert [one.id for one in first] == [one.id for one in again]
    assert heard(topic, topic.notification(SENT, AT))[0].id != first[0].id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Message", json.dumps(ses_event("Complaint", REFERENCE, ANN, AT))),
        ("MessageId", "another-id"),
        ("Subject", "another"),
        ("Timestamp", "2026-12-01T09:00:01.000Z"),
        ("Signature", "AAAA"),
        ("Signature", "no base64"),
        ("Signature", None),
        ("SignatureVersion", "2"),
        ("SignatureVersion", "3"),
        ("SignatureVersion", None),
        ("Type", "Anything"),
    ],
)
def test_a_post_that_was_changed_is_forged(topic, name, value):
    with pytest.raises(Forged):
        heard(topic, changed(topic.notification(SENT, AT), **{name: value}))


def test_what_one_field_says_cannot_be_moved_into_another(topic):
    """A signature covers names, too: a subject that holds a whole timestamp is not one."""
    report = topic.notification("x", AT, Subject="y\nTimestamp\n2026-12-01T09:00:00.000Z")
    with pytest.raises(Forged):
        heard(topic, changed(report, Subject="y"))


def test_a_post_signed_by_anybody_else_is_forged(topic, tmp_path):
    stranger = FakeTopic(make_certificate(tmp_path, rsa_bits=2048))
    with pytest.raises(Forged, match="not by the certificate"):
        heard(topic, stranger.notification(SENT, AT))


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com.example.org/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com@example.org/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123456789abcdef.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/?Action=Publish&x=/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "file:///etc/passwd",
        "https://[",
        "",
        None,
        7,
    ],
)
def test_a_certificate_comes_from_the_region_of_the_topic_and_from_nowhere_else(topic, url):
    with pytest.raises(Forged):
        heard(topic, changed(topic.notification(SENT, AT), SigningCertURL=url))
    assert topic.asked == []


@pytest.mark.parametrize("arn", [f"{ARN}-other", ARN.replace("123456789012", "210987654321"), ""])
def test_a_good_post_of_another_topic_is_forged_before_anything_is_fetched(topic, arn):
    topic.arn = arn
    with pytest.raises(Forged, match="another topic"):
        heard(topic, topic.notification(SENT, AT))
    assert topic.asked == []


@pytest.mark.parametrize("late", [timedelta(hours=3), timedelta(minutes=-10)])
def test_a_post_that_is_too_old_or_from_the_future_is_forged(topic, late):
    with pytest.raises(Forged, match="too old"):
        heard(topic, topic.notification(SENT, AT), AT + late)


def test_a_raw_delivery_has_no_signature_and_is_forged(topic):
    with pytest.raises(Forged, match="raw message delivery"):
        listener_of(topic).listen(Post({}, json.dumps(SENT).encode()), AT)


@settings(max_examples=40)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Type", "TopicArn", "Message", "Signature", "MessageId", "Timestamp"]), inner
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_rubbish_is_forged_and_no_error(body):
    listener = SesListener(Topic.parse(ARN), Certificates(lambda url: b""))
    with pytest.raises(Forged):
        listener.listen(Post({}, body), AT)


def test_a_certificate_is_fetched_once(topic):
    listener = listener_of(topic)
    for _ in range(3):
        report = topic.notification(SENT, AT)
        listener.listen(Post(report.headers, report.body), AT)
    assert topic.asked == [topic.certificate_url]


def test_a_certificate_that_does_not_come_is_for_later_and_not_asked_for_at_once(topic):
    listener, report = listener_of(topic), topic.notification(SENT, AT)
    post = Post(report.headers, report.body)
    topic.is_away = True
    for seconds in (0, 1, 9):
        with pytest.raises(ProviderError, match="certificate"):
            listener.listen(post, AT + timedelta(seconds=seconds))
    assert len(topic.asked) == 1
    topic.is_away = False
    assert len(listener.listen(post, AT + timedelta(seconds=11))) == 1


class Pages(FakeService):
    def handle(self, request):
        return {"/there": Response(200, b"here"), "/moved": Response(302, b"", {"Location": "/there"})}.get(
            request.path, Response(200, b"x" * 70_000) if request.path == "/large" else Response(404, b"no")
        )

    def failed(self, fault):
        return Response(500, b"")


def test_a_page_of_amazon_is_small_and_where_it_is_asked_for():
    with Pages() as pages:
        assert fetch(f"{pages.url}/there") == b"here"
        for path in ("moved", "large", "gone"):
            with pytest.raises(OSError, match="it answered"):
                fetch(f"{pages.url}/{path}")
    with pytest.raises(OSError):
        fetch("http://127.0.0.1:9/there")


def test_the_subscription_of_our_topic_is_confirmed_and_leaves_nothing_of_its_token(topic):
    (event,) = heard(topic, topic.confirmation(AT))
    assert topic.confirmed == ["2336412f37"]
    assert (event.kind, event.raw, event.reason) == (EventKind.OTHER, b"", "SubscriptionConfirmation")


def test_no_other_subscription_is_confirmed(topic, tmp_path):
    stranger = FakeTopic(make_certificate(tmp_path, rsa_bits=2048))
    good = topic.confirmation(AT)
    elsewhere = topic.confirmation(AT, SubscribeURL="https://example.org/?Action=ConfirmSubscription&Token=x")
    posts = [changed(good, Token="x"), stranger.confirmation(AT), elsewhere]
    topic.arn = f"{ARN}-other"
    posts.append(topic.confirmation(AT))
    topic.arn = ARN
    for report in posts:
        with pytest.raises(Forged):
            heard(topic, report)
    assert topic.confirmed == []
    assert not [url for url in topic.asked if "example.org" in url]


def test_a_confirmation_that_is_not_answered_comes_again(topic):
    listener, report = listener_of(topic), topic.confirmation(AT)
    listener.listen(Post(report.headers, report.body), AT)
    topic.is_away = True
    with pytest.raises(ProviderError, match="confirmed"):
        listener.listen(Post(report.headers, report.body), AT)


def test_the_end_of_a_subscription_is_kept_without_its_token(topic):
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=x"
    said = {"Message": "You have chosen to leave.", "Token": "x", "SubscribeURL": url}
    (event,) = heard(topic, topic.post("UnsubscribeConfirmation", AT, **said))
    assert (event.kind, event.raw, topic.confirmed) == (EventKind.OTHER, b"", [])


@pytest.mark.parametrize("arn", ["", "news", "arn:aws:sqs:eu-west-1:123456789012:news", f"{ARN} x", "a:b"])
def test_a_topic_that_is_none_is_named(arn):
    with pytest.raises(ProviderError, match="SES_SNS_TOPIC_ARN"):
        open_listener({"SES_SNS_TOPIC_ARN": arn})


def test_a_topic_of_china_has_a_host_of_its_own():
    topic = Topic.parse("arn:aws-cn:sns:cn-north-1:123456789012:news")
    assert topic.has("https://sns.cn-north-1.amazonaws.com.cn/x.pem")
    assert not topic.has("https://sns.cn-north-1.amazonaws.com/x.pem")
    assert open_listener({"SES_SNS_TOPIC_ARN": ARN}).topic == Topic.parse(ARN)


@pytest.mark.parametrize(
    ("name", "details", "kind", "bounce", "suppresses"),
    [
        ("Send", {}, EventKind.ACCEPTED, None, None),
        ("Delivery", {"recipients": [ANN], "smtpResponse": "250 ok"}, EventKind.DELIVERED, None, None),
        ("DeliveryDelay", {"delayType": "MailboxFull"}, EventKind.DEFERRED, None, None),
        ("Bounce", {"bounceType": "Permanent", **NO_MAILBOX}, BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        ("Bounce", {"bounceType": "Permanent"}, BOUNCED, Bounce.HARD, Suppressed.HARD_BOUNCE),
        (
            "Bounce",
            {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList", **POLICY},
            BOUNCED,
            Bounce.HARD,
            Suppressed.HARD_BOUNCE,
        ),
        ("Bounce", {"bounceType": "Permanent", **POLICY}, BOUNCED, Bounce.BLOCK, None),
        ("Bounce", {"bounceType": "Transient", **NO_MAILBOX}, BOUNCED, Bounce.SOFT, None),
        ("Bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull"}, BOUNCED, Bounce.SOFT, None),
        (
            "Bounce",
            {"bounceType": "Transient", "bounceSubType": "ContentRejected"},
            BOUNCED,
            Bounce.BLOCK,
            None,
        ),
        ("Bounce", {"bounceType": "Undetermined"}, BOUNCED, Bounce.SOFT, None),
        ("Bounce", {}, BOUNCED, Bounce.SOFT, None),
        ("Complaint", {"complaintFeedbackType": "abuse"}, EventKind.COMPLAINED, None, Suppressed.COMPLAINT),
        ("Complaint", {}, EventKind.COMPLAINED, None, Suppressed.COMPLAINT),
        ("Complaint", {"complaintFeedbackType": "not-spam"}, EventKind.OTHER, None, None),
        (
            "Complaint",
            {"complaintSubType": "OnAccountSuppressionList"},
            BOUNCED,
            Bounce.UNWANTED,
            Suppressed.COMPLAINT,
        ),
        ("Reject", {"reason": "Bad content"}, FAILED, Bounce.BLOCK, None),
        ("Rendering Failure", {"errorMessage": "Attribute 'a' is not present"}, FAILED, Bounce.BLOCK, None),
        (
            "Subscription",
            {"newTopicPreferences": {"unsubscribeAll": True}},
            EventKind.UNSUBSCRIBED,
            None,
            None,
        ),
        ("Subscription", {"newTopicPreferences": {"unsubscribeAll": False}}, EventKind.OTHER, None, None),
        ("Open", {}, EventKind.OPENED, None, None),
        ("Click", {"link": "https://example.org/"}, EventKind.CLICKED, None, None),
        ("Anything new", {}, EventKind.OTHER, None, None),
    ],
)
def test_an_event_is_kept_as_what_it_means(name, details, kind, bounce, suppresses):
    event = told(name, **details)
    assert (event.kind, event.bounce, event.suppresses) == (kind, bounce, suppresses)
    assert event.reference == ("" if kind is EventKind.OTHER else REFERENCE)
    assert ANN not in event.reason


@pytest.mark.parametrize(
    ("kind", "subtypes", "bounce"),
    [
        ("Permanent", ("General", "NoEmail", "Suppressed", "OnAccountSuppressionList"), Bounce.HARD),
        ("Transient", ("General", "MailboxFull"), Bounce.SOFT),
        ("Transient", ("MessageTooLarge", "ContentRejected", "AttachmentRejected"), Bounce.BLOCK),
    ],
)
def test_the_subtype_of_a_bounce_tells_whether_it_is_the_mails_fault(kind, subtypes, bounce):
    for subtype in subtypes:
        assert told("Bounce", bounceType=kind, bounceSubType=subtype).bounce is bounce, subtype


def test_a_click_has_its_link_its_place_and_its_program():
    event = told("Click", link="https://example.org/a", ipAddress="192.0.2.9", userAgent="curl/8.0")
    assert event.click is not None
    assert (event.click.link, event.click.visitor, event.click.by_program) == (
        "https://example.org/a", "192.0.2.9", True,
    )  # fmt: skip


def test_the_feedback_of_an_identity_has_another_key_and_no_tag():
    said = {**ses_event("Bounce", "", ANN, AT, bounceType="Permanent", **NO_MAILBOX)}
    said["notificationType"] = said.pop("eventType")
    del said["mail"]["tags"]
    event = read_event("id-1", json.dumps(said), AT)
    assert (event.kind, event.reference, event.recipient) == (BOUNCED, "", ANN)
    assert event.message_id == "0102018f5b8e4d3c-7a1b-000000"


def test_of_several_people_nobody_is_named():
    both = [{"emailAddress": ANN}, {"emailAddress": "ben@example.org"}]
    assert told("Bounce", bounceType="Permanent", bouncedRecipients=both).recipient == ""


def test_the_first_sentence_of_a_topic_is_kept_and_means_nothing(topic):
    (event,) = heard(topic, topic.notification(WELCOME, AT))
    assert (event.kind, event.raw) == (EventKind.OTHER, WELCOME.encode())


@pytest.mark.parametrize(
    "said",
    [
        "7", "[]", '{"eventType": 7}', '{"eventType": "Bounce", "bounce": 7, "mail": []}',
        '{"eventType": "Send", "mail": {"tags": {"reference": 7}, "destination": "x", "messageId": []}}',
        '{"eventType": "Bounce", "bounce": {"bouncedRecipients": [7, {}]}, "mail": {"destination": [7]}}',
        '{"eventType": "Click", "click": {"link": [], "timestamp": "now"}, "mail": {"timestamp": 1e99}}',
        "\ud800",
    ],
)  # fmt: skip
def test_a_message_of_another_shape_is_no_error(said):
    event = read_event("id-1", said, AT)
    assert (event.id, event.reference, event.at) == ("id-1", "", AT)


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_rubbish_in_a_message_is_no_error(said):
    assert read_event("id-1", said, AT).id == "id-1"
