"""Brevo: a batch is one call with a version of the mail for each recipient, under one idempotency key.

A repeat under a key is refused, and so tells that an earlier call was taken. Facts by developers.brevo.com
and its SDK 5.1 as of 2026, and by django-anymail where it says so.
"""

from collections.abc import Callable, Sequence
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
    Sightings,
    always,
)
from newsletter.providers.account import Account
from newsletter.providers.brevo_account import BrevoAccount
from newsletter.providers.brevo_answers import read_answer
from newsletter.providers.brevo_form import Form
from newsletter.providers.brevo_log import EventLog
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.wire import Patience, Wire

BASE_URL = "https://api.brevo.com"
#: What a call may have is not documented: in bytes, what we send at most.
LARGEST_CALL = 20_000_000
#: 6,000 calls an hour with versions.
_CALLS_PER_SECOND = 100 / 60


class Brevo(Account):
    """The account behind one API key."""

    can = Capabilities(
        name="brevo",
        batch_size=1000,
        call_timeout=Patience.call,
        recovery=Recovery.KEY,
        # The guide says 30 minutes, the changelog 15: a repeat after the shorter could send twice.
        key_ttl=timedelta(minutes=15),
        # A repeat is refused whatever it holds, and so says nothing about who was in the first call.
        key_binds_payload=False,
        has_log=True,
        # The delay of the log is not documented; minutes are a multiple of what other services need.
        settles_after=timedelta(minutes=10),
        # The log may be asked a hundred times an hour, by everybody who uses the account.
        look_interval=timedelta(minutes=5),
        remembers_for=timedelta(days=29),
        is_atomic=True,
        calls_per_second=_CALLS_PER_SECOND,
        cost="that our one-click header is kept is not documented: look at the source of a test mail first",
    )

    def compile(self, message: Message) -> Callable[[Mailing], "BrevoCall"]:
        """Encode a message once as one version of the call.

        Raises ProviderError as `Form` does.
        """
        url, form = f"{self._base_url}/v3/smtp/email", Form(message)
        return lambda mailing: BrevoCall(url, self._secret, self._wire, mailing, form.body(mailing))

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the account's events for mails taken under a key."""
        url = f"{self._base_url}/v3/smtp/statistics/events"
        return EventLog(self._wire, url, headers_for(self._secret.reveal())).find(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account, its plan and its domains."""
        key = self._secret.reveal()
        return BrevoAccount(self._wire, self._base_url, headers_for(key), key).examine(domains)


def open_brevo(settings: ProviderSettings) -> Provider:
    """Open the account of BREVO_API_KEY.

    Raises ProviderError where the key is missing or the address cannot be used.
    """
    key = read_secret(settings.environment, "BREVO_API_KEY")
    return Brevo(settings.base_url or BASE_URL, key)


@dataclass(frozen=True)
class BrevoCall:
    """One batch, composed."""

    url: str
    key: Secret
    wire: Wire
    mailing: Mailing
    body: Sequence[bytes]

    def request(self) -> Request:
        """Show the call with its key hidden."""
        return Request("POST", self.url, headers_for("***"), b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once, unless it is too large."""
        if sum(map(len, self.body)) > LARGEST_CALL:
            return Answer(Outcome.REFUSED, "the batch is larger than 20 MB, nothing was sent")
        key = self.key.reveal()
        reply = self.wire.post(self.url, headers_for(key), self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        found = read_answer(reply, [recipient.pos for recipient in self.mailing.recipients])
        return replace(found, reason=found.reason.replace(key, "***"))


def headers_for(key: str) -> dict[str, str]:
    """Return the headers of every call."""
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": f"newsletter/{__version__}",
        "api-key": key,
    }
