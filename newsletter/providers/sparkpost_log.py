"""What SparkPost's events say about a call whose answer was lost.

They are found by the key of the mailing, which is the campaign, and belong to a recipient by the reference
that travels with the mail. A mail that is refused later was accepted, too, and is not sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

import orjson

from newsletter.domain.provider import Inquiry, Sightings
from newsletter.providers.answers import message_id, reason
from newsletter.providers.headers import ascii_address
from newsletter.providers.reports import table
from newsletter.providers.wire import Wire

#: Ten thousand are allowed, and larger than what is read of an answer.
_PAGE = 300
_MOST_PAGES = 20
#: The service's clock and ours may differ.
_EARLIER = timedelta(hours=1)
#: Every mail that was accepted has one of these.
_TAKEN = frozenset({"injection", "policy_rejection", "generation_rejection", "generation_failure"})


@dataclass(frozen=True)
class EventLog:
    """The events of an account, which are kept for ten days."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]

    def find(self, inquiry: Inquiry) -> Sightings:
        """Find the recipients of an inquiry; what is missing proves something only in a complete answer.

        Before everybody counts as missing one recipient is looked up without the campaign.
        """
        if not inquiry.recipients:
            return Sightings()
        found = self._look(inquiry, {"campaigns": inquiry.key}, enough=len(inquiry.recipients))
        if found.ids or not found.is_complete:
            return found
        first = ascii_address(inquiry.recipients[0].address)
        untagged = self._look(inquiry, {"recipients": first}, enough=1)
        if not untagged.ids:
            return untagged
        words = "SparkPost lists the mails without their campaign"
        return Sightings(untagged.ids, is_complete=False, reason=words)

    def _look(self, inquiry: Inquiry, by: Mapping[str, str], *, enough: int) -> Sightings:
        by_reference = {one.reference: one.pos for one in inquiry.recipients if one.reference}
        ids: dict[int, str] = {}
        seen = 0
        begin = (inquiry.since - _EARLIER).astimezone(UTC)
        url = f"{self.base_url}/api/v1/events/message"
        query = {
            **by,
            "events": ",".join(sorted(_TAKEN)),
            "from": f"{begin:%Y-%m-%dT%H:%M}",
            "per_page": str(_PAGE),
            "cursor": "initial",
        }
        for _ in range(_MOST_PAGES):
            page = self._page(url, query)
            if isinstance(page, str):
                return Sightings(ids, is_complete=False, reason=page)
            _take(page.events, by_reference, ids)
            seen += len(page.events)
            if len(ids) >= enough or (not page.following and seen >= page.total):
                return Sightings(ids)
            if not page.following:
                return Sightings(ids, is_complete=False, reason="the log counts more events than it lists")
            following = self._own(page.following)
            if following is None:
                words = "the next page of the log is not at the provider's own address"
                return Sightings(ids, is_complete=False, reason=words)
            url, query = following
        return Sightings(ids, is_complete=False, reason=f"the log has more than {_MOST_PAGES} pages")

    def _page(self, url: str, query: Mapping[str, str]) -> "_Page | str":
        reply = self.wire.get(url, self.headers, query)
        if reply is None:
            return "the log gave no whole answer"
        if not reply.is_success:
            hint = "; the key has to be allowed to read events" if reply.status in (401, 403) else ""
            return reason(f"the log answered HTTP {reply.status}{hint}")
        return _read_page(reply.body) or "the log's answer cannot be read"

    def _own(self, link: str) -> tuple[str, dict[str, str]] | None:
        """Split a link for asking, if it is one of ours: the key goes to nobody else."""
        try:
            parts, own = urlsplit(urljoin(f"{self.base_url}/", link)), urlsplit(self.base_url)
            is_own = (parts.scheme, parts.netloc.lower()) == (own.scheme, own.netloc.lower())
        except ValueError:
            return None
        bare = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        return (bare, dict(parse_qsl(parts.query))) if is_own else None


@dataclass(frozen=True)
class _Page:
    events: Sequence[Any]
    following: str
    total: int


def _take(events: Sequence[Any], by_reference: Mapping[str, int], ids: dict[int, str]) -> None:
    for event in map(table, events):
        reference = table(event.get("rcpt_meta")).get("reference")
        position = by_reference.get(reference) if isinstance(reference, str) else None
        if position is not None and event.get("type") in _TAKEN:
            ids.setdefault(position, message_id(event.get("transmission_id")))


def _read_page(body: bytes) -> _Page | None:
    try:
        said = table(orjson.loads(body))
    except orjson.JSONDecodeError:
        return None
    events, links, total = said.get("results"), said.get("links"), said.get("total_count")
    if not isinstance(events, list) or type(total) is not int:
        return None
    # Documented as an array of links; an older page of the same documentation has an object of them.
    if isinstance(links, dict):
        following = links.get("next")
    else:
        rows = map(table, links if isinstance(links, list) else ())
        following = next((row.get("href") for row in rows if row.get("rel") == "next"), "")
    return _Page(events, following if isinstance(following, str) else "", total)
