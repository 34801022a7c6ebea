"""Everybody gets an issue at the hour of their own zone, once, wherever they move meanwhile."""

from collections import defaultdict
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from letter_cast import FIRST, SERIES_FILE, Office, rewrite, write_letter
from sqlalchemy import update

from newsletter.domain.clock import PlayedClock
from newsletter.domain.release import ReleaseState
from newsletter.store.tables import subscriber

HOMES = {
    "kiri": "Pacific/Kiritimati",
    "lori": "Australia/Lord_Howe",
    "cara": "Africa/Cairo",
    "lena": "Europe/London",
    "nora": "America/New_York",
    "pago": "Pacific/Pago_Pago",
    "none": "",
}
LONG_BEFORE = FIRST - timedelta(days=3)


@pytest.fixture
def world(tmp_path):
    """Give a letter whose readers live in seven zones, with both issues queued."""
    root = write_letter(tmp_path)
    rewrite(root / SERIES_FILE, "starts =", "subscriber_zone = true\nstarts =")
    with closing(Office(root, PlayedClock(LONG_BEFORE))) as office:
        app = office.app()
        for name, zone in HOMES.items():
            app.enrolling.add(f"{name}@example.org", name, zone, None, "asked at reception")
        office.queue()
        yield office


def moves(office: Office, name: str, zone: str) -> None:
    with office.app().database.writing() as tx:
        tx.execute(update(subscriber).where(subscriber.c.address == f"{name}@example.org").values(zone=zone))


def hour_of(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=ZoneInfo(zone or "Europe/London")).astimezone(UTC)


def deliveries(service) -> dict[tuple[str, str], datetime]:
    """Tell who got which issue when."""
    found: dict[tuple[str, str], datetime] = {}
    for mailing in service.calls:
        for one in mailing.recipients:
            key = (mailing.label, one.address.partition("@")[0])
            assert key not in found, f"twice: {key}"
            found[key] = mailing.date
    return found


def test_everybody_gets_both_issues_at_nine_of_their_own_zone(world):
    service = world.connect()
    world.run(FIRST + timedelta(weeks=2))
    by_person = defaultdict(list)
    for (_, name), at in deliveries(service).items():
        by_person[name].append(at)
    for name, zone in HOMES.items():
        assert sorted(by_person[name]) == [
            hour_of(date(2026, 12, 1), zone),
            hour_of(date(2026, 12, 8), zone),
        ], name


def test_a_slot_has_one_release_for_each_instant_and_all_settle(world):
    world.connect()
    world.run(FIRST + timedelta(weeks=1) - timedelta(days=2))
    app = world.app()
    made = [one for one in app.engine._releases() if one.issue == "lower-back"]
    assert 36 <= len(made) <= 40
    assert len({one.due_at for one in made}) == len(made)
    assert {one.state for one in made} == {ReleaseState.SETTLED}
    assert sum(one.planned for one in made) == len(HOMES)
    assert made[-1].due_at - made[0].due_at == timedelta(hours=26)


@pytest.mark.parametrize(
    ("name", "to", "gets_it_at"),
    [
        # Their new zone's hour is still to come.
        ("kiri", "America/New_York", "Pacific/Kiritimati"),
        ("pago", "America/New_York", "America/New_York"),
        # Their new zone's hour had passed: the last release takes them.
        ("pago", "Europe/London", "Pacific/Pago_Pago"),
    ],
)
def test_whoever_moves_while_the_hours_pass_gets_it_once(world, name, to, gets_it_at):
    service = world.connect()
    world.run(FIRST + timedelta(hours=1))
    moves(world, name, to)
    world.run(FIRST + timedelta(days=2))
    found = {who: at for (_, who), at in deliveries(service).items()}
    last = max(hour_of(date(2026, 12, 1), zone) for zone in ("Pacific/Pago_Pago", "Etc/GMT+12"))
    expected = last if name == "pago" and to == "Europe/London" else hour_of(date(2026, 12, 1), gets_it_at)
    assert found[name] == expected
    assert len(found) == len(HOMES)


def test_whoever_joins_while_the_hours_pass_gets_it_if_theirs_is_still_to_come(world):
    service = world.connect()
    world.run(FIRST + timedelta(hours=1))
    app = world.app()
    app.enrolling.add("late@example.org", "", "Europe/London", None, "asked")
    app.enrolling.add("west@example.org", "", "America/New_York", None, "asked")
    world.run(FIRST + timedelta(days=2))
    found = {who for (_, who) in deliveries(service)}
    assert "west" in found
    assert "late" not in found


def test_zones_whose_hour_has_long_passed_are_held_and_the_plan_says_so_before(world):
    world.cancel("back-pain")
    # Kiritimati's nine o'clock was at 19:00Z the day before: more than six hours ago.
    world.clock.advance_to(datetime(2026, 12, 1, 2, tzinfo=UTC))
    world.queue("lower-back")
    [planned] = world.app().planning.plan(world.clock.now(), 1).slots
    assert planned.notes == (
        "their hour has passed for 1: they get it at once",
        "their hour has passed for 1 by more than hold_if_late_by: held",
    )
    service = world.connect()
    world.run(FIRST + timedelta(days=2))
    held = [one for one in world.app().engine._releases() if one.state is ReleaseState.HELD]
    assert held
    assert {who for (_, who) in deliveries(service)} == set(HOMES) - {"kiri"}
    world.app().holding.resume("back-pain/lower-back", world.clock.now())
    world.run(FIRST + timedelta(days=3))
    assert {who for (_, who) in deliveries(service)} == set(HOMES)


