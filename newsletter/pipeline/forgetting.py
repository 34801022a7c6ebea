"""Forget a person, or let them leave, at their wish. Decides nothing."""

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from newsletter.domain.subscriber import Evidence, Subscriber
from newsletter.pipeline.addressing import Frozen
from newsletter.store import forgetting, series, subscribers


def leave_every(tx: Connection, subscriber_id: int, evidence: Evidence) -> list[str]:
    """End all subscriptions of a person; return the series that they left by it."""
    return [
        one.slug
        for one in series.every(tx)
        if subscribers.unsubscribe(tx, one.id, subscriber_id, evidence, None)
    ]


def forget(tx: Connection, subscriber_id: int, evidence: Evidence) -> None:
    """Erase a person: no row keeps their address, and no list brings it back."""
    leave_every(tx, subscriber_id, evidence)
    forgetting.erase(tx, subscriber_id, evidence.at)
    forgetting.thaw(tx, subscriber_id, partial(_without, subscriber_id))


def person_of(tx: Connection, hash_: str, person: Subscriber) -> int:
    """Return the id of whoever has an address; who was forgotten begins anew, as somebody else."""
    known = subscribers.ids_by_hash(tx, [hash_])
    if known and (subscribers.get(tx, known[hash_]) or not forgetting.make_room(tx, hash_)):
        return known[hash_]
    return subscribers.add_people(tx, {hash_: person})[hash_]


def _without(subscriber_id: int, blob: bytes) -> bytes:
    # The others stay as they were said, so that a repeat of the call is the same for them.
    frozen = Frozen.load(blob)
    members = tuple(member for member in frozen.members if member[1] != subscriber_id)
    return replace(frozen, members=members).dump()
