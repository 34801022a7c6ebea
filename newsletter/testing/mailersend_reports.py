"""Reports as MailerSend posts them, signed as a whole.

By developers.mailersend.com and django-anymail as of 2026; nothing here was recorded from it.
"""

import json
import secrets
from datetime import datetime
from hmac import digest
from typing import Any

from newsletter.testing.reports import Report


def mailersend_report(
    secret: str, name: str, reference: str, recipient: str, at: datetime, *, id_: str = "", **morph: Any
) -> Report:
    """Report on a mail of our adapter; `morph` is what the event is about, such as `reason="..."`."""
    said = {
        "type": name,
        "domain_id": "yv69oxl5kl785kw2",
        "created_at": at.isoformat(),
        "webhook_id": "2351ndgwr4zqx8ko",
        "data": {
            "object": "activity",
            "id": id_ or secrets.token_hex(12),
            "type": name.partition(".")[2],
            "created_at": at.isoformat(),
            "email": {
                "id": secrets.token_hex(12),
                "status": "sent",
                "tags": ["back-pain", "lower-back", *([reference] if reference else [])],
                "message": {"id": "62fb66bef54a112e920b5493"},
                "recipient": {"email": recipient},
            },
            "morph": morph or None,
        },
    }
    body = json.dumps(said).encode()
    headers = {
        "content-type": "application/json",
        "signature": digest(secret.encode(), body, "sha256").hex(),
    }
    return Report(body, headers)
