"""Reports as SendGrid posts them: many events a post, signed with a key whose public half the receiver knows.

They follow SendGrid's documentation and its OpenAPI description as of 2026-01; nothing was recorded from it.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from newsletter.providers.ecdsa import GENERATOR, KEY_HEAD, ORDER, digest, flat, sum_of
from newsletter.testing.reports import Report


@dataclass(frozen=True)
class SigningKey:
    """A key for tests alone: it is not kept from anybody who can measure how long it takes."""

    number: int = field(default_factory=lambda: 1 + secrets.randbelow(ORDER - 1), repr=False)

    @cached_property
    def public(self) -> str:
        """The public half, as the settings page of the service shows it."""
        x, y = flat(sum_of(self.number, GENERATOR, 0, GENERATOR))
        return b64encode(KEY_HEAD + x.to_bytes(32) + y.to_bytes(32)).decode()

    def sign(self, signed: bytes) -> str:
        """Sign some bytes."""
        nonce = 1 + secrets.randbelow(ORDER - 1)
        r = flat(sum_of(nonce, GENERATOR, 0, GENERATOR))[0] % ORDER
        s = pow(nonce, -1, ORDER) * (digest(signed) + r * self.number) % ORDER
        body = _integer(r) + _integer(s)
        return b64encode(bytes([0x30, len(body)]) + body).decode()


def sendgrid_event(name: str, reference: str, recipient: str, at: datetime, **extra: Any) -> dict[str, Any]:
    """Word an event of a mail of our adapter; `extra` goes beside, such as `type="blocked"`."""
    return {
        "event": name,
        "email": recipient,
        "timestamp": int(at.timestamp()),
        "sg_event_id": secrets.token_urlsafe(16),
        "sg_message_id": "Xj5LmNkWSOqRbdvOpR34BA.recvd-85abf8d92c-3qfgp-2-7890E356-43C.1",
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        **({"newsletter_reference": reference} if reference else {}),
        **extra,
    }


def sendgrid_report(key: SigningKey, events: Sequence[Mapping[str, Any]], at: datetime) -> Report:
    """Report events, one a line; the last line break is signed, too."""
    lines = ",\r\n".join(json.dumps(event) for event in events)
    body = f"[{lines}]\r\n".encode()
    return Report(body, signed_headers(key, body, at))


def signed_headers(key: SigningKey, body: bytes, at: datetime) -> dict[str, str]:
    """Sign a body as the Event Webhook does."""
    timestamp = str(int(at.timestamp()))
    return {
        "content-type": "application/json",
        "x-twilio-email-event-webhook-timestamp": timestamp,
        "x-twilio-email-event-webhook-signature": key.sign(timestamp.encode() + body),
    }


def _integer(value: int) -> bytes:
    written = value.to_bytes(value.bit_length() // 8 + 1)
    return bytes([0x02, len(written)]) + written
