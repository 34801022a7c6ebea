"""What Amazon SES refuses of a bulk call or of one entry of it, and how it fills a template.

By the model of its API (sesv2) as of 2026; the template language is read as Handlebars does, of which a
template that is sent along has the simple variables only.
"""

import json
import re
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import Any

from newsletter.testing.ses_signature import Refusal

_ADDRESS = re.compile(r"[\x21-\x7e]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_ONE_MAILBOX = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^<>",;]*)\s*<[^<>\s,;]+>|[^<>\s,;"]+')
_HEADER_NAME = re.compile(r"[!-9;-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_HEADER_ROOM = 996
_MOST_HEADERS = 15
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_MOST_ENTRIES, _MOST_RECIPIENTS = 50, 50
_TEMPLATE_ROOM, _DATA_ROOM = 500 * 1024, 262_144
_MUSTACHE = re.compile(r"(?P<slash>\\?)(?P<open>\{\{\{?)(?P<inside>.*?)(?P<close>\}\}\}?|\Z)", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Unrendered(Exception):
    """A template that cannot be filled."""


def refused_call(said: Any) -> Refusal | None:
    """Say why a bulk call is refused as a whole; None if it is not."""
    if not isinstance(said, dict):
        return "SerializationException", "The body is no object."
    entries, content = said.get("BulkEmailEntries"), said.get("DefaultContent")
    template = content.get("Template") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not isinstance(template, dict):
        return "BadRequestException", "DefaultContent and BulkEmailEntries are required."
    if len(entries) > _MOST_ENTRIES:
        return "MessageRejected", "Destination count exceeds limit of 50."
    if not _is_mailbox(said.get("FromEmailAddress")):
        return "BadRequestException", "Missing or illegal FromEmailAddress."
    if not all(_is_mailbox(one) for one in said.get("ReplyToAddresses", ())):
        return "BadRequestException", "Illegal ReplyToAddresses."
    parts = template.get("TemplateContent")
    if not isinstance(parts, dict) or not all(isinstance(parts.get(one), str) for one in ("Subject", "Html")):
        return "BadRequestException", "The template content is not complete."
    if sum(len(part.encode()) for part in parts.values()) > _TEMPLATE_ROOM:
        return "BadRequestException", "The template content is larger than 500 KB."
    return _bad_data(template.get("TemplateData")) or _bad_headers(template.get("Headers"))


def refused_entry(entry: Any, shared: Sequence[Mapping[str, str]]) -> str | None:
    """Say which parameter of an entry is illegal; None if none is."""
    if not isinstance(entry, dict) or not isinstance(destination := entry.get("Destination"), dict):
        return "Destination is missing."
    to = recipients_of(entry)
    if not 1 <= len(to) <= _MOST_RECIPIENTS or destination.keys() - {"ToAddresses"}:
        return "Illegal destination."
    if not all(_is_mailbox(one) for one in to):
        return "Illegal address"
    own = entry.get("ReplacementHeaders", [])
    if bad := _bad_headers(own) or _bad_data(data_of(entry)):
        return bad[1]
    if len({one["Name"].lower() for one in (*shared, *own)}) > _MOST_HEADERS:
        return "Too many headers."
    tags = entry.get("ReplacementTags", [])
    if not all(_TAG.fullmatch(str(tag.get(one, ""))) for tag in tags for one in ("Name", "Value")):
        return "Illegal tag"
    return None


def recipients_of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """List the addresses of an entry; all of them see each other."""
    to = entry["Destination"].get("ToAddresses")
    return tuple(to) if isinstance(to, list) and all(isinstance(one, str) for one in to) else ()


def data_of(entry: Mapping[str, Any]) -> Any:
    """Return the values of an entry as they were sent: JSON in a string."""
    content = entry.get("ReplacementEmailContent") or {}
    return (content.get("ReplacementTemplate") or {}).get("ReplacementTemplateData", "{}")


def fill(template: str, values: Mapping[str, Any], passes: int = 1) -> str:
    """Fill a template as often as the service is supposed to go over it.

    Raises Unrendered for a variable without a value, and for whatever is more than a variable.
    """

    def one(match: re.Match[str]) -> str:
        opened, closed = len(match["open"]), len(match["close"])
        if match["slash"]:
            # So Handlebars writes a mustache that is none.
            return match.group()[1:]
        key = match["inside"].strip()
        if opened != closed or not _KEY.fullmatch(key):
            raise Unrendered(f"Template rendering error near '{match.group()[:40]}'")
        if key not in values:
            raise Unrendered(f"Attribute '{key}' is not present in the rendering data.")
        return str(values[key])

    for _ in range(passes):
        template = _MUSTACHE.sub(one, template)
    return template


def _bad_data(data: Any) -> Refusal | None:
    try:
        said = json.loads(data)
    except (TypeError, ValueError):
        said = None
    if not isinstance(said, dict) or len(data) > _DATA_ROOM:
        return "BadRequestException", "The template data is not a valid JSON object."
    return None


def _bad_headers(headers: Any) -> Refusal | None:
    for header in headers or ():
        name, value = str(header.get("Name", "")), str(header.get("Value", ""))
        is_sound = _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)
        if not is_sound or len(name) + len(value) > _HEADER_ROOM:
            return "BadRequestException", f"Illegal header {name[:40]}"
    return None


def _is_mailbox(written: Any) -> bool:
    # Not ASCII has to be encoded words before the address, and Punycode in it.
    if not isinstance(written, str) or not written.isascii() or not _ONE_MAILBOX.fullmatch(written.strip()):
        return False
    return _ADDRESS.fullmatch(parseaddr(written)[1]) is not None
