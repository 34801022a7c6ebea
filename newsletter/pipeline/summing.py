"""Report what became of issues. Decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from newsletter.domain.clicks import count
from newsletter.domain.letter import Target
from newsletter.domain.release import ReleaseState
from newsletter.domain.report import IssueReport, Marks, ReleaseReport, Report, Tally, tally_of
from newsletter.domain.series import AppliedSeries
from newsletter.pipeline.holding import find_target_in
from newsletter.store import clicks, reports, series
from newsletter.store.database import Database
from newsletter.store.reports import Part, ReleaseRow
from newsletter.store.series import IssueRow

#: Nothing of these has gone out, and nobody was counted.
_NOT_BEGUN = frozenset({ReleaseState.WAITING, ReleaseState.PREPARING})


@dataclass(frozen=True)
class _Counts:
    """What was counted, by release and issue."""

    states: Mapping[Part, Mapping[str, int]]
    marks: Mapping[Part, Marks]

    def tally(self, parts: Sequence[Part]) -> Tally:
        states: dict[str, int] = {}
        for part in parts:
            for state, number in self.states.get(part, {}).items():
                states[state] = states.get(state, 0) + number
        return tally_of(states, sum((self.marks[one] for one in parts if one in self.marks), Marks()))

    def has_any(self, part: Part) -> bool:
        return part in self.states or part in self.marks


@dataclass(frozen=True)
class Summing:
    """Count what became of issues; rehearsals never count."""

    database: Database

    def report(self, name: str) -> Report:
        """Report what a TARGET means.

        Raises UnknownTarget for a name that nothing has.
        """
        with self.database.reading() as tx:
            target = find_target_in(tx, name)
            of = series.find(tx, target.series)
            assert of is not None, "a target that was found has a series"
            return _report(tx, target, of)


def _report(tx: Connection, target: Target, of: AppliedSeries) -> Report:
    rows = [row for row in series.issues(tx, of.id) if target.issue in (None, row.slug)]
    issues = [row.id for row in rows]
    every = reports.releases_of(tx, of.id)
    mine = [one for one in every if one.issue_id in (None, *issues)]
    counts = _Counts(reports.states(tx, [one.id for one in mine]), reports.marks(tx, issues))
    left_by = reports.left_by(tx, of.id, issues)
    subjects = reports.subjects(tx, of.id)
    real = [one for one in mine if not one.is_rehearsal]
    hits = clicks.of_issues(tx, issues, [one.id for one in real])
    rehearsed = [one for one in mine if one.is_rehearsal]
    begun = [one for one in real if one.state not in _NOT_BEGUN]
    return Report(
        str(target),
        of.cadence.zone,
        tuple(
            replace(
                _issue(row, real, rehearsed, counts, left_by, subjects), clicks=count(hits.get(row.id, ()))
            )
            for row in rows
        ),
        tuple(
            ReleaseReport(
                _name(of, one, rows),
                one.due_at,
                one.state,
                counts.tally([(one.id, issue_id) for issue_id in issues]),
                one.left_out,
            )
            for one in begun
            if one.issue_id is not None or any(counts.has_any((one.id, id_)) for id_ in issues)
        ),
    )


def _issue(
    row: IssueRow,
    real: Sequence[ReleaseRow],
    rehearsed: Sequence[ReleaseRow],
    counts: _Counts,
    left_by: Mapping[int, int],
    subjects: Mapping[int, str],
) -> IssueReport:
    mine = [one for one in real if counts.has_any((one.id, row.id))]
    return IssueReport(
        target=row.target,
        subject=subjects.get(row.id, ""),
        tally=counts.tally([(one.id, row.id) for one in mine]),
        unsubscribed=left_by.get(row.id, 0),
        rehearsed=sum(counts.has_any((one.id, row.id)) for one in rehearsed),
        first_at=min((one.due_at for one in mine), default=None),
    )


def _name(of: AppliedSeries, release: ReleaseRow, rows: Sequence[IssueRow]) -> str:
    return next((row.target for row in rows if row.id == release.issue_id), of.slug)
