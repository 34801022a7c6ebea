"""Reports as Amazon SES posts them through a topic, signed with a certificate of this machine.

By docs.aws.amazon.com/ses and /sns as of 2026; nothing here was recorded from them.
"""

import json
import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from newsletter.testing.certificates import Certificate
from newsletter.testing.reports import Report

ARN = "arn:aws:sns:eu-west-1:123456789012:news-events"
#: The first thing that a topic says of an event destination.
WELCOME = "Successfully validated SNS topic for Amazon SES event publishing."
_HOST = "https://sns.eu-west-1.amazonaws.com"
_HASHES = {"1": "sha1", "2": "sha256"}


@dataclass
class FakeTopic:
    """A topic of Amazon SNS; `pages` is what is found at Amazon, `confirmed` the tokens that came back."""

    certificate: Certificate
    arn: str = ARN
    version: str = "1"
    confirmed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    @property
    def certificate_url(self) -> str:
        return f"{_HOST}/SimpleNotificationService-{uuid.uuid5(uuid.NAMESPACE_URL, self.arn).hex}.pem"

    def fetch(self, url: str) -> bytes:
        """Answer what is asked of Amazon: a certificate, or to confirm a subscription."""
        self.asked.append(url)
        if self.is_away:
            raise OSError("no route to host")
        if url == self.certificate_url:
            return self.certificate.file.read_bytes()
        query = parse_qs(urlsplit(url).query)
        if not url.startswith(_HOST) or query.get("Action") != ["ConfirmSubscription"]:
            raise OSError("it answered 404")
        self.confirmed += query["Token"]
        return b"<ConfirmSubscriptionResponse/>"

    def notification(self, message: str | Mapping[str, Any], at: datetime, **changed: Any) -> Report:
        """Post a message; `changed` is what it says otherwise, signed all the same."""
        written = message if isinstance(message, str) else json.dumps(message)
        subject = {"Subject": "Amazon SES Email Event Notification"}
        return self.post("Notification", at, **{"Message": written, **subject, **changed})

    def confirmation(self, at: datetime, **changed: Any) -> Report:
        """Ask whoever has an address whether the topic may post to it."""
        url = f"{_HOST}/?Action=ConfirmSubscription&TopicArn={self.arn}&Token=2336412f37"
        said = {"Message": "You have chosen to subscribe.", "Token": "2336412f37", "SubscribeURL": url}
        return self.post("SubscriptionConfirmation", at, **{**said, **changed})

    def post(self, kind: str, at: datetime, **told: Any) -> Report:
        """Sign and post anything."""
        said = {"Type": kind, "MessageId": str(uuid.uuid4()), "TopicArn": self.arn, **told}
        said = {"Timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), **said}
        names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        lines = [f"{name}\n{said[name]}\n" for name in names if said.get(name) is not None]
        signature = self.certificate.sign("".join(lines).encode(), _HASHES[self.version])
        signed = {"Signature": b64encode(signature).decode(), "SignatureVersion": self.version}
        places = {"SigningCertURL": self.certificate_url, "UnsubscribeURL": f"{_HOST}/?Action=Unsubscribe"}
        headers = {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": kind}
        return Report(json.dumps({**said, **signed, **places}).encode(), headers)


def ses_event(name: str, reference: str, recipient: str, at: datetime, **details: Any) -> Mapping[str, Any]:
    """Tell of a mail of our adapter, as event publishing does; `details` are the event's own."""
    key = "failure" if name == "Rendering Failure" else name[0].lower() + name[1:]
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    timed = name not in ("Send", "Reject", "Rendering Failure")
    mail = {
        "timestamp": stamp,
        "source": "weekly@news.example.org",
        "messageId": "0102018f5b8e4d3c-7a1b-000000",
        "destination": [recipient],
        "headersTruncated": False,
        "headers": [{"name": "List-Id", "value": "<back-pain.news.example.org>"}],
        "tags": {"ses:configuration-set": ["news"], **({"reference": [reference]} if reference else {})},
    }
    own = {**({"timestamp": stamp} if timed else {}), **details}
    return {"eventType": name, "mail": mail, key: own}
