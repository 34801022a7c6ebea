"""Show queued slots by the zone rules of today, and tell which come at another instant. Decides nothing."""

from importlib.metadata import version

from sqlalchemy import Connection

from newsletter.domain.series import AppliedSeries
from newsletter.domain.shown import Shift, shift
from newsletter.store import shown


def show_again(tx: Connection, of: AppliedSeries) -> list[Shift]:
    """Renew what is kept of the queued slots of a series; return those that come at another instant.

    Call it once a series is applied and before a slot is moved: a move is no shift. Twice it tells nothing.
    """
    found = []
    for before in shown.of_series(tx, of.id):
        after = before.by(of.cadence, version("tzdata"))
        if after != before:
            shown.keep(tx, after)
            found.append(shift(before, after))
    return [one for one in found if one is not None]
