"""A local MailerSend: batches that are taken in and looked at later, single mails, and the account's limits.

It follows developers.mailersend.com as of 2026. It sends nothing to anybody.
"""

import re
import uuid
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from newsletter.testing import fake_http
from newsletter.testing.accepted import Accepted, read_log
from newsletter.testing.fake_account import FakeAccount
from newsletter.testing.fake_http import BAD_GATEWAY, Fault, Received, Response
from newsletter.testing.mailersend_pages import MailerSendPages

__all__ = ["Accepted", "Account", "FakeMailerSend", "Fault", "Response", "error", "read_log", "serve"]

_BATCH, _MOST_TO, _MOST_TAGS = 500, 50, 5
_MINUTE = timedelta(minutes=1)
_ADDRESS = re.compile(r"[\x21-\x3f\x41-\x7e]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}|\{\$(\w+)\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9-]+")


@dataclass
class Account:
    """What an account allows; tests change it as they go. None is without limit.

    Without `has_headers` the plan allows no headers of one's own. A batch is completed at the look after
    `slow` others. `quota` is how many requests are left today, `per_minute` how many a minute are allowed.
    """

    has_headers: bool = True
    domains: Collection[str] | None = None
    suppressed: set[str] = field(default_factory=set)
    slow: int = 0
    quota: int | None = None
    per_minute: int | None = None


