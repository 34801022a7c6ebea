"""Brevo: a batch is one call with a version of the mail for each recipient, under one idempotency key.

A repeat under a key is refused, and so tells that an earlier call was taken. Facts by developers.brevo.com
and its SDK 5.1 as of 2026, and by django-anymail where it says so.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message
from newsletter.domain.provider import (
    Capabilities,
    Inquiry,
    Mailing,
    Provider,
    Recovery,
    Sightings,
)
from newsletter.providers.account import Account
from newsletter.providers.brevo_account import BrevoAccount
from newsletter.providers.brevo_answers import read_answer
from newsletter.providers.brevo_form import Form
from newsletter.providers.brevo_log import EventLog
from newsletter.providers.posting import Post
from newsletter.providers.settings import ProviderSettings, read_secret
from newsletter.providers.wire import Patience

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

    def compile(self, message: Message) -> Callable[[Mailing], Post]:
        """Encode a message once as one version of the call.

        Raises ProviderError as `Form` does.
        """
        url, form = f"{self._base_url}/v3/smtp/email", Form(message)

        def fill(mailing: Mailing) -> Post:
            body = form.body(mailing)
            why_not = "the batch is larger than 20 MB" if sum(map(len, body)) > LARGEST_CALL else None
            return Post(url, self._secret, self._wire, headers_for, read_answer, mailing, body, why_not)

        return fill

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


def headers_for(key: str) -> dict[str, str]:
    """Return the headers of every call."""
    return {
        "Accept": "application/json",
        "User-Agent": f"newsletter/{__version__}",
        "api-key": key,
    }
