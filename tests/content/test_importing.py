import re
from datetime import date
from pathlib import Path

import pytest

from newsletter.content.articles import parse_article
from newsletter.content.importing import Imported, article_text, read_source
from newsletter.domain.article import Article
from newsletter.domain.blocks import NumberedList, Table
from newsletter.errors import Refused

TWINS = Path(__file__).parent / "twins"
TODAY = date(2026, 11, 21)


def imported(name: str) -> Imported:
    return read_source((TWINS / name).read_bytes(), name=name)


def pasted(text: str, name: str = "pasted.txt") -> Imported:
    return read_source(text.encode(), name=name)


def article(of: Imported) -> Article:
    return parse_article(article_text(of, TODAY), slug="a", file="a.md")


def headings(of: Imported) -> list[str]:
    return re.findall(r"^#+ .+$", of.body, re.MULTILINE)


def test_a_pasted_guide_keeps_its_title_and_every_heading() -> None:
    guide = imported("kitchen-herbs.txt")
    assert guide.title == "Growing Herbs On A Windowsill – The Complete Beginner’s Companion"
    assert headings(guide) == [
        "## Growing Basil on a Windowsill",
        "## Growing Mint on a Windowsill",
        "## The Rewards of Growing Herbs at Home",
        "## What to Expect in the First Month?",
        "## Is It OK to Grow Herbs Without Sun?",
        "## What Is the Best Soil for a Pot?",
        "## How Do You Keep Basil Alive in Winter?",
        "## Is a Clay Pot or a Plastic One Better?",
    ]


def test_a_table_of_run_together_lines_gets_its_columns_back() -> None:
    section = article(imported("kitchen-herbs.txt")).section("the-rewards-of-growing-herbs-at-home")
    assert section is not None
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [cell.text for cell in table.head] == ["Reward", "Explanation"]
    assert [row[0].text for row in table.rows] == [
        "Fresh Flavour",
        "Lower Food Waste",
        "Calmer Evenings",
        "Better Air",
        "Kitchen Confidence",
        "Greener Window Sills",
    ]
    assert table.rows[1][1].text == "Takes only the leaves that you need, so little is lost."


def test_numbered_steps_become_a_list_with_their_labels() -> None:
    section = article(imported("kitchen-herbs.txt")).section("what-to-expect-in-the-first-month")
    assert section is not None
    (steps,) = (block for block in section.blocks if isinstance(block, NumberedList))
    assert len(steps.items) == 4
    assert steps.items[0][0].content.text.startswith("Sowing: Press the seeds")  # type: ignore[union-attr]


def test_questions_keep_their_answers() -> None:
    section = article(imported("kitchen-herbs.txt")).section("what-is-the-best-soil-for-a-pot")
    assert section is not None
    assert section.is_question
    assert len(section.blocks) == 2


def test_page_furniture_is_left_out_with_its_lines() -> None:
    left = {one.text: one.line for one in imported("kitchen-herbs.txt").left_out}
    assert left["Growing Herbs On A Windowsill"] == 66
    assert left["GardenCorner Author Image"] == 68
    assert left["About the author"] == 70
    assert "Robin Field" not in imported("kitchen-herbs.txt").body


def test_two_blank_lines_without_a_heading_are_a_possible_section() -> None:
    assert imported("kitchen-herbs.txt").possible_sections == (43,)


def test_numbered_headings_with_a_paragraph_stand_under_the_heading_before_them() -> None:
    assert headings(imported("bread.txt")) == [
        "## Understanding a Sourdough Starter",
        "## How a Slow Rise Helps",
        "### Deeper Flavour",
        "### Better Texture",
        "### Easier Timing",
        "### Longer Keeping",
        "### A Loaf of Your Own",
        "## Conclusion",
    ]


def test_byline_date_reading_time_and_comments_are_left_out() -> None:
    left = [one.text for one in imported("bread.txt").left_out]
    assert left == ["- slowcrumbbakery", "- Mar 3, 2025", "- 3 min read", "Comments"]


def test_capital_headings_bullets_tabs_and_windows_line_ends_are_read() -> None:
    text = (
        "HOW TO TIE A KNOT\r\n\r\nWHAT YOU NEED\r\n\r\n• a rope\r\n• two hands\r\n\r\n"
        "KNOTS COMPARED\r\n\r\nKnot\tStrength\r\nBowline\tgood\r\nGranny\tpoor\r\n"
    )
    result = pasted(text)
    assert headings(result) == ["## WHAT YOU NEED", "## KNOTS COMPARED"]
    assert "- a rope\n- two hands" in result.body
    assert "| Bowline | good |" in result.body


def test_headings_that_say_the_same_get_ids_of_their_own() -> None:
    text = "Two Parts\n\nHello.\n\nIntroduction\n\nOne.\n\nConclusion\n\nTwo.\n\nConclusion\n\nThree."
    ids = [section.id for section in article(pasted(text)).walk()]
    assert ids == ["introduction", "introduction-2", "conclusion", "conclusion-2"]


def test_a_text_without_headings_gets_none() -> None:
    result = pasted("A Walk\n\nIt was raining.\n\nWe went out. Nobody minded.\n\nThe end came early.")
    assert headings(result) == []
    assert result.title == "A Walk"


def test_lines_broken_by_their_width_are_one_paragraph() -> None:
    result = pasted(
        "A Walk\n\nIt was raining when we left the house and it rained\nall the way to the bridge.\n"
    )
    (section,) = article(result).sections
    assert len(section.blocks) == 1


