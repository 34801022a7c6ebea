"""SparkPost: a batch is one transmission with one content, its recipients and the values of each.

There is no idempotency: what became of a call without an answer is read from the account's own events.
Facts by developers.sparkpost.com as of 2026-06.
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
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.sparkpost_account import SparkPostAccount
from newsletter.providers.sparkpost_answers import read_answer
from newsletter.providers.sparkpost_form import Form, unfit
from newsletter.providers.sparkpost_log import EventLog
from newsletter.providers.wire import Patience, Wire

#: Accounts are of one region; `base_url` = "https://api.eu.sparkpost.com" is the other.
BASE_URL = "https://api.sparkpost.com"


class SparkPost(Account):
    """The account behind one API key."""

    can = Capabilities(
        name="sparkpost",
        # No maximum is documented; the service's own advice stays below 10,000.
        batch_size=1000,
        call_timeout=Patience.call,
        recovery=Recovery.QUERY,
        # The delay of the events is not documented; a search ends a minute ago.
        settles_after=timedelta(minutes=10),
        look_interval=timedelta(minutes=2),
        # Ten days, less what a slow search and a wrong clock may cost.
        remembers_for=timedelta(days=10) - timedelta(hours=6),
        # Some of a transmission may be refused.
        is_atomic=False,
        shape=Shape.TEMPLATE,
        cost="mails are marked as transactional: SparkPost replaces the one-click header of all others",
    )

    def __init__(self, base_url: str, secret: Secret, patience: Patience | None = None) -> None:
        super().__init__(base_url, secret, patience)
        self._base_url = self._base_url.removesuffix("/api/v1")

    def compile(self, message: Message) -> Callable[[Mailing], "SparkPostCall"]:
        """Encode a message once as a content with variables in it; raises ProviderError as `Form` does."""
        form = Form(message)
        # All that was wrong in a call is asked for, and not only the first few.
        url = f"{self._base_url}/api/v1/transmissions?num_rcpt_errors={self.can.batch_size}"

        def fill(mailing: Mailing) -> SparkPostCall:
            body = form.body(mailing)
            return SparkPostCall(url, self._secret, self._wire, mailing, body, unfit(mailing.recipients))

        return fill

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the events of the account for mails accepted under a key."""
        return EventLog(self._wire, self._base_url, headers_for(self._secret.reveal())).find(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account, what it has used, and the sending domains."""
        key = self._secret.reveal()
        return SparkPostAccount(self._wire, self._base_url, headers_for(key), key).examine(domains)


def open_sparkpost(settings: ProviderSettings) -> Provider:
    """Open the account of SPARKPOST_API_KEY.

    Raises ProviderError where the key is missing or the address cannot be used.
    """
    key = read_secret(settings.environment, "SPARKPOST_API_KEY")
    return SparkPost(settings.base_url or BASE_URL, key)


@dataclass(frozen=True)
class SparkPostCall:
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
        # Keys of the service have no common beginning by which they could be known.
        return replace(found, reason=found.reason.replace(key, "***"))

    def _headers(self, key: str) -> dict[str, str]:
        return {**headers_for(key), "Content-Type": "application/json"}


def headers_for(key: str) -> Mapping[str, str]:
    """Return the headers of every call; the key stands alone, without a word such as Bearer."""
    return {
        "Accept": "application/json",
        "Authorization": key,
        "User-Agent": f"newsletter/{__version__}",
    }
