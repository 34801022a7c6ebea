"""Stop a send before its next call, and let it go on."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.delivery import UNSETTLED
from newsletter.domain.letter import Target, find_target
from newsletter.domain.release import Release, ReleaseState
from newsletter.domain.subscriber import Verdict
from newsletter.store import alerts, audience, batches, deliveries, releases, series
from newsletter.store.database import Database


@dataclass(frozen=True)
class Resumed:
    """What goes on: whether a pause ended, and the held releases that were let go."""

    target: str
    was_paused: bool
    releases: tuple[Release, ...]


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
            for release in held:
                # Preparing goes on where it stopped, and ends at once where it was done.
                releases.change(tx, release.id, state=ReleaseState.PREPARING, reason="")
                batches.restart(tx, release.id, now)
                alerts.forget(tx, release.id)
            deliveries.note(tx, {"at": now, "what": "resume", "target": str(target), "detail": {}})
        return Resumed(str(target), paused, tuple(held))

    def _is_paused(self, tx: Connection, target: Target) -> bool:
        found = series.find(tx, target.series)
        rows = [row for row in series.issues(tx) if row.target == str(target)]
        return bool(found and found.paused_at) or any(row.paused_at for row in rows)

    def _set_paused(self, tx: Connection, target: Target, at: datetime | None) -> None:
        found = series.find(tx, target.series)
        if found is not None and (target.issue is None or at is None):
            series.pause(tx, found.id, at)
        for row in series.issues(tx):
            if row.target == str(target):
                series.change_issue(tx, row.id, paused_at=at)


def find_target_in(tx: Connection, name: str) -> Target:
    """Find a series or issue among those that the database knows."""
    issues = series.issues(tx)
    return find_target(
        name,
        {one.slug: [row.slug for row in issues if row.series_id == one.id] for one in series.every(tx)},
    )


def _reach(tx: Connection, release: Release, now: datetime) -> int:
    counts = audience.counts(tx, release.series_id, release.issue_id, release.occasion, now)
    waiting = deliveries.counts_of(tx, release.id)
    unsettled = sum(number for state, number in waiting.items() if state in UNSETTLED)
    return unsettled + counts.get(Verdict.DUE, 0)


def _is_of(release: Release, target: Target) -> bool:
    return release.series == target.series and target.issue in (None, release.issue)