class FakeMailerSend(FakeAccount):
    """A MailerSend account; `account` is what it allows."""

    title = "MailerSend"

    def __init__(self, *, account: Account | None = None, **given: Any) -> None:
        super().__init__(**given)
        self.account = account or Account()
        self.pages = MailerSendPages()
        self._batches: dict[str, dict[str, Any]] = {}
        self._asked: deque[datetime] = deque()

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault in (Fault.RATE_LIMITED, Fault.RATE_LIMITED_BARE):
            limited = error(429, "Too many requests. #MS42903")
            wait = {"retry-after": "1"} if fault is Fault.RATE_LIMITED else {}
            return Response(429, limited.body, {**limited.headers, **wait})
        return error(500, "Server Error")

    def respond(self, request: Received) -> Response:
        if refused := self._at_the_door(request):
            return refused
        match request.method, urlsplit(request.path).path.strip("/").split("/"):
            case "POST", ["v1", "bulk-email"]:
                return self._send_batch(request)
            case "POST", ["v1", "email"]:
                return self._send_one(request)
            case "GET", ["v1", "bulk-email", id_]:
                return self._status(id_)
        path, _, query = request.path.partition("?")
        asked = parse_qs(query).get("page", [""])[0]
        if request.method == "GET" and (page := self.pages.get(path, asked)):
            return page
        return error(404, "Not Found")

    def summary(self, said: Any) -> str:
        return str(_table(said.get("data")).get("state") or said.get("message", ""))

    def _at_the_door(self, request: Received) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self.takes(token):
            return error(401, "Unauthenticated.")
        now = self.now()
        while self._asked and now - self._asked[0] >= _MINUTE:
            self._asked.popleft()
        if self.account.per_minute is not None and len(self._asked) >= self.account.per_minute:
            return error(429, "Too many requests. #MS42903")
        self._asked.append(now)
        if self.account.quota is not None:
            if self.account.quota <= 0:
                return error(429, "The daily API quota is used up. #MS42901")
            self.account.quota -= 1
        return None

    def _send_batch(self, request: Received) -> Response:
        said = _json(request.body)
        if not isinstance(said, list) or not said:
            return error(422, "The given data was invalid. #MS42200")
        if len(said) > _BATCH:
            return error(422, "The number of messages must not exceed 500. #MS42229")
        # All of this is found out later, and told by the status alone.
        faults = {f"message.{n}": found for n, one in enumerate(said) if (found := self._faults(one))}
        sound = [one for n, one in enumerate(said) if f"message.{n}" not in faults]
        id_, gone = uuid.uuid4().hex[:24], [one for one in sound if self._is_suppressed(one)]
        mails = [mail for one in sound if not self._is_suppressed(one) for mail in self._mails(one)]
        with self.lock:
            self.ledger.add(mails)
            self._batches[id_] = {
                "id": id_,
                "state": "completed",
                "total_recipients_count": len(said),
                "suppressed_recipients_count": len(gone),
                "suppressed_recipients": [one["to"][0]["email"] for one in gone] or None,
                "validation_errors_count": len(faults),
                "validation_errors": faults or None,
                "messages_id": [mail.id for mail in mails],
                "looks": self.account.slow,
            }
        return Response.of(202, {"message": "The bulk email is being processed.", "bulk_email_id": id_})

    def _send_one(self, request: Received) -> Response:
        said = _json(request.body)
        if faults := self._faults(said):
            first = next(iter(faults.values()))[0]
            return Response.of(422, {"message": first, "errors": faults})
        if self._is_suppressed(said):
            told = {"email": said["to"][0]["email"], "reasons": ["hard_bounced"]}
            return Response.of(202, {"warnings": [{"type": "ALL_SUPPRESSED", "recipients": [told]}]})
        mails = self._mails(said)
        with self.lock:
            self.ledger.add(mails)
        return Response(202, b"", {"Content-Type": "text/html", "X-Message-Id": mails[0].id})

    def _status(self, id_: str) -> Response:
        found = self._batches.get(id_)
        if found is None:
            return error(404, "Not Found")
        found["looks"] -= 1
        told = {name: value for name, value in found.items() if name != "looks"}
        return Response.of(200, {"data": {**told, "state": "queued"} if found["looks"] >= 0 else told})

    def _faults(self, said: Any) -> dict[str, list[str]]:
        if not isinstance(said, dict):
            return {"message": ["The message must be an object. #MS42200"]}
        sender, to = str((said.get("from") or {}).get("email", "")), said.get("to")
        domain = sender.rpartition("@")[2].lower()
        faults: dict[str, list[str]] = {}
        if not isinstance(to, list) or not 1 <= len(to) <= _MOST_TO:
            return {"to": ["The to field is required, with 50 recipients at most. #MS42205"]}
        for number, one in enumerate(to):
            if not _ADDRESS.fullmatch(str(one.get("email", ""))):
                faults[f"to.{number}.email"] = ["The to email must be a valid address. #MS42208"]
        if self.account.domains is not None and domain not in self.account.domains:
            faults["from.email"] = ["The from.email domain must be verified. #MS42207"]
        if not self.account.has_headers and (said.get("headers") or said.get("list_unsubscribe")):
            faults["headers"] = ["The headers feature is not available on your plan. #MS42230"]
        if not said.get("subject") or not (said.get("html") or said.get("text")):
            faults["subject"] = ["The subject, and html or text, are required. #MS42200"]
        if len(said.get("tags") or ()) > _MOST_TAGS:
            faults["tags"] = ["The tags may not have more than 5 items. #MS42200"]
        if not all(_NAME.fullmatch(one["name"]) for one in said.get("headers") or ()):
            faults["headers"] = ["A header's name is not valid. #MS42200"]
        return faults

    def _is_suppressed(self, said: Mapping[str, Any]) -> bool:
        return all(one["email"].lower() in self.account.suppressed for one in said["to"])

    def _mails(self, said: Mapping[str, Any]) -> list[Accepted]:
        """Make the mail of everybody in `to`, who all see each other."""
        headers = {one["name"]: one["value"] for one in said.get("headers") or ()}
        out = said.get("list_unsubscribe") or "<https://unsubscribe.mailersend.example/u>"
        headers |= {"List-Unsubscribe": out, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        if said.get("reply_to"):
            headers["Reply-To"] = said["reply_to"]["email"]
        sender, tags = said["from"], list(said.get("tags") or [])
        return [
            Accepted(
                id=uuid.uuid4().hex[:24],
                at=self.now(),
                address=one["email"],
                to=tuple(other["email"] for other in said["to"]),
                sender=f"{sender['name']} <{sender['email']}>" if sender.get("name") else sender["email"],
                subject=_fill(said["subject"], said, one["email"]),
                html=_fill(said.get("html") or "", said, one["email"]),
                text=_fill(said.get("text") or "", said, one["email"]),
                headers=headers,
                key="",
                reference=tags[-1] if tags else "",
                told={"tags": tags},
            )
            for one in said["to"]
        ]


def error(status: int, message: str) -> Response:
    """Word an error as MailerSend does."""
    return Response.of(status, {"message": message})


def _fill(text: str, said: Mapping[str, Any], address: str) -> str:
    given = said.get("personalization") or ()
    values = next((dict(one["data"]) for one in given if one["email"] == address), {})
    return _VARIABLE.sub(lambda match: str(values.get(match[1] or match[2], "")), text)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


#: Run one for a person.
serve = partial(fake_http.serve, FakeMailerSend)