def test_a_cancel_between_two_hours_stops_the_hours_to_come(world):
    service = world.connect()
    world.run(FIRST + timedelta(hours=1))
    world.cancel("back-pain/lower-back")
    world.run(FIRST + timedelta(days=2))
    assert {who for (_, who) in deliveries(service)} == {"kiri", "lori", "cara", "lena", "none"}
    assert next(row.release.state for row in world.app().queueing.rows()) is ReleaseState.CANCELLED


def test_too_large_an_audience_is_held_once_for_all_hours_and_goes_on_at_its_hours(world):
    rewrite(world.root / SERIES_FILE, "from =", "max_recipients = 3\nfrom =")
    world.queue()
    service = world.connect()
    world.run(FIRST)
    assert service.calls == []
    world.app().holding.resume("back-pain/lower-back", world.clock.now())
    world.run(FIRST + timedelta(days=2))
    found = {who: at for (_, who), at in deliveries(service).items()}
    assert found["nora"] == hour_of(date(2026, 12, 1), "America/New_York")
    assert set(found) == set(HOMES)


def test_an_issue_that_is_held_at_many_hours_is_told_of_once(world):
    rewrite(
        world.root / "newsletter.toml", "postal_address", 'alert_to = ["desk@example.org"]\npostal_address'
    )
    rewrite(world.root / SERIES_FILE, "from =", "max_recipients = 3\nfrom =")
    world.queue()
    service = world.connect()
    world.run(FIRST)
    told = [one.address for mailing in service.calls for one in mailing.recipients]
    assert told == ["desk@example.org"]


def test_the_plan_shows_each_hour_with_its_people(world):
    [first, _] = world.app().planning.plan(world.clock.now(), 8).slots
    assert first.recipients == len(HOMES)
    by_hour = {wave.due_at: wave.zones for wave in first.waves}
    assert by_hour[hour_of(date(2026, 12, 1), "Europe/London")] == {"Europe/London": 2}
    assert len(by_hour) == 6
    assert first.due_at == hour_of(date(2026, 12, 1), "Pacific/Kiritimati")


def test_a_rehearsal_by_zone_leaves_no_trace_on_the_real_send(world):
    world.run(FIRST + timedelta(days=2))
    service = world.connect()
    world.clock.advance_to(FIRST + timedelta(days=3))
    world.queue("lower-back")
    world.run(FIRST + timedelta(weeks=2, days=2))
    assert {who for (_, who) in deliveries(service)} == set(HOMES)


def test_the_hours_follow_the_clock_changes_of_each_zone(tmp_path):
    """Spring 2027: New York on 14 March, London on 28 March, Lord Howe back on 4 April, Cairo on 30 April."""
    root = write_letter(tmp_path)
    rewrite(root / SERIES_FILE, "starts = 2026-12-01", "subscriber_zone = true\nstarts = 2027-03-09")
    more = "".join(
        f'\n[[issue]]\nid = "part-{n}"\nsubject = "Part {n} of the same story"\n'
        'preheader = "What there is to say about it, week by week and at one hour."\n'
        'sections = ["back#neck"]\n'
        for n in range(3, 9)
    )
    file = root / SERIES_FILE
    file.write_text(file.read_text() + more)
    start = datetime(2027, 3, 6, tzinfo=UTC)
    with closing(Office(root, PlayedClock(start))) as office:
        app = office.app()
        for name, zone in HOMES.items():
            app.enrolling.add(f"{name}@example.org", name, zone, None, "asked")
        office.queue()
        service = office.connect()
        office.run(start + timedelta(weeks=9))
    by_person = defaultdict(list)
    for (_, name), at in deliveries(service).items():
        by_person[name].append(at)
    days = [date(2027, 3, 9) + timedelta(weeks=n) for n in range(8)]
    for name, zone in HOMES.items():
        assert sorted(by_person[name]) == [hour_of(day, zone) for day in days], name


@pytest.mark.parametrize("moment", [FIRST - timedelta(hours=10), FIRST, FIRST + timedelta(hours=9)])
def test_a_process_that_was_away_over_some_hours_makes_up_for_them(world, moment):
    service = world.connect()
    world.run(moment)
    world.clock.advance_to(moment + timedelta(hours=3))
    world.run(FIRST + timedelta(days=2))
    found = {who: at for (_, who), at in deliveries(service).items()}
    assert set(found) == set(HOMES)
    for name, at in found.items():
        due = hour_of(date(2026, 12, 1), HOMES[name])
        assert due <= at <= max(due, moment + timedelta(hours=3)), name


def test_a_rehearsal_gives_movers_an_issue_once_as_the_real_send_does(world):
    world.cancel("back-pain/neck")
    world.run(FIRST + timedelta(hours=1))
    moves(world, "cara", "America/New_York")  # had it; the new hour is still to come
    moves(world, "nora", "Africa/Cairo")  # had it not; the new hour is gone
    world.run(FIRST + timedelta(days=2))
    mails = [file.name.partition("-")[2] for file in (world.root / "outbox").rglob("*.eml")]
    assert sorted(mails) == sorted(f"{name}@example.org.eml" for name in HOMES)
    assert world.states() == {"accepted": len(HOMES)}
