"""Clock changes, tzdata and downtime: what the whole pipeline makes of them."""

from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version

import pytest
from letter_cast import FIRST, SECOND, SERIES_FILE, once_each, rewrite

from newsletter.errors import Refused
from newsletter.pipeline.showing import show_again
from newsletter.store import series, shown, slots

FOLD, GAP = date(2027, 10, 31), date(2027, 3, 28)
HOUR = timedelta(hours=1)


def utc(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def on_sundays_at_half_past_one(office, day: date) -> None:
    """Let one issue go out on a day on which clocks change."""
    rewrite(office.root / SERIES_FILE, 'weekday = "tuesday"', 'weekday = "sunday"')
    rewrite(office.root / SERIES_FILE, 'time = "09:00"', 'time = "01:30"')
    office.clock.advance_to(utc(day, 0, 0) - timedelta(days=2))
    office.queue("lower-back")


@pytest.mark.parametrize(
    ("day", "instant", "note"),
    [(GAP, utc(GAP, 1, 30), "gap:shifted"), (FOLD, utc(FOLD, 0, 30), "fold:first")],
)
def test_a_plan_says_what_the_clocks_do_to_a_slot(office, day, instant, note):
    on_sundays_at_half_past_one(office, day)
    (planned,) = office.app().planning.plan(office.clock.now(), 2).slots
    assert (planned.local_date, planned.due_at) == (day, instant)
    assert any(note in one for one in planned.notes)


def test_a_slot_that_the_clocks_show_twice_goes_out_at_the_first_and_never_again(office):
    on_sundays_at_half_past_one(office, FOLD)
    service = office.connect()
    office.run(until=utc(FOLD, 0, 29))
    assert service.accepted == []
    office.run(until=utc(FOLD, 1, 15))
    assert len(service.accepted) == 5
    office.run(until=utc(FOLD, 3, 0) + timedelta(days=8))
    assert sorted(service.accepted) == sorted(once_each(["lower-back"]))


def test_two_issues_of_a_series_never_share_a_date(queued):
    with pytest.raises(Refused, match="back-pain/lower-back has the slot of 2026-12-01") as refused:
        queued.queue("neck", at=FIRST.date())
    assert "--swap" in refused.value.mend
    with pytest.raises(Refused, match="back-pain/neck has the slot of 2026-12-08"):
        queued.queue("lower-back", at=SECOND.date())
    assert queued.slots() == {"lower-back": "2026-12-01", "neck": "2026-12-08"}


def shows(office) -> list[str]:
    """Show the queued slots again, as a `queue` does; return what it tells."""
    with office.app().database.writing() as tx:
        (of,) = series.every(tx)
        return [str(one) for one in show_again(tx, of)]


def remember(office, *instants: datetime, tzdata: str = "2020.1") -> None:
    """Let the slots have been shown with other instants, by an older tzdata."""
    with office.app().database.writing() as tx:
        for slot, due_at in zip(slots.queued(tx), instants, strict=True):
            slots.change(tx, slot.id, tzdata=tzdata, due_at=due_at)


def kept(office) -> list[tuple[str, datetime]]:
    with office.app().database.reading() as tx:
        (of,) = series.every(tx)
        return [(one.tzdata, one.due_at) for one in shown.of_series(tx, of.id)]


def test_new_rules_of_a_zone_are_told_once_and_kept(queued):
    remember(queued, FIRST - HOUR, SECOND)
    (told,) = shows(queued)
    assert told.startswith(
        "back-pain/lower-back: its slot of 2026-12-01 comes at 2026-12-01 09:00 UTC, not at"
    )
    assert version("tzdata") in told
    assert kept(queued) == [(version("tzdata"), FIRST), (version("tzdata"), SECOND)]
    assert shows(queued) == []


def test_a_slot_follows_new_rules_whether_they_were_told_or_not(queued):
    remember(queued, FIRST - HOUR, SECOND - HOUR)
    service = queued.connect()
    queued.run(until=FIRST - timedelta(minutes=1))
    assert service.accepted == []
    queued.run(until=FIRST)
    assert len(service.accepted) == 5


def test_a_slot_that_was_moved_is_no_shift(queued):
    shows(queued)
    queued.queue("neck", at=date(2026, 12, 22))
    assert shows(queued) == []


def test_another_time_of_day_shifts_what_is_queued_and_is_told(queued):
    shows(queued)
    rewrite(queued.root / SERIES_FILE, 'time = "09:00"', 'time = "10:00"')
    queued.queue("lower-back")
    told = shows(queued)
    # Whichever `queue` told it first, what is kept by now is right.
    assert all("its cadence was changed" in one for one in told)
    assert [due_at for _, due_at in kept(queued)] == [FIRST + HOUR, SECOND + HOUR]


@pytest.mark.parametrize(
    ("downtime", "sent"), [(timedelta(), 5), (6 * HOUR, 5), (6 * HOUR + timedelta(minutes=1), 0)]
)
def test_after_downtime_a_slot_is_sent_or_held_by_how_late_it_is(queued, downtime, sent):
    service = queued.connect()
    queued.clock.advance_to(FIRST + downtime)
    queued.run(until=FIRST + downtime + HOUR)
    assert len(service.accepted) == sent
