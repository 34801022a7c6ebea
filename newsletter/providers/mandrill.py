"""Mandrill (Mailchimp Transactional): a call is one complete mail to one person.

A call takes many recipients, but has one set of headers for all; so that everybody's way out is their own, it
has one. There is no idempotency: what became of a call without an answer is read from the account's own log.
Facts by mailchimp.com/developer/transactional as of 2026-04.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import orjson

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Inquiry,
    Mailing,
    OneClick,
    Outcome,
    Provider,
    Recovery,
    Request,
    Sightings,
    always,
)
from newsletter.providers.account import Account
from newsletter.providers.mandrill_account import MandrillAccount
from newsletter.providers.mandrill_answers import read_answer
from newsletter.providers.mandrill_form import LARGEST_MAIL, Form, unfit
from newsletter.providers.mandrill_log import MessageLog
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.wire import Patience, Wire

BASE_URL = "https://mandrillapp.com"
HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": f"newsletter/{__version__}",
}


class Mandrill(Account):
    """The account behind one API key."""

    can = Capabilities(
        name="mandrill",
        batch_size=1,
        call_timeout=Patience.call,
        recovery=Recovery.QUERY,
        # The delay of the log is not documented; minutes are a multiple of what is seen.
        settles_after=timedelta(minutes=10),
        look_interval=timedelta(minutes=2),
        # A search goes back seven days, less what a slow one may cost.
        remembers_for=timedelta(days=7) - timedelta(hours=6),
        byte_limit=LARGEST_MAIL,
        one_click=OneClick.ALONE,
        cost="a call has one set of headers, so everybody has a call of their own, which is slow for many",
    )

    def compile(self, message: Message) -> Callable[[Mailing], "MandrillCall"]:
        """Encode a message once as one call; raises ProviderError as `Form` does."""
        url = f"{self._base_url}/api/1.3/messages/send"
        form = Form(message)

        def fill(mailing: Mailing) -> MandrillCall:
            why_not = unfit(mailing)
            body = form.body(mailing) if len(mailing.recipients) == 1 else []
            return MandrillCall(url, self._secret, self._wire, mailing, body, why_not)

        return fill

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the account's log for mails accepted under a key."""
        url = f"{self._base_url}/api/1.3/messages/search"
        return MessageLog(self._wire, url, HEADERS, self._secret).find(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account and the domains that it signs for."""
        return MandrillAccount(self._wire, self._base_url, HEADERS, self._secret.reveal()).examine(domains)


def open_mandrill(settings: ProviderSettings) -> Provider:
    """Open the account of MANDRILL_API_KEY.

    Raises ProviderError where the key is missing or the address cannot be used.
    """
    key = read_secret(settings.environment, "MANDRILL_API_KEY")
    return Mandrill(settings.base_url or BASE_URL, key)


@dataclass(frozen=True)
class MandrillCall:
    """One mail, composed; `why_not` says why it cannot be sent. The key goes in the body."""

    url: str
    key: Secret
    wire: Wire
    mailing: Mailing
    body: Sequence[bytes]
    why_not: str | None

    def request(self) -> Request:
        """Show the call with its key hidden."""
        return Request("POST", self.url, HEADERS, b"".join(_keyed("***", self.body)))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once, unless it is none."""
        if self.why_not:
            return Answer(Outcome.REFUSED, f"{self.why_not}, nothing was sent")
        key = self.key.reveal()
        reply = self.wire.post(self.url, HEADERS, _keyed(key, self.body), may_start)
        if isinstance(reply, Answer):
            return reply
        found = read_answer(reply, self.mailing.recipients)
        # Keys of the service have no common beginning by which they could be known.
        rejected = {pos: words.replace(key, "***") for pos, words in found.rejected.items()}
        return replace(found, reason=found.reason.replace(key, "***"), rejected=rejected)


def _keyed(key: str, body: Sequence[bytes]) -> list[bytes]:
    return [b'{"key":', orjson.dumps(key), *body]
