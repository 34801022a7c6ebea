"""In a sequence everybody begins with the first issue, and what comes next follows from what they had."""

from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest
from letter_cast import FIRST, UNKNOWN
from sequence_cast import ISSUES, got, open_sequence, tuesday, weeks_until, write_sequence
from sqlalchemy import select, update

from newsletter.domain.release import ReleaseState
from newsletter.errors import Refused
from newsletter.pipeline.resolving import Resolution
from newsletter.store import releases
from newsletter.store.tables import batch, consent_event, delivery, subscriber, subscription


@pytest.fixture
def office(tmp_path, database_url):
    """Give a sequence of four approved issues with three people."""
    with closing(open_sequence(tmp_path, database_url, "ada", "ben", "cleo")) as office:
        yield office


def person(office, name, **values):
    """Change what the database says of somebody's subscription."""
    app = office.app()
    found = select(subscriber.c.id).where(subscriber.c.address == f"{name}@example.org").scalar_subquery()
    with app.database.writing() as tx:
        tx.execute(update(subscription).where(subscription.c.subscriber_id == found).values(**values))


def opened(office):
    app = office.app()
    with app.database.reading() as tx:
        return releases.every(tx)


def test_everybody_begins_with_the_first_issue_after_they_confirmed(office):
    weeks_until(office, 1)
    office.clock.advance_to(tuesday(1) + timedelta(days=3))
    office.join("dev")
    weeks_until(office, 2)
    office.clock.advance_to(tuesday(2) + timedelta(hours=2))
    office.join("eva")
    weeks_until(office, 6)
    assert got(office.provider) == {
        **{key: ["1 one", "2 two", "3 three", "4 four"] for key in ("ada", "ben", "cleo")},
        "dev": ["2 one", "3 two", "4 three", "5 four"],
        "eva": ["3 one", "4 two", "5 three", "6 four"],
    }


def test_who_confirms_after_the_instant_of_a_slot_begins_with_the_next(office):
    office.clock.advance_to(FIRST + timedelta(minutes=5))
    office.join("dev")
    weeks_until(office, 2)
    assert got(office.provider)["dev"] == ["2 one"]
    assert got(office.provider)["ada"] == ["1 one", "2 two"]


def test_an_issue_that_is_inserted_reaches_those_who_are_not_past_it(office):
    weeks_until(office, 2)
    office.join("dev")
    write_sequence(office.root, ("one", "extra", "two", "three", "four"))
    office.queue()
    weeks_until(office, 8)
    assert got(office.provider)["ada"] == ["1 one", "2 two", "3 three", "4 four"]
    assert got(office.provider)["dev"] == ["3 one", "4 extra", "5 two", "6 three", "7 four"]


def test_an_issue_that_is_taken_out_is_passed_over_and_can_come_back(office):
    weeks_until(office, 1)
    [done] = office.cancel("back-pain/two")
    assert (done.target, done.withdrawn, done.stopped) == ("back-pain/two", True, 0)
    write_sequence(office.root, ("one", "three", "four"))
    office.queue()
    weeks_until(office, 3)
    office.join("dev")
    weeks_until(office, 4)
    write_sequence(office.root)
    office.queue()
    weeks_until(office, 9)
    assert got(office.provider)["ada"] == ["1 one", "2 three", "3 four"]
    assert got(office.provider)["dev"] == ["4 one", "5 two", "6 three", "7 four"]


def test_another_order_never_repeats_and_never_bursts(office):
    weeks_until(office, 2)
    office.join("dev")
    write_sequence(office.root, ("three", "two", "one", "four"))
    office.queue()
    weeks_until(office, 8)
    assert got(office.provider)["ada"] == ["1 one", "2 two", "3 four"]
    assert got(office.provider)["dev"] == ["3 three", "4 two", "5 one", "6 four"]


