"""What is in the way of a slot to come, or worth knowing of it: sentences for a person."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from newsletter.domain.plan import PlannedWave
from newsletter.domain.release import late_by, spell
from newsletter.domain.sequence import Part
from newsletter.domain.series import AppliedSeries, Series

_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)
_GO_ON = "; let it go on with: newsletter resume "


def hour_passed(of: AppliedSeries, planned: Sequence[PlannedWave], now: datetime) -> list[str]:
    """Say what becomes of people whose hour has passed already."""
    late = [one for one in planned if one.due_at <= now]
    held = sum(one.recipients for one in late if late_by(one.due_at, now, of.hold_if_late_by))
    soon = sum(one.recipients for one in late) - held
    return [
        *([f"their hour has passed for {soon:,}: they get it at once"] if soon else []),
        *([f"their hour has passed for {held:,} by more than hold_if_late_by: held"] if held else []),
    ]


def paused(names: Iterable[tuple[str, datetime | None]]) -> list[str]:
    """Say which of these are paused, by name and since when."""
    return [f"{name} is paused{_GO_ON}{name}" for name, at in names if at is not None]


def unknown_provider(of: AppliedSeries, names: Collection[str]) -> list[str]:
    """Say that a series names a provider that is not there any more."""
    if of.provider in names:
        return []
    return [f"it will be held: newsletter.toml has no [providers.{of.provider}], which {of.slug} names"]


def other_provider(of: AppliedSeries, file: Series | None) -> list[str]:
    """Say that the file of a series names another provider by now."""
    if file is None or file.provider == of.provider:
        return []
    name = f"through {file.provider}" if file.provider else "through the default provider"
    return [f"by its file it goes {name}, after: newsletter queue {of.slug}"]


def waited_for(of: AppliedSeries, part: Part, people: int) -> str:
    """Say why people do not get their next issue of a sequence."""
    target = f"{of.slug}/{part.slug}"
    if part.is_paused:
        return f"{target} is paused, and {people:,} wait for it{_GO_ON}{target}"
    return f"{target} is not approved, and {people:,} wait for it; approve it with: newsletter queue {target}"


def too_slow(length: timedelta | None) -> list[str]:
    """Say that a send does not end before the next slot, by the quota of the provider's account."""
    if length is None or length < _WEEK:
        return []
    return [f"it takes {spell(length)} by the provider's limits, and the next slot comes before it ends"]


def over_days(length: timedelta | None) -> list[str]:
    """Say that a send goes on for days, by the same quota."""
    if length is None or not _DAY <= length < _WEEK:
        return []
    return [f"by the provider's limits the last go out {spell(length)} later"]
