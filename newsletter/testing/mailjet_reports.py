"""Reports as Mailjet posts them: one event or several, with the login that the receiver knows.

By dev.mailjet.com as of 2026; nothing here was recorded from it.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from newsletter.testing.reports import Report


def mailjet_report(login: str, *events: Mapping[str, Any], is_grouped: bool = True) -> Report:
    """Report events, grouped as version 2 does, or a single one as version 1 does."""
    token = b64encode(login.encode()).decode()
    body = json.dumps(list(events) if is_grouped else events[0]).encode()
    return Report(body, {"content-type": "application/json", "authorization": f"Basic {token}"})


def mailjet_event(name: str, reference: str, recipient: str, at: datetime, **extra: Any) -> Mapping[str, Any]:
    """Tell of a mail of our adapter; `extra` goes beside, such as `hard_bounce=True`."""
    return {
        "event": name,
        "time": int(at.timestamp()),
        "MessageID": 1_152_921_504_606_846_977,
        "Message_GUID": "1ab23cd4-e567-8901-2345-6789f0gh1i2j",
        "email": recipient,
        "mj_campaign_id": 7_276_567_891,
        "mj_contact_id": 34_567_812,
        "customcampaign": "nl-d1-12 2026-12-01-back-pain-lower-back",
        "CustomID": reference,
        "Payload": "",
        **extra,
    }