def test_what_is_unsent_follows_the_newest_approved_revision(office):
    weeks_until(office, 1)
    write_sequence(office.root, subjects={"two": "Part two: said in better words", "one": "Part one: again"})
    changes = {entry.target: entry.change.value for entry in office.queue()}
    assert changes["back-pain/two"] == "renewed"
    assert changes["back-pain/three"] == "unchanged"
    weeks_until(office, 2)
    assert [call.label for call in office.provider.calls[-2:]] == ["2026-12-08-back-pain"] * 2
    app = office.app()
    with app.database.reading() as tx:
        revisions = {row.revision for row in tx.execute(select(batch.c.revision))}
    assert len(revisions) == 2


def test_who_has_had_everything_gets_what_is_appended_later(office):
    weeks_until(office, 6)
    write_sequence(office.root, (*ISSUES, "five"))
    office.queue("back-pain/five")
    weeks_until(office, 8)
    assert got(office.provider)["ada"][-1] == "7 five"
    assert len(got(office.provider)["ada"]) == 5


def test_an_issue_that_nobody_approved_is_waited_for_and_told_of(office):
    with (office.root / "newsletter.toml").open() as settings:
        text = settings.read()
    (office.root / "newsletter.toml").write_text(f'alert_to = ["office@example.org"]\n{text}')
    weeks_until(office, 4)
    write_sequence(office.root, (*ISSUES, "five", "six"))
    office.queue("back-pain/six")
    [blocker] = office.app().planning.plan(office.clock.now(), 1).slots[0].blockers
    assert blocker.startswith(
        "back-pain/five is not approved, and 3 wait for it; approve it with: newsletter"
    )
    weeks_until(office, 5)
    assert got(office.provider)["ada"] == ["1 one", "2 two", "3 three", "4 four"]
    assert office.provider.accepted[-1] == ("_alert", "office")
    office.queue("back-pain/five")
    weeks_until(office, 8)
    assert got(office.provider)["ada"][4:] == ["6 five", "7 six"]


def test_a_person_who_pauses_goes_on_where_they_stopped(office):
    person(office, "ben", paused_until=tuesday(3) - timedelta(days=1))
    weeks_until(office, 4)
    assert got(office.provider)["ben"] == ["3 one", "4 two"]
    assert got(office.provider)["ada"] == ["1 one", "2 two", "3 three", "4 four"]


def test_who_left_before_the_call_and_returns_gets_what_they_missed(office):
    office.release()
    office.leave("ben")
    weeks_until(office, 2)
    assert "ben" not in got(office.provider)
    person(office, "ben", state="active", confirmed_at=office.clock.now())
    weeks_until(office, 4)
    assert got(office.provider)["ben"] == ["3 one", "4 two"]
    [first, *_] = opened(office)
    app = office.app()
    with app.database.reading() as tx:
        members = tx.execute(select(batch.c.members).where(batch.c.release_id == first.id)).scalars().all()
    assert sum(members) == 2


def test_what_was_cancelled_is_given_at_the_next_slot(office):
    office.release()
    [done] = office.cancel("back-pain")[:1]
    assert done.stopped == 3
    office.queue()
    weeks_until(office, 3)
    assert got(office.provider) == {key: ["2 one", "3 two"] for key in ("ada", "ben", "cleo")}


def test_nobody_gets_the_next_issue_while_the_outcome_of_the_last_is_unknown(office):
    office.provider.script += [UNKNOWN] * 30
    office.run(tuesday(1))
    office.provider.script.clear()
    app = office.app()
    with app.database.writing() as tx:
        tx.execute(update(batch).values(state="unknown", tainted=True, next_at=None))
    weeks_until(office, 2)
    assert {entry for entries in got(office.provider).values() for entry in entries} == {"1 one"}
    [_, second] = opened(office)
    with app.database.reading() as tx:
        assert releases.excluded_of(tx, second.id) == {"earlier_open": 3}
    seen = app.resolving.unknown("back-pain/one")
    app.resolving.resolve("back-pain/one", seen, Resolution.MARK_SENT, office.clock.now())
    weeks_until(office, 3)
    assert got(office.provider)["ada"] == ["1 one", "3 two"]


