"""A local SendGrid: the send of a batch with substitutions, the account's limits, and its email logs.

It follows SendGrid's OpenAPI description as of 2026-01. It sends nothing to anybody.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from newsletter.providers.sendgrid_form import REFERENCE
from newsletter.testing import fake_http
from newsletter.testing.accepted import Accepted, read_log
from newsletter.testing.fake_account import FakeAccount
from newsletter.testing.fake_http import BAD_GATEWAY, Fault, Received, Response
from newsletter.testing.sendgrid_pages import SendGridPages
from newsletter.testing.sendgrid_rules import Account, content_of, error, filler

__all__ = ["Accepted", "Account", "FakeSendGrid", "Fault", "Response", "error", "read_log", "serve"]

#: For so long mails are listed.
RETENTION = timedelta(days=30)
_SEND, _LOGS = "/v3/mail/send", "/v3/logs"
_LARGEST_CALL = 30_000_000
_MOST_LISTED = 1000
_TERM = re.compile(
    r"to_email = '(?P<to>[^']*)'|categories IN \((?P<categories>(?:'[^']*'(?:, )?)+)\)"
    r"|sg_message_id_created_at (?P<how>>=?|<=?) TIMESTAMP \"(?P<when>[^\"]+)\""
)


class FakeSendGrid(FakeAccount):
    """A SendGrid account; `account` is what it allows, `passes` how often a content is gone over."""

    title = "SendGrid"

    def __init__(self, *, account: Account | None = None, passes: int = 1, **given: Any) -> None:
        super().__init__(**given)
        self.account = account or Account()
        self.pages = SendGridPages()
        self._passes = passes

    def next_fault(self, request: Received) -> Fault | Response | None:
        return None if self.is_read(request) else super().next_fault(request)

    def is_read(self, request: Received) -> bool:
        # A search is a post, too, so that no address stands in a URL.
        return super().is_read(request) or urlsplit(request.path).path.startswith(_LOGS)

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault in (Fault.RATE_LIMITED, Fault.RATE_LIMITED_BARE):
            limited = error(429, "too many requests")
            until = int(self.now().timestamp()) + 20
            told = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(until)}
            extra = told if fault is Fault.RATE_LIMITED else {}
            return Response(limited.status, limited.body, {**limited.headers, **extra})
        return error(500, "Internal Server Error")

    def respond(self, request: Received) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self.takes(key):
            return error(401, "The provided authorization grant is invalid, expired, or revoked")
        path, _, query = request.path.partition("?")
        asked = parse_qs(query).get("domain", [""])[0]
        if request.method == "GET" and (page := self.pages.get(path, asked)):
            return page
        if self.is_read(request) and not self.account.may_read:
            return error(403, "access forbidden")
        match request.method, path:
            case "POST", _ if path == _SEND:
                return self._send(request)
            case "POST", _ if path == _LOGS:
                return self._search(request)
            case "GET", _ if path.startswith(f"{_LOGS}/"):
                return self._tell(unquote(path.removeprefix(f"{_LOGS}/")))
        return error(404, "not found")

    def summary(self, said: Any) -> str:
        if isinstance(said, list):
            return f"{len(said)} domains"
        if "messages" in said:
            return f"{len(said['messages'])} messages"
        return str(said["errors"][0]["message"]) if "errors" in said else str(said["status"])

    def _send(self, request: Received) -> Response:
        if len(request.body) > _LARGEST_CALL:
            return error(413, "The JSON payload you have included in your request is too large.")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return error(415, "Content-Type should be application/json.")
        try:
            said = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return error(400, "Bad Request")
        with self.lock:
            if refused := self.account.refusal(said):
                return refused
            id_ = secrets.token_urlsafe(16)
            people = said["personalizations"]
            if said.get("mail_settings", {}).get("sandbox_mode", {}).get("enable") is True:
                return Response(200, b"")
            self.ledger.add([self._mail(said, one, number, id_) for number, one in enumerate(people)])
            if self.account.credits is not None:
                self.account.credits -= len(people)
        return Response(202, b"", {"X-Message-Id": id_, "Content-Type": "text/plain"})

    def _mail(self, said: Mapping[str, Any], one: Mapping[str, Any], number: int, id_: str) -> Accepted:
        fill = filler(one.get("substitutions", {}), self._passes)
        addresses = tuple(each["email"] for each in (*one["to"], *one.get("cc", ())))
        arguments = {**said.get("custom_args", {}), **one.get("custom_args", {})}
        headers = {**said.get("headers", {}), **one.get("headers", {})}
        if "reply_to" in said:
            headers["Reply-To"] = _mailbox(said["reply_to"])
        reference = str(arguments.get(REFERENCE, ""))
        reason = self.account.suppressed.get(addresses[0].lower(), "")
        return Accepted(
            id=id_,
            at=self.now(),
            address=addresses[0],
            to=addresses,
            sender=_mailbox(said["from"]),
            subject=fill(one.get("subject") or said["subject"]),
            html=fill(content_of(said, "text/html")),
            text=fill(content_of(said, "text/plain")),
            headers=self.account.leaving(said, headers),
            key=reference.rpartition("-")[0],
            reference=reference,
            told={
                "sg_message_id": f"{id_}.recvd-5c9f-1-{number}.0",
                "status": "dropped" if reason else "processed",
                "reason": reason,
                "category": said.get("categories", []),
                "custom_args": arguments,
            },
        )

    def _search(self, request: Received) -> Response:
        said = orjson.loads(request.body)
        limit, terms = said.get("limit", 10), said.get("query", "").split(" AND ")
        matches = [_TERM.fullmatch(term) for term in terms if term]
        if not 1 <= limit <= _MOST_LISTED or not all(matches):
            return error(400, "invalid query", "query")
        found = [
            mail
            for mail in reversed(self.accepted)
            if self.is_indexed(mail, RETENTION) and all(_is_asked_for(mail, one) for one in matches if one)
        ]
        return Response.of(200, {"messages": [_listed(mail) for mail in found[:limit]]})

    def _tell(self, id_: str) -> Response:
        mail = next((mail for mail in self.accepted if mail.told["sg_message_id"] == id_), None)
        if mail is None or not self.is_indexed(mail, RETENTION):
            return error(404, "message not found")
        told = {name: mail.told[name] for name in ("category", "custom_args")}
        return Response.of(200, {**_listed(mail), **told, "events": []})


def _is_asked_for(mail: Accepted, term: re.Match[str]) -> bool:
    if term["to"] is not None:
        return mail.address == term["to"]
    if term["categories"] is not None:
        return bool(set(re.findall(r"'([^']*)'", term["categories"])) & set(mail.told["category"]))
    # In whole seconds, as it is listed.
    at, when = mail.at.replace(microsecond=0), datetime.fromisoformat(term["when"]).astimezone(UTC)
    return {">": at > when, ">=": at >= when, "<": at < when, "<=": at <= when}[term["how"]]


def _listed(mail: Accepted) -> dict[str, Any]:
    return {
        "from_email": mail.sender.rpartition("<")[2].rstrip(">"),
        "sg_message_id": mail.told["sg_message_id"],
        "subject": mail.subject,
        "to_email": mail.address,
        "reason": mail.told["reason"],
        "status": mail.told["status"],
        "sg_message_id_created_at": mail.at.isoformat(),
    }


def _mailbox(one: Mapping[str, str]) -> str:
    return f"{one['name']} <{one['email']}>" if one.get("name") else one["email"]


#: Run one for a person.
serve = partial(fake_http.serve, FakeSendGrid)
