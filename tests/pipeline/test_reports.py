"""What became of issues, in numbers: only what is kept, and nothing that was rehearsed."""

from contextlib import closing
from datetime import timedelta

import pytest
from letter_cast import FIRST, PEOPLE, SECOND, Office, write_letter
from sequence_cast import open_sequence, weeks_until
from sqlalchemy import select, update

from newsletter.domain.bouncing import Bounce
from newsletter.domain.release import ReleaseState
from newsletter.domain.report import left_out_of
from newsletter.domain.subscriber import Verdict, address_hash
from newsletter.domain.tokens import Grant, Purpose
from newsletter.errors import UnknownTarget
from newsletter.store.tables import delivery, subscriber

HOUR = timedelta(hours=1)


@pytest.fixture
def office(tmp_path, database_url):
    write_letter(tmp_path)
    with (tmp_path / "newsletter.toml").open("a") as settings:
        settings.write(f'\n[database]\nurl = "{database_url}"\n')
    with closing(Office(tmp_path)) as office:
        office.join(*PEOPLE)
        yield office


def report(office, name="back-pain"):
    return office.app().summing.report(name)


def mark(office, name, **values):
    """Note on somebody's deliveries what an event would."""
    app = office.app()
    hash_ = address_hash(f"{name}@example.org", app.deployment.salt)
    ids = select(subscriber.c.id).where(subscriber.c.address_hash == hash_)
    with app.database.writing() as tx:
        tx.execute(update(delivery).where(delivery.c.subscriber_id.in_(ids)).values(**values))


def leave_by(office, name, issue_id):
    """Press unsubscribe in the mail of an issue."""
    app = office.app()
    hash_ = address_hash(f"{name}@example.org", app.deployment.salt)
    with app.database.reading() as tx:
        id_ = tx.execute(select(subscriber.c.id).where(subscriber.c.address_hash == hash_)).scalar_one()
    return app.pages.desk.unsubscribe(
        app.keys.sign(Purpose.UNSUBSCRIBE, Grant(1, id_, issue_id)), "one_click"
    )


def test_an_issue_is_counted_by_what_became_of_it(office):
    office.connect(poison=frozenset({"eva@example.org"}))
    office.queue()
    office.leave("dev")
    office.run(FIRST + HOUR)
    mark(office, "ada", delivered_at=FIRST)
    mark(office, "ben", delivered_at=FIRST, complained_at=FIRST)
    mark(office, "cleo", delivered_at=FIRST, bounced_at=FIRST + HOUR, bounce=Bounce.HARD)
    leave_by(office, "ben", 1)
    (one,) = report(office, "lower-back").issues
    assert (one.target, one.first_at, one.unsubscribed) == ("back-pain/lower-back", FIRST, 1)
    assert (one.tally.accepted, one.tally.refused) == (3, 1)
    assert (one.tally.delivered, one.tally.complained, one.tally.bounced) == (2, 1, 1)
    assert one.tally.bounces == {Bounce.HARD: 1}
    (release,) = report(office, "lower-back").releases
    assert release.left_out == {Verdict.UNSUBSCRIBED: 1}


def test_who_takes_it_back_within_the_hour_has_not_left(office):
    office.connect()
    office.queue()
    office.run(FIRST + HOUR)
    left = [leave_by(office, name, 1) for name in ("ada", "ben")]
    assert report(office, "lower-back").issues[0].unsubscribed == 2
    assert office.app().pages.desk.undo(left[0].undo)
    assert report(office, "lower-back").issues[0].unsubscribed == 1
    leave_by(office, "ada", 1)
    assert report(office, "lower-back").issues[0].unsubscribed == 2


def test_a_bounce_without_a_cause_is_counted_as_such(office):
    office.connect()
    office.queue()
    office.run(FIRST + HOUR)
    mark(office, "ada", bounced_at=FIRST)
    assert report(office, "lower-back").issues[0].tally.bounces == {"": 1}


def test_a_series_has_a_row_for_each_issue_in_order(office):
    office.connect()
    office.queue()
    office.run(FIRST + HOUR)
    office.join("fay").run(SECOND + HOUR)
    found = report(office)
    assert [(one.target, one.tally.accepted) for one in found.issues] == [
        ("back-pain/lower-back", 5),
        ("back-pain/neck", 6),
    ]
    assert [one.due_at for one in found.releases] == [FIRST, SECOND]
    assert {one.state for one in found.releases} == {ReleaseState.SETTLED}


def test_who_left_between_release_and_call_was_not_sent_it(office):
    office.connect()
    office.queue()
    office.release()
    office.leave("ada")
    office.run(FIRST + HOUR)
    tally = report(office, "lower-back").issues[0].tally
    assert (tally.accepted, tally.not_sent, tally.on_its_way) == (4, 1, 0)


def test_what_is_released_and_not_called_yet_is_on_its_way(office):
    office.connect()
    office.queue()
    office.release()
    tally = report(office, "lower-back").issues[0].tally
    assert (tally.accepted, tally.on_its_way) == (0, 5)


def test_a_rehearsal_is_named_and_never_counted(office):
    office.queue()
    office.run(FIRST + HOUR)
    (one,) = report(office, "lower-back").issues
    assert (one.rehearsed, one.first_at, one.tally.accepted) == (1, None, 0)
    assert report(office, "lower-back").releases == ()


def test_what_was_rehearsed_and_then_sent_is_counted_once(office):
    office.queue()
    office.run(FIRST + HOUR)
    office.connect()
    office.queue("lower-back", at=SECOND.date() + timedelta(weeks=1))
    office.run(SECOND + timedelta(weeks=1, hours=1))
    (one,) = report(office, "lower-back").issues
    assert (one.rehearsed, one.tally.accepted) == (1, 5)


def test_the_issues_of_one_release_of_a_sequence_are_told_apart(tmp_path, database_url):
    with closing(open_sequence(tmp_path, database_url, "ada", "ben")) as office:
        weeks_until(office, 1)
        office.join("cleo")
        weeks_until(office, 2)
        mark(office, "cleo", delivered_at=SECOND)
        found = report(office)
        assert [one.tally.accepted for one in found.issues] == [3, 2, 0, 0]
        assert [one.tally.delivered for one in found.issues] == [1, 0, 0, 0]
        assert [(one.target, one.tally.accepted) for one in found.releases] == [
            ("back-pain", 2),
            ("back-pain", 3),
        ]
        assert [one.due_at for one in report(office, "back-pain/two").releases] == [SECOND]


def test_whom_several_releases_left_out_is_summed_up_in_the_order_of_the_verdicts(office):
    office.connect()
    office.queue()
    office.leave("ada")
    office.run(SECOND + HOUR)
    assert left_out_of(report(office).releases) == {Verdict.UNSUBSCRIBED: 2}


def test_a_name_that_nothing_has_is_refused(office):
    office.queue()
    with pytest.raises(UnknownTarget, match="no series or issue"):
        report(office, "knees")
