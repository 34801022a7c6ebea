"""Counting what became of issues: by batches where a row says no more than its batch, by marks otherwise."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Integer, and_, bindparam, case, func, select

from newsletter.domain.pieces import plain
from newsletter.domain.release import REAL, ReleaseState
from newsletter.domain.report import Marks
from newsletter.domain.revision import load
from newsletter.domain.subscriber import Verdict
from newsletter.store.tables import (
    IS_EXCEPTION,
    batch,
    consent_event,
    delivery,
    issue,
    release,
    revision,
    slot,
)

_releases: BindParameter[Sequence[int]] = bindparam("releases", expanding=True)
_issues: BindParameter[Sequence[int]] = bindparam("issues", expanding=True)
_RELEASES = (
    select(
        release.c.id, slot.c.issue_id, release.c.due_at, release.c.state, release.c.occasion,
        release.c.excluded,
    )
    .join(slot, slot.c.id == release.c.slot_id)
    .where(slot.c.series_id == bindparam("series_id"))
    .order_by(release.c.due_at, release.c.id)
)  # fmt: skip
# A release of a sequence has several issues, and each of its batches has one.
_its_issue = func.coalesce(slot.c.issue_id, revision.c.issue_id)
_BATCHES = (
    select(batch.c.release_id, _its_issue, batch.c.state, func.sum(batch.c.members))
    .join(release, release.c.id == batch.c.release_id)
    .join(slot, slot.c.id == release.c.slot_id)
    .join(revision, revision.c.hash == batch.c.revision, isouter=True)
    .where(batch.c.release_id.in_(_releases))
    .group_by(batch.c.release_id, _its_issue, batch.c.state)
)
_EXCEPTIONS = (
    select(delivery.c.release_id, delivery.c.issue_id, delivery.c.state, batch.c.state, func.count())
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .where(delivery.c.release_id.in_(_releases), IS_EXCEPTION)
    .group_by(delivery.c.release_id, delivery.c.issue_id, delivery.c.state, batch.c.state)
)
_has_bounced = delivery.c.bounced_at.is_not(None)
_cause = case((_has_bounced, func.coalesce(delivery.c.bounce, "")))
# The one part that reads every row of an issue, which lie side by side; a join to anything costs more.
_MARKS = (
    select(
        delivery.c.issue_id,
        delivery.c.release_id,
        _cause,
        func.count(),
        func.sum(case((and_(delivery.c.delivered_at.is_not(None), ~_has_bounced), 1), else_=0)),
        func.count(delivery.c.complained_at),
    )
    .where(
        delivery.c.issue_id.in_(_issues),
        delivery.c.occasion == bindparam("occasion", REAL, type_=Integer),
        delivery.c.release_id.is_not(None),
    )
    .group_by(delivery.c.issue_id, delivery.c.release_id, _cause)
)
_next = consent_event.alias()
# Whoever presses undo has not left: it is the very next that they say of the series.
_what_followed = (
    select(_next.c.how)
    .where(
        _next.c.subscriber_id == consent_event.c.subscriber_id,
        _next.c.series_id == consent_event.c.series_id,
        _next.c.id > consent_event.c.id,
    )
    .order_by(_next.c.id)
    .limit(1)
    .scalar_subquery()
)
_LEFT_BY = (
    select(consent_event.c.issue_id, func.count(consent_event.c.subscriber_id.distinct()).label("people"))
    .where(
        consent_event.c.series_id == bindparam("series_id"),
        consent_event.c.kind == "unsubscribed",
        consent_event.c.issue_id.in_(_issues),
        func.coalesce(_what_followed, "") != "undo",
    )
    .group_by(consent_event.c.issue_id)
)
_SUBJECTS = (
    select(issue.c.id, revision.c.subject)
    .join(revision, revision.c.hash == issue.c.approved_revision)
    .where(issue.c.series_id == bindparam("series_id"))
)

#: A release and an issue that it has.
Part = tuple[int, int]


class ReleaseRow(NamedTuple):
    """A release as a report needs it; in a sequence `issue_id` is None."""

    id: int
    issue_id: int | None
    due_at: datetime
    state: ReleaseState
    is_rehearsal: bool
    left_out: Mapping[Verdict, int]


def releases_of(tx: Connection, series_id: int) -> list[ReleaseRow]:
    """List the releases of a series by instant, rehearsals among them."""
    return [
        ReleaseRow(
            row.id,
            row.issue_id,
            row.due_at,
            ReleaseState(row.state),
            row.occasion < REAL,
            {Verdict(name): number for name, number in row.excluded.items()},
        )
        for row in tx.execute(_RELEASES, {"series_id": series_id})
    ]


def states(tx: Connection, releases: Sequence[int]) -> Mapping[Part, Mapping[str, int]]:
    """Count the deliveries of releases by issue and by the state they are in."""
    values = {"releases": list(releases)}
    found: defaultdict[Part, Counter[str]] = defaultdict(Counter)
    for release_id, issue_id, state, members in tx.execute(_BATCHES, values):
        found[release_id, issue_id][state] += members
    for release_id, issue_id, state, batch_state, number in tx.execute(_EXCEPTIONS, values):
        found[release_id, issue_id][state] += number
        if batch_state is not None:
            found[release_id, issue_id][batch_state] -= number
    return {part: dict(+counter) for part, counter in found.items()}


def marks(tx: Connection, issues: Sequence[int]) -> Mapping[Part, Marks]:
    """Count what events told of the deliveries of issues, by release."""
    found: defaultdict[Part, Marks] = defaultdict(Marks)
    rows: Any = tx.execute(_MARKS, {"issues": list(issues)})
    for issue_id, release_id, cause, number, delivered, complained in rows:
        bounced = {} if cause is None else {cause: number}
        found[release_id, issue_id] += Marks(delivered, complained, bounced)
    return dict(found)


def left_by(tx: Connection, series_id: int, issues: Sequence[int]) -> Mapping[int, int]:
    """Count who unsubscribed by a link of each issue, and did not press undo."""
    rows = tx.execute(_LEFT_BY, {"series_id": series_id, "issues": list(issues)})
    return {row.issue_id: row.people for row in rows}


def subjects(tx: Connection, series_id: int) -> Mapping[int, str]:
    """Return the subject of each issue that was approved, as a person without a name reads it."""
    rows = tx.execute(_SUBJECTS, {"series_id": series_id})
    return {issue_id: plain(load(subject)) for issue_id, subject in rows}
