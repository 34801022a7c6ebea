from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.cadence import Cadence
from newsletter.domain.dealing import Dated, dealt, is_reordered

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TUESDAYS = [date(2026, 12, 1) + timedelta(weeks=n) for n in range(10)]
THURSDAYS = [day + timedelta(days=2) for day in TUESDAYS]


def weekly(weekday: int = 1, **values: object) -> Cadence:
    return Cadence(**{
        "weekday": weekday, "time": time(9), "zone": "Europe/London", "starts": date(2026, 12, 1), **values
    })  # fmt: skip


def waiting(*issues: str, pinned: str = "") -> list[Dated]:
    return [Dated(issue, day, issue in pinned) for issue, day in zip(issues, TUESDAYS, strict=False)]


def test_nothing_moves_where_nothing_was_edited():
    assert dealt(weekly(), "abc", waiting("a", "b", "c"), [], NOW, is_reordered=False) == {}


def test_another_weekday_moves_all_in_their_order():
    moves = dealt(weekly(3), "abc", waiting("b", "a", "c"), [], NOW, is_reordered=False)
    assert moves == {"b": THURSDAYS[0], "a": THURSDAYS[1], "c": THURSDAYS[2]}


def test_a_skipped_date_pushes_what_comes_after_it():
    moves = dealt(
        weekly(skip=frozenset(TUESDAYS[1:2])), "abc", waiting("a", "b", "c"), [], NOW, is_reordered=False
    )
    assert moves == {"b": TUESDAYS[2], "c": TUESDAYS[3]}


def test_a_date_that_a_person_chose_stays_and_nobody_else_gets_it():
    cadence = weekly(skip=frozenset(TUESDAYS[:1]))
    moves = dealt(cadence, "abc", waiting("a", "b", "c", pinned="b"), [], NOW, is_reordered=False)
    assert moves == {"a": TUESDAYS[2], "c": TUESDAYS[3]}


def test_another_order_of_the_file_is_followed_on_the_same_dates():
    moves = dealt(weekly(), "cab", waiting("a", "b", "c"), [], NOW, is_reordered=True)
    assert moves == {"c": TUESDAYS[0], "a": TUESDAYS[1], "b": TUESDAYS[2]}


def test_what_is_due_already_does_not_move():
    now = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    moves = dealt(weekly(), "cba", waiting("a", "b", "c"), [], now, is_reordered=True)
    assert moves == {"c": TUESDAYS[1], "b": TUESDAYS[2]}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("abc", "abc", False),
        ("abc", "abxc", False),
        ("abc", "ac", False),
        ("abc", "acb", True),
        ("", "ab", False),
    ],
)
def test_an_insertion_or_removal_is_no_new_order(before, after, expected):
    assert is_reordered(before, after) is expected


@given(
    st.permutations("abcdef"),
    st.sets(st.sampled_from("abcdef")),
    st.integers(0, 6),
    st.sets(st.sampled_from(TUESDAYS), max_size=4),
    st.booleans(),
)
def test_no_two_issues_ever_have_one_date(order, pinned, weekday, skip, reordered):
    queued = waiting("a", "b", "c", "d", "e", "f", pinned="".join(pinned))
    cadence = weekly(weekday, skip=frozenset(skip))
    moves = dealt(cadence, order, queued, [TUESDAYS[7]], NOW, is_reordered=reordered)
    after = {one.issue: moves.get(one.issue, one.local_date) for one in queued}
    assert len(set(after.values()) | {TUESDAYS[7]}) == len(after) + 1
    assert not set(moves) & pinned
    for one in queued:
        assert one.is_pinned or (cadence.is_date(after[one.issue]) and after[one.issue] not in skip)