def test_a_short_list_of_words_is_not_taken_for_headings() -> None:
    assert headings(pasted("Soup\n\nTake these.\n\nFlour\nTwo eggs\nMilk\n\nMix them well.")) == []


def test_text_that_looks_like_markdown_stays_text() -> None:
    result = pasted("Notes\n\n# not a heading, it says.\n\n1986. That was a year.\n\nA *star* & <b>tag</b>.")
    (section,) = article(result).sections
    texts = [block.content.text for block in section.blocks]  # type: ignore[union-attr]
    assert texts == ["# not a heading, it says.", "1986. That was a year.", "A *star* & <b>tag</b>."]


def test_markdown_is_kept_and_its_h1_becomes_the_title() -> None:
    result = pasted("# A *Title*\n\nBody.\n\n## Section {#one}\n\n- x\n", "x.md")
    assert result.title == "A Title"
    assert "## Section {#one}\n\n- x" in result.body
    assert "# A" not in result.body.replace("## ", "")


def test_html_keeps_its_content_and_drops_what_surrounds_it() -> None:
    result = pasted(
        "<html><nav>Home</nav><article><h1>Title</h1><p>Hi <b>you</b>, "
        "<a href='https://a.example.org/'>read</a> <a href='javascript:x()'>not</a>.</p>"
        "<h2>Part</h2><ul><li>one</li></ul><script>evil()</script></article><footer>Foot</footer></html>",
        "page.html",
    )
    assert result.title == "Title"
    assert "Hi **you**, [read](<https://a.example.org/>) not." in result.body
    assert "## Part\n\n- one" in result.body
    assert "evil" not in result.body
    assert "javascript" not in result.body
    assert [one.text for one in result.left_out] == ["Home", "Foot"]


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (b"", "a.txt", "a.txt is empty"),
        (b"  \n\n ", "a.txt", "a.txt is empty"),
        (b"PK\x03\x04rest", "a.txt", "a.txt is not text"),
        (b"a\x00b", "a.txt", "a.txt is not text"),
        (b"x", "a.docx", "a.docx is a docx file"),
        (b"x" * 5_000_001, "a.txt", "a.txt is over 5 MB"),
    ],
)
def test_what_cannot_be_imported_gets_one_sentence(data: bytes, name: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        read_source(data, name=name)
    assert caught.value.mend


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings_are_read(encoding: str) -> None:
    result = read_source("Café\n\nIt’s warm – and dry.".encode(encoding), name="a.txt")
    assert result.title == "Café"
    assert "It’s warm – and dry." in result.body


def test_text_beside_the_article_of_a_page_is_listed() -> None:
    result = pasted("<article><p>A long enough text of its own.</p></article><p>Beside.</p>", "a.html")
    assert "Beside" not in result.body
    assert [(one.text, one.why) for one in result.left_out] == [("Beside.", "outside <article>")]


def test_a_form_around_a_whole_page_is_no_form() -> None:
    assert "Text." in pasted("<form><h1>Title</h1><p>Text.</p></form>", "a.html").body


def test_pictures_captions_and_loose_text_of_a_page_stay() -> None:
    page = "<p>A <b>bold </b>word<img src='a.png' alt='Alt'></p><ul>loose<li>one</ul><p># no heading"
    body = pasted(f"<h1>T</h1>{page}<table><caption>Cap</caption><tr><th>a|b<td>c</table>", "a.html").body
    assert "A **bold** word\n\n![Alt](<a.png>)" in body
    assert "loose" in body
    assert "\\# no heading" in body
    assert "Cap\n\n| a\\|b | c |" in body


def test_a_comment_in_code_is_no_title() -> None:
    result = pasted("```\n# install\n```\n\nTitle\n=====\n\nText.", "a.md")
    assert result.title == "Title"
    assert "# install" in result.body
    assert "====" not in result.body


def test_front_matter_that_articles_have_is_kept_and_other_is_listed() -> None:
    result = pasted("---\ntitle: T\ntags: [a, b]\nlayout: post\n---\n\nText.", "a.md")
    assert result.tags == ("a", "b")
    assert [(one.line, one.text) for one in result.left_out] == [(4, "layout: post")]


def test_broken_front_matter_is_refused() -> None:
    with pytest.raises(Refused, match="front matter is broken"):
        pasted("---\ntitle: a: b\n---\n\nText.", "a.md")


@pytest.mark.parametrize(
    ("front", "line"),
    [
        ("title: a\ndescription: b: c", 3),
        ('title: a\ndescription: "b\ntags: c', 3),
        ("title: a\ntags: [b", 3),
    ],
)
def test_broken_front_matter_is_refused_with_the_line_to_mend(front: str, line: int) -> None:
    with pytest.raises(Refused) as refused:
        read_source(f"---\n{front}\n---\n\nText.\n".encode(), name="pasted.md")
    assert str(refused.value).startswith(f"pasted.md:{line}: the front matter is broken; close every quote")


def test_a_sentence_does_not_end_with_a_title() -> None:
    assert pasted("T\n\nDr. Field walks. Often.").description == "Dr. Field walks."


@pytest.mark.parametrize("data", [b"\xff\xfe\x00\xd8", b"\x01\x02\x03", b"{\\rtf1 a}"])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="is not text"):
        read_source(data, name="a.txt")


def test_bytes_that_are_no_utf_8_are_read_as_windows_1252_and_said_so() -> None:
    result = read_source(b"T\n\nIt\x92s warm.", name="a.txt")
    assert "It’s warm." in result.body
    assert result.guesses[0].what == "the encoding: Windows-1252"
