"""Take the reports of providers: verified, kept once, applied; any order and any repetition ends the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from newsletter.domain.bouncing import struck_out_at
from newsletter.domain.clock import Clock
from newsletter.domain.event import Event, EventKind, Forged, Heard, Listener, Post, Reference
from newsletter.domain.subscriber import Evidence as Agreement
from newsletter.domain.subscriber import address_hash
from newsletter.errors import ProviderError
from newsletter.pipeline.evidence import Evidence, Proved
from newsletter.store import events, subscribers, suppressions

log = structlog.get_logger()

#: So many events share a transaction: nobody who writes beside it waits longer than for these.
CHUNK = 500


@dataclass(frozen=True)
class Hearing:
    """Hear what providers report; `listeners` open what understands each of them.

    Opening raises ProviderError while a secret is missing.
    """

    evidence: Evidence
    listeners: Mapping[str, Callable[[], Listener]]
    salt: bytes
    clock: Clock

    def hear(self, posts: Sequence[tuple[str, Post]]) -> Sequence[Heard]:
        """Verify and apply reports, each of a provider; they are durable when this returns."""
        now = self.clock.now()
        read = [self._read(provider, post, now) for provider, post in posts]
        verified = [one for one in read if not isinstance(one, Heard)]
        are_kept = self._keep([event for events in verified for event in events], now)
        if are_kept or len(verified) == 1:
            told = Heard.TAKEN if are_kept else Heard.NOT_KEPT
            return [one if isinstance(one, Heard) else told for one in read]
        # One of them may be the reason: the others are not to wait for it.
        return [one if isinstance(one, Heard) else self._hear_alone(one, now) for one in read]

    def take(self, heard: Sequence[Event], now: datetime, *, urgent: bool = False) -> int:
        """Keep and apply verified events, however many; return how many were new.

        What was taken before an error is applied, and known when all of it comes again.
        """
        # Two that write the same rows at once take them in the same order.
        ordered = sorted(map(self._hide, heard), key=lambda event: (event.provider, event.id))
        chunks = [ordered[first : first + CHUNK] for first in range(0, len(ordered), CHUNK)]
        return sum(self._take(chunk, now, urgent=urgent) for chunk in chunks)

    def _hide(self, event: Event) -> Event:
        return replace(event, click=event.click.hidden(self.salt)) if event.click else event

    def _read(self, provider: str, post: Post, now: datetime) -> Sequence[Event] | Heard:
        if provider not in self.listeners:
            return Heard.NO_SUCH_PROVIDER
        try:
            return self.listeners[provider]().listen(post, now)
        except ProviderError as error:
            log.error("a report could not be verified", provider=provider, reason=str(error))
            return Heard.NOT_SET_UP
        except Forged as error:
            log.warning("a report was refused", provider=provider, reason=str(error))
            return Heard.FORGED

    def _hear_alone(self, heard: Sequence[Event], now: datetime) -> Heard:
        return Heard.TAKEN if self._keep(heard, now) else Heard.NOT_KEPT

    def _keep(self, heard: Sequence[Event], now: datetime) -> bool:
        try:
            self.take(heard, now, urgent=True)
        except Exception as error:
            log.exception("reports could not be kept", number=len(heard), reason=str(error))
            return False
        return True

    def _take(self, heard: Sequence[Event], now: datetime, *, urgent: bool) -> int:
        with self.evidence.database.writing(urgent=urgent, bulk=not urgent) as tx:
            known = self.evidence.record(tx, [(event, self._place(tx, event)) for event in heard], now)
            self._suppress(tx, known)
            self._unsubscribe(tx, known, now)
            self._count_strikes(tx, known)
        return len(known)

    def _place(self, tx: Connection, event: Event) -> Reference | None:
        if event.reference:
            return self.evidence.place_of(event)
        if not event.message_id or not event.recipient:
            return None
        hash_ = address_hash(event.recipient, self.salt)
        return events.find_by_message(tx, event.message_id, hash_, self.evidence.deployment)

    def _suppress(self, tx: Connection, known: Sequence[Proved]) -> None:
        grave = [(one, reason) for one in known if (reason := one.event.suppresses) is not None]
        addresses = self._addresses(tx, [one for one, _ in grave])
        found = {
            (hash_, reason, one.event.at)
            for (one, reason), hash_ in zip(grave, addresses, strict=True)
            if hash_
        }
        for hash_, reason, since in sorted(found):
            suppressions.suppress(tx, hash_, reason, since)

    def _unsubscribe(self, tx: Connection, known: Sequence[Proved], now: datetime) -> None:
        for one in known:
            if one.event.kind is not EventKind.UNSUBSCRIBED or one.place is None or one.subscriber_id is None:
                continue
            by = suppressions.subscribed(tx, one.place)
            # Who has confirmed anew since then wants it again.
            if by is not None and (by.confirmed_at is None or by.confirmed_at <= one.event.at):
                agreement = Agreement(now, f"{one.event.provider} link", "")
                subscribers.unsubscribe(tx, by.series_id, one.subscriber_id, agreement, by.issue_id)

    def _count_strikes(self, tx: Connection, known: Sequence[Proved]) -> None:
        bounced = self._bounced(tx, known)
        arrived = {
            one.subscriber_id
            for one in known
            if one.event.kind is EventKind.DELIVERED and one.subscriber_id is not None
        }
        counted = bounced | suppressions.softly(tx, arrived - bounced)
        hashes = suppressions.hashes_of(tx, counted, locked=True)
        struck_out = {id_: struck_out_at(tried) for id_, tried in suppressions.histories(tx, counted).items()}
        suppressions.release_soft(tx, [hash_ for id_, hash_ in hashes.items() if struck_out[id_] is None])
        for id_, hash_ in hashes.items():
            if (since := struck_out[id_]) is not None:
                suppressions.suppress_softly(tx, hash_, since)

    def _bounced(self, tx: Connection, known: Sequence[Proved]) -> set[int]:
        """Return whose mails bounced at the addresses that they have now."""
        bounced = [one for one in known if one.event.bounce and one.subscriber_id is not None]
        now = suppressions.hashes_of(tx, {one.subscriber_id for one in bounced if one.subscriber_id})
        addresses = zip(bounced, self._addresses(tx, bounced), strict=True)
        return {id_ for one, hash_ in addresses if (id_ := one.subscriber_id) and hash_ == now.get(id_)}

    def _addresses(self, tx: Connection, events_: Sequence[Proved]) -> list[str]:
        """Return the hash of the address of each event; empty where nobody knows it."""
        unnamed = {one.subscriber_id for one in events_ if not one.event.recipient and one.subscriber_id}
        now = suppressions.hashes_of(tx, unnamed)
        # By the address that the mail went to: a person may have another one by now.
        return [
            address_hash(one.event.recipient, self.salt)
            if one.event.recipient
            else now.get(one.subscriber_id or 0, "")
            for one in events_
        ]