def test_after_a_long_downtime_a_week_is_lost_and_nobody_gets_two_at_once(office):
    weeks_until(office, 1)
    office.clock.advance_to(tuesday(3) + timedelta(days=2))
    weeks_until(office, 4)
    assert got(office.provider)["ada"] == ["1 one", "4 two"]
    assert [one.state for one in opened(office)] == [
        ReleaseState.SETTLED,
        ReleaseState.CANCELLED,
        ReleaseState.SETTLED,
    ]


def test_a_slot_that_was_held_as_late_goes_on_when_a_person_says_so(office):
    weeks_until(office, 1)
    office.clock.advance_to(tuesday(2) + timedelta(days=1))
    office.run(tuesday(2) + timedelta(days=1))
    app = office.app()
    [(held, people)] = app.holding.held("back-pain", office.clock.now())
    assert (held.state, people) == (ReleaseState.HELD, 3)
    app.holding.resume("back-pain", office.clock.now())
    weeks_until(office, 3)
    assert [entry.partition(" ")[2] for entry in got(office.provider)["ada"]] == ["one", "two", "three"]


def test_each_call_is_of_one_issue_and_as_full_as_it_can_be(office):
    weeks_until(office, 1)
    office.join("dev", "eva", "fay")
    weeks_until(office, 2)
    app = office.app()
    [_, second] = opened(office)
    with app.database.reading() as tx:
        rows = tx.execute(
            select(batch.c.id, delivery.c.issue_id, batch.c.members)
            .join(delivery, delivery.c.batch_id == batch.c.id)
            .where(batch.c.release_id == second.id)
            .distinct()
        ).all()
    assert sorted(row.members for row in rows) == [1, 1, 2, 2]
    assert len({row.id for row in rows}) == 4


def test_small_chunks_fill_the_same_batches(office, monkeypatch):
    monkeypatch.setattr("newsletter.pipeline.preparing.CHUNK", 2)
    monkeypatch.setattr("newsletter.pipeline.preparing.SERVER_CHUNK", 2)
    office.join("dev", "eva", "fay", "gil")
    weeks_until(office, 2)
    assert got(office.provider) == {
        key: ["1 one", "2 two"] for key in ("ada", "ben", "cleo", "dev", "eva", "fay", "gil")
    }
    assert Counter(len(call.recipients) for call in office.provider.calls) == {2: 6, 1: 2}


def test_who_moves_between_the_instants_of_a_slot_gets_one_issue(tmp_path, database_url):
    with closing(open_sequence(tmp_path, database_url, "ada", "ben", subscriber_zone=True)) as office:
        app = office.app()

        def live(name, zone):
            with app.database.writing() as tx:
                where = subscriber.c.address == f"{name}@example.org"
                tx.execute(update(subscriber).where(where).values(zone=zone))

        live("ada", "Asia/Tokyo")
        live("ben", "America/New_York")
        office.run(FIRST - timedelta(hours=2))
        live("ada", "America/New_York")
        office.run(FIRST + timedelta(hours=6))
        live("ben", "Asia/Tokyo")
        office.run(tuesday(3) + timedelta(days=1))
        issues = {name: [entry[2:] for entry in entries] for name, entries in got(office.provider).items()}
        assert issues == {"ada": ["one", "two", "three"], "ben": ["one", "two", "three"]}


def test_a_rehearsal_goes_on_from_week_to_week_and_never_counts(office):
    service, office.provider = office.provider, None
    weeks_until(office, 2)
    folders = sorted(path.name for path in (office.root / "outbox").iterdir())
    assert folders == ["2026-12-01-back-pain", "2026-12-08-back-pain"]
    texts = [path.read_text() for path in sorted((office.root / "outbox").glob("2026-12-08*/*.eml"))]
    assert all("Subject: Part two" in text for text in texts)
    assert len(texts) == 3
    office.provider = service
    weeks_until(office, 4)
    assert got(service)["ada"] == ["3 one", "4 two"]


