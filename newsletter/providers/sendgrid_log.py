"""What SendGrid's log says about a call whose answer was lost.

A search finds mails by address alone and does not tell their custom arguments; the record of a mail does. A
call is taken for everybody or for nobody: so a few of its recipients speak for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import orjson

from newsletter.domain.message import Recipient
from newsletter.domain.provider import Answer, Inquiry, Sightings
from newsletter.providers.answers import Reply, message_id, reason
from newsletter.providers.headers import ascii_address
from newsletter.providers.reports import table, text
from newsletter.providers.sendgrid_form import REFERENCE
from newsletter.providers.wire import Wire

_PAGE = 1000
#: So many records of one person are read; nobody gets more mails in the time that is asked for.
_MOST_RECORDS = 50
#: The service's clock and ours may differ.
_EARLIER = timedelta(hours=1)
_FORBIDDEN = (401, 403)
#: How a quote is written in a search is not documented.
_QUOTES = frozenset("'\"\\")


@dataclass(frozen=True)
class EmailLog:
    """The email logs of an account, which every plan has for 30 days."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]

    def find(self, inquiry: Inquiry) -> Sightings:
        """Find the recipients of an inquiry; what is missing proves something only in a complete answer."""
        if not inquiry.recipients:
            return Sightings()
        asked = [one for one in _spokesmen(inquiry.recipients) if not _QUOTES & set(one.address)]
        if not asked:
            return Sightings(is_complete=False, reason="the log cannot be searched for these addresses")
        for one in asked:
            found = self._look_for(one, inquiry.since - _EARLIER)
            if isinstance(found, _Trouble):
                return Sightings(is_complete=False, reason=found.words)
            if found:
                return Sightings({recipient.pos: found for recipient in inquiry.recipients})
        return Sightings()

    def _look_for(self, recipient: Recipient, since: datetime) -> "str | _Trouble":
        """Return the id of a recipient's mail, nothing where there is none."""
        spot = ascii_address(recipient.address)
        # Whether an address is kept as it was sent is not documented, and a search tells capitals apart.
        for address in dict.fromkeys((spot, spot.lower())):
            listed = self._search(address, since)
            if isinstance(listed, _Trouble):
                return listed
            for id_ in listed:
                told = self._reference_of(id_)
                if isinstance(told, _Trouble):
                    return told
                if told and told == recipient.reference:
                    # Behind the dot is what differs between the mails of a call.
                    return message_id(id_.partition(".")[0])
        return ""

    def _search(self, address: str, since: datetime) -> "list[str] | _Trouble":
        instant = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        query = f"to_email = '{address}' AND sg_message_id_created_at >= TIMESTAMP \"{instant}\""
        body = orjson.dumps({"query": query, "limit": _PAGE})
        headers = {**self.headers, "Content-Type": "application/json"}
        reply = self.wire.post(f"{self.base_url}/v3/logs", headers, [body])
        said = _read(None if isinstance(reply, Answer) else reply)
        if isinstance(said, _Trouble):
            return said
        rows = said.get("messages")
        ids = [text(table(row).get("sg_message_id")) for row in rows] if isinstance(rows, list) else [""]
        if not all(ids):
            return _Trouble("the log's answer cannot be read")
        if len(ids) > _MOST_RECORDS:
            return _Trouble(f"the log lists more than {_MOST_RECORDS} mails for one address")
        return ids

    def _reference_of(self, id_: str) -> "str | _Trouble":
        said = _read(self.wire.get(f"{self.base_url}/v3/logs/{quote(id_, safe='')}", self.headers, {}))
        if isinstance(said, _Trouble):
            return said
        told = said.get("custom_args")
        if not isinstance(told, Mapping):
            return _Trouble("the log lists a mail without its custom arguments")
        return text(told.get(REFERENCE))


@dataclass(frozen=True)
class _Trouble:
    """Why there is no answer."""

    words: str


def _spokesmen(recipients: Sequence[Recipient]) -> list[Recipient]:
    few = (recipients[0], recipients[len(recipients) // 2], recipients[-1])
    return list({one.pos: one for one in few}.values())


def _read(reply: Reply | None) -> "Mapping[str, Any] | _Trouble":
    if reply is None:
        return _Trouble("the log gave no whole answer")
    if not reply.is_success:
        hint = "; the key needs the right to read Email Logs" if reply.status in _FORBIDDEN else ""
        return _Trouble(reason(f"the log answered HTTP {reply.status}{hint}"))
    try:
        said = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        said = None
    return said if isinstance(said, dict) else _Trouble("the log's answer cannot be read")
