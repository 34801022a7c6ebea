from pathlib import Path

import pytest

from newsletter.domain.outline import Kind, Outline, outline

TWINS = Path(__file__).parents[1] / "content" / "twins"
PROSE = "This is a paragraph that says a few things and ends."


def shape(of: Outline) -> list[tuple[str, str]]:
    return [(f"h{one.level}" if one.level else one.kind.value, one.text) for one in of.parts]


def headings(text: str) -> list[str]:
    return [part.text for part in outline(text).parts if part.kind is Kind.HEADING]


def test_capitals_bullets_tabs_and_windows_line_ends_are_read() -> None:
    found = outline((TWINS / "knots.txt").read_bytes().decode().replace("\r\n", "\n"))
    assert shape(found) == [
        ("paragraph", "A good knot holds all night and comes undone in the morning."),
        ("h2", "WHAT YOU NEED"),
        ("bullets", "a rope of two metres two dry hands an evening without hurry"),
        ("h2", "KNOTS COMPARED"),
        ("table", "Knot Strength Use Bowline good mooring Granny poor "),
        ("h2", "THE FIRST EVENING"),
        (
            "paragraph",
            "Begin with the bowline, since everything else leans on it, and tie it until it is easy.",
        ),
        ("steps", "Make a small loop Bring the end up through it"),
        ("paragraph", "Pull it tight before you go on."),
        ("steps", "Go round and back down"),
    ]
    assert found.parts[-1].start == 3


def test_a_list_of_numbered_headings_and_a_table_without_blank_lines_are_read() -> None:
    found = outline((TWINS / "seven-walks.txt").read_text())
    assert found.title == "Seven Short Walks After Supper"
    assert headings((TWINS / "seven-walks.txt").read_text()) == [
        "Round the Pond",
        "Up the Hill",
        "Menu",
        "Conclusion",
    ]
    (table,) = (part for part in found.parts if part.kind is Kind.TABLE)
    assert table.rows[1:] == (
        ("Range of Motion", "Keeps the hips as loose as they were at noon."),
        ("Calmer Nights", "Helpful for Walkers and Sleepers who wake at four."),
    )
    assert [one.line for one in found.left_out] == [1, 3, 4, 13, 19, 20, 21, 22, 23, 24]


def test_a_text_without_headings_gets_none_and_loses_nothing() -> None:
    found = outline((TWINS / "winter-letter.txt").read_text())
    assert {part.kind for part in found.parts} == {Kind.PARAGRAPH}
    assert found.left_out == ()


@pytest.mark.parametrize(
    "sentence",
    [
        "Share this with a friend who needs it.",
        "My grandmother uses cookies as a base for cake.",
        "Reading time is precious to me.",
        "20 minutes",
        "Menu",
        "3 May 2025",
        "More from your oven, with less work.",
        "By the river it was quieter",
    ],
)
def test_what_only_looks_like_furniture_stays_in_the_text(sentence: str) -> None:
    assert outline(f"A Title\n\n{PROSE}\n\n{PROSE}\n\n{sentence}\n\n{PROSE}").left_out == ()


def test_a_heading_that_begins_like_the_title_stays() -> None:
    text = f"Sourdough Bread for Busy People\n\n{PROSE}\n\nSourdough Bread\n\n{PROSE}"
    assert headings(text) == ["Sourdough Bread"]


def test_questions_after_the_box_about_the_author_stay() -> None:
    above = f"A Title\n\n{PROSE}\n\n{PROSE}\n\n{PROSE}"
    text = f"{above}\n\nAbout the author\n\nSomebody.\n\nIs it true at all?\n\n{PROSE}"
    assert headings(text) == ["Is it true at all?"]


def test_many_short_lines_apart_are_a_list_and_no_headings() -> None:
    assert headings(f"Soup\n\n{PROSE}\n\nFlour\n\nTwo Eggs\n\nMilk\n\n{PROSE}") == []


def test_two_sentences_that_begin_with_names_are_no_table() -> None:
    text = "Cities\n\nCity Life\nNew York is loud and never sleeps.\nLos Angeles has room between its hills."
    assert {part.kind for part in outline(text).parts} == {Kind.HEADING, Kind.PARAGRAPH}


def test_numbered_headings_without_one_above_them_are_headings_of_the_first_level() -> None:
    found = outline(f"Two Ways\n\n{PROSE}\n\n1. Go Slowly\n{PROSE}\n\n2. Go Early\n{PROSE}")
    assert [part.level for part in found.parts if part.level] == [2, 2]


def test_a_sentence_that_its_width_broke_is_no_heading() -> None:
    assert headings("A Title\n\nBegin with the bowline, since everything\nElse leans on it all day.") == []
