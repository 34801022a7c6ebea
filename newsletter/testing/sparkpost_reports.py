"""Reports as SparkPost posts them: an array, with the login that the receiver knows.

By developers.sparkpost.com as of 2026-06; nothing here was recorded from it.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from newsletter.testing.reports import Report

_TRACKED = frozenset({"open", "initial_open", "click", "amp_open", "amp_click", "amp_initial_open"})
_UNSUBSCRIBED = frozenset({"list_unsubscribe", "link_unsubscribe"})
_GENERATED = frozenset({"generation_failure", "generation_rejection"})


def sparkpost_report(login: str, *events: Mapping[str, Any]) -> Report:
    """Report events, none of them to ask whether somebody is there."""
    token = b64encode(login.encode()).decode()
    body = json.dumps(list(events) or [{"msys": {}}]).encode()
    headers = {
        "content-type": "application/json",
        "authorization": f"Basic {token}",
        "x-messagesystems-batch-id": secrets.token_hex(16),
    }
    return Report(body, headers)


def sparkpost_event(
    name: str, reference: str, recipient: str, at: datetime, **extra: Any
) -> Mapping[str, Any]:
    """Tell of a mail of our adapter; `extra` goes beside, such as `bounce_class="10"`."""
    said = {
        "type": name,
        "event_id": str(secrets.randbelow(10**17)),
        "timestamp": str(int(at.timestamp())),
        "transmission_id": "65832150921904138",
        "message_id": "000443ee14578172be22",
        "campaign_id": "nl-d1-1-7-0",
        "rcpt_to": recipient.lower(),
        "raw_rcpt_to": recipient,
        "rcpt_meta": {"reference": reference} if reference else {},
        **extra,
    }
    return {"msys": {_kind(name): {key: value for key, value in said.items() if value is not None}}}


def _kind(name: str) -> str:
    if name in _TRACKED:
        return "track_event"
    if name in _UNSUBSCRIBED:
        return "unsubscribe_event"
    return "gen_event" if name in _GENERATED else "message_event"
