from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from newsletter.domain.cadence import Cadence
from newsletter.domain.queueing import chosen_date, free_date, renamed
from newsletter.domain.release import FINAL, Release, ReleaseState, late_by
from newsletter.domain.series import Issue, Series
from newsletter.errors import Place, Refused

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
FIRST, SECOND, THIRD = date(2026, 12, 1), date(2026, 12, 8), date(2026, 12, 15)
CADENCE = Cadence(1, time(9), "Europe/London", FIRST)
BEFORE = NOW - timedelta(days=3)


def a_series(**previously) -> Series:
    issues = tuple(
        Issue(name.replace("_", "-"), "S", "P", (), Place("x.toml"), previously=before)
        for name, before in previously.items()
    )
    return Series("back-pain", "T", "s", "r", CADENCE, timedelta(hours=6), issues, (), Place("x.toml", 1))


def test_the_next_free_date_is_taken():
    assert free_date(CADENCE, [], BEFORE) == FIRST
    assert free_date(CADENCE, [FIRST, THIRD], BEFORE) == SECOND


def test_a_slot_that_begins_now_is_no_longer_free():
    assert free_date(CADENCE, [], NOW) == SECOND


def test_a_cadence_without_a_free_date_is_refused():
    never = replace(CADENCE, skip=frozenset(FIRST + timedelta(days=7 * n) for n in range(530)))
    with pytest.raises(Refused, match="no free date"):
        free_date(never, [], BEFORE)


def test_a_chosen_date_may_be_any_day_to_come():
    assert chosen_date(CADENCE, date(2026, 12, 3), {}, "a/b", NOW) == date(2026, 12, 3)


@pytest.mark.parametrize("day", [FIRST, date(2020, 1, 1)])
def test_a_past_date_is_refused(day):
    with pytest.raises(Refused, match="is past"):
        chosen_date(CADENCE, day, {}, "a/b", NOW)


def test_the_date_of_another_issue_is_refused_with_a_swap_offered():
    with pytest.raises(Refused, match="--swap a/c"):
        chosen_date(CADENCE, SECOND, {SECOND: "a/c"}, "a/b", NOW)
    assert chosen_date(CADENCE, SECOND, {SECOND: "a/b"}, "a/b", NOW) == SECOND


def test_a_renamed_issue_is_paired_with_its_old_name():
    series = a_series(upper_back=("back", "spine"), neck=())
    assert renamed(series, ["back", "neck"], ["back"]) == {"back": "upper-back"}


def test_a_rename_that_is_done_is_not_done_again():
    series = a_series(upper_back=("back",))
    assert renamed(series, ["upper-back"], ["upper-back"]) == {}


def test_a_queued_issue_that_is_gone_is_refused_with_the_line_to_write():
    with pytest.raises(Refused) as caught:
        renamed(a_series(neck=()), ["back", "neck"], ["back"])
    assert "'back' was queued and is gone" in str(caught.value)
    assert "previously = ['back']" in caught.value.mend


def test_an_issue_that_was_never_queued_may_go():
    assert renamed(a_series(neck=()), ["back", "neck"], []) == {}


@pytest.mark.parametrize(
    ("late", "found"),
    [
        (timedelta(), None),
        (timedelta(hours=6), None),
        (timedelta(hours=6, seconds=1),) * 2,
        (timedelta(-1), None),
    ],
)
def test_a_slot_is_too_late_only_past_its_limit(late, found):
    assert late_by(NOW, NOW + late, timedelta(hours=6)) == found


def a_release(**values) -> Release:
    given = {"series": "back-pain", "issue": "neck", "issue_id": 2, "series_id": 1, "revision": "r"}
    state = {"due_at": NOW, "state": ReleaseState.SENDING, "occasion": 0}
    return Release(id=1, slot_id=1, **{**given, **state, **values})


def test_a_release_is_named_by_day_series_and_issue():
    assert a_release().label == "2026-12-01-back-pain-neck"


def test_an_occasion_below_the_real_one_is_a_rehearsal():
    assert [a_release(occasion=number).is_rehearsal for number in (-1, 0, 1)] == [True, False, False]


def test_a_held_release_is_not_at_its_end():
    assert ReleaseState.HELD not in FINAL
    assert {ReleaseState.SETTLED, ReleaseState.CANCELLED} == FINAL
