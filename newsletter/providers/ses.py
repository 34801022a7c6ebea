"""Amazon SES v2: a batch is one SendBulkEmail, a template with the values and headers of each recipient.

SendEmail takes complete messages, but one in a call; its several recipients see each other. SendBulkEmail
takes 50 in a call and carries a List-Unsubscribe for each (`ReplacementHeaders`), so it is the largest form
that loses nothing. There is no idempotency and no log to search: of a call without an answer only the events
of its mails tell. Facts by docs.aws.amazon.com/ses and the model of its API (sesv2) as of 2026.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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
    Shape,
    always,
)
from newsletter.errors import ProviderError
from newsletter.providers.answers import reason
from newsletter.providers.ses_account import SesAccount
from newsletter.providers.ses_answers import read_answer
from newsletter.providers.ses_template import Template, unfit
from newsletter.providers.settings import ProviderSettings, checked_url
from newsletter.providers.sigv4 import ALGORITHM, Credentials, Scope, read_credentials, signed_headers
from newsletter.providers.wire import Patience, Wire

#: What an account may send once it is out of the sandbox, in recipients a second.
DEFAULT_RATE = 14.0
MOST_DESTINATIONS = 50
_PATH = "/v2/email/outbound-bulk-emails"
_SIGNED = {"Content-Type": "application/json"}
_HEADERS = {**_SIGNED, "User-Agent": f"newsletter/{__version__}"}
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d{1,2}")


def machine_clock() -> datetime:
    """Read this machine's clock: a signature is good for five minutes of the service's."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Place:
    """Where an account sends from and how fast, in recipients a second."""

    region: str
    configuration_set: str | None = None
    send_rate: float = DEFAULT_RATE

    @property
    def batch_size(self) -> int:
        """How many go in a call: the service throttles what is more than a second's allowance."""
        return max(1, min(MOST_DESTINATIONS, int(self.send_rate)))


class Ses(Provider):
    """The account behind credentials, in one region; `credentials` are read anew for each call."""

    def __init__(
        self,
        base_url: str,
        place: Place,
        credentials: Callable[[], Credentials],
        patience: Patience | None = None,
        now: Callable[[], datetime] = machine_clock,
    ) -> None:
        patience = patience or Patience()
        self._place = place
        self._desk = Desk(
            f"{checked_url(base_url)}{_PATH}",
            Scope(place.region, "ses"),
            credentials,
            Wire(base_url, patience),
            now,
        )
        self._capabilities = Capabilities(
            name="ses",
            batch_size=place.batch_size,
            call_timeout=patience.call,
            # Without a configuration set there are no events that name the delivery.
            recovery=Recovery.EVENTS if place.configuration_set else Recovery.NONE,
            # Each entry of a call has an answer of its own.
            is_atomic=False,
            calls_per_second=place.send_rate / place.batch_size,
            shape=Shape.TEMPLATE,
            cost="a call has no more people than send_rate; without a configuration_set no events come",
        )

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def compile(self, message: Message) -> Callable[[Mailing], "SesCall"]:
        """Encode a message once as a template; raises ProviderError as `Template` does."""
        template = Template(message, self._place.configuration_set)

        def fill(mailing: Mailing) -> SesCall:
            return SesCall(self._desk, mailing, template.body(mailing), unfit(mailing.recipients))

        return fill

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account, its quota, and the identities that stand for the domains."""
        desk, base_url = self._desk, self._desk.url.removesuffix(_PATH)
        return SesAccount(desk.wire, base_url, desk.credentials, self._sign, self._place.send_rate).examine(
            domains
        )

    def _sign(self, url: str) -> Mapping[str, str]:
        desk = self._desk
        signed = signed_headers(desk.credentials(), desk.scope, url, {}, [], desk.now(), method="GET")
        return {**signed, "User-Agent": _HEADERS["User-Agent"]}

    def close(self) -> None:
        """Let go of every connection."""
        self._desk.wire.close()


def open_ses(settings: ProviderSettings) -> Provider:
    """Open the account of AWS_ACCESS_KEY_ID in the region of the settings.

    Raises ProviderError where a key or the region is missing, or the address cannot be used.
    """
    environment = settings.environment
    region = settings.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""
    if not _REGION.fullmatch(region):
        raise ProviderError(
            f"{region!r} is no region of AWS" if region else "the region of Amazon SES is not set",
            mend='write region = "eu-west-1" into [provider]',
        )
    read_credentials(environment)
    place = Place(region, settings.configuration_set, settings.send_rate or DEFAULT_RATE)
    return Ses(settings.base_url or base_url_of(region), place, lambda: read_credentials(environment))


def base_url_of(region: str) -> str:
    """Return where a region answers; `base_url` is for a private endpoint or FIPS."""
    return f"https://email.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


@dataclass(frozen=True)
class Desk:
    """Where calls are signed and made."""

    url: str
    scope: Scope
    credentials: Callable[[], Credentials]
    wire: Wire
    now: Callable[[], datetime]


@dataclass(frozen=True)
class SesCall:
    """One batch, composed; `why_not` says why its recipients cannot be called for."""

    desk: Desk
    mailing: Mailing
    body: Sequence[bytes]
    why_not: str | None

    def request(self) -> Request:
        """Show the call without its signature, which names the key and the minute."""
        headers = {**_HEADERS, "Authorization": f"{ALGORITHM} ***"}
        return Request("POST", self.desk.url, headers, b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once, unless somebody in it cannot be sent to."""
        if self.why_not:
            return Answer(Outcome.REFUSED, f"{self.why_not}, nothing was sent")
        desk = self.desk
        try:
            credentials = desk.credentials()
        except ProviderError as error:
            return Answer(Outcome.MISCONFIGURED, reason(str(error)))
        headers = signed_headers(credentials, desk.scope, desk.url, _SIGNED, self.body, desk.now())
        reply = desk.wire.post(desk.url, {**headers, **_HEADERS}, self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        positions = [recipient.pos for recipient in self.mailing.recipients]
        return read_answer(reply, positions, credentials.secrets)
