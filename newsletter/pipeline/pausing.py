"""Let one person get nothing for a while, and go on. Decides nothing."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from newsletter.domain.pausing import end_of, written, zone_of
from newsletter.domain.slugs import offer
from newsletter.domain.subscriber import Consent, Evidence, Subscriber
from newsletter.errors import Refused, UnknownTarget
from newsletter.pipeline.meeting import meet
from newsletter.store import pausing, series
from newsletter.store.database import Database
from newsletter.store.pausing import OwnSubscription

_HOW = "command line"
_SEE = "see: newsletter subscribers list"
_WHY_NOT = {
    Consent.PENDING: "has not confirmed {} yet",
    Consent.UNSUBSCRIBED: "has left {}",
}


@dataclass(frozen=True)
class PauseRow:
    """A subscription that pauses, in the zone in which its pause ends; None for one that goes on."""

    address: str
    series: str
    paused_until: datetime | None
    zone: str


@dataclass(frozen=True)
class Pausing:
    """Pause and resume the subscriptions of one person."""

    database: Database
    salt: bytes

    def pause(
        self,
        address: str,
        slug: str | None,
        now: datetime,
        *,
        until: date | None = None,
        weeks: int | None = None,
    ) -> list[PauseRow]:
        """Send a person nothing of a series, or of all they get, before a date or for so many weeks.

        Raises Refused for a date that is not to come, and where they get nothing that could be paused.
        """
        if (until is None) == (weeks is None):
            raise Refused("a pause has one end", mend="add --until DATE, or --weeks N")
        id_, person = self._meet(address)
        with self.database.writing() as tx:
            found = _found(tx, id_, slug)
            active = [one for one in found if one.state is Consent.ACTIVE]
            if not active:
                raise Refused(_why_none(person, found, slug), mend=_SEE)
            return [
                _set(tx, id_, person, one, end_of(until, weeks, zone_of(person.zone, one.zone), now), now)
                for one in active
            ]

    def resume(self, address: str, slug: str | None, now: datetime) -> list[PauseRow]:
        """End the pauses of a person before their time; raises Refused where there is none."""
        id_, person = self._meet(address)
        with self.database.writing() as tx:
            found = _found(tx, id_, slug)
            paused = [one for one in found if one.is_paused(now)]
            if not paused:
                raise Refused(f"{person.address} has not paused {slug or 'anything'}", mend=_SEE)
            return [_set(tx, id_, person, one, None, now) for one in paused]

    def _meet(self, address: str) -> tuple[int, Subscriber]:
        # To offer the nearest address takes long, and nobody shall wait for it.
        with self.database.reading() as tx:
            return meet(tx, address, self.salt)


def _found(tx: Connection, subscriber_id: int, slug: str | None) -> list[OwnSubscription]:
    every = {one.slug: one.id for one in series.every(tx)}
    if slug is not None and slug not in every:
        raise UnknownTarget(f"nobody subscribes to a series {slug!r}", mend=offer(slug, every))
    wanted = every.values() if slug is None else [every[slug]]
    return pausing.of_person(tx, subscriber_id, list(wanted))


def _set(
    tx: Connection,
    subscriber_id: int,
    person: Subscriber,
    one: OwnSubscription,
    until: datetime | None,
    now: datetime,
) -> PauseRow:
    ends = until or one.paused_until
    assert ends is not None, "what goes on was paused"
    evidence = Evidence(now, _HOW, written(ends) if until else f"was paused {written(ends)}")
    if not pausing.pause(tx, one.series_id, subscriber_id, until, evidence):
        raise Refused(f"{person.address} has just left {one.series}", mend=_SEE)
    return PauseRow(person.address, one.series, until, zone_of(person.zone, one.zone))


def _why_none(person: Subscriber, found: list[OwnSubscription], slug: str | None) -> str:
    if not found:
        return f"{person.address} does not subscribe to {slug or 'any series'}"
    said = " and ".join(_WHY_NOT[one.state].format(one.series) for one in found)
    return f"{person.address} {said}"