def test_the_plan_says_who_gets_which_issue_and_that_is_what_goes_out(office):
    weeks_until(office, 1)
    office.join("dev", "eva")
    planned = office.app().planning.plan(office.clock.now(), 4).slots
    assert [(slot.local_date.isoformat(), slot.issues, slot.excluded) for slot in planned] == [
        ("2026-12-08", {"one": 2, "two": 3}, {}),
        ("2026-12-15", {"two": 2, "three": 3}, {}),
        ("2026-12-22", {"three": 2, "four": 3}, {}),
        ("2026-12-29", {"four": 2}, {"finished": 3}),
    ]
    weeks_until(office, 5)
    sent = Counter((at, issue) for at, issue, _ in office.provider.log if at > tuesday(1))
    assert sent == {(slot.due_at, issue): people for slot in planned for issue, people in slot.issues.items()}


def test_the_slot_follows_an_edit_of_the_cadence(office):
    file = office.root / "content/series/back-pain.toml"
    file.write_text(file.read_text().replace('"tuesday"', '"thursday"'))
    office.queue("back-pain/one")
    office.run(FIRST + timedelta(days=3))
    assert {at for at, _, _ in office.provider.log} == {FIRST + timedelta(days=2)}


def test_what_cannot_be_is_refused(office):
    with pytest.raises(Refused, match="back-pain/two has no date: back-pain is a sequence; leave out --at"):
        office.queue("back-pain/two", at=tuesday(3).date())
    write_sequence(office.root, ("one", "deux", "three", "four"))
    with pytest.raises(
        Refused, match=r"'two' was queued and is gone .*previously = \['two'\].*cancel back-pa"
    ):
        office.queue()
    write_sequence(office.root)
    file = office.root / "content/series/back-pain.toml"
    file.write_text(file.read_text().replace('"sequence"', '"calendar"'))
    with pytest.raises(Refused, match="back-pain was queued as a sequence, and cannot become a calendar"):
        office.queue()


def test_a_paused_issue_is_waited_for(office):
    weeks_until(office, 1)
    app = office.app()
    app.holding.pause("back-pain/two", office.clock.now())
    weeks_until(office, 2)
    assert got(office.provider)["ada"] == ["1 one"]
    app.holding.resume("back-pain/two", office.clock.now())
    weeks_until(office, 3)
    assert got(office.provider)["ada"] == ["1 one", "3 two"]


def test_a_pause_of_one_issue_stops_its_calls_and_no_others(office):
    weeks_until(office, 1)
    office.join("dev")
    office.release(tuesday(2))
    app = office.app()
    app.holding.pause("back-pain/two", office.clock.now())
    weeks_until(office, 2)
    assert got(office.provider) == {**{key: ["1 one"] for key in ("ada", "ben", "cleo")}, "dev": ["2 one"]}
    app.holding.resume("back-pain/two", office.clock.now())
    weeks_until(office, 2)
    assert got(office.provider)["ada"] == ["1 one", "2 two"]


def test_a_renamed_issue_is_the_same_issue(office):
    weeks_until(office, 2)
    write_sequence(office.root, ("one", "deux", "three", "four"))
    file = office.root / "content/series/back-pain.toml"
    file.write_text(file.read_text().replace('id = "deux"', 'id = "deux"\npreviously = ["two"]'))
    office.queue()
    weeks_until(office, 5)
    assert got(office.provider)["ada"] == ["1 one", "2 two", "3 three", "4 four"]


def test_a_sequence_whose_people_have_left_settles_empty_slots(office):
    for name in ("ada", "ben", "cleo"):
        office.leave(name)
    weeks_until(office, 2)
    assert [(one.state, one.planned) for one in opened(office)] == [(ReleaseState.SETTLED, 0)] * 2
    app = office.app()
    with app.database.reading() as tx:
        assert len(tx.execute(select(consent_event)).all()) == 6
