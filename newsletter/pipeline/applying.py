"""Bring the database's copy of a series up to date with its file. Decides nothing."""

from hashlib import sha256

from sqlalchemy import Connection

from newsletter.domain.dealing import is_reordered
from newsletter.domain.letter import Letter
from newsletter.domain.queueing import renamed
from newsletter.domain.series import Mode, Series, to_settings
from newsletter.errors import Refused
from newsletter.pipeline.composing import Composing
from newsletter.store import series, slots
from newsletter.store.series import IssueRow

#: The place of an issue that is in no file any more.
_NOWHERE = 0


def apply(tx: Connection, composing: Composing, letter: Letter, of: Series) -> bool:
    """Apply settings, names and order; tell whether the issues come in another order.

    Raises Refused for an issue that was queued and is gone, and for another mode.
    """
    hashes = [composing.source_hash(letter, of, issue) for issue in of.issues]
    for old in of.previously:
        before = series.find(tx, old)
        if before and series.find(tx, of.slug) is None:
            series.rename(tx, before.id, of.slug)
    _refuse_lost_series(tx, letter, of)
    _refuse_other_mode(tx, of)
    series_id = series.apply(tx, of.slug, to_settings(of), sha256("".join(hashes).encode()).hexdigest())
    known = {row.slug: row for row in series.issues(tx, series_id)}
    used = {slug for slug, row in known.items() if _is_used(tx, row, of.mode)}
    for old, new in renamed(of, known, used).items():
        series.change_issue(tx, known[old].id, slug=new)
        known[new] = known.pop(old)
    for slug in [slug for slug in known if of.issue(slug) is None]:
        _take_out(tx, known.pop(slug), of.mode)
    order = sorted(known, key=lambda slug: known[slug].position)
    for position, issue in enumerate(of.issues, 1):
        if issue.id in known:
            series.change_issue(tx, known[issue.id].id, position=position)
        else:
            series.add_issue(tx, series_id, issue.id, position)
    return is_reordered(order, [issue.id for issue in of.issues])


def _refuse_lost_series(tx: Connection, letter: Letter, of: Series) -> None:
    """Take a new series for a renamed one while another that has slots to come has lost its file."""
    if series.find(tx, of.slug) is not None:
        return
    for slot in slots.queued(tx):
        if slot.series not in letter.series:
            raise Refused(
                f"{slot.series} is queued and its file is gone",
                place=of.place,
                mend=f"write previously = [{slot.series!r}] here if this is it; else: "
                f"newsletter cancel {slot.series}",
            )


def _refuse_other_mode(tx: Connection, of: Series) -> None:
    before = series.find(tx, of.slug)
    if before is not None and before.mode is not of.mode and slots.of_series(tx, before.id):
        raise Refused(
            f"{of.slug} was queued as a {before.mode}, and cannot become a {of.mode}",
            place=of.place,
            mend="write the other as a series of its own",
        )


def _is_used(tx: Connection, row: IssueRow, mode: Mode) -> bool:
    if mode is Mode.SEQUENCE:
        return row.approved_revision is not None and row.cancelled_at is None
    return series.is_used(tx, row.id)


def _take_out(tx: Connection, row: IssueRow, mode: Mode) -> None:
    # Who has had it has had it, whether it is in the file or not.
    if mode is Mode.SEQUENCE and (row.approved_revision is not None or series.is_used(tx, row.id)):
        series.change_issue(tx, row.id, position=_NOWHERE)
    else:
        series.drop_issue(tx, row.id)
