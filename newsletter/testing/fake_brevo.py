"""A local Brevo: calls with their versions, idempotency keys, limits of calls, and the search of its events.

It follows developers.brevo.com as of 2026. It sends nothing to anybody.
"""

import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from newsletter.testing import fake_http
from newsletter.testing.accepted import Accepted, read_log
from newsletter.testing.brevo_pages import BrevoPages
from newsletter.testing.brevo_rules import Account, fill, is_dropped, key_of, leaving, versions_of
from newsletter.testing.fake_account import FakeAccount
from newsletter.testing.fake_http import BAD_GATEWAY, Fault, Received, Response

__all__ = ["Accepted", "Account", "FakeBrevo", "Fault", "Response", "error", "read_log", "serve"]

#: For so long a key is known, and events are kept.
KEY_TTL, RETENTION = timedelta(minutes=30), timedelta(days=30)
#: How many calls in how long: with versions, and for events.
_SENDS, _SENDS_IN = 100, timedelta(minutes=1)
_LOOKS, _LOOKS_IN = 100, timedelta(hours=1)
_LARGEST_PAGE = 2500


class FakeBrevo(FakeAccount):
    """A Brevo account; `account` is what it allows."""

    title = "Brevo"

    def __init__(self, *, account: Account | None = None, **given: Any) -> None:
        super().__init__(**given)
        self.account = account or Account()
        self.pages = BrevoPages()
        self._keys: dict[str, datetime] = {}
        self._sends: deque[datetime] = deque()
        self._looks: deque[datetime] = deque()

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault is Fault.RATE_LIMITED:
            return error(429, "too_many_requests", "Too many requests.", {"x-sib-ratelimit-reset": "1"})
        if fault is Fault.RATE_LIMITED_BARE:
            return error(429, "too_many_requests", "Too many requests.")
        return error(500, "internal_server_error", "Internal server error.")

    def respond(self, request: Received) -> Response:
        if not self.takes(request.headers.get("api-key", "")):
            return error(401, "unauthorized", "Key not found")
        if not self.account.is_known_here:
            return error(401, "unauthorized", "We have detected you are using an unrecognised IP address.")
        parts = urlsplit(request.path)
        match request.method, parts.path:
            case "POST", "/v3/smtp/email":
                return self._send(request)
            case "GET", "/v3/smtp/statistics/events":
                return self._search(dict(parse_qsl(parts.query)))
            case "GET", path if page := self.pages.get(path):
                return page
        return error(404, "document_not_found", "Not found")

    def summary(self, said: Any) -> str:
        if "message" in said:
            return str(said["message"])
        if "events" in said or not said:
            return f"{len(said.get('events', ()))} events"
        return f"accepted {len(said.get('messageIds', [0]))}"

    def _send(self, request: Received) -> Response:
        try:
            said = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return error(400, "bad_request", "Input must be a valid JSON object")
        with self.lock:
            is_batch = isinstance(said, dict) and "messageVersions" in said
            if is_batch and (limited := self._limit(self._sends, _SENDS, _SENDS_IN)):
                return limited
            if refused := self.account.refusal(said):
                return error(*refused)
            if self._is_repeated(key_of(said)):
                return error(400, "duplicate_parameter", "The idempotencyKey has been used already.")
            ids = [f"<{uuid.uuid4().hex}@smtp-relay.mailin.fr>" for _ in versions_of(said)]
            if not is_dropped(said):
                self._take(said, ids)
        return Response.of(201, {"messageIds": ids} if is_batch else {"messageId": ids[0]})

    def _is_repeated(self, key: str) -> bool:
        now, used = self.now(), self._keys.get(key)
        if used is not None and now - used < KEY_TTL:
            return True
        if key:
            self._keys[key] = now
        return False

    def _take(self, said: Mapping[str, Any], ids: Sequence[str]) -> None:
        mails = [
            self._mail(version, to["email"], id_)
            for version, id_ in zip(versions_of(said), ids, strict=True)
            for to in version["to"]
        ]
        self.ledger.add(mails)
        if self.account.credits is not None:
            self.account.credits -= len(mails)

    def _mail(self, version: Mapping[str, Any], address: str, id_: str) -> Accepted:
        headers, params = leaving(version), version.get("params") or {}
        if "replyTo" in version:
            headers["Reply-To"] = version["replyTo"]["email"]
        tags, sender = version.get("tags") or [""], version["sender"]
        return Accepted(
            id=id_.strip("<>"),
            at=self.now(),
            address=address,
            to=tuple(one["email"] for one in version["to"]),
            sender=f"{sender['name']} <{sender['email']}>" if sender.get("name") else sender["email"],
            subject=fill(version["subject"], params),
            html=fill(version["htmlContent"], params),
            text=fill(version.get("textContent") or "", params),
            headers=headers,
            key=tags[-1],
            reference=headers.get("X-Mailin-Custom", ""),
            told={"tags": tags, "is_blocked": address.lower() in self.account.blocked},
        )

    def _search(self, asked: Mapping[str, str]) -> Response:
        with self.lock:
            if limited := self._limit(self._looks, _LOOKS, _LOOKS_IN):
                return limited
        limit, offset = asked.get("limit", "2500"), asked.get("offset", "0")
        if not limit.isdigit() or not 1 <= int(limit) <= _LARGEST_PAGE or not offset.isdigit():
            return error(400, "out_of_range", "Limit exceeds max value")
        try:
            wanted = set(orjson.loads(asked.get("tags", "[]")))
        except (orjson.JSONDecodeError, TypeError):
            return error(400, "invalid_parameter", "tags should be an array")
        found = [mail for mail in reversed(self.accepted) if self._is_asked_for(mail, wanted, asked)]
        page = found[int(offset) : int(offset) + int(limit)]
        return Response.of(200, {"events": list(map(_event, page))} if page else {})

    def _is_asked_for(self, mail: Accepted, tags: set[str], asked: Mapping[str, str]) -> bool:
        return (
            self.is_indexed(mail, RETENTION)
            and asked.get("event", "requests") == "requests"
            and asked.get("email", mail.address).lower() == mail.address.lower()
            and (not tags or bool(tags & set(mail.told["tags"])))
        )

    def _limit(self, calls: deque[datetime], most: int, within: timedelta) -> Response | None:
        now = self.now()
        while calls and now - calls[0] >= within:
            calls.popleft()
        if len(calls) >= most:
            wait = int((calls[0] + within - now).total_seconds()) + 1
            told = {"x-sib-ratelimit-limit": str(most), "x-sib-ratelimit-reset": str(wait)}
            return error(429, "too_many_requests", "Too many requests.", told)
        calls.append(now)
        return None


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Word an error as Brevo does."""
    return Response.of(status, {"code": code, "message": message}, headers)


def _event(mail: Accepted) -> dict[str, Any]:
    return {
        "email": mail.address,
        "date": mail.at.isoformat(),
        "subject": mail.subject,
        "messageId": f"<{mail.id}>",
        "event": "requests",
        "tag": orjson.dumps(mail.told["tags"]).decode(),
        "from": mail.sender,
    }


#: Run one for a person.
serve = partial(fake_http.serve, FakeBrevo)
