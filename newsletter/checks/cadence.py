"""Does a cadence do what its editor expects: no slot where clocks change, no skipped date for nothing."""

from collections.abc import Iterator

from newsletter.checks.rules import warning
from newsletter.domain.finding import Finding
from newsletter.domain.series import Series

SMALL_HOURS = warning(
    "slot-in-the-small-hours",
    "SCH-1",
    "the slots come between 00:00 and 03:59",
    "clocks are changed between midnight and four: on such a day this time is skipped or comes twice",
    'choose a time from 04:00 on, such as "09:00"',
    "RFC 5545 §3.3.5",
)
SKIP_MISSES = warning(
    "skip-misses-cadence",
    "SCH-4",
    "`skip` names a date on which the series has no slot",
    "a date without a slot has nothing to skip, and the slot that was meant goes out",
    "write a date of the cadence",
)


def check_cadence(series: Series) -> Iterator[Finding]:
    """Check when a series goes out."""
    cadence = series.cadence
    if cadence.is_in_small_hours:
        place = cadence.places.get("time", series.place)
        what = f"the slots of {series.slug!r} come at {cadence.time:%H:%M}, in the small hours"
        yield SMALL_HOURS.found(place, what, target=series.slug)
    for day in sorted(cadence.skip):
        if not cadence.is_date(day):
            place = cadence.places.get(day.isoformat(), series.place)
            near = cadence.nearest(day)
            mend = f"write {near}, or remove it" if near not in cadence.skip else "remove it"
            what = f"{series.slug!r} skips {day}, where it has no slot"
            yield SKIP_MISSES.found(place, what, target=series.slug, mend=mend)
