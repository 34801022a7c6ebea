"""A local Amazon SES v2: the bulk send with a template, its signature, limits and quotas.

It follows docs.aws.amazon.com/ses and the model of its API (sesv2) as of 2026. It sends nothing to anybody.
"""

import json
import threading
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from newsletter.testing import fake_http
from newsletter.testing.accepted import Ledger
from newsletter.testing.account_pages import SesPages
from newsletter.testing.fake_http import (
    BAD_GATEWAY,
    FakeService,
    Fault,
    Received,
    Response,
    Script,
    machine_clock,
)
from newsletter.testing.ses_log import Accepted, read_log
from newsletter.testing.ses_rules import (
    Unrendered,
    data_of,
    fill,
    recipients_of,
    refused_call,
    refused_entry,
)
from newsletter.testing.ses_signature import Keys, refusal

__all__ = ["Accepted", "FakeSes", "Fault", "Keys", "Limits", "Response", "error", "read_log", "serve"]

_DAY = timedelta(hours=24)
_SECOND = timedelta(seconds=1)
_IDENTITIES = "/v2/email/identities/"
_STATUSES = {"SerializationException": 400, "NotFoundException": 404, "TooManyRequestsException": 429}
_FORBIDDEN = frozenset(
    {"MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException"}
)
_SERVER_ERRORS = frozenset({"InternalServiceErrorException", "ServiceUnavailableException"})


@dataclass(frozen=True)
class Limits:
    """What an account may send, in recipients; None is without limit. A day is any 24 hours."""

    rate: int | None = None
    daily: int | None = None


