"""What Mandrill's log says about a call whose answer was lost.

A mail that is listed was accepted. It is found by its address, which needs nothing set up, and belongs to a
recipient by the reference that travels with it as metadata.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import orjson

from newsletter.domain.provider import Answer, Inquiry, Sightings
from newsletter.providers.answers import message_id, reason
from newsletter.providers.headers import ascii_address
from newsletter.providers.reports import table
from newsletter.providers.settings import Secret
from newsletter.providers.wire import Wire

#: Most that a search lists; what is read of an answer holds more than this.
_MOST = 500
#: Days are asked for, of a clock that may differ from ours.
_EARLIER = timedelta(days=1)
#: Other signs have a meaning in the language of the search.
_SEARCHABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*@[A-Za-z0-9.-]+")


@dataclass(frozen=True)
class MessageLog:
    """The mails of an account, of the last days; twenty searches a minute are allowed."""

    wire: Wire
    url: str
    headers: Mapping[str, str]
    secret: Secret

    def find(self, inquiry: Inquiry) -> Sightings:
        """Find the recipients of an inquiry; what is missing proves something only in a complete answer.

        Before somebody counts as missing, the newest mails of those days are looked through without an
        address.
        """
        ids: dict[int, str] = {}
        for one in inquiry.recipients:
            address = ascii_address(one.address)
            if not _SEARCHABLE.fullmatch(address):
                words = "an address has a form that Mandrill's log cannot be asked for"
                return Sightings(ids, is_complete=False, reason=words)
            if why_not := self._look(inquiry, f"full_email:{address}", ids):
                return Sightings(ids, is_complete=False, reason=why_not)
        if len(ids) == len(inquiry.recipients):
            return Sightings(ids)
        before = len(ids)
        why_not = self._look(inquiry, "*", ids)
        if not why_not and len(ids) > before:
            why_not = "Mandrill's log does not find mails by their address"
        return Sightings(ids, is_complete=not why_not, reason=why_not)

    def _look(self, inquiry: Inquiry, query: str, ids: dict[int, str]) -> str:
        """Search once; return why the answer is not complete, nothing where it is."""
        rows = self._search(query, inquiry)
        if isinstance(rows, str):
            return rows
        by_reference = {one.reference: one.pos for one in inquiry.recipients if one.reference}
        for row in map(table, rows):
            if "metadata" not in row:
                return "Mandrill's log lists mails without their metadata"
            reference = table(row.get("metadata")).get("reference")
            position = by_reference.get(reference) if isinstance(reference, str) else None
            if position is not None:
                ids.setdefault(position, message_id(row.get("_id")))
        if query != "*" and len(rows) >= _MOST and len(ids) < len(inquiry.recipients):
            return "the log has more mails to this address than it lists"
        return ""

    def _search(self, query: str, inquiry: Inquiry) -> Sequence[Any] | str:
        key = self.secret.reveal()
        begin = (inquiry.since - _EARLIER).astimezone(UTC)
        asked = {"key": key, "query": query, "date_from": f"{begin:%Y-%m-%d}", "limit": _MOST}
        reply = self.wire.post(self.url, self.headers, [orjson.dumps(asked)])
        if isinstance(reply, Answer):
            return "the log gave no whole answer"
        try:
            said = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            said = None
        if reply.is_success and isinstance(said, list):
            return said
        name = table(said).get("name")
        words = f": {name}" if isinstance(name, str) else ""
        return reason(f"the log answered HTTP {reply.status}{words}".replace(key, "***"))
