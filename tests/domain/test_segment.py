"""Audience expressions are read as they are written, and what cannot be read is named with its column."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.segment import MAX_DEPTH, MAX_LENGTH, Comparison, Every, Not, Some, read
from newsletter.errors import LetterError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('zone == "Europe/London"', Comparison("zone", "==", "Europe/London")),
        ("zone == 'Europe/London'", Comparison("zone", "==", "Europe/London")),
        (r'city == "Bath \"Spa\" \\"', Comparison("city", "==", 'Bath "Spa" \\')),
        ("joined<2026-10-01", Comparison("joined", "<", date(2026, 10, 1))),
        ("age >= -4.5", Comparison("age", ">=", -4.5)),
        ("vip == true", Comparison("vip", "==", value=True)),
        ("größe-2 > 3", Comparison("größe-2", ">", 3.0)),
        ('plan != "free"', Not(Comparison("plan", "==", "free"))),
        ('city in ("Bath")', Comparison("city", "==", "Bath")),
        ('city in ("a", "b")', Some((Comparison("city", "==", "a"), Comparison("city", "==", "b")))),
        ("n not in (1, 2)", Not(Some((Comparison("n", "==", 1.0), Comparison("n", "==", 2.0))))),
        ("order == 1", Comparison("order", "==", 1.0)),
    ],
)
def test_a_test_is_read(text, found):
    assert read(text) == found


def test_and_binds_closer_than_or_and_not_closest():
    one, two, three = (Comparison(name, "==", 1.0) for name in "abc")
    assert read("a == 1 or b == 1 and not c == 1") == Some((one, Every((two, Not(three)))))
    assert read("not (a == 1 or b == 1) and c == 1") == Every((Not(Some((one, two))), three))


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("", 1, "a name such as zone or city is expected before the end"),
        ("zone ==", 8, "a text in quotes, a number or a date is expected before the end"),
        ("zone = 'a'", 6, "'=' means nothing here; write == to compare"),
        ("city == Bath", 9, 'a text in quotes, a number or a date is expected; write "Bath"'),
        ('city == "Bath', 9, "close the quotes"),
        ("city == 'a' && plan == 'b'", 13, "write and"),
        ("zone == 5", 9, 'zone is a text; write zone == "5"'),
        ('joined > "2026"', 10, "joined is a date; write it like 2026-10-01"),
        ("joined > 2026-13-01", 10, "there is no day 2026-13-01"),
        ("n == 1234567890123456", 6, "has too many digits"),
        ("vip < true", 5, "true and false have no order"),
        ("city", 5, "city is compared with nothing before the end; write == or in behind it"),
        ("city in 'a'", 9, "( is expected"),
        ("city in ('a'", 13, ") is expected before the end"),
        ("(a == 1", 8, ") is expected before the end"),
        ("a == 1 b == 2", 8, "and, or or the end is expected"),
        ("a == b == c", 6, "a text in quotes"),
        ("and == 1", 1, "a name such as zone or city is expected"),
        ("a == 1)", 7, "and, or or the end is expected"),
        ("__import__('os')", 11, "__import__ is compared with nothing"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_column_and_mend(text, column, what):
    with pytest.raises(LetterError) as refused:
        read(text)
    assert str(refused.value).startswith(f"column {column} of the expression: ")
    assert what in str(refused.value)


def test_an_expression_has_a_length_and_a_depth_at_most():
    with pytest.raises(LetterError, match="characters"):
        read("a == 1 or " * MAX_LENGTH + "a == 1")
    for nested in ("(" * MAX_LENGTH, "not " * (MAX_DEPTH + 1) + "a == 1"):
        with pytest.raises(LetterError, match="nested too deeply"):
            read(nested)


@given(st.text(st.sampled_from("ab()\"'=<>!,-.0123 \\\nnotandrin"), max_size=60) | st.text(max_size=60))
def test_whatever_is_written_is_read_or_refused_in_a_sentence(text):
    with suppress(LetterError):
        read(text)
