"""What a played run did: how many deliveries of each issue its releases have, and of how many people."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, func, select

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.store.tables import IS_EXCEPTION, batch, delivery, revision

_IS_OF = batch.c.release_id.in_(bindparam("releases", expanding=True))
# A row that says `planned` is counted by its batch; the others one by one.
_BATCHES = (
    select(batch.c.release_id, revision.c.issue_id, batch.c.state, func.sum(batch.c.members))
    .join(revision, revision.c.hash == batch.c.revision)
    .where(_IS_OF)
    .group_by(batch.c.release_id, revision.c.issue_id, batch.c.state)
)
_EXCEPTIONS = (
    # What waits has no batch yet.
    select(delivery.c.release_id, delivery.c.issue_id, delivery.c.state, batch.c.state, func.count())
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .where(delivery.c.release_id.in_(bindparam("releases", expanding=True)), IS_EXCEPTION)
    .group_by(delivery.c.release_id, delivery.c.issue_id, delivery.c.state, batch.c.state)
)
_PEOPLE = (
    select(func.count(delivery.c.subscriber_id.distinct()))
    .join(delivery, delivery.c.batch_id == batch.c.id)
    .where(_IS_OF, batch.c.state == BatchState.ACCEPTED, delivery.c.state == DeliveryState.PLANNED)
)

#: How many deliveries are in which state, by release and issue.
Counts = Mapping[int, Mapping[int, Mapping[str, int]]]


def counts(tx: Connection, release_ids: Collection[int]) -> Counts:
    """Count the deliveries of some releases by issue and state."""
    values = {"releases": list(release_ids)}
    found: defaultdict[int, defaultdict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for release_id, issue_id, state, members in tx.execute(_BATCHES, values):
        found[release_id][issue_id][state] += members
    for release_id, issue_id, state, batch_state, number in tx.execute(_EXCEPTIONS, values):
        found[release_id][issue_id][state] += number
        if batch_state is not None:
            found[release_id][issue_id][batch_state] -= number
    return {id_: {issue: dict(+of) for issue, of in issues.items()} for id_, issues in found.items()}


def people(tx: Connection, release_ids: Collection[int]) -> int:
    """Count the people whom some releases sent something."""
    return int(tx.execute(_PEOPLE, {"releases": list(release_ids)}).scalar_one())
