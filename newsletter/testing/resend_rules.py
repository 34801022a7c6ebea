"""What Resend refuses of one email or for one account, by its OpenAPI description as of 2026-08."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from newsletter.testing.resend_log import Accepted, recipients_of

_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+")
_MAILBOX = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"|[^<>"]*)\s*<([^<>]+)>\s*')
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SAMPLES = ("@example.com", "@test.com")
_MOST_RECIPIENTS = 50

#: The name and the message of an error.
Refusal = tuple[str, str]


@dataclass(frozen=True)
class Limits:
    """What an account allows; None is without limit.

    `rate` counts requests in a second; the others count recipients in a day and a month of UTC.
    """

    rate: int | None = None
    daily: int | None = None
    monthly: int | None = None

    def used_up(
        self, accepted: Sequence[Accepted], messages: Sequence[Mapping[str, Any]], now: datetime
    ) -> Refusal | None:
        """Say which quota these messages would exceed; None if they fit."""
        more = sum(len(recipients_of(message)) for message in messages)
        for period, quota, form in (("monthly", self.monthly, "%Y-%m"), ("daily", self.daily, "%Y-%m-%d")):
            if quota is None:
                continue
            used = sum(len(mail.to) for mail in accepted if f"{mail.at:{form}}" == f"{now:{form}}")
            if used + more > quota:
                return f"{period}_quota_exceeded", f"You have reached your {period} email sending quota."
        return None


def refusal(message: Any, *, is_batch: bool, blocks_samples: bool) -> Refusal | None:
    """Say why an email is refused; None if it is not."""
    if not isinstance(message, dict):
        return "validation_error", "Each email must be an object."
    return (
        _missing(message)
        or _bad_addresses(message, blocks_samples=blocks_samples)
        or _bad_headers(message.get("headers"))
        or _bad_tags(message.get("tags"))
        or (_not_in_a_batch(message) if is_batch else None)
    )


def _missing(message: dict[str, Any]) -> Refusal | None:
    for field in ("from", "to", "subject"):
        if not message.get(field):
            return "missing_required_field", f"Missing `{field}` field."
    if not isinstance(message["subject"], str):
        return "validation_error", "The `subject` must be a string."
    if not isinstance(message.get("html") or message.get("text"), str):
        return "missing_required_field", "Missing `html` or `text` field."
    return None


def _bad_addresses(message: dict[str, Any], *, blocks_samples: bool) -> Refusal | None:
    to = message["to"] if isinstance(message["to"], list) else [message["to"]]
    reply_to = message.get("reply_to") or []
    replies = reply_to if isinstance(reply_to, list) else [reply_to]
    if len(to) > _MOST_RECIPIENTS:
        return "validation_error", "The `to` field has more than 50 addresses."
    for field, written in (("from", message["from"]), *(("to", one) for one in to)):
        if not _is_mailbox(written):
            return "validation_error", f"Invalid `{field}` field."
    if not all(_is_mailbox(one) for one in replies):
        return "validation_error", "Invalid `reply_to` field."
    if blocks_samples and any(one.rstrip("> ").lower().endswith(_SAMPLES) for one in to):
        return "validation_error", "Invalid `to` field. Use our testing email address instead."
    return None


def _is_mailbox(written: object) -> bool:
    if not isinstance(written, str):
        return False
    match = _MAILBOX.fullmatch(written)
    return _ADDRESS.fullmatch(match.group(1) if match else written) is not None


def _bad_headers(headers: Any) -> Refusal | None:
    if headers is None:
        return None
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return "validation_error", "The `headers` must be an object of strings."
    if any("\r" in line or "\n" in line for pair in headers.items() for line in pair):
        return "validation_error", "A header must not have a line break."
    return None


def _bad_tags(tags: Any) -> Refusal | None:
    if tags is None:
        return None
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        return "validation_error", "The `tags` must be an array of objects."
    for tag in tags:
        if not all(isinstance(tag.get(one), str) and _TAG.fullmatch(tag[one]) for one in ("name", "value")):
            return (
                "validation_error",
                "Tags should only contain ASCII letters, numbers, underscores, or dashes.",
            )
    return None


def _not_in_a_batch(message: dict[str, Any]) -> Refusal | None:
    if message.get("attachments") or message.get("scheduled_at"):
        return "validation_error", "Attachments and `scheduled_at` are not supported in a batch."
    return None
