"""SendGrid: a batch is one content with a personalization for each recipient, taken as a whole or not at all.

There is no idempotency: what became of a call without an answer is read from the account's own log. Facts by
SendGrid's OpenAPI description as of 2026-01.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message
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
from newsletter.providers.account import Account
from newsletter.providers.sendgrid_account import SendGridAccount
from newsletter.providers.sendgrid_answers import read_answer
from newsletter.providers.sendgrid_form import LARGEST_CALL, Form, unfit
from newsletter.providers.sendgrid_log import EmailLog
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.wire import Patience, Wire

#: Subusers of the European region have keys of their own, for "https://api.eu.sendgrid.com".
BASE_URL = "https://api.sendgrid.com"


class SendGrid(Account):
    """The account behind one API key."""

    can = Capabilities(
        name="sendgrid",
        batch_size=1000,
        call_timeout=Patience.call,
        recovery=Recovery.QUERY,
        # The delay of the log is not documented: so it is asked as late as the slowest of the others.
        settles_after=timedelta(minutes=30),
        look_interval=timedelta(minutes=5),
        # Thirty days, less what a slow search and a wrong clock may cost.
        remembers_for=timedelta(days=30) - timedelta(hours=6),
        is_atomic=True,
        shape=Shape.TEMPLATE,
        byte_limit=LARGEST_CALL,
        cost="one address that SendGrid does not take refuses the whole call, which is divided then",
    )

    def compile(self, message: Message) -> Callable[[Mailing], "SendGridCall"]:
        """Encode a message once as a content with tags in it; raises ProviderError as `Form` does."""
        url, form = f"{self._base_url}/v3/mail/send", Form(message)

        def fill(mailing: Mailing) -> SendGridCall:
            body = form.body(mailing)
            return SendGridCall(url, self._secret, self._wire, mailing, body, unfit(mailing.recipients, body))

        return fill

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the account's email logs for mails accepted under a key."""
        return EmailLog(self._wire, self._base_url, headers_for(self._secret.reveal())).find(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the rights of the key, the authenticated domains and what is left of the plan."""
        key = self._secret.reveal()
        return SendGridAccount(self._wire, self._base_url, headers_for(key), key).examine(domains)


def open_sendgrid(settings: ProviderSettings) -> Provider:
    """Open the account of SENDGRID_API_KEY.

    Raises ProviderError where the key is missing or the address cannot be used.
    """
    key = read_secret(settings.environment, "SENDGRID_API_KEY")
    return SendGrid(settings.base_url or BASE_URL, key)


@dataclass(frozen=True)
class SendGridCall:
    """One batch, composed; `why_not` says why its recipients cannot share a call."""

    url: str
    key: Secret
    wire: Wire
    mailing: Mailing
    body: Sequence[bytes]
    why_not: str | None

    def request(self) -> Request:
        """Show the call with its key hidden."""
        return Request("POST", self.url, self._headers("***"), b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once, unless its recipients cannot share one."""
        if self.why_not:
            return Answer(Outcome.REFUSED, f"{self.why_not}, nothing was sent")
        key = self.key.reveal()
        reply = self.wire.post(self.url, self._headers(key), self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        found = read_answer(reply, [recipient.pos for recipient in self.mailing.recipients])
        return replace(found, reason=found.reason.replace(key, "***"))

    def _headers(self, key: str) -> dict[str, str]:
        return {**headers_for(key), "Content-Type": "application/json"}


def headers_for(key: str) -> Mapping[str, str]:
    """Return the headers of every call."""
    return {
        "Accept": "application/json",
        "Authorization": f"Bearer {key}",
        "User-Agent": f"newsletter/{__version__}",
    }
