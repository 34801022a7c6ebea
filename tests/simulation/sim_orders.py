"""I10: events that come twice and in any order end in the same state."""

from random import Random

from sim_letter import DEPLOYMENT, dump, put
from sim_provider import SimProvider
from sim_world import SimDatabase, World
from sqlalchemy import case, select

from newsletter.domain.event import Event, EventKind
from newsletter.pipeline.evidence import Evidence
from newsletter.store.tables import batch, delivery, release, subscription, suppression

_KINDS = (
    EventKind.ACCEPTED,
    EventKind.DELIVERED,
    EventKind.BOUNCED,
    EventKind.COMPLAINED,
    EventKind.DEFERRED,
)
# A delivery that is proven alone says so itself; one that is proven with its batch leaves it to the batch.
_STATE = case((delivery.c.state == "planned", batch.c.state), else_=delivery.c.state)
_TABLES = (
    select(
        delivery.c.issue_id,
        delivery.c.subscriber_id,
        delivery.c.occasion,
        _STATE,
        delivery.c.delivered_at,
        delivery.c.bounced_at,
        delivery.c.complained_at,
    )
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .order_by(delivery.c.issue_id, delivery.c.subscriber_id, delivery.c.occasion),
    select(batch.c.id, batch.c.state, batch.c.tainted, batch.c.next_at).order_by(batch.c.id),
    select(release.c.id, release.c.state).order_by(release.c.id),
    select(subscription).order_by(subscription.c.subscriber_id),
    select(suppression.c.address_hash, suppression.c.reason).order_by(suppression.c.address_hash),
)


def differences_of_order(
    world: World, database: SimDatabase, provider: SimProvider, before: list[Event]
) -> list[str]:
    """Apply some more events to two copies, in two orders; the database is left as it was."""
    rng = Random(f"order {world.plan.name} {world.plan.seed}")
    taken = [reference for reference, *_ in provider.index]
    if not taken or world.plan.seed % 4:
        return []
    now, name = world.clock.now(), world.plan.capabilities.name
    events = [Event(name, f"late{number}", rng.choice(_KINDS), now, rng.choice(taken)) for number in range(5)]
    # A database that forgot may not know the first of them any more.
    events += before[:3]
    others = [*events, *rng.sample(events, 2)]
    rng.shuffle(others)
    content, ends = dump(database), []
    for order in (events, others):
        put(database, content)
        evidence = Evidence(database, world.plan.capabilities, DEPLOYMENT)
        for event in order:
            evidence.record_event(event, now)
        with database.reading() as tx:
            ends.append([tuple(row) for query in _TABLES for row in tx.execute(query)])
    put(database, content)
    different = [f"{one} / {other}" for one, other in zip(*ends, strict=True) if one != other]
    return (
        [f"I10: another order of the same events ends otherwise: {'; '.join(different)}"] if different else []
    )
