"""What the public pages ask for, over the real store."""

from dataclasses import dataclass
from html import escape

from newsletter.domain.clock import Clock
from newsletter.domain.desk import Subscription
from newsletter.domain.letter import Publication
from newsletter.domain.pieces import fill
from newsletter.domain.revision import Media
from newsletter.domain.subscriber import Consent, Evidence
from newsletter.domain.tokens import Grant, Purpose, TokenKeys
from newsletter.store import deliveries, revisions, series, subscribers
from newsletter.store.database import Database


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

    def issue_page(self, token: str) -> str | None:
        """Fill the revision that a mail carried, without the name: such links are passed on."""
        grant = self._grant(Purpose.VIEW, token)
        if grant is None:
            return None
        with self.database.reading() as tx:
            hash_ = deliveries.revision_of(tx, grant.issue_id, grant.subscriber_id, grant.occasion)
            if hash_ is None:
                return None
            revision = revisions.get(tx, hash_)
        base = self.publication.public_url
        values = {
            "unsubscribe_url": f"{base}/u/{self.keys.sign(Purpose.UNSUBSCRIBE, grant)}",
            "view_url": f"{base}/w/{token}",
        }
        return fill(revision.html, values, escape)

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
        with self.database.reading() as tx:
            found = next((one for one in series.every(tx) if one.id == grant.series_id), None)
            state = subscribers.state(tx, grant.series_id, grant.subscriber_id)
        if found is None:
            return None
        active = state in (Consent.ACTIVE, Consent.PENDING)
        return Subscription(found.title, self.publication.name, self.publication.language, active)
