"""What the ledger knows of one person: every statement is a look-up by key, however many people there are.

No index starts with `subscriber_id`, so deliveries are asked for by the list of issues.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, func, literal_column, select

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.facts import Call, ConsentEvent, Consenting, Decision, Delivery, Person
from newsletter.domain.release import REAL
from newsletter.domain.subscriber import Consent, Verdict
from newsletter.store.audience import rule_of
from newsletter.store.tables import (
    attempt,
    audit,
    batch,
    consent_event,
    delivery,
    issue,
    release,
    series,
    subscriber,
    subscription,
    suppression,
)

_PERSON = (
    select(
        subscriber.c.id, subscriber.c.address, subscriber.c.zone, suppression.c.reason, suppression.c.since
    )
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
    .where(subscriber.c.address_hash == bindparam("hash"), subscriber.c.address.is_not(None))
)  # fmt: skip
_SUBSCRIPTIONS = select(
    subscription.c.series_id, subscription.c.state, subscription.c.confirmed_at, subscription.c.paused_until
).where(
    subscription.c.series_id.in_(bindparam("series", expanding=True)),
    subscription.c.subscriber_id == bindparam("subscriber_id"),
)
_EVENTS = (
    select(
        consent_event.c.series_id, consent_event.c.at, consent_event.c.kind, consent_event.c.how,
        consent_event.c.text, series.c.slug.label("series"), issue.c.slug.label("issue"),
    )
    .join(issue, issue.c.id == consent_event.c.issue_id, isouter=True)
    .join(series, series.c.id == issue.c.series_id, isouter=True)
    .where(consent_event.c.subscriber_id == bindparam("subscriber_id"))
    .order_by(consent_event.c.at, consent_event.c.id)
)  # fmt: skip
# Test copies, which never count, have occasions above the real one.
_DELIVERIES = (
    select(
        delivery.c.issue_id, delivery.c.occasion, delivery.c.release_id, delivery.c.state, delivery.c.reason,
        func.coalesce(delivery.c.provider_message_id, batch.c.provider_message_id).label("message_id"),
        delivery.c.accepted_at, delivery.c.delivered_at, delivery.c.bounced_at, delivery.c.complained_at,
        delivery.c.batch_id, batch.c.state.label("batch_state"), batch.c.provider, batch.c.next_at,
        batch.c.lease_until, batch.c.last_call_at,
    )
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .where(
        delivery.c.issue_id.in_(bindparam("issues", expanding=True)),
        delivery.c.subscriber_id == bindparam("subscriber_id"),
        delivery.c.occasion <= literal_column(str(REAL)),
    )
)  # fmt: skip
# A batch that was refused is split: its calls were for the people of both halves.
_line = (
    select(batch.c.id, batch.c.parent_id)
    .where(batch.c.id == bindparam("batch_id"))
    .cte("line", recursive=True)
)
_line = _line.union_all(select(batch.c.id, batch.c.parent_id).join(_line, _line.c.parent_id == batch.c.id))
_CALLS = (
    select(
        attempt.c.started_at, attempt.c.ended_at, batch.c.provider, attempt.c.outcome, attempt.c.http_status,
        attempt.c.request_id, (attempt.c.batch_id == bindparam("batch_id")).label("is_own"),
    )
    .join(_line, _line.c.id == attempt.c.batch_id)
    .join(batch, batch.c.id == attempt.c.batch_id)
    .order_by(attempt.c.started_at, attempt.c.batch_id, attempt.c.epoch)
)  # fmt: skip
_STARTS = select(release.c.id, release.c.started_at).where(release.c.started_at.is_not(None))
_IS_THEM = subscription.c.subscriber_id == bindparam("subscriber_id", type_=Integer)
_DECISIONS = (
    select(audit.c.at, audit.c.what, audit.c.target)
    .where(audit.c.target.in_(bindparam("targets", expanding=True)))
    .order_by(audit.c.at, audit.c.id)
)


def person(tx: Connection, hash_: str) -> Person | None:
    """Find somebody by the hash of their address; nobody who was forgotten is found."""
    row = tx.execute(_PERSON, {"hash": hash_}).first()
    return Person(*row) if row else None


def consents(tx: Connection, subscriber_id: int, series_ids: Sequence[int]) -> Mapping[int, Consenting]:
    """Read a person's subscriptions by series, each with its history."""
    events: defaultdict[int, list[ConsentEvent]] = defaultdict(list)
    for series_id, at, kind, how, text, slug, name in tx.execute(_EVENTS, {"subscriber_id": subscriber_id}):
        events[series_id].append(ConsentEvent(at, kind, how, text, f"{slug}/{name}" if name else None))
    rows = tx.execute(_SUBSCRIPTIONS, {"subscriber_id": subscriber_id, "series": list(series_ids)})
    return {
        series_id: Consenting(Consent(state), confirmed_at, paused_until, tuple(events[series_id]))
        for series_id, state, confirmed_at, paused_until in rows
    }


def verdict(
    tx: Connection, subscriber_id: int, series_id: int, issue_id: int, now: datetime
) -> Verdict | None:
    """Say what the audience rule says of one person at an instant; None where they never subscribed."""
    values = {
        "subscriber_id": subscriber_id,
        "series_id": series_id,
        "issue_id": issue_id,
        "occasion": REAL,
        "now": now,
    }
    row = tx.execute(rule_of(tx, series_id).people.where(_IS_THEM), values).first()
    return Verdict(row.verdict) if row else None


def deliveries(tx: Connection, subscriber_id: int, targets: Mapping[int, str]) -> list[Delivery]:
    """List a person's deliveries of these issues, real and rehearsed; `targets` names each issue."""
    values = {"subscriber_id": subscriber_id, "issues": list(targets)}
    return [
        Delivery(
            target=targets[row.issue_id],
            **{
                **row._asdict(),
                "state": DeliveryState(row.state),
                "batch_state": BatchState(row.batch_state) if row.batch_state else None,
                "provider": row.provider or "",
            },
        )
        for row in tx.execute(_DELIVERIES, values)
    ]


def calls(tx: Connection, batch_id: int) -> list[Call]:
    """List the calls of a batch and of those it was split from, in order."""
    return [Call(*row) for row in tx.execute(_CALLS, {"batch_id": batch_id})]


def starts(tx: Connection) -> Mapping[int, datetime]:
    """Return when each release had been prepared."""
    return {row.id: row.started_at for row in tx.execute(_STARTS)}


def decisions(tx: Connection, targets: Sequence[str]) -> list[Decision]:
    """List what was decided about targets, in order."""
    return [Decision(*row) for row in tx.execute(_DECISIONS, {"targets": list(targets)})]
