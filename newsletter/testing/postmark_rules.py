"""What Postmark refuses of one message or for one server, and what it makes of what it takes.

By postmarkapp.com/developer/api/overview as of 2026-02.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses, parseaddr
from typing import Any

#: The ErrorCode and the Message of a refusal.
Refusal = tuple[int, str]

_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+")
_MOST_RECIPIENTS, _LONGEST_TAG = 50, 1000
_LARGEST_BODY = 5_000_000
_MOST_FIELDS, _LONGEST_NAME, _LONGEST_VALUE = 10, 20, 80
_TRACKING = ("None", "HtmlAndText", "HtmlOnly", "TextOnly")
_UNSUBSCRIBE = "https://unsubscribe.postmark.example/u"
_PLACE = re.compile(r"\{\{\{ ?pm:unsubscribe(?:_url)? ?\}\}\}")


@dataclass
class Server:
    """What a server allows; tests change it as they go. None is without limit.

    `unsubscribes` is `Postmark` or `Custom`, for its broadcast streams; `refusing` holds what is answered for
    an address, whatever is sent to it.
    """

    streams: Mapping[str, str] = field(
        default_factory=lambda: {"outbound": "Transactional", "broadcast": "Broadcasts"}
    )
    unsubscribes: str = "Postmark"
    signatures: Collection[str] | None = None
    inactive: set[str] = field(default_factory=set)
    refusing: dict[str, Refusal] = field(default_factory=dict)
    credits: int | None = None
    is_pending: bool = False
    is_sandbox: bool = False
    tracks_opens: bool = False
    archived: set[str] = field(default_factory=set)

    def refusal(self, message: Any) -> Refusal | None:
        """Say why a message is refused; None if it is not."""
        if not isinstance(message, dict):
            return 403, "Incompatible JSON: a message must be an object."
        refused = next((found for rule in _RULES if (found := rule(message))), None)
        return refused or self._not_from_here(message) or self._not_to_there(message)

    def _not_from_here(self, message: Mapping[str, Any]) -> Refusal | None:
        sender, stream = parseaddr(message["From"])[1], message.get("MessageStream") or "outbound"
        domain = sender.rpartition("@")[2].lower()
        if self.signatures is not None and not {sender.lower(), domain} & set(self.signatures):
            return 400, f"The 'From' address you supplied ({sender}) is not a Sender Signature."
        if stream not in self.streams:
            return 1235, f"The stream provided: '{stream}' does not exist on this server."
        if self.credits is not None and self.credits <= 0:
            return 405, "You ran out of credits."
        if self.is_pending and any(not one.lower().endswith(f"@{domain}") for one in recipients_of(message)):
            return 412, "While your account is pending, all recipients must share the domain of 'From'."
        return None

    def _not_to_there(self, message: Mapping[str, Any]) -> Refusal | None:
        to = recipients_of(message)
        if scripted := next((self.refusing[one] for one in to if one in self.refusing), None):
            return scripted
        if to and all(one.lower() in self.inactive for one in to):
            return 406, (
                "You tried to send to recipient(s) that have been marked as inactive. Found inactive "
                f"addresses: {', '.join(to)}."
            )
        return None

    def leaving(self, message: Mapping[str, Any]) -> tuple[dict[str, str], str, str]:
        """Return the headers, the HTML and the text as they leave."""
        headers = {one["Name"]: one["Value"] for one in message.get("Headers") or ()}
        html, text = str(message.get("HtmlBody") or ""), str(message.get("TextBody") or "")
        kind = self.streams[message.get("MessageStream") or "outbound"]
        if kind != "Broadcasts" or self.unsubscribes == "Custom":
            return headers, html, text
        own = {name: value for name, value in headers.items() if not name.lower().startswith("list-unsub")}
        own |= {
            "List-Unsubscribe": f"<{_UNSUBSCRIBE}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        return own, _with_way_out(html, f'<a href="{_UNSUBSCRIBE}">Unsubscribe</a>'), _with_way_out(text, "")


def recipients_of(message: Mapping[str, Any]) -> tuple[str, ...]:
    """List the addresses that a message goes to."""
    return tuple(address for _, address in getaddresses([str(message.get("To") or "")]) if address)


def metadata_of(message: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata of a message; every value is text."""
    return {name: str(value) for name, value in (message.get("Metadata") or {}).items()}


def _with_way_out(body: str, link: str) -> str:
    if not body:
        return ""
    filled, count = _PLACE.subn(_UNSUBSCRIBE, body)
    return filled if count else f"{body}\n{link or _UNSUBSCRIBE}\n"


def _bad_addresses(message: Mapping[str, Any]) -> Refusal | None:
    for name in ("From", "To", "ReplyTo"):
        written = message.get(name)
        if not written and name == "ReplyTo":
            continue
        found = getaddresses([written]) if isinstance(written, str) else []
        if not found or not all(_ADDRESS.fullmatch(address) for _, address in found):
            return 300, f"Invalid '{name}' address: '{written or ''}'."
    if len(recipients_of(message)) > _MOST_RECIPIENTS:
        return 300, "A message has 50 recipients at most."
    return None


def _bad_bodies(message: Mapping[str, Any]) -> Refusal | None:
    bodies = [message.get("HtmlBody"), message.get("TextBody")]
    if not any(bodies):
        return 300, "Provide either email TextBody or HtmlBody or both."
    if not all(isinstance(one, str) for one in (*filter(None, bodies), message.get("Subject", ""))):
        return 403, "Incompatible JSON: a body or the subject is no string."
    if any(len(one.encode()) > _LARGEST_BODY for one in bodies if one):
        return 300, "A body is larger than 5 MB."
    return None


def _bad_headers(message: Mapping[str, Any]) -> Refusal | None:
    headers = message.get("Headers") or []
    if not isinstance(headers, list) or not all(isinstance(one, dict) for one in headers):
        return 403, "Incompatible JSON: 'Headers' must be an array of objects."
    for one in headers:
        pair = (one.get("Name"), one.get("Value"))
        if not all(isinstance(part, str) and not re.search(r"[\r\n]", part) for part in pair):
            return 300, "Invalid header."
    return None


def _bad_names(message: Mapping[str, Any]) -> Refusal | None:
    metadata = message.get("Metadata") or {}
    if not isinstance(metadata, dict):
        return 403, "Incompatible JSON: 'Metadata' must be an object."
    too_long = any(
        len(name) > _LONGEST_NAME or len(str(value)) > _LONGEST_VALUE for name, value in metadata.items()
    )
    if too_long or len(metadata) > _MOST_FIELDS or len({one.lower() for one in metadata}) < len(metadata):
        return 300, "Invalid metadata content."
    if len(str(message.get("Tag") or "")) > _LONGEST_TAG:
        return 300, "The tag is longer than 1000 characters."
    if message.get("TrackLinks", "None") not in _TRACKING:
        return 300, "Invalid 'TrackLinks'."
    return None


_RULES: tuple[Callable[[Mapping[str, Any]], Refusal | None], ...] = (
    _bad_addresses,
    _bad_bodies,
    _bad_headers,
    _bad_names,
)
