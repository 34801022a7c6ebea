"""Amazon SES's reports: what its event publishing, or the feedback of an identity, sends through a topic.

Event publishing brings the tag of each mail back; the feedback of an identity does not, and its mails are
found by the id that Amazon gave. Facts by docs.aws.amazon.com/ses as of 2026.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import structlog

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.event import Event, EventKind, Post
from newsletter.errors import ProviderError
from newsletter.providers import sns
from newsletter.providers.answers import message_id
from newsletter.providers.asking import rows_of
from newsletter.providers.reports import click, instant, recipient, table, text, why
from newsletter.providers.settings import read_secret

VARIABLE = "SES_SNS_TOPIC_ARN"
log = structlog.get_logger()

_KINDS = {
    "Send": EventKind.ACCEPTED,
    "Delivery": EventKind.DELIVERED,
    "DeliveryDelay": EventKind.DEFERRED,
    "Bounce": EventKind.BOUNCED,
    "Complaint": EventKind.COMPLAINED,
    "Reject": EventKind.FAILED,
    "Rendering Failure": EventKind.FAILED,
    "Subscription": EventKind.UNSUBSCRIBED,
    "Open": EventKind.OPENED,
    "Click": EventKind.CLICKED,
}
#: Where an event says more of itself.
_DETAILS = {name: name[0].lower() + name[1:] for name in _KINDS} | {"Rendering Failure": "failure"}
#: By `bounceSubType`, whatever the type: it is about the mail.
_CONTENT = frozenset({"ContentRejected", "AttachmentRejected", "MessageTooLarge"})
#: Of a bounce and of a complaint: nothing was tried, as it is on the list.
_LISTED = "OnAccountSuppressionList"
_NO_COMPLAINT = "not-spam"
#: Process-wide, as a listener is opened for each post.
_CERTIFICATES = sns.Certificates()


@dataclass(frozen=True)
class SesListener:
    """The reports of one topic."""

    topic: sns.Topic
    certificates: sns.Certificates = field(default_factory=lambda: _CERTIFICATES)

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it; a verified confirmation of our topic is answered."""
        said = sns.read(post.body, self.topic, self.certificates, now)
        id_, kind = text(said.get("MessageId")), text(said.get("Type"))
        if kind == sns.NOTIFICATION:
            message = said.get("Message")
            return [read_event(id_, message if isinstance(message, str) else "", now)]
        if kind == sns.CONFIRMATION:
            sns.confirm(said, self.topic, self.certificates.fetch)
            log.info("the subscription to the topic is confirmed", topic=self.topic.arn)
        # What it holds would let anybody end the subscription, or confirm another: nothing of it is kept.
        return [Event("ses", id_, EventKind.OTHER, now, "", reason=kind)]


def open_listener(environment: Mapping[str, str]) -> SesListener:
    """Open what understands the reports of the topic of SES_SNS_TOPIC_ARN.

    Raises ProviderError where it is missing or is none.
    """
    written = read_secret(environment, VARIABLE, what="topic (its ARN)").reveal()
    try:
        return SesListener(sns.Topic.parse(written))
    except ValueError as error:
        raise ProviderError(
            f"{VARIABLE} holds something that is no topic",
            mend="copy the ARN of the topic from Amazon SNS; it begins with arn:aws:sns:",
        ) from error


def read_event(event_id: str, message: str, now: datetime) -> Event:
    """Translate a verified message; one that says nothing we know is of kind `other`."""
    try:
        said = table(orjson.loads(message.encode("utf-8", "replace")))
    except orjson.JSONDecodeError:
        # The first message of a topic is a plain sentence.
        said = {}
    name = text(said.get("eventType")) or text(said.get("notificationType"))
    mail, details = table(said.get("mail")), table(said.get(_DETAILS.get(name, "")))
    kind, bounce, words = _meaning(name, details)
    at = instant(details.get("timestamp")) or (now if kind is EventKind.OTHER else _sent_at(mail, now))
    if kind is EventKind.OTHER:
        raw = message.encode("utf-8", "replace")
        return Event("ses", event_id, kind, at, "", raw=raw, reason=why(name or message[:80]))
    clicked = (details.get("link"), details.get("ipAddress"), details.get("userAgent"))
    return Event(
        "ses",
        event_id,
        kind,
        at,
        reference=_reference(mail),
        message_id=message_id(mail.get("messageId")) or None,
        recipient=_recipient(mail, details),
        bounce=bounce,
        reason=words,
        click=click(*clicked) if kind is EventKind.CLICKED else None,
    )


def _meaning(name: str, details: Mapping[str, Any]) -> tuple[EventKind, Bounce | None, str]:
    kind = _KINDS.get(name, EventKind.OTHER)
    match name:
        case "Bounce":
            heard = " ".join(text(one.get("diagnosticCode")) for one in _bounced(details)).strip()
            words = why(details.get("bounceType"), details.get("bounceSubType"), heard)
            return kind, _bounce(details, heard), words
        case "Complaint" if text(details.get("complaintSubType")) == _LISTED:
            return EventKind.BOUNCED, Bounce.UNWANTED, why("on the provider's suppression list")
        case "Complaint":
            feedback = text(details.get("complaintFeedbackType"))
            return (EventKind.OTHER if feedback == _NO_COMPLAINT else kind), None, why(feedback)
        case "Reject":
            return kind, Bounce.BLOCK, why("rejected by Amazon SES", details.get("reason"))
        case "Rendering Failure":
            return kind, Bounce.BLOCK, why("could not be rendered", details.get("errorMessage"))
        case "DeliveryDelay":
            return kind, None, why(details.get("delayType"))
        case "Subscription" if not _leaves(details):
            return EventKind.OTHER, None, ""
    return kind, None, ""


def _bounce(details: Mapping[str, Any], heard: str) -> Bounce:
    subtype = text(details.get("bounceSubType"))
    if subtype in _CONTENT:
        return Bounce.BLOCK
    if text(details.get("bounceType")) != "Permanent":
        return Bounce.SOFT
    # A policy is called permanent, too, and says nothing about the address.
    is_block = subtype != _LISTED and bool(heard) and classify(heard) is Bounce.BLOCK
    return Bounce.BLOCK if is_block else Bounce.HARD


def _leaves(details: Mapping[str, Any]) -> bool:
    return table(details.get("newTopicPreferences")).get("unsubscribeAll") is True


def _bounced(details: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    names = ("bouncedRecipients", "complainedRecipients", "delayedRecipients")
    return next((rows for name in names if (rows := rows_of(details.get(name)))), [])


def _recipient(mail: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """Return whom it is about, where it is about one: we send to one."""
    about = [one.get("emailAddress") for one in _bounced(details)]
    told = about or details.get("recipients") or mail.get("destination")
    return recipient(told[0]) if isinstance(told, list) and len(told) == 1 else ""


def _reference(mail: Mapping[str, Any]) -> str:
    tagged = table(mail.get("tags")).get("reference")
    return text(tagged[0]) if isinstance(tagged, list) and tagged else ""


def _sent_at(mail: Mapping[str, Any], now: datetime) -> datetime:
    # What has no instant of its own, as an acceptance, has that of its mail.
    return instant(mail.get("timestamp")) or now
