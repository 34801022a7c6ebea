from datetime import date, time

import pytest

from newsletter.domain.article import Article, Section
from newsletter.domain.blocks import Block, BulletedList, Callout, Inline, Paragraph
from newsletter.domain.cadence import Cadence
from newsletter.domain.series import Series
from newsletter.domain.splitting import cut, draft_series, issue_lengths, match_section
from newsletter.errors import Place, Refused

PLACE = Place("content/articles/massage.md", 1)
CADENCE = Cadence(1, time(9), "Europe/London", date(2026, 12, 1))


def paragraph(text: str) -> Paragraph:
    return Paragraph(Inline(text, text), PLACE)


def section(
    name: str, heading: str | None, *blocks: Block | str, inside: tuple[Section, ...] = ()
) -> Section:
    written = tuple(paragraph(block) if isinstance(block, str) else block for block in blocks)
    title = Inline(heading, heading) if heading else None
    return Section(name, "massage", title, 2 if heading else 0, written, inside, PLACE)


def article(*sections: Section, slug: str = "massage") -> Article:
    return Article(slug, "Massage for backs", sections, PLACE)


MASSAGE = article(
    section("introduction", None, "Welcome to a guide for backs."),
    section("lower", "Sports Massage for Lower Back Pain", "The lower back aches."),
    section("upper", "Sports Massage for Upper Back Pain", "The upper back aches."),
    section(
        "relief", "Back Pain Relief", "All of it.", inside=(section("necks", "For the neck", "Gently."),)
    ),
    section("session", "What to Expect During a Sports Massage?", "Four steps."),
)


def draft(names: str | None, *articles: Article) -> Series:
    return draft_series(
        articles or (MASSAGE,),
        slug="back-pain",
        names=names.split(",") if names is not None else None,
        cadence=CADENCE,
        sender="a@example.org",
        reply_to="",
    )


def sections_of(series: Series) -> dict[str, list[str]]:
    return {issue.id: [str(ref) for ref in issue.sections] for issue in series.issues}


def test_every_section_becomes_an_issue_and_the_introduction_opens_the_first():
    series = draft(None)
    assert sections_of(series) == {
        "lower": ["massage#introduction", "massage#lower"],
        "upper": ["massage#upper"],
        "relief": ["massage#relief"],
        "session": ["massage#session"],
    }
    assert series.leave_out == ()
    assert (series.title, series.mode) == ("Massage for backs", "calendar")


def test_names_pick_sections_by_the_words_of_their_headings():
    series = draft("lower-back,upper-back,neck,what-to-expect")
    assert sections_of(series) == {
        "lower-back": ["massage#introduction", "massage#lower"],
        "upper-back": ["massage#upper"],
        "neck": ["massage#necks"],
        "what-to-expect": ["massage#session"],
    }


def test_sections_that_no_issue_uses_are_left_out_by_name():
    assert [str(ref) for ref in draft("lower,session").leave_out] == ["massage#upper", "massage#relief"]


def test_an_exact_id_wins_over_words():
    both = article(section("neck", "Shoulders", "x"), section("other", "Your neck", "y"))
    assert match_section([both], "neck").title == "Shoulders"


def test_a_name_may_be_written_in_the_script_of_its_heading():
    articles = [article(section("bol-v-spine", "Боль в спине", "x"), section("sheya", "Шея", "y"))]
    assert match_section(articles, "Шея").title == "Шея"
    assert match_section(articles, "боль").title == "Боль в спине"


def test_a_name_may_be_written_as_words():
    assert list(sections_of(draft(" Lower Back ,Session"))) == ["lower-back", "session"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            "back-pain",
            "'back-pain' fits several sections: 'lower' (Sports Massage for Lower Back Pain), 'upper' (",
        ),
        ("knee", "no section of 'massage' fits 'knee'; "),
        ("knee-pain", "no section of 'massage' fits 'knee-pain'; near it are lower, upper, relief"),
        ("lower,,upper", "one of the names is empty"),
        ("lower,lower-back", "'lower' and 'lower-back' both take the section 'lower'"),
        ("relief,neck", "'relief' and 'neck' both take the section 'necks'"),
        ("neck,relief", "'neck' and 'relief' both take the section 'necks'"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, said):
    with pytest.raises(Refused) as caught:
        draft(names)
    assert said in str(caught.value)


def test_no_names_at_all_are_refused():
    with pytest.raises(Refused, match="no issue is named"):
        draft_series([MASSAGE], slug="s", names=[], cadence=CADENCE, sender="", reply_to="")


def test_an_article_without_headings_is_one_issue():
    series = draft(None, article(section("introduction", None, "Only this.")))
    assert sections_of(series) == {"massage": ["massage#introduction"]}
    assert series.issues[0].subject == "Massage for backs"


def test_an_article_without_text_is_refused():
    with pytest.raises(Refused, match="the article 'massage' has no text to split"):
        draft(None, article())


def test_an_introduction_may_be_an_issue_of_its_own():
    series = draft("introduction,lower")
    assert sections_of(series) == {"introduction": ["massage#introduction"], "lower": ["massage#lower"]}


def test_an_introduction_without_words_is_left_out():
    series = draft(None, article(section("introduction", None), section("a", "A", "x")))
    assert sections_of(series) == {"a": ["massage#a"]}


def preheader_of(*blocks: Block | str) -> str:
    return draft(None, article(section("a", "A heading", *blocks))).issues[0].preheader


def test_a_preheader_is_the_first_sentences_until_it_is_long_enough():
    assert preheader_of("Backs ache. Why is that so? There are many reasons for it. And more.") == (
        "Backs ache. Why is that so? There are many reasons for it."
    )


def test_a_preheader_goes_on_into_the_next_paragraph():
    assert preheader_of("Backs ache.", "That has many reasons, and here is one.") == (
        "Backs ache. That has many reasons, and here is one."
    )


def test_a_long_sentence_is_cut_at_a_word():
    found = preheader_of("word " * 100)
    assert 140 <= len(found) <= 150
    assert found.endswith(" word…")


def test_a_preheader_has_no_links_and_no_fields():
    text = (
        "Hello \ue000name\ue001friend\ue002, see our page <https://example.org/page> about backs and necks."
    )
    assert preheader_of(text) == "Hello friend, see our page about backs and necks."


def test_running_text_comes_before_boxes_and_lists():
    box = Callout("note", (paragraph("General information, not medical advice at all."),), PLACE)
    assert preheader_of(box, "The text itself is what a reader wants to see.").startswith("The text itself")


def test_a_section_of_nothing_but_a_list_still_has_a_preheader():
    items = BulletedList(
        ((paragraph("Walk on most days,"),), (paragraph("and change position often."),)), PLACE
    )
    assert preheader_of(items) == "Walk on most days, and change position often."


def test_a_section_without_text_has_no_preheader():
    assert preheader_of() == ""


def test_a_long_heading_is_cut_for_the_subject():
    series = draft(None, article(section("a", "A very long heading that goes on " * 4, "x")))
    assert len(series.issues[0].subject) <= 60
    assert series.issues[0].subject.endswith("…")


@pytest.mark.parametrize(
    ("text", "length", "expected"), [("abc", 3, "abc"), ("ab, cd", 5, "ab…"), ("abcdef", 4, "abc…")]
)
def test_a_cut_never_exceeds_its_length(text, length, expected):
    assert cut(text, length) == expected


def test_the_length_of_each_issue_is_measured():
    series = draft(None, article(section("a", "A", "word " * 659)))
    (length,) = issue_lengths(series, [article(section("a", "A", "word " * 659))])
    assert (length.issue, length.words, length.minutes) == ("a", 660, 3)
