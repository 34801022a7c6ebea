"""What Mailjet's log says about a call whose answer was lost.

A message that is listed was accepted. Each is asked for by its reference, which is its CustomID: the log has
no other name of ours that can be searched for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from newsletter.domain.provider import Inquiry, Sightings
from newsletter.providers.answers import reason
from newsletter.providers.reports import table
from newsletter.providers.wire import Wire

#: A mail that was called for again is there again, as a duplicate that was not sent.
_MOST = 10


@dataclass(frozen=True)
class MessageLog:
    """The messages of an account."""

    wire: Wire
    url: str
    headers: Mapping[str, str]

    def find(self, inquiry: Inquiry) -> Sightings:
        """Find the recipients of an inquiry; what is missing proves something only in a complete answer."""
        ids: dict[int, str] = {}
        for recipient in inquiry.recipients:
            found = self._look(recipient.reference) if recipient.reference else "a mail has no reference"
            if isinstance(found, str):
                return Sightings(ids, is_complete=False, reason=found)
            if found:
                ids[recipient.pos] = _id(found[0])
        return Sightings(ids)

    def _look(self, reference: str) -> Sequence[Mapping[str, Any]] | str:
        """Return the messages under a reference, or why the answer is not complete."""
        reply = self.wire.get(self.url, self.headers, {"CustomID": reference, "Limit": str(_MOST)})
        if reply is None:
            return "the log gave no whole answer"
        if not reply.is_success:
            return reason(f"the log answered HTTP {reply.status}")
        try:
            rows = table(orjson.loads(reply.body)).get("Data")
        except orjson.JSONDecodeError:
            rows = None
        if not isinstance(rows, list) or not all(_id(table(row)) for row in rows):
            return "the log's answer cannot be read"
        # A CustomID is of one mail to one person.
        is_one = len({row.get("ContactID") for row in rows}) <= 1
        return rows if is_one else "Mailjet's log does not search by CustomID"


def _id(row: Mapping[str, Any]) -> str:
    number = row.get("ID")
    return str(number) if type(number) is int and number > 0 else ""
