"""Stop a send before its next call, and let it go on."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.delivery import UNSETTLED
from newsletter.domain.letter import Target, find_target
from newsletter.domain.release import Release, ReleaseState
from newsletter.pipeline.standing import people_due
from newsletter.store import alerts, batches, deliveries, releases, series
from newsletter.store.database import Database
from newsletter.store.series import IssueRow


@dataclass(frozen=True)
class Resumed:
    """What goes on: whether a pause ended, and the held releases that were let go.

    `still_paused` is the series of an issue that goes on, where it is paused itself.
    """

    target: str
    was_paused: bool
    releases: tuple[Release, ...]
    still_paused: str | None = None


@dataclass(frozen=True)
class Holding:
    """Pause and resume what the database knows."""

    database: Database

    def pause(self, name: str, now: datetime) -> Target:
        """Stop a series or an issue before the next call."""
        with self.database.writing() as tx:
            target = find_target_in(tx, name)
            self._set_paused(tx, target, now)
            deliveries.note(tx, {"at": now, "what": "pause", "target": str(target), "detail": {}})
        return target

    def held(self, name: str, now: datetime) -> list[tuple[Release, int]]:
        """List the held releases of a TARGET, and how many people each would reach by going on."""
        with self.database.reading() as tx:
            target = find_target_in(tx, name)
            found = [one for one in releases.in_state(tx, ReleaseState.HELD) if _is_of(one, target)]
            return [(one, _reach(tx, one, now)) for one in found]

    def resume(self, name: str, now: datetime) -> Resumed:
        """End a pause and let held releases of a TARGET go on."""
        with self.database.writing() as tx:
            target = find_target_in(tx, name)
            paused = self._is_paused(tx, target)
            self._set_paused(tx, target, None)
            held = [one for one in releases.in_state(tx, ReleaseState.HELD) if _is_of(one, target)]
            # Somebody may have cancelled one since it was read.
            held = [one for one in held if releases.get_locked(tx, one.id).state is ReleaseState.HELD]
            for release in held:
                # Preparing goes on where it stopped, and ends at once where it was done.
                is_due = release.due_at <= now
                state = ReleaseState.PREPARING if is_due else ReleaseState.WAITING
                releases.change(tx, release.id, state=state, reason="")
                batches.restart(tx, release.id, now)
                alerts.forget(tx, release.id, alerts.HELD)
            deliveries.note(tx, {"at": now, "what": "resume", "target": str(target), "detail": {}})
            of = series.find(tx, target.series)
            is_series_paused = of is not None and of.paused_at is not None
        return Resumed(str(target), paused, tuple(held), target.series if is_series_paused else None)

    def _is_paused(self, tx: Connection, target: Target) -> bool:
        found = series.find(tx, target.series) if target.issue is None else None
        return bool(found and found.paused_at) or any(row.paused_at for row in _issues(tx, target))

    def _set_paused(self, tx: Connection, target: Target, at: datetime | None) -> None:
        found = series.find(tx, target.series)
        if found is not None and target.issue is None:
            series.pause(tx, found.id, at)
        if target.issue is None and at is not None:
            return
        # A series that goes on goes on with all of its issues.
        for row in _issues(tx, target):
            series.change_issue(tx, row.id, paused_at=at)


def find_target_in(tx: Connection, name: str) -> Target:
    """Find a series or issue among those that the database knows."""
    issues = series.issues(tx)
    return find_target(
        name,
        {one.slug: [row.slug for row in issues if row.series_id == one.id] for one in series.every(tx)},
    )


def _issues(tx: Connection, target: Target) -> list[IssueRow]:
    rows = [row for row in series.issues(tx) if row.series == target.series]
    return [row for row in rows if target.issue in (None, row.slug)]


def _reach(tx: Connection, release: Release, now: datetime) -> int:
    due = people_due(
        tx,
        release.series_id,
        release.issue_id,
        occasion=release.occasion,
        due_at=release.due_at,
        now=now,
    )
    waiting = deliveries.counts_of(tx, release.id)
    unsettled = sum(number for state, number in waiting.items() if state in UNSETTLED)
    return unsettled + due


def _is_of(release: Release, target: Target) -> bool:
    return release.series == target.series and target.issue in (None, release.issue)
