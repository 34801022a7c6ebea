"""Who of a batch may be called for now, by a fresh look at everybody's consent. Decides nothing."""

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from newsletter.domain.delivery import Batch, DeliveryState
from newsletter.domain.notices import why_not
from newsletter.domain.provider import Recovery
from newsletter.domain.subscriber import are_mailable, is_mailable
from newsletter.store import batches, claims, consents
from newsletter.store.claims import Member

LEFT = "left while the outcome was unknown"


def members_of(tx: Connection, batch: Batch) -> Sequence[Member]:
    """List who is in a batch, each with why no mail of its kind may go to them now."""
    if batch.release_id is not None:
        return claims.members(tx, batch.id, needs_consent=True)
    everyone = claims.members(tx, batch.id, needs_consent=False)
    found = consents.planned(tx, batch.id)
    if found is None:
        return everyone
    has_left = consents.has_left_since(tx, found.series_id, found.subscriber_id, found.occasion)
    decide = partial(why_not, found.slug, found.state, has_left_since=has_left)
    # Whoever has no address any more is not asked.
    return [
        one._replace(why_not=decide(suppressed=one.why_not) if one.address else one.why_not)
        for one in everyone
    ]


def willing_of(batch: Batch, everyone: Sequence[Member], recovery: Recovery) -> dict[int, Member]:
    """Return whom a call is made for, by their positions."""
    # Under a key a repeat says the same of all who are still there, so that its answer is the first one.
    repeats = batch.tainted and recovery is Recovery.KEY
    willing = [one for one in everyone if not one.why_not and (repeats or one.is_open)]
    if not are_mailable([one.address for one in willing]):
        willing = [one for one in willing if is_mailable(one.address)]
    return {one.pos: one for one in willing}


def doubt(tx: Connection, batch: Batch, everyone: Sequence[Member], willing: Mapping[int, Member]) -> None:
    """Leave unknown who is not in a repeat, although they may come back before it is settled.

    Where a key says nothing of the payload, no answer tells which of the calls was taken; where proof of
    one is proof of all, an event or the log would count them as sent by a call that was made without them.
    """
    left = [one.pos for one in everyone if one.pos not in willing and one.is_open]
    batches.mark(tx, batch.id, DeliveryState.UNKNOWN, dict.fromkeys(left, LEFT))


def leave_out(
    tx: Connection, batch: Batch, everyone: Sequence[Member], willing: Mapping[int, Member]
) -> None:
    """Record why no call is made for the others."""
    others = [one for one in everyone if one.pos not in willing and one.is_open]
    left = {one.pos: one.why_not for one in others if one.why_not}
    unfit = {one.pos: "the address cannot be mailed" for one in others if not one.why_not}
    batches.mark(tx, batch.id, DeliveryState.SUPPRESSED, left)
    batches.mark(tx, batch.id, DeliveryState.REJECTED, unfit)
