"""A local Mandrill: a send with a row for each recipient, merging, the account's denylist, and the search.

It follows mailchimp.com/developer/transactional as of 2026-04. It sends nothing to anybody.
"""

import re
import uuid
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson

from newsletter.testing import fake_http
from newsletter.testing.accepted import Accepted, read_log
from newsletter.testing.fake_account import FakeAccount
from newsletter.testing.fake_http import BAD_GATEWAY, Fault, Received, Response
from newsletter.testing.mandrill_pages import MandrillPages

__all__ = ["Accepted", "Account", "FakeMandrill", "Fault", "Response", "error", "read_log", "serve"]

#: So far back a search goes.
RETENTION = timedelta(days=7)
_SEARCHES, _MINUTE = 20, timedelta(minutes=1)
_LARGEST, _MOST_RECIPIENTS, _MOST_SYNC = 25_000_000, 1000, 10
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+")
_SEND = re.compile(r"/api/1\.[03]/messages/send(?:\.json)?")
_SEARCH = re.compile(r"/api/1\.[03]/messages/search(?:\.json)?")
_TOLD = re.compile(r"/api/1\.[03]/(users/info|senders/domains)(?:\.json)?")
_VARIABLE = re.compile(r"\*\|([^|*]+)\|\*")


@dataclass
class Account:
    """What an account allows and does by default; tests change it as they go.

    `denied` has the reason by address. With `merges` variables are filled although a call says no.
    `queues` is why everything is queued. `errors_are_500` is how errors were answered once.
    """

    denied: dict[str, str] = field(default_factory=dict)
    domains: Collection[str] | None = None
    shows_recipients: bool = True
    merges: bool = False
    queues: str = ""
    is_unpaid: bool = False
    errors_are_500: bool = True


class FakeMandrill(FakeAccount):
    """A Mandrill account; `account` is what it allows."""

    title = "Mandrill"

    def __init__(self, *, account: Account | None = None, **given: Any) -> None:
        super().__init__(**given)
        self.account = account or Account()
        self.pages = MandrillPages()
        self._searched: deque[datetime] = deque(maxlen=_SEARCHES)

    def is_read(self, request: Received) -> bool:
        """Tell whether a request changes nothing: a search is a POST here."""
        path = urlsplit(request.path).path
        return bool(_SEARCH.fullmatch(path) or _TOLD.fullmatch(path))

    def next_fault(self, request: Received) -> Fault | Response | None:
        return None if self.is_read(request) else super().next_fault(request)

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault in (Fault.RATE_LIMITED, Fault.RATE_LIMITED_BARE):
            limited = error(429, "Too_Many_Requests", "Slow down")
            wait = {"Retry-After": "1"} if fault is Fault.RATE_LIMITED else {}
            return Response(429, limited.body, {**limited.headers, **wait})
        return error(500, "GeneralError", "An unexpected error occurred")

    def respond(self, request: Received) -> Response:
        path = urlsplit(request.path).path
        try:
            said = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, dict):
            return self._error(400, "ValidationError", "You must specify a key value")
        if not self.takes(str(said.get("key", ""))):
            return self._error(401, "Invalid_Key", "Invalid API key")
        if request.method == "POST" and _SEND.fullmatch(path):
            return self._send(said)
        if request.method == "POST" and _SEARCH.fullmatch(path):
            return self._search(said)
        if (match := _TOLD.fullmatch(path)) and (page := self.pages.get(match[1])):
            return page
        return self._error(404, "Unknown_Method", f"Unknown method {path}")

    def summary(self, said: Any) -> str:
        if isinstance(said, dict):
            return str(said.get("name", ""))
        if said and "status" not in said[0]:
            return f"{len(said)} messages"
        taken = sum(row["status"] in ("sent", "queued") for row in said)
        rejected = len(said) - taken
        return f"accepted {taken}" + (f", rejected {rejected}" if rejected else "")

    def _error(self, status: int, name: str, message: str) -> Response:
        return error(500 if self.account.errors_are_500 else status, name, message)

    def _send(self, said: Mapping[str, Any]) -> Response:
        message = said.get("message")
        if self.account.is_unpaid:
            return self._error(402, "PaymentRequired", "The account has to be paid for")
        if refused := _refusal(message):
            return self._error(422, "ValidationError", refused)
        assert isinstance(message, dict), "it was just looked at"
        if len(orjson.dumps(said)) > _LARGEST:
            return Response(413, b"Request Entity Too Large", {"Content-Type": "text/plain"})
        recipients = [dict(one) for one in message["to"]]
        is_queued = bool(self.account.queues) or said.get("async") or len(recipients) > _MOST_SYNC
        rows, mails = [], []
        for one in recipients:
            row = {"email": one.get("email", ""), "_id": uuid.uuid4().hex, "reject_reason": None}
            row |= self._verdict(str(one.get("email", "")), message)
            if row["status"] == "sent":
                mails.append(self._mail(message, one, row["_id"]))
                queued = {"status": "queued", "queued_reason": self.account.queues or None}
                row |= queued if is_queued else {}
            rows.append(row)
        with self.lock:
            self.ledger.add(mails)
        # In any order: here in the one that nobody would expect.
        return Response.of(200, rows[::-1])

    def _verdict(self, address: str, message: Mapping[str, Any]) -> dict[str, Any]:
        domain = str(message["from_email"]).rpartition("@")[2].lower()
        if not _ADDRESS.fullmatch(address):
            return {"status": "invalid"}
        if self.account.domains is not None and domain not in self.account.domains:
            return {"status": "rejected", "reject_reason": "unsigned"}
        if reason := self.account.denied.get(address.lower()):
            return {"status": "rejected", "reject_reason": reason}
        return {"status": "sent"}

    def _mail(self, message: Mapping[str, Any], one: Mapping[str, Any], id_: str) -> Accepted:
        address = str(one["email"])
        shows = message.get("preserve_recipients", self.account.shows_recipients)
        metadata = {**(message.get("metadata") or {}), **_of(address, message.get("recipient_metadata"))}
        fill = self._filler(message, address)
        name = message.get("from_name")
        return Accepted(
            id=id_,
            at=self.now(),
            address=address,
            to=tuple(str(other["email"]) for other in message["to"]) if shows else (address,),
            sender=f"{name} <{message['from_email']}>" if name else str(message["from_email"]),
            subject=fill(str(message.get("subject", ""))),
            html=fill(str(message.get("html") or "")),
            text=fill(str(message.get("text") or "")),
            headers=dict(message.get("headers") or {}),
            key=str(metadata.get("mailing", "")),
            reference=str(metadata.get("reference", "")),
            told={"tags": list(message.get("tags") or []), "metadata": metadata},
        )

    def _filler(self, message: Mapping[str, Any], address: str) -> Any:
        merges = message.get("merge") or message.get("merge_vars") or message.get("global_merge_vars")
        if not merges and not self.account.merges:
            return str
        own: list[Any] = next(
            (one["vars"] for one in message.get("merge_vars") or () if one["rcpt"] == address), []
        )
        values = {
            one["name"].upper(): one["content"] for one in (*(message.get("global_merge_vars") or ()), *own)
        }
        known = {"EMAIL": address, "UNSUB": "https://unsubscribe.mandrill.example/u", **values}
        return lambda text: _VARIABLE.sub(lambda match: str(known.get(_name(match), "")), text)

    def _search(self, said: Mapping[str, Any]) -> Response:
        now = self.now()
        if len(self._searched) == _SEARCHES and now - self._searched[0] < _MINUTE:
            return error(429, "Too_Many_Requests", "20 searches a minute are allowed")
        self._searched.append(now)
        begin = date.fromisoformat(said.get("date_from") or f"{now - RETENTION:%Y-%m-%d}")
        found = [
            mail
            for mail in reversed(self.accepted)
            if self.is_indexed(mail, RETENTION)
            and mail.at.date() >= begin
            and _matches(mail, str(said.get("query") or "*"))
            and set(said.get("tags") or ()) <= set(mail.told["tags"])
        ]
        return Response.of(200, [_listed(mail) for mail in found[: int(said.get("limit") or 100)]])


