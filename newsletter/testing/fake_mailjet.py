"""A local Mailjet: a list of messages answered one by one, campaigns without duplicates, and the log.

It follows dev.mailjet.com as of 2026. It sends nothing to anybody.
"""

import uuid
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from newsletter.testing import fake_http
from newsletter.testing.accepted import Accepted, read_log
from newsletter.testing.fake_account import FakeAccount
from newsletter.testing.fake_http import BAD_GATEWAY, Fault, Received, Response
from newsletter.testing.mailjet_pages import MailjetPages
from newsletter.testing.mailjet_rules import Account, Refusal, fill

__all__ = ["Accepted", "Account", "FakeMailjet", "Fault", "Response", "error", "read_log", "serve"]

#: For so long messages are listed.
RETENTION = timedelta(days=90)
#: Ids are numbers that a floating point cannot hold.
_FIRST_ID = 1_152_921_504_606_846_977
_MOST_MESSAGES, _LARGEST_PAGE = 50, 1000


class FakeMailjet(FakeAccount):
    """A Mailjet account; its `key` is the public and the private one with a colon between.

    `duplicates` lists what was taken and blocked, as its campaign had it before.
    """

    title = "Mailjet"

    def __init__(self, *, account: Account | None = None, **given: Any) -> None:
        super().__init__(**given)
        self.account = account or Account()
        self.pages = MailjetPages()
        self.duplicates: list[Accepted] = []
        self._last_id = _FIRST_ID + len(self.accepted)
        self._campaigns = {(mail.told["campaign"], mail.address.lower()) for mail in self.accepted}

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault is Fault.RATE_LIMITED:
            limited = error(429, "", "Too many requests.")
            return Response(limited.status, limited.body, {**limited.headers, "Retry-After": "1"})
        if fault is Fault.RATE_LIMITED_BARE:
            return error(429, "", "Too many requests.")
        return error(500, "", "Internal server error.")

    def respond(self, request: Received) -> Response:
        if not self.takes(_login_of(request)):
            return error(401, "", "API key authentication/authorization failure.")
        if self.account.is_blocked:
            return error(403, "", "Your account has been temporarily blocked.")
        parts = urlsplit(request.path)
        match request.method, parts.path:
            case "POST", "/v3.1/send":
                return self._send(request)
            case "GET", "/v3/REST/message":
                return self._search(dict(parse_qsl(parts.query)))
            case "GET", path if page := self.pages.get(
                path, dict(parse_qsl(parts.query)), _login_of(request)
            ):
                return page
        return error(404, "", "Object not found.")

    def summary(self, said: Any) -> str:
        if "Data" in said:
            return f"{said['Count']} messages"
        if "Messages" not in said:
            return str(said["ErrorMessage"])
        refused = sum(one["Status"] == "error" for one in said["Messages"])
        return f"accepted {len(said['Messages']) - refused}" + (f", rejected {refused}" if refused else "")

    def _send(self, request: Received) -> Response:
        try:
            said = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return error(400, "mj-0001", "The JSON is not valid.")
        messages = said.get("Messages") if isinstance(said, dict) else None
        if not isinstance(messages, list) or not messages:
            return error(400, "mj-0003", '"Messages" property is mandatory.')
        if len(messages) > _MOST_MESSAGES:
            return error(400, "mj-0006", "A call has 50 messages at most.")
        common = said.get("Globals") or {}
        with self.lock:
            rows = self._take([_merged(common, one) for one in messages], is_real=not said.get("SandboxMode"))
        worst = max((one["Errors"][0]["StatusCode"] for one in rows if "Errors" in one), default=200)
        return Response.of(worst, {"Messages": rows})

    def _take(self, messages: Sequence[Any], *, is_real: bool) -> list[dict[str, Any]]:
        rows, mails = [], []
        for message in messages:
            if refused := self.account.refusal(message):
                rows.append(_refused(refused))
                continue
            taken = [self._mail(message, to["Email"]) for to in message["To"]]
            rows.append(_row(message, taken, is_real=is_real))
            mails += [mail for mail in taken if is_real and self._is_first(message, mail)]
        self.ledger.add(mails)
        return rows

    def _is_first(self, message: Mapping[str, Any], mail: Accepted) -> bool:
        campaign = mail.told["campaign"]
        place = (campaign, mail.address.lower())
        if campaign and message.get("DeduplicateCampaign") and place in self._campaigns:
            self.duplicates.append(mail)
            return False
        self._campaigns.add(place)
        return True

    def _mail(self, message: Mapping[str, Any], address: str) -> Accepted:
        headers = {name: fill(value, message) for name, value in (message.get("Headers") or {}).items()}
        if "ReplyTo" in message:
            headers["Reply-To"] = message["ReplyTo"]["Email"]
        sender, custom_id = message["From"], message.get("CustomID", "")
        self._last_id += 1
        return Accepted(
            id=str(self._last_id),
            at=self.now(),
            address=address,
            to=tuple(one["Email"] for one in message["To"]),
            sender=f"{sender['Name']} <{sender['Email']}>" if sender.get("Name") else sender["Email"],
            subject=fill(message.get("Subject", ""), message),
            html=fill(message.get("HTMLPart") or "", message),
            text=fill(message.get("TextPart") or "", message),
            headers=headers,
            key=custom_id.rpartition("-")[0],
            reference=custom_id,
            told={"campaign": message.get("CustomCampaign", "")},
        )

    def _search(self, asked: Mapping[str, str]) -> Response:
        limit = asked.get("Limit", "10")
        if not limit.isdigit() or int(limit) > _LARGEST_PAGE:
            return error(400, "", "Invalid Limit.")
        found = [
            mail
            for mail in (*self.accepted, *self.duplicates)
            if self.is_indexed(mail, RETENTION) and asked.get("CustomID", mail.reference) == mail.reference
        ]
        rows = list(map(_listed, found[: int(limit) or _LARGEST_PAGE]))
        return Response.of(200, {"Count": len(rows), "Data": rows, "Total": len(found)})


