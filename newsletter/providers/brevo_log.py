"""What Brevo's events say about a call whose answer was lost, once its key is forgotten.

Events of the kind `requests` tell that a mail was taken. They are found by the key of the mailing, which is a
tag, and belong to a recipient by the address. An account may ask a hundred times an hour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from newsletter.domain.provider import Inquiry, Sightings
from newsletter.providers.answers import message_id, reason
from newsletter.providers.headers import ascii_address
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_PAGE = 2500
_MOST_PAGES = 4


@dataclass(frozen=True)
class EventLog:
    """The events of an account."""

    wire: Wire
    url: str
    headers: Mapping[str, str]

    def find(self, inquiry: Inquiry) -> Sightings:
        """Find the recipients of an inquiry; what is missing proves something only in a complete answer."""
        by_address = {ascii_address(one.address).casefold(): one.pos for one in inquiry.recipients}
        ids: dict[int, str] = {}
        for page in range(_MOST_PAGES):
            rows = self._page(inquiry.key, page * _PAGE)
            if isinstance(rows, str):
                return Sightings(ids, is_complete=False, reason=rows)
            for row in rows:
                position = by_address.get(text(row.get("email")).casefold())
                if position is not None:
                    ids.setdefault(position, message_id(row.get("messageId")))
            if len(rows) < _PAGE or len(ids) == len(by_address):
                return Sightings(ids)
        return Sightings(ids, is_complete=False, reason=f"the log has more than {_MOST_PAGES} pages")

    def _page(self, key: str, offset: int) -> Sequence[Mapping[str, Any]] | str:
        query = {
            "event": "requests",
            "tags": orjson.dumps([key]).decode(),
            "limit": str(_PAGE),
            "offset": str(offset),
        }
        reply = self.wire.get(self.url, self.headers, query)
        if reply is None:
            return "the log gave no whole answer"
        if not reply.is_success:
            return reason(f"the log answered HTTP {reply.status}")
        rows = _rows(reply.body)
        if rows is None:
            return "the log's answer cannot be read"
        if not all(_has_tag(row, key) for row in rows):
            return "Brevo's log does not search by tag"
        return rows


def _rows(body: bytes) -> Sequence[Mapping[str, Any]] | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    # Where there is nothing, the list may be missing.
    rows = said.get("events", []) if isinstance(said, Mapping) else None
    return [table(row) for row in rows] if isinstance(rows, list) else None


def _has_tag(row: Mapping[str, Any], key: str) -> bool:
    # Of several tags it tells one, or all of them as JSON in a string.
    tags = row.get("tags") or row.get("tag")
    return key in tags if isinstance(tags, list | str) else False
