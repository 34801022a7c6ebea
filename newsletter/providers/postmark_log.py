"""What Postmark's log says about a call whose answer was lost.

A message that is listed was accepted. They are found by the key of the mailing, and belong to a recipient by
the reference; both travel with the mail as metadata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from newsletter.domain.provider import Inquiry, Sightings
from newsletter.providers.answers import message_id, reason
from newsletter.providers.headers import ascii_address
from newsletter.providers.reports import table
from newsletter.providers.wire import Wire

_PAGE = 500
#: A search goes no further than 10,000 messages.
_MOST_PAGES = 20


@dataclass(frozen=True)
class MessageLog:
    """The outbound messages of a server, of the streams that we use.

    Each is asked for by itself: whether a search without a stream is of all or of `outbound` alone is
    documented in one way and answered in the other (ActiveCampaign/postmark-php#84).
    """

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    streams: Sequence[str]

    def find(self, inquiry: Inquiry) -> Sightings:
        """Find the recipients of an inquiry; what is missing proves something only in a complete answer.

        Before everybody counts as missing one recipient is looked up without the metadata.
        """
        if not inquiry.recipients:
            return Sightings()
        match = _Match(inquiry)
        why_not = self._look(match, {"metadata_mailing": inquiry.key}, enough=len(inquiry.recipients))
        if why_not or match.ids:
            return Sightings(match.ids, is_complete=not why_not, reason=why_not)
        first = ascii_address(inquiry.recipients[0].address)
        why_not = self._look(match, {"recipient": first}, enough=1)
        if match.ids:
            why_not = "Postmark's log does not find mails by their metadata"
        return Sightings(match.ids, is_complete=not why_not, reason=why_not)

    def _look(self, match: "_Match", by: Mapping[str, str], enough: int) -> str:
        """Search every stream; return why the answer is not complete, nothing where it is."""
        for stream in self.streams:
            if why_not := self._look_in(stream, match, by, enough):
                return why_not
            if len(match.ids) >= enough:
                break
        return ""

    def _look_in(self, stream: str, match: "_Match", by: Mapping[str, str], enough: int) -> str:
        seen = 0
        for _ in range(_MOST_PAGES):
            page = self._page({**by, "messagestream": stream, "count": str(_PAGE), "offset": str(seen)})
            if isinstance(page, str):
                return page
            if not match.take(page.rows):
                return "Postmark's log lists mails without their metadata"
            seen += len(page.rows)
            if len(match.ids) >= enough or seen >= page.total:
                return ""
            if not page.rows:
                return "the log counts more mails than it lists"
        return f"the log has more than {_MOST_PAGES} pages"

    def _page(self, query: Mapping[str, str]) -> "_Page | str":
        reply = self.wire.get(f"{self.base_url}/messages/outbound", self.headers, query)
        if reply is None:
            return "the log gave no whole answer"
        if not reply.is_success:
            return reason(f"the log answered HTTP {reply.status}")
        return _read_page(reply.body) or "the log's answer cannot be read"


@dataclass(frozen=True)
class _Page:
    rows: Sequence[Any]
    total: int


class _Match:
    """The ids of an inquiry's recipients, found message by message."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.ids: dict[int, str] = {}
        self._by_reference = {one.reference: one.pos for one in inquiry.recipients if one.reference}

    def take(self, rows: Sequence[Any]) -> bool:
        """Note every recipient that these messages are of; False where one does not tell whose it is."""
        for row in rows:
            metadata = table(row).get("Metadata")
            if not isinstance(metadata, Mapping):
                return False
            # Names of metadata do not tell capitals apart.
            told = {name.lower(): value for name, value in metadata.items()}
            position = self._by_reference.get(str(told.get("reference")))
            if position is not None:
                self.ids.setdefault(position, message_id(row.get("MessageID")))
        return True


def _read_page(body: bytes) -> _Page | None:
    try:
        said = table(orjson.loads(body))
    except orjson.JSONDecodeError:
        return None
    rows, total = said.get("Messages"), said.get("TotalCount")
    return _Page(rows, total) if isinstance(rows, list) and type(total) is int else None