class FakeSes(FakeService):
    """An Amazon SES account on 127.0.0.1.

    `accepted` has every mail that somebody gets, `unrendered` those that were taken and dropped. With `log`
    they are written to a file before the answer, and read back at the start. `region` None is any;
    `domains` None lets any domain send, `configuration_sets` None takes any. `statuses` gives an address what
    its entries are answered with.
    """

    title = "SES"

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = machine_clock,
        script: Script = (),
        latency: float = 0.0,
        keys: Keys = Keys(),
        region: str | None = None,
        domains: Collection[str] | None = None,
        configuration_sets: Collection[str] | None = None,
        statuses: Mapping[str, tuple[str, str]] | None = None,
        limits: Limits = Limits(),
        passes: int = 1,
        log: Path | None = None,
        keeps_bodies: bool = True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(port=port, now=now, script=script, latency=latency)
        self.statuses = dict(statuses or {})
        self.hint = f"it takes AWS_ACCESS_KEY_ID={keys.key_id} AWS_SECRET_ACCESS_KEY={keys.secret}"
        self._keys = keys
        self._region = region
        self._domains = domains
        self._configuration_sets = configuration_sets
        self._limits = limits
        self._passes = passes
        self._told = told
        self._lock = threading.Lock()
        self._log = Ledger(Accepted, log, keeps_bodies=keeps_bodies)
        self.pages = SesPages()

    @property
    def accepted(self) -> Sequence[Accepted]:
        return [mail for mail in self._log.accepted if not mail.failure]

    @property
    def unrendered(self) -> Sequence[Accepted]:
        return [mail for mail in self._log.accepted if mail.failure]

    @property
    def leaks(self) -> Sequence[Accepted]:
        """List the mails that show their reader who else gets it."""
        return [mail for mail in self._log.accepted if mail.is_leak]

    def handle(self, request: Received) -> Response:
        response = self._handle(request)
        path = urlsplit(request.path).path
        self._told(f"{request.method} {path} -> {response.status} {_summary(response)}")
        return response

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault is Fault.RATE_LIMITED:
            return error("TooManyRequestsException", "Too many requests")
        if fault is Fault.RATE_LIMITED_BARE:
            return error("ThrottlingException", "Maximum sending rate exceeded.")
        return error("InternalServiceErrorException", "An internal error occurred.")

    def _handle(self, request: Received) -> Response:
        if refused := refusal(request, self._keys, self._region, self.now()):
            return error(*refused)
        match (request.method, urlsplit(request.path).path):
            case ("POST", "/v2/email/outbound-bulk-emails"):
                return self._send(request)
            case ("GET", "/v2/email/account"):
                return self._account()
            case ("GET", path) if path.startswith(_IDENTITIES):
                name = path.removeprefix(_IDENTITIES)
                missing = error("NotFoundException", f"Email identity {name} does not exist.")
                return self.pages.identity(name) or missing
            case _:
                return Response(404, b"<UnknownOperationException/>\n", {"Content-Type": "application/xml"})

    def _send(self, request: Received) -> Response:
        if self.latency:
            self.stopping.wait(self.latency)
        try:
            said = json.loads(request.body)
        except ValueError:
            return error("SerializationException", "The body is not valid JSON.")
        if refused := refused_call(said) or self._not_allowed(said):
            return error(*refused)
        with self._lock:
            room, why = self._room()
            if not room:
                return error(*why)
            mails: list[Accepted] = []
            results = [self._result(said, entry, mails, room, why) for entry in said["BulkEmailEntries"]]
            self._log.add(mails)
        return Response.of(200, {"BulkEmailEntryResults": results}, _request_id())

    def _result(
        self,
        said: Mapping[str, Any],
        entry: Any,
        mails: list[Accepted],
        room: float,
        why: tuple[str, str],
    ) -> dict[str, str]:
        shared = said["DefaultContent"]["Template"].get("Headers") or ()
        if illegal := refused_entry(entry, shared):
            return {"Status": "INVALID_PARAMETER", "Error": illegal}
        to = recipients_of(entry)
        if given := next((self.statuses[one] for one in to if one in self.statuses), None):
            return {"Status": given[0], "Error": given[1]}
        if sum(len(mail.to) for mail in mails) + len(to) > room:
            is_daily = why[0] == "LimitExceededException"
            status = "ACCOUNT_DAILY_QUOTA_EXCEEDED" if is_daily else "ACCOUNT_THROTTLED"
            return {"Status": status, "Error": why[1]}
        mail = self._mail(said, entry, to)
        mails.append(mail)
        return {"Status": "SUCCESS", "MessageId": mail.id}

    def _mail(self, said: Mapping[str, Any], entry: Mapping[str, Any], to: tuple[str, ...]) -> Accepted:
        template = said["DefaultContent"]["Template"]
        values = {**json.loads(template.get("TemplateData") or "{}"), **json.loads(data_of(entry))}
        parts, failure = dict.fromkeys(("Subject", "Html", "Text"), ""), ""
        try:
            content = template["TemplateContent"]
            parts = {name: fill(content.get(name, ""), values, self._passes) for name in parts}
        except Unrendered as problem:
            failure = str(problem)
        own = entry.get("ReplacementHeaders") or ()
        tags = (*said.get("DefaultEmailTags", ()), *entry.get("ReplacementTags", ()))
        return Accepted(
            id=f"0102{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000",
            at=self.now(),
            to=to,
            sender=said["FromEmailAddress"],
            reply_to=tuple(said.get("ReplyToAddresses", ())),
            subject=parts["Subject"],
            html=parts["Html"],
            text=parts["Text"],
            headers={one["Name"]: one["Value"] for one in (*(template.get("Headers") or ()), *own)},
            tags={one["Name"]: one["Value"] for one in tags},
            configuration_set=said.get("ConfigurationSetName", ""),
            failure=failure,
        )

    def _not_allowed(self, said: Mapping[str, Any]) -> tuple[str, str] | None:
        domain = parseaddr(said["FromEmailAddress"])[1].rpartition("@")[2]
        if self._domains is not None and domain not in self._domains:
            return (
                "MessageRejected",
                f"Email address is not verified. The following identities failed: {domain}",
            )
        wanted = said.get("ConfigurationSetName")
        if wanted and self._configuration_sets is not None and wanted not in self._configuration_sets:
            return "NotFoundException", f"Configuration set <{wanted}> does not exist."
        return None

    def _room(self) -> tuple[float, tuple[str, str]]:
        """Return how many recipients may be sent to now, and what is said of the others."""
        daily = self._left(self._limits.daily, _DAY)
        rate = self._left(self._limits.rate, _SECOND)
        if daily <= rate:
            return daily, ("LimitExceededException", "Daily message quota exceeded.")
        return rate, ("ThrottlingException", "Maximum sending rate exceeded.")

    def _left(self, limit: int | None, span: timedelta) -> float:
        return float("inf") if limit is None else max(0, limit - self._sent_within(span))

    def _sent_within(self, span: timedelta) -> int:
        since = self.now() - span
        return sum(len(mail.to) for mail in self._log.accepted if mail.at > since)

    def _account(self) -> Response:
        quota = {
            "Max24HourSend": float(self._limits.daily or -1),
            "MaxSendRate": float(self._limits.rate or 14),
            "SentLast24Hours": float(self._sent_within(_DAY)),
        }
        said = {"SendQuota": quota, **self.pages.account()}
        return Response.of(200, said, _request_id())


def error(kind: str, message: str, *, status: int | None = None) -> Response:
    """Word an error as Amazon SES does: its type is in a header, and a URL may stand behind it."""
    usual = 403 if kind in _FORBIDDEN else 500 if kind in _SERVER_ERRORS else _STATUSES.get(kind, 400)
    headers = {"x-amzn-ErrorType": f"{kind}:http://internal.amazon.com/coral/", **_request_id()}
    return Response.of(status or usual, {"message": message}, headers)


#: Run one for a person.
serve = partial(fake_http.serve, FakeSes)


def _request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}


def _summary(response: Response) -> str:
    try:
        said = json.loads(response.body)
    except ValueError:
        return response.body.decode("utf-8", "replace")[:80].strip()
    if "BulkEmailEntryResults" not in said:
        return str(said.get("message", ""))
    statuses = [one["Status"] for one in said["BulkEmailEntryResults"]]
    return ", ".join(f"{status} {statuses.count(status)}" for status in dict.fromkeys(statuses))
