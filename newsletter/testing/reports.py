"""Reports as providers post them, signed with the secret that the receiver knows.

They follow the documentation of the providers as of 2026; nothing here was recorded from any.
"""

import hmac
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from newsletter.testing.resend_log import recipients_of


@dataclass(frozen=True)
class Report:
    """A post to a webhook."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def resend_report(
    secret: str, name: str, message: Mapping[str, Any], at: datetime, *, event_id: str = "", **extra: Any
) -> Report:
    """Report on a message as our adapter sends it; `extra` goes into `data`, such as `bounce={...}`."""
    data = {
        "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
        "created_at": at.isoformat(),
        "from": message.get("from", ""),
        "to": list(recipients_of(message)),
        "subject": message.get("subject", ""),
        "tags": {tag["name"]: tag["value"] for tag in message.get("tags", ())},
        **extra,
    }
    body = json.dumps({"type": name, "created_at": at.isoformat(), "data": data}).encode()
    return Report(body, svix_headers(secret, body, at, event_id=event_id))


def svix_headers(secret: str, body: bytes, at: datetime, *, event_id: str = "") -> dict[str, str]:
    """Sign a body as Svix does."""
    event_id = event_id or f"msg_{secrets.token_urlsafe(20)}"
    timestamp = str(int(at.timestamp()))
    key = b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, "sha256")
    return {
        "content-type": "application/json",
        "svix-id": event_id,
        "svix-timestamp": timestamp,
        "svix-signature": f"v1,{b64encode(digest).decode()}",
    }


def mailgun_report(
    key: str, name: str, reference: str, recipient: str, at: datetime, *, token: str = "", **extra: Any
) -> Report:
    """Report on a mail of our adapter; `extra` goes into `event-data`, such as `severity="permanent"`."""
    data = {
        "event": name,
        "id": secrets.token_urlsafe(16),
        "timestamp": at.timestamp(),
        "recipient": recipient,
        "message": {"headers": {"message-id": "20260102.1@news.example.org", "to": recipient}},
        "user-variables": {"reference": reference} if reference else {},
        **extra,
    }
    signature = mailgun_signature(key, at, token or secrets.token_hex(25))
    body = json.dumps({"signature": signature, "event-data": data}).encode()
    return Report(body, {"content-type": "application/json"})


def mailgun_signature(key: str, at: datetime, token: str) -> dict[str, str]:
    """Sign a token as Mailgun does."""
    timestamp = str(int(at.astimezone(UTC).timestamp()))
    digest = hmac.digest(key.encode(), f"{timestamp}{token}".encode(), "sha256")
    return {"timestamp": timestamp, "token": token, "signature": digest.hex()}


def postmark_report(
    login: str, name: str, reference: str, recipient: str, at: datetime, **extra: Any
) -> Report:
    """Report on a mail of our adapter; `extra` goes beside, such as `Type="HardBounce"`."""
    # The same thing has another name in each kind of report.
    is_bounce = name in ("Bounce", "SpamComplaint")
    times = {"Delivery": "DeliveredAt", "SubscriptionChange": "ChangedAt"}
    said = {
        "RecordType": name,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "MessageStream": "broadcast",
        "ServerID": 23,
        "Metadata": {"reference": reference} if reference else {},
        "Email" if is_bounce else "Recipient": recipient,
        "BouncedAt" if is_bounce else times.get(name, "ReceivedAt"): at.isoformat(),
        **({"ID": secrets.randbelow(10**9) + 1} if is_bounce else {}),
        **extra,
    }
    token = b64encode(login.encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {token}"}
    return Report(json.dumps(said).encode(), headers)
