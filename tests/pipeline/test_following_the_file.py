"""What is queued follows an edit of the series file at the next `queue`, and the plan says so before."""

from datetime import UTC, date, datetime

import pytest
from letter_cast import FIRST, SERIES_FILE, rewrite

from newsletter.domain.queueing import Change


def planned(office):
    return office.app().planning.plan(office.clock.now(), 8)


@pytest.fixture
def file(queued):
    return queued.root / SERIES_FILE


def test_another_weekday_moves_the_queue_at_the_next_queue_and_not_before(queued, file):
    rewrite(file, '"tuesday"', '"thursday"')
    assert queued.slots() == {"lower-back": "2026-12-01", "neck": "2026-12-08"}
    moves = {move.target: (move.was, move.becomes) for move in planned(queued).moves}
    assert moves["back-pain/lower-back"] == (FIRST, datetime(2026, 12, 3, 9, tzinfo=UTC))
    entries = queued.queue("lower-back")
    assert {(one.target, one.change, one.moved_from) for one in entries} == {
        ("back-pain/lower-back", Change.MOVED, date(2026, 12, 1)),
        ("back-pain/neck", Change.MOVED, date(2026, 12, 8)),
    }
    assert queued.slots() == {"lower-back": "2026-12-03", "neck": "2026-12-10"}
    assert planned(queued).moves == ()


def test_another_hour_moves_no_date_and_the_plan_says_so_before(queued, file):
    rewrite(file, '"09:00"', '"10:30"')
    [first, _] = planned(queued).moves
    assert (first.was, first.becomes) == (FIRST, datetime(2026, 12, 1, 10, 30, tzinfo=UTC))
    assert [slot.due_at.hour for slot in planned(queued).slots] == [9, 9]
    queued.queue()
    assert [slot.due_at.hour for slot in planned(queued).slots] == [10, 10]


def test_a_date_chosen_with_at_stays(queued, file):
    queued.queue("neck", at=date(2026, 12, 16))
    rewrite(file, '"tuesday"', '"thursday"')
    queued.queue()
    assert queued.slots() == {"lower-back": "2026-12-03", "neck": "2026-12-16"}


def test_another_order_in_the_file_is_followed(queued, file):
    one, lower, neck = file.read_text().split("[[issue]]")
    file.write_text(f"{one}[[issue]]{neck}[[issue]]{lower}")
    assert {move.target for move in planned(queued).moves} == {"back-pain/lower-back", "back-pain/neck"}
    queued.queue()
    assert queued.slots() == {"neck": "2026-12-01", "lower-back": "2026-12-08"}
    assert {one.change for one in queued.queue()} == {Change.UNCHANGED}


def test_a_swap_outlives_the_next_queue(queued):
    queued.app().queueing.swap("lower-back", "neck", queued.clock.now())
    assert {one.change for one in queued.queue()} == {Change.UNCHANGED}
    assert queued.slots() == {"neck": "2026-12-01", "lower-back": "2026-12-08"}


def test_a_dry_run_says_what_would_move_and_moves_nothing(queued, file):
    rewrite(file, '"tuesday"', '"thursday"')
    entries = queued.queue(dry_run=True)
    assert [one.change for one in entries] == [Change.MOVED, Change.MOVED]
    assert queued.slots() == {"lower-back": "2026-12-01", "neck": "2026-12-08"}


def test_what_was_sent_stays_where_it_was(queued, file):
    queued.connect()
    queued.run(FIRST)
    rewrite(file, '"tuesday"', '"thursday"')
    queued.queue("neck")
    assert queued.slots() == {"neck": "2026-12-03"}
    states = {row.slot.issue: row.slot.local_date for row in queued.app().queueing.rows()}
    assert states["lower-back"] == date(2026, 12, 1)


def test_everybody_gets_moved_issues_once_at_their_new_hour(queued, file):
    rewrite(file, '"tuesday"', '"thursday"')
    queued.queue()
    service = queued.connect()
    queued.run()
    assert {(mailing.label[:10], mailing.date.hour) for mailing in service.calls} == {
        ("2026-12-03", 9),
        ("2026-12-10", 9),
    }


def test_a_date_without_an_approved_issue_is_shown_in_the_plan(office):
    office.queue("neck")
    plan = planned(office)
    assert [(one.series, one.local_date) for one in plan.empty] == [("back-pain", date(2026, 12, 8))]
    assert plan.unqueued == ("back-pain/lower-back",)
