"""The HTML as clients get it: both of Outlook's views whole, dark rules there, small, and read aloud well."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from rendering_cast import (
    HERE,
    PUBLICATION,
    about,
    composition,
    every_kind,
    html_of,
    paragraph,
    renderer,
    same,
)
from selectolax.lexbor import LexborHTMLParser

from newsletter.domain.blocks import Question

VOID = {"br", "col", "hr", "img", "input", "link", "meta", "o:allowpng", "o:pixelsperinch"}


class Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"{tag} at {self.getpos()}")


def unbalanced(html: str) -> list[str]:
    balance = Balance()
    balance.feed(html)
    return balance.wrong + balance.open


def outlook(html: str) -> str:
    without = re.sub(r"<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->", "", html, flags=re.DOTALL)
    return re.sub(r"<!--\[if [^\]]*\]>(.*?)<!\[endif\]-->", r"\1", without, flags=re.DOTALL)


@pytest.fixture(scope="module")
def html():
    return html_of(renderer().render(composition(*every_kind())))


def test_every_conditional_is_closed(html):
    assert html.count("<!--[if") == html.count("<![endif]-->") > 4


def test_tags_nest_in_outlook_and_everywhere_else(html):
    assert unbalanced(re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)) == []
    assert unbalanced(outlook(html)) == []


def test_a_deleted_conditional_would_be_noticed(html):
    broken = html.replace("<!--[if mso | IE]></td></tr></table><![endif]-->", "", 1)
    assert unbalanced(outlook(broken)) != []


def test_dark_colours_are_there_and_declared(html):
    assert "@media (prefers-color-scheme: dark)" in html
    assert '<meta name="color-scheme" content="light dark"' in html
    assert "#6fd3c4 !important" in html


def test_no_font_or_style_is_fetched_from_anywhere(html):
    assert "@import" not in html
    assert "<link" not in html
    assert "fonts.g" not in html


def test_language_and_direction_stand_on_the_page_and_on_its_content(html):
    tree = LexborHTMLParser(html)
    for node in (tree.css_first("html"), tree.css_first('[role="article"]')):
        assert (node.attributes["lang"], node.attributes["dir"]) == ("en-GB", "ltr")


def test_a_language_written_from_the_right_turns_the_layout():
    right = about(replace(PUBLICATION, language="he"), *every_kind())
    html = html_of(renderer().render(right))
    assert 'dir="rtl"' in html
    assert "border-right:3px solid #0b6b62" in html.replace(": ", ":")


def test_layout_tables_are_presentation_and_data_tables_have_scopes(html):
    for table in LexborHTMLParser(html).css("table"):
        if table.attributes.get("class", "").startswith("data"):
            scopes = {node.attributes.get("scope") for node in table.css("th")}
            assert scopes == {"col", "row"}
        else:
            assert table.attributes.get("role") == "presentation"


def test_headings_descend_without_a_jump(html):
    levels = [int(node.tag[1]) for node in LexborHTMLParser(html).css("h1, h2, h3, h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_line_parts_a_question_from_the_question_before_it_and_from_nothing_else():
    first, second, third = (Question(same(f"{word}?"), 2, (paragraph(),), HERE) for word in ("A", "B", "C"))
    issue = replace(composition(), blocks=((paragraph(), first), (second,), (paragraph(), third)))
    lined = [
        bool(re.search("border-top: *1px", node.attributes.get("style") or ""))
        for node in LexborHTMLParser(html_of(renderer().render(issue))).css("div.question")
    ]
    assert lined == [False, True, False]


def test_the_preheader_is_the_first_text_and_the_title_is_the_subject():
    issue = composition(paragraph())
    tree = LexborHTMLParser(html_of(renderer().render(issue)))
    assert tree.body.text(separator=" ").strip().startswith(issue.issue.preheader)
    assert tree.css_first("title").text() == issue.issue.subject


def test_links_and_the_button_carry_their_style(html):
    tree = LexborHTMLParser(html)
    assert "underline" in tree.css_first('a[href="https://example.org/rows"]').attributes["style"]
    assert "inline-block" in tree.css_first("a.push").attributes["style"]


def test_pictures_have_sizes_and_a_description(html):
    picture = LexborHTMLParser(html).css_first("img.picture").attributes
    assert (picture["width"], picture["height"]) == ("600", "320")
    assert picture["alt"] == "A raised bed in April"


def test_an_issue_of_usual_length_stays_small():
    words = "Rake the bed level and firm it with the back of the rake before you sow a row. " * 4
    html = html_of(renderer().render(composition(*every_kind(), *[paragraph(words)] * 18)))
    assert len(html.encode()) < 60_000
