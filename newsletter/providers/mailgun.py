"""Mailgun: a batch is one form with one body, up to 1,000 addresses and the values of each.

There is no idempotency: what became of a call without an answer is read from the account's own events.
Facts by documentation.mailgun.com and Mailgun's OpenAPI description as of 2026-07.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message, sender_domain
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Inquiry,
    Mailing,
    Outcome,
    Provider,
    Recovery,
    Request,
    Shape,
    Sightings,
    always,
)
from newsletter.errors import ProviderError
from newsletter.providers.account import Account
from newsletter.providers.answers import (
    LONGEST_WAIT,
    Reply,
    answer,
    message_id,
    outcome_of,
    reason,
    sent_at,
)
from newsletter.providers.headers import ascii_address
from newsletter.providers.mailgun_account import MailgunAccount
from newsletter.providers.mailgun_form import Form, unfit
from newsletter.providers.mailgun_log import EventLog
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.wire import Patience, Wire

#: Accounts and domains are of one region; `base_url` = "https://api.eu.mailgun.net" is the other.
BASE_URL = "https://api.mailgun.net"
#: In bytes, of a whole request: 52.4 MiB.
LARGEST_CALL = 54_945_382
_MAGNIFICENT = b"mailgun magnificent api"
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
#: What a 400 says when the account or the sender is at fault, and splitting the batch would find nobody.
_ACCOUNT = re.compile(
    r"not allowed to send|'?from'? parameter|free accounts|sandbox|(?:un|not )(?:verified|activated)"
    r"|\b(?:account|domain)\b.*\b(?:disabled|suspended|not found)",
    re.IGNORECASE,
)
_PAYMENT_REQUIRED = 402
_TRY_AGAIN = re.compile(r"try again (?:after|in) (?:(\d{1,9}) ?(s|m|h)|(.+))", re.IGNORECASE)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}


class Mailgun(Account):
    """The account behind one API key; the sending domain is the one of a message's sender."""

    can = Capabilities(
        name="mailgun",
        batch_size=1000,
        call_timeout=Patience.call,
        recovery=Recovery.QUERY,
        # The documentation trusts the log only for what is older than about half an hour.
        settles_after=timedelta(minutes=30),
        look_interval=timedelta(minutes=5),
        # Three days on the smallest plan, less what a slow search and a wrong clock may cost.
        remembers_for=timedelta(days=3) - timedelta(hours=6),
        is_atomic=True,
        shape=Shape.TEMPLATE,
        byte_limit=LARGEST_CALL,
    )

    def compile(self, message: Message) -> Callable[[Mailing], "MailgunCall"]:
        """Encode a message once as a form with variables in it.

        Raises ProviderError where the sender has no domain that can send, and as `Form` does.
        """
        url = f"{self._base_url}/v3/{_sending_domain(message.sender)}/messages"
        form = Form(message)

        def fill(mailing: Mailing) -> MailgunCall:
            why_not, body = unfit(mailing.recipients), form.body(mailing)
            return MailgunCall(url, self._secret, self._wire, form.content_type, mailing, body, why_not)

        return fill

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the events of the sending domain for mails accepted under a key."""
        return EventLog(self._wire, self._base_url, headers_for(self._secret.reveal())).find(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the sending domains and the account's own limit."""
        key = self._secret.reveal()
        return MailgunAccount(self._wire, self._base_url, headers_for(key), key).examine(domains)


def open_mailgun(settings: ProviderSettings) -> Provider:
    """Open the account of MAILGUN_API_KEY.

    Raises ProviderError where the key is missing or the address cannot be used.
    """
    key = read_secret(settings.environment, "MAILGUN_API_KEY")
    return Mailgun(settings.base_url or BASE_URL, key)


@dataclass(frozen=True)
class MailgunCall:
    """One batch, composed; `why_not` says why its recipients cannot share a call."""

    url: str
    key: Secret
    wire: Wire
    content_type: str
    mailing: Mailing
    body: Sequence[bytes]
    why_not: str | None

    def request(self) -> Request:
        """Show the call with its key hidden."""
        headers = {**headers_for(""), "Authorization": "Basic ***", "Content-Type": self.content_type}
        return Request("POST", self.url, headers, b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once, unless its recipients cannot share one."""
        if self.why_not:
            return Answer(Outcome.REFUSED, f"{self.why_not}, nothing was sent")
        headers = {**headers_for(self.key.reveal()), "Content-Type": self.content_type}
        reply = self.wire.post(self.url, headers, self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        found = read_answer(reply, [recipient.pos for recipient in self.mailing.recipients])
        # Keys of the service have no common beginning by which they could be known.
        return replace(found, reason=found.reason.replace(self.key.reveal(), "***"))


def headers_for(key: str) -> dict[str, str]:
    """Return the headers of every call."""
    token = b64encode(f"api:{key}".encode()).decode()
    return {"Authorization": f"Basic {token}", "User-Agent": f"newsletter/{__version__}"}


def read_answer(reply: Reply, positions: Sequence[int]) -> Answer:
    """Tell what a reply proves about the recipients at `positions`."""
    said = _json(reply.body)
    if reply.is_success:
        return _read_success(reply, said, positions)
    words = _words(said, reply)
    outcome = _outcome(reply.status, words)
    found = answer(outcome, reply, words)
    if outcome is not Outcome.DEFERRED:
        return found
    waits = [wait for wait in (found.retry_after, _wait_in(words, sent_at(reply))) if wait is not None]
    return replace(found, retry_after=max(waits, default=None))


def _read_success(reply: Reply, said: Any, positions: Sequence[int]) -> Answer:
    if shared := message_id(said.get("id") if isinstance(said, Mapping) else None):
        return Answer(Outcome.ACCEPTED, ids=dict.fromkeys(positions, shared), status=reply.status)
    if reply.body.strip().lower().startswith(_MAGNIFICENT):
        # So answers a path that the service does not have: what takes mails was never reached.
        return answer(Outcome.MISCONFIGURED, reply, "no such path at Mailgun; write base_url without a path")
    return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")


def _outcome(status: int, words: str) -> Outcome:
    if status == _PAYMENT_REQUIRED:
        return Outcome.MISCONFIGURED
    found = outcome_of(status)
    return Outcome.MISCONFIGURED if found is Outcome.REFUSED and _ACCOUNT.search(words) else found


def _words(said: Any, reply: Reply) -> str:
    if isinstance(said, Mapping):
        return str(said.get("message") or "")
    # Some refusals are plain text, such as 401 with "Forbidden"; a page of the network says nothing.
    return "" if reply.body.lstrip().startswith(b"<") else reply.body.decode("utf-8", "replace")


def _wait_in(words: str, now: datetime | None) -> timedelta | None:
    """Read "try again after" a number of seconds or a date."""
    match = _TRY_AGAIN.search(words)
    if match is None:
        return None
    number, unit, date = match.groups()
    if number:
        return min(int(number) * _UNITS[unit.lower()], LONGEST_WAIT)
    until = _date(date.strip(" .\"'"))
    return min(max(until - now, timedelta(0)), LONGEST_WAIT) if until and now else None


def _date(written: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(written)
        except (ValueError, OverflowError):
            continue
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None


def _sending_domain(sender: str) -> str:
    domain = sender_domain(f"<{ascii_address(sender.rpartition('<')[2].rstrip('> '))}>")
    if not _DOMAIN.fullmatch(domain):
        raise ProviderError(
            f"the sender {reason(sender)!r} has no domain that Mailgun could send for",
            mend='write from = "Name <name@your.domain>"',
        )
    return domain


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
