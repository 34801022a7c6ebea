"""Reports as Brevo posts them: one event or several, with the login that the receiver knows.

By developers.brevo.com as of 2026; nothing here was recorded from it.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from newsletter.testing.reports import Report


def brevo_report(login: str, *events: Mapping[str, Any]) -> Report:
    """Report one event, or several as the batched mode does."""
    token = b64encode(login.encode()).decode()
    body = json.dumps(events[0] if len(events) == 1 else list(events)).encode()
    return Report(body, {"content-type": "application/json", "authorization": f"Basic {token}"})


def brevo_event(name: str, reference: str, recipient: str, at: datetime, **extra: Any) -> Mapping[str, Any]:
    """Tell of a mail of our adapter; `extra` goes beside, such as `reason="550 5.1.1 unknown"`."""
    seconds = int(at.timestamp())
    return {
        "event": name,
        "email": recipient,
        "id": 26224,
        # The zone of these is the account's.
        "date": f"{at:%Y-%m-%d %H:%M:%S}",
        "ts": seconds + 3600,
        "ts_event": seconds,
        "ts_epoch": int(at.timestamp() * 1000),
        "message-id": "<202612010900.56761188@smtp-relay.mailin.fr>",
        "subject": "Lower back",
        "tag": '["back-pain","lower-back"]',
        "tags": ["back-pain", "lower-back"],
        **({"X-Mailin-custom": reference} if reference else {}),
        "sending_ip": "192.0.2.7",
        **extra,
    }
