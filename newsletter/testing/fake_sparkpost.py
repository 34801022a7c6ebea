"""A local SparkPost: transmissions with their values, the account's limits, and the search of its events.

It follows developers.sparkpost.com as of 2026-06. It sends nothing to anybody.
"""

import re
import uuid
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from newsletter.testing import fake_http
from newsletter.testing.accepted import Accepted, read_log
from newsletter.testing.fake_account import FakeAccount
from newsletter.testing.fake_http import BAD_GATEWAY, Fault, Received, Response
from newsletter.testing.sparkpost_pages import SparkPostPages
from newsletter.testing.sparkpost_rules import Account, address_of, error, fault_of, fill, sender_of

__all__ = ["Accepted", "Account", "FakeSparkPost", "Fault", "Response", "error", "read_log", "serve"]

#: For so long events are kept.
RETENTION = timedelta(days=10)
#: A search that says nothing else ends so long ago.
_FRESH = timedelta(minutes=1)
_LARGEST_PAGE = 10_000
_PATH = "/api/v1/events/message"


class FakeSparkPost(FakeAccount):
    """A SparkPost account; `account` is what it allows, `passes` how often a content is gone over."""

    title = "SparkPost"

    def __init__(self, *, account: Account | None = None, passes: int = 1, **given: Any) -> None:
        super().__init__(**given)
        self.account = account or Account()
        self.pages = SparkPostPages()
        self._passes = passes

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault is Fault.RATE_LIMITED:
            limited = error(429, "Too many requests")
            return Response(limited.status, limited.body, {**limited.headers, "Retry-After": "1"})
        if fault is Fault.RATE_LIMITED_BARE:
            return error(429, "Too many requests")
        return error(500, "Internal Server Error")

    def respond(self, request: Received) -> Response:
        if not self.takes(_key_of(request)):
            return error(401, "Unauthorized.")
        parts = urlsplit(request.path)
        match request.method, parts.path:
            case "POST", "/api/v1/transmissions":
                return self._send(request)
            case "GET", path if path == _PATH:
                return self._search(dict(parse_qsl(parts.query)))
            case "GET", path if page := self.pages.get(path, dict(parse_qsl(parts.query))):
                return page
        return error(404, "Resource could not be found")

    def summary(self, said: Any) -> str:
        if "errors" in said:
            return str(said["errors"][0]["message"])
        if "total_count" in said:
            return f"{said['total_count']} events"
        return f"accepted {said['results']['total_accepted_recipients']}"

    def _send(self, request: Received) -> Response:
        try:
            said = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return error(422, "invalid data format/type", "1300", "Problems parsing request as JSON")
        count = len(said.get("recipients") or ()) if isinstance(said, dict) else 0
        with self.lock:
            if refused := self.account.refusal(said, count):
                return refused
            faults = [fault for one in said["recipients"] if (fault := fault_of(one))]
            taken = [one for one in said["recipients"] if not fault_of(one)]
            if not taken:
                return error(400, "At least one valid recipient is required", "5001", faults[0])
            id_ = str(uuid.uuid4().int)[:17]
            self.ledger.add([self._mail(said, one, id_) for one in taken])
            if self.account.left is not None:
                self.account.left -= len(taken)
        results: dict[str, Any] = {
            "total_rejected_recipients": len(faults),
            "total_accepted_recipients": len(taken),
            "id": id_,
        }
        if faults:
            results["rcpt_to_errors"] = [{"message": one, "code": "1902"} for one in faults]
        return Response.of(200, {"results": results})

    def _mail(self, said: Mapping[str, Any], recipient: Mapping[str, Any], id_: str) -> Accepted:
        content, address = said["content"], address_of(recipient)
        metadata = {**said.get("metadata", {}), **recipient.get("metadata", {})}
        values = {**metadata, **said.get("substitution_data", {}), **recipient.get("substitution_data", {})}
        headers = {name: self._fill(value, values) for name, value in content.get("headers", {}).items()}
        if content.get("reply_to"):
            headers["Reply-To"] = self._fill(content["reply_to"], values)
        sender = content["from"]
        name = self._fill(sender.get("name", ""), values) if isinstance(sender, dict) else ""
        shown = recipient["address"].get("header_to", "") if isinstance(recipient["address"], dict) else ""
        is_suppressed = address.lower() in self.account.suppressed
        return Accepted(
            id=id_,
            at=self.now(),
            address=address,
            to=tuple(one.strip() for one in (shown or address).split(",")),
            sender=f"{name} <{sender_of(content)}>" if name else sender_of(content),
            subject=self._fill(content["subject"], values),
            html=fill(content.get("html") or "", values, is_html=True, passes=self._passes),
            text=self._fill(content.get("text") or "", values),
            headers=self.account.leaving(said, headers),
            key=str(said.get("campaign_id", "")),
            reference=str(metadata.get("reference", "")),
            told={"type": "policy_rejection" if is_suppressed else "injection"},
        )

    def _fill(self, template: str, values: Mapping[str, Any]) -> str:
        return fill(template, values, passes=self._passes)

    def _search(self, asked: Mapping[str, str]) -> Response:
        size, cursor = asked.get("per_page", "1000"), asked.get("cursor", "initial")
        if not size.isdigit() or not 1 <= int(size) <= _LARGEST_PAGE:
            return error(400, "Invalid parameter", "", "per_page must be between 1 and 10,000")
        start = 0 if cursor == "initial" else int(urlsafe_b64decode(cursor))
        found = [mail for mail in reversed(self.accepted) if self._is_asked_for(mail, asked)]
        page = found[start : start + int(size)]
        links = [{"href": _link(asked, 0), "rel": "first" if not start else "previous"}]
        if start + len(page) < len(found):
            links.append({"href": _link(asked, start + len(page)), "rel": "next"})
        rows = [_event(mail) for mail in page]
        return Response.of(200, {"results": rows, "total_count": len(found), "links": links})

    def _is_asked_for(self, mail: Accepted, asked: Mapping[str, str]) -> bool:
        return (
            self.is_indexed(mail, RETENTION)
            and self.now() - mail.at >= _FRESH
            and _instant(asked.get("from", "2000-01-01T00:00")) <= mail.at
            and _among(mail.told["type"], asked.get("events", ""))
            and _among(mail.address.lower(), asked.get("recipients", "").lower())
            and _matches(mail.key, asked.get("campaigns", ""))
        )


