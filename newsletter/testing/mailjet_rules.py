"""What Mailjet refuses of one message or for one account, and how it fills what it takes.

By dev.mailjet.com as of 2026 and django-anymail. Of the template language only variables are understood.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The StatusCode, the ErrorCode, the message, and what it is about.
Refusal = tuple[int, str, str, str]

_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+")
_MOST_RECIPIENTS = 50
_KNOWN = frozenset(
    {
        "From", "Sender", "To", "Cc", "Bcc", "ReplyTo", "Subject", "TextPart", "HTMLPart", "TemplateID",
        "TemplateLanguage", "TemplateErrorReporting", "TemplateErrorDeliver", "Attachments",
        "InlinedAttachments", "Priority", "CustomCampaign", "DeduplicateCampaign", "TrackOpens",
        "TrackClicks", "CustomID", "EventPayload", "URLTags", "MonitoringCategory", "Headers", "Variables",
    }
)  # fmt: skip
_FORBIDDEN = frozenset(
    {
        "from", "sender", "subject", "to", "cc", "bcc", "return-path", "delivered-to", "dkim-signature",
        "domain-status", "received-spf", "authentication-results", "received", "user-agent", "x-mailer",
        "x-feedback-id", "list-id", "message-id", "date", "x-csa-complaints",
    }
)  # fmt: skip
_OWN = re.compile(r"x-(?:mj|mailjet)-", re.IGNORECASE)
_TRACKING = ("account_default", "enabled", "disabled")
_CAMPAIGN = re.compile(r"[A-Za-z0-9 _-]{0,255}")
_VARIABLE = re.compile(r"\{\{var:(\w+)(?::\"?([^}\"]*)\"?)?\}\}|\[\[var:(\w+)(?::\"?([^\]\"]*)\"?)?\]\]")


@dataclass
class Account:
    """What an account allows; tests change it as they go. `senders` None lets any address send."""

    senders: Collection[str] | None = None
    is_blocked: bool = False

    def refusal(self, message: Any) -> Refusal | None:
        """Say why a message is refused; None if it is not."""
        if not isinstance(message, dict):
            return 400, "mj-0004", 'Type mismatch. Expected type "object".', ""
        refused = next((found for rule in _RULES if (found := rule(message))), None)
        return refused or self._not_from_here(message["From"]["Email"].lower())

    def _not_from_here(self, sender: str) -> Refusal | None:
        if self.senders is None or {sender, sender.rpartition("@")[2]} & set(self.senders):
            return None
        words = f'"{sender}" is not an authorized sender email address for your account.'
        return 403, "send-0008", words, "From"


def recipients_of(message: Mapping[str, Any]) -> Sequence[str]:
    """List the addresses that a message goes to."""
    return [one["Email"] for name in ("To", "Cc", "Bcc") for one in message.get(name) or ()]


def fill(template: str, message: Mapping[str, Any]) -> str:
    """Fill in the variables, where the message says that it is a template."""
    if not message.get("TemplateLanguage"):
        return template
    values = message.get("Variables") or {}
    return _VARIABLE.sub(
        lambda match: str(values.get(match[1] or match[3], match[2] or match[4] or "")), template
    )


def _bad_addresses(message: Mapping[str, Any]) -> Refusal | None:
    sender = message.get("From")
    if not isinstance(sender, dict):
        return 400, "mj-0003", '"From" property is mandatory.', "From"
    given = [("From.Email", sender)]
    if "ReplyTo" in message:
        given.append(("ReplyTo.Email", message["ReplyTo"]))
    to = message.get("To")
    if not isinstance(to, list) or not to:
        return 400, "mj-0003", '"To" property is mandatory.', "To"
    given += [(f"To[{index}].Email", one) for index, one in enumerate(to)]
    for about, one in given:
        written = one.get("Email") if isinstance(one, dict) else None
        if not isinstance(written, str) or not _ADDRESS.fullmatch(written):
            return 400, "mj-0013", f'"{written}" is an invalid email address.', about
    if len(recipients_of(message)) > _MOST_RECIPIENTS:
        return 400, "mj-0006", "A message has 50 recipients at most.", "To"
    return None


def _bad_properties(message: Mapping[str, Any]) -> Refusal | None:
    if unknown := sorted(set(message) - _KNOWN):
        return 400, "mj-0002", f'The property "{unknown[0]}" is not allowed.', unknown[0]
    if not message.get("HTMLPart") and not message.get("TextPart") and not message.get("TemplateID"):
        return 400, "mj-0003", 'At least "HTMLPart", "TextPart" or "TemplateID" must be provided.', ""
    for name in ("Subject", "HTMLPart", "TextPart", "CustomID", "EventPayload", "CustomCampaign"):
        if not isinstance(message.get(name, ""), str):
            return 400, "mj-0004", 'Type mismatch. Expected type "string".', name
    if not _CAMPAIGN.fullmatch(message.get("CustomCampaign", "")):
        return 400, "mj-0005", "The campaign has a sign that is not allowed.", "CustomCampaign"
    for name in ("TrackOpens", "TrackClicks"):
        if message.get(name, "account_default") not in _TRACKING:
            return 400, "mj-0005", "The value is not allowed.", name
    return None


def _bad_headers(message: Mapping[str, Any]) -> Refusal | None:
    headers = message.get("Headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return 400, "mj-0004", 'Type mismatch. Expected type "object".', "Headers"
    for name in headers:
        if name.lower() in _FORBIDDEN or _OWN.match(name):
            return 400, "send-0011", f'Header "{name}" cannot be customized.', f"Headers.{name}"
    return None


_RULES: tuple[Callable[[Mapping[str, Any]], Refusal | None], ...] = (
    _bad_addresses,
    _bad_properties,
    _bad_headers,
)
