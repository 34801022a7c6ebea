"""What SparkPost refuses of a transmission, how it fills a content, and what it makes of its headers.

By developers.sparkpost.com as of 2026-06. Of the template language only variables are understood.
"""

import html
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from newsletter.testing.http_server import Response

_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+")
_VARIABLE = re.compile(r"(?P<open>\{\{\{?)(?P<inside>.*?)(?P<close>\}\}\}?|\Z)", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_LINK = re.compile(r"https?://[^\s\"'<>]*\Z", re.IGNORECASE)
_RESERVED = frozenset({"address", "email", "email_id", "env_from", "return_path", "end", "if", "each", "or"})
_LONGEST_CAMPAIGN, _METADATA_ROOM, _DATA_ROOM, _CONTENT_ROOM = 64, 10_000, 100_000, 20_000_000
_GENERATED = frozenset({"content-type", "content-transfer-encoding", "to", "subject", "from", "reply-to"})
_UNSUBSCRIBE = {
    "List-Unsubscribe": "<https://unsubscribe.sparkpost.example/u>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


class Unrendered(Exception):
    """A content that is no template."""


@dataclass
class Account:
    """What an account allows; tests change it as they go. None is without limit.

    `left` is what may still be sent in this `period`. `suppressed` are addresses that are taken and then get
    nothing. `adds_unsubscribe` is the account's flag for transactional mails.
    """

    domains: Collection[str] | None = None
    left: int | None = None
    period: str = "hourly"
    suppressed: set[str] = field(default_factory=set)
    adds_unsubscribe: bool = False
    is_suspended: bool = False

    def refusal(self, said: Any, count: int) -> Response | None:
        """Say why a transmission is refused as a whole; None if it is not."""
        if self.is_suspended:
            return error(403, "Forbidden.")
        if refused := _bad_body(said) or _bad_content(said["content"]):
            return refused
        domain = sender_of(said["content"]).rpartition("@")[2].lower()
        if self.domains is not None and domain not in self.domains:
            return error(400, "Invalid domain", "7001", f"Unverified sending domain <{domain}>")
        if self.left is not None and count > self.left:
            code = "2101" if self.period == "hourly" else "2102"
            return error(420, f"Exceed Sending Limit ({self.period})", code)
        return None

    def leaving(self, said: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers as they leave: a way out of ours stays in transactional mails only."""
        is_ours = bool(said.get("options", {}).get("transactional")) and not self.adds_unsubscribe
        kept = {name: value for name, value in headers.items() if is_ours or name not in _UNSUBSCRIBE}
        list_id = said.get("override", {}).get("list_id")
        return {**kept, **({} if is_ours else _UNSUBSCRIBE), **({"List-Id": list_id} if list_id else {})}


def error(status: int, message: str, code: str = "", description: str = "") -> Response:
    """Word an error as SparkPost does."""
    said = {"message": message, "code": code, "description": description}
    return Response.of(status, {"errors": [{name: value for name, value in said.items() if value}]})


def address_of(recipient: Any) -> str:
    """Return the address of a recipient, nothing for one that is not valid."""
    address = recipient.get("address") if isinstance(recipient, dict) else None
    email = address.get("email") if isinstance(address, dict) else address
    return email if isinstance(email, str) and _ADDRESS.fullmatch(email) else ""


def sender_of(content: Mapping[str, Any]) -> str:
    """Return the address that a content comes from."""
    sender = content["from"]
    return str(sender.get("email") if isinstance(sender, dict) else sender)


def fault_of(recipient: Mapping[str, Any]) -> str:
    """Say what is wrong with one recipient; nothing if nothing is."""
    if not address_of(recipient):
        return "invalid address"
    data = recipient.get("substitution_data", {})
    if len(json.dumps(recipient.get("metadata", {}))) > _METADATA_ROOM or len(json.dumps(data)) > _DATA_ROOM:
        return "too much data"
    if not all(_KEY.fullmatch(key) and key not in _RESERVED for key in data):
        return "invalid substitution key"
    return ""


def fill(template: str, values: Mapping[str, Any], *, is_html: bool = False, passes: int = 1) -> str:
    """Fill a template as often as the service is supposed to go over it; a missing value is empty.

    Raises Unrendered for whatever is more than a variable.
    """
    for _ in range(passes):
        done, end = "", 0
        for match in _VARIABLE.finditer(template):
            done += template[end : match.start()]
            done += _value(match, values, is_html=is_html, is_link=bool(_IN_LINK.search(done)))
            end = match.end()
        template = done + template[end:]
    return template


def _value(match: re.Match[str], values: Mapping[str, Any], *, is_html: bool, is_link: bool) -> str:
    key = match["inside"].strip()
    if len(match["open"]) != len(match["close"]) or not _KEY.fullmatch(key):
        raise Unrendered(f"substitution language syntax error near '{match.group()[:40]}'")
    value = str(values.get(key, ""))
    if match["open"] == "{{{":
        return value
    if is_link:
        return quote(value, safe="")
    return html.escape(value) if is_html else value


def _bad_body(said: Any) -> Response | None:
    if not isinstance(said, dict) or not isinstance(said.get("content"), dict):
        return error(422, "required field is missing", "1400", "content is a required field")
    recipients = said.get("recipients")
    if not isinstance(recipients, list) or not recipients:
        return error(422, "required field is missing", "1400", "recipients or list_id required")
    if len(str(said.get("campaign_id", "")).encode()) > _LONGEST_CAMPAIGN:
        return error(422, "invalid data format/type", "1300", "campaign_id is longer than 64 bytes")
    return None


def _bad_content(content: Mapping[str, Any]) -> Response | None:
    for name in ("from", "subject"):
        if not content.get(name):
            return error(422, "required field is missing", "1400", f"content.{name} is a required field")
    texts = [content.get("html") or "", content.get("text") or ""]
    if not any(texts):
        return error(422, "required field is missing", "1400", "content.html or content.text is required")
    if not _ADDRESS.fullmatch(sender_of(content)):
        return error(400, "Invalid domain", "7001", "No sending domain specified")
    if sum(len(one.encode()) for one in texts) > _CONTENT_ROOM:
        return Response(413, b"Request Entity Too Large", {"Content-Type": "text/plain"})
    headers = content.get("headers", {})
    if any(name.lower() in _GENERATED or re.search(r"[\r\n]", value) for name, value in headers.items()):
        return error(422, "invalid data format/type", "1300", "a header is not allowed")
    try:
        for text in (*texts, content["subject"], *headers.values()):
            fill(text, {})
    except Unrendered as flaw:
        return error(422, "substitution language syntax error in template content", "3000", str(flaw))
    return None