def _key_of(request: Received) -> str:
    given = request.headers.get("authorization", "")
    if given.startswith("Basic "):
        return b64decode(given.removeprefix("Basic ")).decode().partition(":")[0]
    # A word before the key makes it another one.
    return "" if " " in given else given


def _among(one: str, wanted: str) -> bool:
    return not wanted or one in wanted.split(",")


def _matches(campaign: str, wanted: str) -> bool:
    """Match as the service does, by the words between dashes: others are found, too."""
    return not wanted or set(_words(wanted)) <= set(_words(campaign))


def _words(campaign: str) -> Sequence[str]:
    return re.split(r"[\s_-]+", campaign)


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def _link(asked: Mapping[str, str], start: int) -> str:
    cursor = urlsafe_b64encode(str(start).encode()).decode()
    return f"{_PATH}?{urlencode({**asked, 'cursor': cursor})}"


def _event(mail: Accepted) -> dict[str, Any]:
    return {
        "type": mail.told["type"],
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_URL, mail.id + mail.address).int)[:17],
        "timestamp": mail.at.isoformat(),
        "campaign_id": mail.key,
        "rcpt_to": mail.address.lower(),
        "raw_rcpt_to": mail.address,
        "rcpt_meta": {"reference": mail.reference} if mail.reference else {},
        "friendly_from": mail.sender,
        "subject": mail.subject,
        "message_id": uuid.uuid5(uuid.NAMESPACE_URL, mail.address + mail.id).hex[:20],
        "transmission_id": mail.id,
    }


#: Run one for a person.
serve = partial(fake_http.serve, FakeSparkPost)
