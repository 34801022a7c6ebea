from datetime import date, time, timedelta

import pytest

from newsletter.domain.article import Article, Section
from newsletter.domain.blocks import Heading, Inline, Paragraph, Question
from newsletter.domain.cadence import Cadence
from newsletter.domain.letter import Letter, Publication, Target, compose, find_target
from newsletter.domain.series import Issue, SectionRef, Series, from_settings, to_settings
from newsletter.errors import Place, UnknownTarget

PLACE = Place("content/articles/back.md", 3)
SERIES_PLACE = Place("content/series/back-pain.toml", 12)
PUBLICATION = Publication("Back Care", "https://news.example.org", "1 High Street")
ISSUES = {"back-pain": ["neck", "lower-back"], "sleep": ["pillows", "neck"], "neck-care": []}


def words(text) -> Inline:
    return Inline(text, text)


def a_section(id_, *deeper, title=None, text="Some text.", level=2) -> Section:
    blocks = (Paragraph(words(text), PLACE),) if text else ()
    heading = None if id_ == "introduction" else words(title or id_.capitalize())
    return Section(id_, "back", heading, level, blocks, deeper, PLACE)


def an_issue(id_, *sections, **values) -> Issue:
    refs = tuple(SectionRef("back", section) for section in sections)
    return Issue(id_, id_.capitalize(), "What helps.", refs, SERIES_PLACE, **values)


def a_series(*issues, leave_out=()) -> Series:
    return Series(
        slug="back-pain",
        title="Back pain",
        sender="Back Care <weekly@news.example.org>",
        reply_to="editors@news.example.org",
        cadence=Cadence(1, time(9), "Europe/London", date(2026, 12, 1), frozenset({date(2026, 12, 15)})),
        hold_if_late_by=timedelta(hours=6),
        issues=issues,
        leave_out=tuple(SectionRef("back", section) for section in leave_out),
        place=SERIES_PLACE,
    )


def a_letter(*sections) -> Letter:
    return Letter({"back": Article("back", "Back", sections, PLACE)}, {})


def unplaced(letter, *issues, leave_out=()):
    return [section.id for section in letter.unplaced(a_series(*issues, leave_out=leave_out))]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("back-pain", Target("back-pain")),
        ("back-pain/neck", Target("back-pain", "neck")),
        ("lower-back", Target("back-pain", "lower-back")),
        ("sleep/neck", Target("sleep", "neck")),
        ("neck-care", Target("neck-care")),
    ],
)
def test_a_target_is_found_by_its_name(name, target):
    assert find_target(name, ISSUES) == target


def test_a_target_is_written_as_it_is_read():
    assert [str(find_target(name, ISSUES)) for name in ("sleep", "sleep/neck")] == ["sleep", "sleep/neck"]


def test_a_name_that_fits_twice_offers_both():
    with pytest.raises(UnknownTarget, match="write back-pain/neck or sleep/neck"):
        find_target("neck", ISSUES)


@pytest.mark.parametrize("name", ["back-pian", "back-pain/nekc", "back-pain/pillows", "sleep/", "/neck", ""])
def test_a_name_that_fits_nothing_is_refused_with_an_offer(name):
    with pytest.raises(UnknownTarget) as caught:
        find_target(name, ISSUES)
    assert caught.value.mend


def test_the_nearest_name_is_offered():
    with pytest.raises(UnknownTarget, match="did you mean 'back-pain'"):
        find_target("back-pian", ISSUES)


def test_a_letter_without_series_says_so():
    with pytest.raises(UnknownTarget, match="there are none yet"):
        find_target("back-pain", {})


def test_a_section_that_no_issue_names_is_unplaced():
    letter = a_letter(a_section("neck"), a_section("hips"), a_section("feet"))
    assert unplaced(letter, an_issue("one", "neck"), leave_out=["feet"]) == ["hips"]


def test_naming_a_section_places_those_in_it():
    letter = a_letter(a_section("neck", a_section("muscles", level=3)))
    assert unplaced(letter, an_issue("one", "neck")) == []


def test_a_section_is_placed_by_all_of_its_parts_only_if_nothing_stands_above_them():
    parts = (a_section("muscles", level=3), a_section("nerves", level=3))
    assert unplaced(a_letter(a_section("neck", *parts, text="")), an_issue("one", "muscles", "nerves")) == []
    assert unplaced(a_letter(a_section("neck", *parts)), an_issue("one", "muscles", "nerves")) == ["neck"]


def test_of_a_section_in_part_placed_the_missing_part_is_named():
    parts = (a_section("muscles", level=3), a_section("nerves", level=3))
    assert unplaced(a_letter(a_section("neck", *parts, text="")), an_issue("one", "muscles")) == ["nerves"]


def test_articles_that_a_series_does_not_draw_on_are_no_concern_of_it():
    other = Article("other", "Other", (a_section("feet"),), PLACE)
    letter = Letter({**a_letter(a_section("neck")).articles, "other": other}, {})
    assert unplaced(letter, an_issue("one", "neck")) == []


def test_an_issue_is_composed_of_its_sections_in_its_own_order():
    letter = a_letter(a_section("neck"), a_section("hips", title="Do hips ache?"))
    first, second = an_issue("one", "hips", "neck"), an_issue("two", "neck")
    made = compose(letter, PUBLICATION, a_series(first, second), first)
    assert [type(blocks[0]) for blocks in made.blocks] == [Question, Heading]
    assert (made.position, made.total, made.next_issue) == (1, 2, second)
    assert compose(letter, PUBLICATION, a_series(first, second), second).next_issue is None


def test_a_section_that_does_not_exist_is_named_with_its_issue_and_place():
    issue = an_issue("one", "nekc")
    with pytest.raises(UnknownTarget) as caught:
        compose(a_letter(a_section("neck")), PUBLICATION, a_series(issue), issue)
    said = str(caught.value)
    assert said.startswith("content/series/back-pain.toml:12: issue 'one' uses the section 'back#nekc'")
    assert "did you mean 'back#neck'" in said


def test_what_sending_needs_of_a_series_survives_the_database():
    series = a_series(an_issue("one"))
    found = from_settings(4, "back-pain", to_settings(series), None)
    assert (found.id, found.title, found.cadence) == (4, "Back pain", series.cadence)
    assert found.hold_if_late_by == series.hold_if_late_by


def test_an_issue_is_headed_by_its_title_or_its_subject():
    assert an_issue("one").heading == "One"
    assert an_issue("one", title="All about necks").heading == "All about necks"
