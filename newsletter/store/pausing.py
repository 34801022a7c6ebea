"""One person's subscriptions, and until when each is paused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from newsletter.domain.pausing import PAUSED, RESUMED
from newsletter.domain.subscriber import Consent, Evidence
from newsletter.store import subscribers
from newsletter.store.tables import series, subscription

# No index starts with `subscriber_id`: there are few series, so each is asked for by its key.
_OF_PERSON = (
    select(
        subscription.c.series_id,
        series.c.slug,
        series.c.settings["zone"].as_string().label("zone"),
        subscription.c.state,
        subscription.c.paused_until,
    )
    .join(series, series.c.id == subscription.c.series_id)
    .where(
        subscription.c.series_id.in_(bindparam("series", expanding=True)),
        subscription.c.subscriber_id == bindparam("subscriber_id"),
    )
    .order_by(series.c.slug)
)
_SET = (
    update(subscription)
    .where(
        subscription.c.series_id == bindparam("series_id_"),
        subscription.c.subscriber_id == bindparam("subscriber_id_"),
        subscription.c.state == Consent.ACTIVE,
    )
    .values(paused_until=bindparam("until"))
)


@dataclass(frozen=True)
class OwnSubscription:
    """One person's subscription to one series; `zone` is that of its cadence."""

    series_id: int
    series: str
    zone: str
    state: Consent
    paused_until: datetime | None

    def is_paused(self, now: datetime) -> bool:
        is_later = self.paused_until is not None and self.paused_until > now
        return is_later and self.state is Consent.ACTIVE


def of_person(tx: Connection, subscriber_id: int, series_ids: Sequence[int]) -> list[OwnSubscription]:
    """List a person's subscriptions to these series, in their order."""
    rows = tx.execute(_OF_PERSON, {"subscriber_id": subscriber_id, "series": list(series_ids)})
    return [OwnSubscription(*row[:3], Consent(row.state), row.paused_until) for row in rows]


def pause(
    tx: Connection, series_id: int, subscriber_id: int, until: datetime | None, evidence: Evidence
) -> bool:
    """Pause an active subscription, or let it go on with None; False where it is active no more."""
    values = {"series_id_": series_id, "subscriber_id_": subscriber_id, "until": until}
    if not tx.execute(_SET, values).rowcount:
        return False
    kind = RESUMED if until is None else PAUSED
    subscribers.add_events(tx, series_id, [subscriber_id], kind, evidence)
    return True
