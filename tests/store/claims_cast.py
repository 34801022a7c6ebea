"""What tests of claims look at, and what they set up."""

from dataclasses import replace

from sqlalchemy import select

from newsletter.domain.account import Lane
from newsletter.store import deliveries, picking
from newsletter.store.tables import batch, delivery


def the_batch(newsletter):
    ((batch_id,),) = newsletter.rows(select(batch.c.id))
    return newsletter.get_batch(batch_id)


def counts(newsletter):
    return newsletter.read(deliveries.counts_of, newsletter.sent.id)


def states(newsletter):
    rows = newsletter.rows(select(delivery.c.subscriber_id, delivery.c.state))
    name = {id_: name for name, id_ in newsletter.people.items()}
    return {name[id_]: state for id_, state in rows}


def next_instant(newsletter):
    with newsletter.database.reading() as tx:
        return picking.next_instant(tx, "scripted", Lane.BULK, rehearsal=False)


def later(clock, step):
    clock.advance_to(clock.now() + step)


def seqs(works):
    return [work.batch.seq for work in works]


def by_seq(newsletter):
    """List the states of all batches in their order."""
    return [state for (state,) in newsletter.rows(select(batch.c.state).order_by(batch.c.seq))]


def limited(sender, limits):
    """Limit the account that a sender uses."""
    claiming, recording = (replace(part, limits=limits) for part in (sender.claiming, sender.recording))
    return replace(sender, claiming=claiming, recording=recording)
