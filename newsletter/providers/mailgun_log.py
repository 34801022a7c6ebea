"""What Mailgun's events say about a call whose answer was lost.

Only events of the kind `accepted` count. They are found by the key of the mailing, which is a tag, and belong
to a recipient by the reference that travels with the mail, or by the address.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import orjson

from newsletter.domain.message import Recipient
from newsletter.domain.provider import Inquiry, Sightings
from newsletter.providers.answers import Reply, message_id, reason
from newsletter.providers.headers import ascii_address
from newsletter.providers.wire import Wire

_PAGE = 300
#: A batch has four pages at most, and an empty one ends them.
_MOST_PAGES = 20
#: The service's clock and ours may differ.
_EARLIER = timedelta(hours=1)
_FORBIDDEN = (401, 403)


@dataclass(frozen=True)
class EventLog:
    """The events of an account."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]

    def find(self, inquiry: Inquiry) -> Sightings:
        """Find the recipients of an inquiry; what is missing proves something only in a complete answer.

        A tag can get lost (an account may have a few thousand), so before everybody counts as missing one
        recipient is looked up without it.
        """
        if not inquiry.recipients:
            return Sightings()
        domain = _sending_domain(inquiry.recipients)
        if not domain:
            return Sightings(is_complete=False, reason="the recipients do not tell the sending domain")
        found = self._look(inquiry, domain, {"tags": inquiry.key})
        if found.ids or not found.is_complete:
            return found
        first = ascii_address(inquiry.recipients[0].address)
        untagged = self._look(inquiry, domain, {"recipient": first}, enough=1)
        if not untagged.ids:
            return untagged
        return Sightings(untagged.ids, is_complete=False, reason="Mailgun lists the mails without their tag")

    def _look(
        self, inquiry: Inquiry, domain: str, by: Mapping[str, str], enough: int | None = None
    ) -> Sightings:
        match = _Match(inquiry)
        begin = str(int((inquiry.since - _EARLIER).timestamp()))
        url = f"{self.base_url}/v3/{domain}/events"
        query = {**by, "event": "accepted", "begin": begin, "ascending": "yes", "limit": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            page = self._page(url, query)
            if isinstance(page, str):
                return Sightings(match.ids, is_complete=False, reason=page)
            match.take(page.items)
            if not page.items or len(match.ids) >= (enough or len(inquiry.recipients)):
                return Sightings(match.ids)
            following = self._own(page.following)
            if following is None:
                words = "the next page of the log is not at the provider's own address"
                return Sightings(match.ids, is_complete=False, reason=words)
            url, query = following
        return Sightings(match.ids, is_complete=False, reason=f"the log has more than {_MOST_PAGES} pages")

    def _page(self, url: str, query: Mapping[str, str]) -> "_Page | str":
        reply = self.wire.get(url, self.headers, query)
        if reply is None:
            return "the log gave no whole answer"
        if not reply.is_success:
            return reason(f"the log answered HTTP {reply.status}{_hint(reply)}")
        return _read_page(reply.body) or "the log's answer cannot be read"

    def _own(self, url: str) -> tuple[str, dict[str, str]] | None:
        """Split a URL for asking, if it is one of ours: the key goes to nobody else."""
        try:
            parts, own = urlsplit(url), urlsplit(self.base_url)
            is_own = (parts.scheme, parts.netloc.lower()) == (own.scheme, own.netloc.lower())
        except ValueError:
            return None
        bare = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        return (bare, dict(parse_qsl(parts.query))) if is_own else None


@dataclass(frozen=True)
class _Page:
    items: Sequence[Any]
    following: str


class _Match:
    """The ids of an inquiry's recipients, found event by event."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.ids: dict[int, str] = {}
        self._key = inquiry.key.casefold()
        self._by_reference = {one.reference: one.pos for one in inquiry.recipients if one.reference}
        self._by_address = {ascii_address(one.address).casefold(): one.pos for one in inquiry.recipients}

    def take(self, events: Sequence[Any]) -> None:
        """Note every recipient that these events tell of."""
        for event in events:
            if not isinstance(event, Mapping) or event.get("event") != "accepted":
                continue
            position = self._position(event)
            if position is not None:
                self.ids.setdefault(position, _message_id_of(event))

    def _position(self, event: Mapping[str, Any]) -> int | None:
        variables = event.get("user-variables")
        reference = variables.get("reference") if isinstance(variables, Mapping) else None
        if isinstance(reference, str) and reference in self._by_reference:
            return self._by_reference[reference]
        # Tags do not tell capitals apart; other mails to the same address have other ones.
        tags = event.get("tags")
        if not isinstance(tags, list) or self._key not in (str(tag).casefold() for tag in tags):
            return None
        return self._by_address.get(str(event.get("recipient", "")).casefold())


def _sending_domain(recipients: Sequence[Recipient]) -> str:
    # The Message-ID that we give a mail is of the sender's domain.
    _, _, domain = recipients[0].message_id.rpartition("@")
    return ascii_address(f"x@{domain.strip('> ').lower()}")[2:] if domain else ""


def _message_id_of(event: Mapping[str, Any]) -> str:
    message = event.get("message")
    headers = message.get("headers") if isinstance(message, Mapping) else None
    return message_id(headers.get("message-id") if isinstance(headers, Mapping) else None)


def _hint(reply: Reply) -> str:
    return "; a sending key may not read it, an account key may" if reply.status in _FORBIDDEN else ""


def _read_page(body: bytes) -> _Page | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    items = said.get("items") if isinstance(said, Mapping) else None
    if not isinstance(items, list):
        return None
    paging = said.get("paging")
    following = paging.get("next") if isinstance(paging, Mapping) else None
    return _Page(items, following if isinstance(following, str) else "")
