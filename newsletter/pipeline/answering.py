"""What the public pages ask for, over the real store."""

from dataclasses import dataclass
from datetime import datetime
from html import escape

from sqlalchemy import Connection

from newsletter.domain.archive import without_link
from newsletter.domain.clock import Clock
from newsletter.domain.desk import Subscription
from newsletter.domain.letter import Publication
from newsletter.domain.lifecycle import CONFIRMED, UNSUBSCRIBED, Change, after
from newsletter.domain.pausing import last_pause, written
from newsletter.domain.pieces import fill
from newsletter.domain.revision import Media
from newsletter.domain.signup import CHOOSE_LASTS, UNDO_LASTS
from newsletter.domain.subscriber import Consent, Evidence
from newsletter.domain.tokens import Grant, Purpose, TokenKeys
from newsletter.pipeline.archiving import NOBODY, Archiving
from newsletter.store import consents, deliveries, pausing, revisions, series, subscribers
from newsletter.store.consents import Given
from newsletter.store.database import Database

_STILL = (Consent.ACTIVE, Consent.PENDING)


@dataclass(frozen=True)
class Desk:
    """Let people leave, and show them issues online."""

    database: Database
    keys: TokenKeys
    publication: Publication
    clock: Clock

    def look_up(self, token: str) -> Subscription | None:
        """Read whose subscription a token speaks of."""
        grant = self._grant(Purpose.UNSUBSCRIBE, token)
        return self._subscription(grant) if grant else None

    def unsubscribe(self, token: str, how: str) -> Subscription | None:
        """End the subscription of a token; it is durable when this returns."""
        grant = self._grant(Purpose.UNSUBSCRIBE, token)
        if grant is None:
            return None
        with self.database.writing(urgent=True) as tx:
            evidence = Evidence(self.clock.now(), how, "")
            subscribers.unsubscribe(
                tx, grant.series_id, grant.subscriber_id, evidence, grant.issue_id or None
            )
        return self._subscription(grant)

    def leave_all(self, token: str) -> Subscription | None:
        """End every subscription of a person; they are one act, which is undone together."""
        grant = self._grant(Purpose.UNSUBSCRIBE, token)
        if grant is None:
            return None
        evidence = Evidence(self.clock.now(), "page, all", "")
        with self.database.writing(urgent=True) as tx:
            for one in series.every(tx):
                subscribers.unsubscribe(tx, one.id, grant.subscriber_id, evidence, grant.issue_id or None)
        return self._subscription(grant)

    def undo(self, token: str) -> Subscription | None:
        """Take back what was ended together, where nothing has happened since."""
        grant = self._grant(Purpose.UNDO, token)
        if grant is None:
            return None
        with self.database.writing(urgent=True) as tx:
            left = consents.event(tx, grant.occasion)
            if left is None or left.kind != UNSUBSCRIBED or not subscribers.get(tx, grant.subscriber_id):
                return None
            restored = [self._restore(tx, one.id, left) for one in series.every(tx)]
        return self._subscription(grant) if any(restored) else None

    def _restore(self, tx: Connection, series_id: int, left: Given) -> bool:
        last = consents.last(tx, series_id, left.subscriber_id, UNSUBSCRIBED)
        state, confirmed_at = consents.standing(tx, series_id, left.subscriber_id)
        if last is None or last.at != left.at or state is not Consent.UNSUBSCRIBED:
            return False
        new = after(state, Change.RESTORED, was_confirmed=confirmed_at is not None)
        assert new is not None, "who left was there"
        consents.put(tx, series_id, left.subscriber_id, new)
        if new is Consent.ACTIVE:
            now = self.clock.now()
            evidence = Evidence(now, "undo", last.text, last.version)
            consents.note(tx, series_id, left.subscriber_id, CONFIRMED, evidence)
            self._pause_again(tx, last, now)
        return True

    def _pause_again(self, tx: Connection, left: Given, now: datetime) -> None:
        before = (one for one in consents.history(tx, left.subscriber_id) if one.id < left.id)
        until = last_pause((one.kind, one.text) for one in before if one.series_id == left.series_id)
        if until is not None and until > now:
            evidence = Evidence(now, "undo", written(until))
            pausing.pause(tx, left.series_id, left.subscriber_id, until, evidence)

    def issue_page(self, token: str) -> str | None:
        """Fill the revision that a mail carried, without the name: such links are passed on."""
        grant = self._grant(Purpose.VIEW, token)
        if grant is None:
            return None
        archiving = Archiving(self.database, self.keys, self.publication)
        if grant.subscriber_id == NOBODY:
            return archiving.shared(grant)
        with self.database.reading() as tx:
            hash_ = deliveries.revision_of(tx, grant.issue_id, grant.subscriber_id, grant.occasion)
            if hash_ is None:
                return None
            revision = revisions.get(tx, hash_)
        base = self.publication.public_url
        here = f"{base}/w/{token}"
        values = {
            "unsubscribe_url": f"{base}/u/{self.keys.sign(Purpose.UNSUBSCRIBE, grant)}",
            "view_url": here,
            "preferences_url": f"{base}/p/{self.keys.sign(Purpose.CHOOSE, grant)}",
        }
        return archiving.with_earlier(without_link(fill(revision.html, values, escape), here), grant)

    def media(self, name: str) -> Media | None:
        """Find a picture of a revision."""
        with self.database.reading() as tx:
            return revisions.find_media(tx, name)

    def probe(self, token: str) -> bool:
        """Tell whether a token is a probe signed with our keys."""
        return self.keys.verify(Purpose.PROBE, token, self.clock.now()) is not None

    def _grant(self, purpose: Purpose, token: str) -> Grant | None:
        return self.keys.verify(purpose, token, self.clock.now())

    def _subscription(self, grant: Grant) -> Subscription | None:
        now = self.clock.now()
        with self.database.reading() as tx:
            every = series.every(tx)
            found = next((one for one in every if one.id == grant.series_id), None)
            if found is None:
                return None
            states = {one.id: subscribers.state(tx, one.id, grant.subscriber_id) for one in every}
            left = consents.last(tx, found.id, grant.subscriber_id, UNSUBSCRIBED)
            person = subscribers.get(tx, grant.subscriber_id)
        is_active = states.pop(found.id) in _STILL
        undo = ""
        if person and not is_active and left and now < left.at + UNDO_LASTS:
            back = grant._replace(occasion=left.id)
            undo = self.keys.sign(Purpose.UNDO, back, expires=left.at + UNDO_LASTS)
        return Subscription(
            found.title,
            self.publication.name,
            self.publication.language,
            is_active,
            others=sum(state in _STILL for state in states.values()),
            undo=undo,
            choose=self.keys.sign(Purpose.CHOOSE, grant, expires=now + CHOOSE_LASTS) if person else "",
        )
