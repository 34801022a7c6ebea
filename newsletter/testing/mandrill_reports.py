"""Reports as Mandrill posts them: a form, signed for the address that it is posted to.

By mailchimp.com/developer/transactional and django-anymail as of 2026; nothing here was recorded from it.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hmac import digest
from typing import Any
from urllib.parse import urlencode

from newsletter.testing.reports import Report


def mandrill_report(key: str, url: str, *events: Mapping[str, Any]) -> Report:
    """Report events, none of them to try an address."""
    written = json.dumps(list(events))
    signed = f"{url}mandrill_events{written}".encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-mandrill-signature": b64encode(digest(key.encode(), signed, "sha1")).decode(),
    }
    return Report(urlencode({"mandrill_events": written}).encode(), headers)


def mandrill_event(name: str, reference: str, recipient: str, at: datetime, **extra: Any) -> dict[str, Any]:
    """Tell of a mail of our adapter; `extra` goes into `msg`, such as `diag="smtp;550 5.1.1"`."""
    id_ = secrets.token_hex(16)
    message = {
        "_id": id_,
        "ts": int(at.timestamp()),
        "email": recipient,
        "sender": "weekly@news.example.org",
        "state": "sent",
        "tags": ["back-pain"],
        "metadata": {"reference": reference} if reference else [],
        **extra,
    }
    return {"event": name, "ts": int(at.timestamp()), "_id": id_, "msg": message}
