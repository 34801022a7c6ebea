"""Show one person, end what they get, or forget them, at the word of somebody at the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.domain.slugs import offer
from newsletter.domain.subscriber import Evidence, address_hash
from newsletter.errors import Refused, UnknownTarget
from newsletter.pipeline.forgetting import forget, leave_every
from newsletter.pipeline.meeting import meet
from newsletter.store import consents, pausing, series, subscribers
from newsletter.store.database import Database

_HOW = "command line"
_SEE = "see: newsletter subscribers list"


@dataclass(frozen=True)
class ShownSubscription:
    """One person's subscription to one series."""

    series: str
    state: str
    paused_until: datetime | None


@dataclass(frozen=True)
class ShownEvent:
    """What a person agreed to, asked for or withdrew."""

    at: datetime
    series: str
    what: str
    how: str
    text: str
    version: str


@dataclass(frozen=True)
class Shown:
    """Everything that is kept of a person but what they were sent; `explain` has that."""

    address: str
    name: str
    zone: str
    suppressed: str | None
    subscriptions: Sequence[ShownSubscription]
    events: Sequence[ShownEvent]


@dataclass(frozen=True)
class Leaving:
    """Look at one person, and let them go."""

    database: Database
    salt: bytes

    def show(self, address: str) -> Shown:
        """Read a person; raises UnknownTarget."""
        with self.database.reading() as tx:
            id_, person = meet(tx, address, self.salt)
            slugs = {one.id: one.slug for one in series.every(tx)}
            return Shown(
                person.address,
                person.name,
                person.zone,
                subscribers.suppression_reason(tx, address_hash(person.address, self.salt)),
                [
                    ShownSubscription(one.series, one.state.value, one.paused_until)
                    for one in pausing.of_person(tx, id_, list(slugs))
                ],
                [
                    ShownEvent(one.at, slugs[one.series_id], one.kind, one.how, one.text, one.version)
                    for one in consents.history(tx, id_)
                ],
            )

    def unsubscribe(self, address: str, slug: str | None, now: datetime) -> list[str]:
        """End a person's subscription to a series, or to all; return the series that they left.

        Raises Refused where there is none to end.
        """
        with self.database.reading() as tx:
            id_, person = meet(tx, address, self.salt)
            known = {one.slug: one.id for one in series.every(tx)}
        if slug is not None and slug not in known:
            raise UnknownTarget(f"nobody subscribes to a series {slug!r}", mend=offer(slug, known))
        evidence = Evidence(now, _HOW, "")
        with self.database.writing() as tx:
            if slug is None:
                left = leave_every(tx, id_, evidence)
            else:
                left = [slug] if subscribers.unsubscribe(tx, known[slug], id_, evidence, None) else []
        if not left:
            raise Refused(f"{person.address} does not subscribe to {slug or 'any series'}", mend=_SEE)
        return left

    def forget(self, address: str, now: datetime) -> None:
        """Erase a person, whatever they are sent at this moment; raises UnknownTarget."""
        with self.database.reading() as tx:
            id_, _ = meet(tx, address, self.salt)
        with self.database.writing(bulk=True) as tx:
            forget(tx, id_, Evidence(now, _HOW, ""))
