from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.content.articles import parse_article
from newsletter.content.pinning import pin_ids
from newsletter.errors import LetterError

FRONT = "---\ntitle: t\n---\n"


def pin(body: str, front: str = FRONT) -> str:
    text = front + body
    pinned = pin_ids(text, parse_article(text, slug="t", file="t.md"))
    assert pinned.startswith(front)
    return pinned[len(front) :]


@pytest.mark.parametrize(
    ("body", "pinned"),
    [
        ("## Lower back\n", "## Lower back {#lower-back}\n"),
        ("## Lower back {#low}\n", "## Lower back {#low}\n"),
        ("##\tTabs \t \n", "##\tTabs {#tabs} \t \n"),
        ("## Closed ##  \n", "## Closed {#closed} ##  \n"),
        ("## Not closed#\n", "## Not closed# {#not-closed}\n"),
        ("## C# ###", "## C# {#c} ###"),
        ("##\n", "## {#section}\n"),
        ("## ##\n", "## {#section} ##\n"),
        ("Under\n=====\n\nText\n", "Under {#under}\n=====\n\nText\n"),
        ("Two\nlines  \n---\n", "Two\nlines {#two-lines}  \n---\n"),
        ("  ## In\n\nText\n\n### Deep", "  ## In {#in}\n\nText\n\n### Deep {#deep}"),
        ("> ## Quoted\n\n```\n## code\n```\n", "> ## Quoted\n\n```\n## code\n```\n"),
        ("## A\r\n\r\ntext  \r\n## B\r\n", "## A {#a}\r\n\r\ntext  \r\n## B {#b}\r\n"),
        ("## A\r\rtext\r## B\r", "## A {#a}\r\rtext\r## B {#b}\r"),
        ("## Ünï \u2028 x\n## B\n", "## Ünï \u2028 x {#uni-x}\n## B {#b}\n"),
        ("x\n*\n===\n", "x\n*\n===\n"),
        ("", ""),
    ],
)
def test_ids_are_written_and_nothing_else_changes(body, pinned):
    assert pin(body) == pinned
    assert pin(pinned) == pinned


def test_a_byte_order_mark_and_blank_lines_at_the_top_stay():
    assert pin("## A\n", "\ufeff---\ntitle: t\n---\n\n\n") == "## A {#a}\n"


@settings(max_examples=200)
@example("1\r\u2028\r=")
@given(st.text(alphabet=st.sampled_from("#ab -=\n\r\t>*`{}\\1.\u2028é"), max_size=60))
def test_a_pinned_article_has_the_same_sections(body):
    try:
        article = parse_article(FRONT + body, slug="t", file="t.md")
    except LetterError:
        return
    pinned = parse_article(pin_ids(FRONT + body, article), slug="t", file="t.md")
    assert _pinned(pinned.sections) == _pinned(article.sections)


def _pinned(sections):
    return [replace(one, pinned=True, sections=tuple(_pinned(one.sections))) for one in sections]
