"""MailerSend: a batch is a JSON array of complete messages, taken in at once and looked at later.

There is no idempotency and no log that tells a batch again: of a call without an answer only the events of
its mails tell. Facts by developers.mailersend.com as of 2026.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Mailing,
    Outcome,
    Provider,
    Recovery,
    Request,
    always,
)
from newsletter.providers.account import Account
from newsletter.providers.mailersend_account import MailerSendAccount
from newsletter.providers.mailersend_answers import read_answer, read_status
from newsletter.providers.mailersend_form import Form, unfit
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.wire import Deadline, Patience, Wire

BASE_URL = "https://api.mailersend.com"
#: How long is waited before each look at what became of a batch, in seconds.
LOOKS = (1.0, 2.0, 4.0, 8.0)


class MailerSend(Account):
    """The sending domain behind one token; `rest` waits between looks."""

    can = Capabilities(
        name="mailersend",
        batch_size=500,
        call_timeout=Patience.call,
        # Webhooks name the delivery by a tag.
        recovery=Recovery.EVENTS,
        # Each message of a batch is looked at for itself.
        is_atomic=False,
        # Ten requests a minute are allowed, looks included.
        calls_per_second=1 / 15,
        cost="our headers, the one-click header too, need a Professional or Enterprise plan",
    )

    def __init__(
        self,
        base_url: str,
        secret: Secret,
        patience: Patience | None = None,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(base_url, secret, patience)
        self._base_url = self._base_url.removesuffix("/v1")
        self._rest = rest
        self._limit = self._capabilities.call_timeout
        # The call, then looks for as long, of which the last may take as long again.
        self._capabilities = replace(self._capabilities, call_timeout=3 * self._limit)

    def compile(self, message: Message) -> Callable[[Mailing], "MailerSendCall"]:
        """Encode a message once as one element of the JSON array; raises ProviderError as `Form` does."""
        form = Form(message)
        desk = Desk(f"{self._base_url}/v1/bulk-email", self._secret, self._wire, self._limit, self._rest)

        def fill(mailing: Mailing) -> MailerSendCall:
            return MailerSendCall(desk, mailing, form.body(mailing), unfit(mailing.recipients))

        return fill

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the domains of the token, their settings, and the day's quota."""
        token = self._secret.reveal()
        return MailerSendAccount(self._wire, self._base_url, headers_for(token), token).examine(domains)


def open_mailersend(settings: ProviderSettings) -> Provider:
    """Open the sending domain of MAILERSEND_API_TOKEN.

    Raises ProviderError where the token is missing or the address cannot be used.
    """
    token = read_secret(settings.environment, "MAILERSEND_API_TOKEN")
    return MailerSend(settings.base_url or BASE_URL, token)


@dataclass(frozen=True)
class Desk:
    """Where batches are handed in and asked for; all looks together take about `limit`."""

    url: str
    secret: Secret
    wire: Wire
    limit: timedelta
    rest: Callable[[float], None]


@dataclass(frozen=True)
class MailerSendCall:
    """One batch, composed; `why_not` says why its recipients cannot share a call."""

    desk: Desk
    mailing: Mailing
    body: Sequence[bytes]
    why_not: str | None

    def request(self) -> Request:
        """Show the call with its token hidden."""
        return Request("POST", self.desk.url, headers_for("***"), b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once, unless its recipients cannot share one, and look at what becomes of it."""
        if self.why_not:
            return Answer(Outcome.REFUSED, f"{self.why_not}, nothing was sent")
        token = self.desk.secret.reveal()
        reply = self.desk.wire.post(self.desk.url, headers_for(token), self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        found = read_answer(reply)
        if isinstance(found, str):
            found = self._look(found, token)
        rejected = {pos: words.replace(token, "***") for pos, words in found.rejected.items()}
        return replace(found, reason=found.reason.replace(token, "***"), rejected=rejected)

    def _look(self, id_: str, token: str) -> Answer:
        desk = self.desk
        deadline = Deadline(time.monotonic, desk.limit)
        for seconds in LOOKS:
            desk.rest(seconds)
            if deadline.is_over():
                break
            reply = desk.wire.get(f"{desk.url}/{id_}", headers_for(token), {})
            found = read_status(reply, id_, self.mailing.recipients) if reply else None
            if found:
                return found
        words = f"MailerSend took the batch in as {id_}, and does not say yet what became of it"
        return Answer(Outcome.UNKNOWN, words, request_id=id_)


def headers_for(token: str) -> dict[str, str]:
    """Return the headers of every call."""
    return {
        "Accept": "application/json",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "User-Agent": f"newsletter/{__version__}",
    }