def error(status: int, name: str, message: str) -> Response:
    """Word an error as Mandrill does."""
    return Response.of(status, {"status": "error", "code": -1, "name": name, "message": message})


def _refusal(message: Any) -> str:
    if not isinstance(message, dict):
        return "You must specify a message value"
    if not _ADDRESS.fullmatch(str(message.get("from_email", ""))):
        return 'Validation error: {"message":{"from_email":"An email address must contain a single @"}}'
    to = message.get("to")
    if not isinstance(to, list) or not to or not all(isinstance(one, dict) for one in to):
        return 'Validation error: {"message":{"to":"Please enter an array"}}'
    if len(to) > _MOST_RECIPIENTS:
        return "Too many recipients"
    headers = message.get("headers") or {}
    if not all(isinstance(value, str) and not re.search(r"[\r\n]", value) for value in headers.values()):
        return 'Validation error: {"message":{"headers":"Please enter a string"}}'
    if not message.get("html") and not message.get("text"):
        return "Validation error: the message has no content"
    return ""


def _of(address: str, rows: Any) -> Mapping[str, Any]:
    return next((dict(row["values"]) for row in rows or () if row["rcpt"] == address), {})


def _name(match: re.Match[str]) -> str:
    return match[1].partition(":")[0].strip().upper()


def _matches(mail: Accepted, query: str) -> bool:
    if query == "*":
        return True
    name, _, wanted = query.partition(":")
    if name == "full_email":
        return mail.address.lower() == wanted.lower()
    return name.startswith("u_") and mail.told["metadata"].get(name[2:]) == wanted


def _listed(mail: Accepted) -> dict[str, Any]:
    return {
        "ts": int(mail.at.timestamp()),
        "_id": mail.id,
        "sender": mail.sender,
        "subject": mail.subject,
        "email": mail.address,
        "tags": mail.told["tags"],
        "opens": 0,
        "clicks": 0,
        "state": "sent",
        "metadata": mail.told["metadata"],
    }


#: Run one for a person.
serve = partial(fake_http.serve, FakeMandrill)
