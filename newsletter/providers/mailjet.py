"""Mailjet: a batch is a list of complete messages, each answered for itself.

A repeat goes under the same campaign, in which Mailjet sends nobody a second mail. Facts by dev.mailjet.com
and mailjet-rest 1.9 as of 2026.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import orjson

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message
from newsletter.domain.pieces import Field
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Inquiry,
    Mailing,
    Provider,
    Recovery,
    Request,
    Sightings,
    always,
)
from newsletter.providers.account import Account
from newsletter.providers.encoding import header_value, json_html, json_line, json_text
from newsletter.providers.headers import ascii_address, ascii_addresses, check_header, split_mailbox
from newsletter.providers.mailjet_account import MailjetAccount
from newsletter.providers.mailjet_answers import read_answer
from newsletter.providers.mailjet_log import MessageLog
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.stencil import Column, Part, Slot, Stencil, pour, whole
from newsletter.providers.wire import Patience, Wire

BASE_URL = "https://api.mailjet.com"
#: A message with one of these is refused.
_FORBIDDEN = frozenset(
    {
        "from", "sender", "subject", "to", "cc", "bcc", "return-path", "delivered-to", "dkim-signature",
        "received", "user-agent", "x-mailer", "x-feedback-id", "list-id", "message-id", "date",
        "x-csa-complaints",
    }
)  # fmt: skip
_FORBIDDEN_BEGINNINGS = ("x-mj-", "x-mailjet-")
_LONGEST_CAMPAIGN = 255


class Mailjet(Account):
    """The account behind one pair of keys."""

    can = Capabilities(
        name="mailjet",
        # As the SDKs say; it is not documented any more.
        batch_size=50,
        call_timeout=Patience.call,
        recovery=Recovery.RECIPIENT_DEDUPE,
        has_log=True,
        # The delay of the log is not documented; minutes are a multiple of what other services need.
        settles_after=timedelta(minutes=10),
        look_interval=timedelta(minutes=2),
        is_atomic=False,
        cost="mails have no List-Id, as Mailjet refuses it",
    )

    def __init__(self, base_url: str, key: Secret, secret: Secret, patience: Patience | None = None) -> None:
        super().__init__(base_url, secret, patience)
        self._key = key

    def compile(self, message: Message) -> Callable[[Mailing], "MailjetCall"]:
        """Encode a message once as one element of the list.

        Raises ProviderError for a header that has no legal form, or an unknown field.
        """
        url, stencil = f"{self._base_url}/v3.1/send", Stencil(_parts(message))

        def fill(mailing: Mailing) -> MailjetCall:
            secrets = (self._key, self._secret)
            return MailjetCall(url, secrets, self._wire, mailing, _body(stencil, mailing))

        return fill

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the account's log for mails accepted under a key."""
        headers = headers_for((self._key, self._secret))
        return MessageLog(self._wire, f"{self._base_url}/v3/REST/message", headers).find(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the keys, and for the senders and the records of each domain."""
        keys = (self._key, self._secret)
        account = MailjetAccount(
            self._wire, self._base_url, headers_for(keys), self._key.reveal(), self._secret.reveal()
        )
        return account.examine(domains)


def open_mailjet(settings: ProviderSettings) -> Provider:
    """Open the account of MJ_APIKEY_PUBLIC and MJ_APIKEY_PRIVATE.

    Raises ProviderError where one of them is missing, or the address cannot be used.
    """
    key = read_secret(settings.environment, "MJ_APIKEY_PUBLIC")
    secret = read_secret(settings.environment, "MJ_APIKEY_PRIVATE")
    return Mailjet(settings.base_url or BASE_URL, key, secret)


@dataclass(frozen=True)
class MailjetCall:
    """One batch, composed."""

    url: str
    secrets: tuple[Secret, Secret]
    wire: Wire
    mailing: Mailing
    body: Sequence[bytes]

    def request(self) -> Request:
        """Show the call with its keys hidden."""
        headers = {**_headers_for("***"), "Content-Type": "application/json"}
        return Request("POST", self.url, headers, b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once."""
        headers = {**headers_for(self.secrets), "Content-Type": "application/json"}
        reply = self.wire.post(self.url, headers, self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        found = read_answer(reply, [recipient.pos for recipient in self.mailing.recipients])
        rejected = {pos: self._hidden(words) for pos, words in found.rejected.items()}
        return replace(found, reason=self._hidden(found.reason), rejected=rejected)

    def _hidden(self, words: str) -> str:
        # Keys have no common beginning by which they could be known.
        for secret in self.secrets:
            words = words.replace(secret.reveal(), "***")
        return words


def headers_for(secrets: tuple[Secret, Secret]) -> dict[str, str]:
    """Return the headers of every call."""
    written = ":".join(secret.reveal() for secret in secrets)
    return _headers_for(b64encode(written.encode()).decode())


def _headers_for(token: str) -> dict[str, str]:
    return {
        "Accept": "application/json",
        "Authorization": f"Basic {token}",
        "User-Agent": f"newsletter/{__version__}",
    }


def campaign_of(mailing: Mailing) -> str:
    """Name what nobody gets twice: all of a release, whatever is sent again of it; else one batch.

    Letters, digits, spaces, `-` and `_`. What belongs to no release, such as a confirmation, may be repeated.
    """
    parts = mailing.key.split("-")
    if len(parts) != 5:
        name = mailing.key
    elif parts[2] == "0":
        name = "-".join(parts[:4])
    else:
        name = f"{'-'.join(parts[:3])} {mailing.label}"
    return re.sub(r"[^A-Za-z0-9 _-]", "-", name)[:_LONGEST_CAMPAIGN]


def _body(stencil: Stencil, mailing: Mailing) -> list[bytes]:
    end = b',"CustomCampaign":' + orjson.dumps(campaign_of(mailing)) + b',"DeduplicateCampaign":true}'
    parts: list[bytes] = []
    for element in stencil.fill(mailing.recipients):
        parts += (b"," if parts else b'{"Messages":[', *element, end)
    return [*parts, b"]}"] if parts else [b'{"Messages":[]}']


def _parts(message: Message) -> list[Part]:
    # Each has all of it: what becomes of headers that are given for all and for one is not documented.
    same = {
        "From": _mailbox(message.sender),
        **({"ReplyTo": _mailbox(message.reply_to)} if message.reply_to else {}),
        "TrackOpens": "disabled",
        "TrackClicks": "disabled",
        # So `{{` and `[[` in a mail mean nothing.
        "TemplateLanguage": False,
    }
    addresses = Column(lambda people: list(map(json_line, ascii_addresses([one.address for one in people]))))
    parts: list[Part] = [orjson.dumps(same)[:-1], b',"To":[{"Email":"', addresses, b'"}]']
    parts += [b',"Subject":"', whole(message.subject, json_line)]
    parts += [b'","HTMLPart":"', *pour(message.html, json_text, json_html)]
    parts += [b'","TextPart":"', *pour(message.text, json_text, json_text), b'","Headers":{']
    allowed = [one for one in message.headers if not _is_forbidden(one[0])]
    for index, (name, pieces) in enumerate(allowed):
        check_header(name, pieces)
        parts += [b"," if index else b"", orjson.dumps(name), b':"']
        parts += [*pour(pieces, json_text, _header_value), b'"']
    # The log and the events tell it again: so they find their delivery although the answer was lost.
    return [*parts, b'},"CustomID":"', Slot(Field("reference"), json_line), b'"']


def _is_forbidden(name: str) -> bool:
    return name.lower() in _FORBIDDEN or name.lower().startswith(_FORBIDDEN_BEGINNINGS)


def _header_value(value: str) -> bytes:
    return json_text(header_value(value).decode())


def _mailbox(written: str) -> dict[str, str]:
    name, address = split_mailbox(written)
    found = {"Email": ascii_address(address), **({"Name": name} if name else {})}
    return {key: value.encode("utf-8", "replace").decode() for key, value in found.items()}
