"""The plain text part reads like a letter: lines of 76, hanging indents, addresses whole."""

import pytest
from rendering_cast import HERE, composition, every_kind, heading, items, paragraph, renderer, same, text_of

from newsletter.domain.blocks import BulletedList, NumberedList, Quote, Table
from newsletter.domain.pieces import Field, fence
from newsletter.rendering.wrapping import columns, hang, underline, wrap

LONG = (
    "Draw a drill as deep as the seed is wide, water it, and only then sow, as thinly as you can bear to. "
    * 2
)


def text_with(*blocks) -> str:
    return text_of(renderer().render(composition(*blocks)))


def test_no_line_is_longer_than_76_columns():
    text = text_with(
        *every_kind(), paragraph(LONG), Quote((paragraph(LONG),), HERE), NumberedList(items(LONG), HERE)
    )
    assert max(len(line) for line in text.splitlines()) <= 76


def test_headings_are_underlined():
    assert "How to sow\n----------\n" in text_with(heading("How to sow"))
    assert "How deep\n~~~~~~~~\n" in text_with(heading("How deep", 3))


def test_steps_hang_under_their_text():
    lines = text_with(NumberedList(items(LONG, "Wait."), HERE, start=9)).splitlines()
    first = lines.index(next(line for line in lines if line.startswith(" 9. Draw")))
    assert lines[first + 1].startswith("    ")
    assert "10. Wait." in lines


def test_a_list_in_a_list_is_indented():
    inner = BulletedList(items("early", "late"), HERE)
    assert "- Peas\n\n  - early\n  - late\n" in text_with(BulletedList(((paragraph("Peas"), inner),), HERE))


def test_quotes_are_marked_on_every_line():
    text = text_with(Quote((paragraph("One."), paragraph("Two.")), HERE))
    assert "> One.\n>\n> Two.\n" in text


def test_a_table_is_aligned():
    rows = ((same("Opens"), same("1 234")), (same("Clicks"), same("5")))
    table = Table((same("Metric"), same("Now")), rows, ("left", "right"), HERE)
    assert "Metric    Now\n------  -----\nOpens   1 234\nClicks      5\n" in text_with(table)


def test_long_cells_are_wrapped_within_their_column():
    drawn = columns((same("Hope"), same("Expectation")), ((same("Less"), same(LONG)),), ("left", "left"), 40)
    assert max(map(len, drawn.splitlines())) <= 40
    assert drawn.splitlines()[3].startswith("      ")


def test_an_address_is_never_broken():
    url = "https://example.org/" + "long/" * 30
    assert f"<{url}>" in wrap(f"a word and another before <{url}> and one after", 30)


def test_a_field_with_spaces_stays_in_one_piece():
    field = fence(Field("name", "dear reader of ours"))
    assert field in wrap(f"Hello to you, {field}, and welcome", 20)


def test_wide_and_invisible_characters_are_counted_as_they_show():
    assert underline("日本", "=").endswith("\n====")
    assert underline("e\u0301a", "=").endswith("\n==")


@pytest.mark.parametrize(("text", "expected"), [("a\nb", "- a\n  b"), ("a\n\nb", "- a\n\n  b")])
def test_a_hanging_indent_leaves_empty_lines_empty(text, expected):
    assert hang(text, "- ") == expected


def test_the_text_has_the_way_out_on_a_line_of_its_own():
    lines = text_with(paragraph()).splitlines()
    assert f"Unsubscribe: {fence(Field('unsubscribe_url'))}" in lines
    assert f"View online: {fence(Field('view_url'))}" in lines