def error(status: int, code: str, message: str) -> Response:
    """Word an error of a whole call as Mailjet does."""
    said = {"ErrorIdentifier": str(uuid.uuid4()), "StatusCode": status, "ErrorMessage": message}
    return Response.of(status, {**said, **({"ErrorCode": code} if code else {})})


def _merged(common: Mapping[str, Any], message: Any) -> Any:
    return {**common, **message} if isinstance(message, dict) else message


def _login_of(request: Received) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        login = b64decode(token, validate=True).decode()
    except ValueError:
        return ""
    return login if kind == "Basic" and all(login.partition(":")[::2]) else ""


def _refused(refusal: Refusal) -> dict[str, Any]:
    status, code, message, about = refusal
    error = {
        "ErrorIdentifier": str(uuid.uuid4()),
        "ErrorCode": code,
        "StatusCode": status,
        "ErrorMessage": message,
        "ErrorRelatedTo": [about] if about else [],
    }
    return {"Status": "error", "Errors": [error]}


def _row(message: Mapping[str, Any], taken: Sequence[Accepted], *, is_real: bool) -> dict[str, Any]:
    to = [
        {
            "Email": mail.address,
            "MessageUUID": str(uuid.uuid4()) if is_real else "",
            "MessageID": int(mail.id) if is_real else 0,
            "MessageHref": f"https://api.mailjet.com/v3/REST/message/{mail.id}" if is_real else "",
        }
        for mail in taken
    ]
    return {"Status": "success", "CustomID": message.get("CustomID", ""), "To": to, "Cc": [], "Bcc": []}


def _listed(mail: Accepted) -> dict[str, Any]:
    contact = int(uuid.uuid5(uuid.NAMESPACE_URL, mail.address.lower()).hex[:12], 16)
    return {"ID": int(mail.id), "ArrivedAt": mail.at.isoformat(), "ContactID": contact, "Status": "sent"}


#: Run one for a person.
serve = partial(fake_http.serve, FakeMailjet)
