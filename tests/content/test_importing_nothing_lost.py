"""Every line of a source is in the article, once, whole and in its place, or it is left out by its number."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content.articles import parse_article
from newsletter.content.importing import article_text, read_source
from newsletter.domain.article import Section
from newsletter.domain.blocks import Paragraph, Table, walk

TWINS = sorted((Path(__file__).parent / "twins").glob("*.txt"))
MARK = re.compile(r"\s*(?:[•‣▪▫◦·●○■□►✓✔*–—-]|o(?=\t)|\d{1,2}[.)])\s+(?=\S)")
MEANT = """
1. Step one: do it.
2. Then this
A Heading Here
Is it good to do so?
A sentence that is rather long and ends with a full stop.
Comments
About the author
By Jane Doe
Mar 3, 2025
Share
Name Value
Pain Relief Helps you.
• a point
- another
# hash
---
===
```
~~~
> quote
[x]: y
{#id}
Heading {#id}
Head ##
<b>x</b>
![a](b)
:--
<!-- x
&amp;
| a | b |
|---|---|
a | b
--- | ---
    indented
http://example.org/a_b_c
"""
LINES = st.one_of(
    st.text(st.sampled_from("ab DEF.?:!-•12)#*|&<>[]\t`~_=+}\\("), max_size=50),
    st.sampled_from(["", "", "", *MEANT.split("\n")]),
)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def texts(section: Section) -> Iterator[str]:
    if section.heading:
        yield section.heading.text
    for block in walk(section.blocks):
        if isinstance(block, Paragraph):
            yield block.content.text
        elif isinstance(block, Table):
            yield from (cell.text for row in (block.head, *block.rows) for cell in row)
    for inner in section.sections:
        yield from texts(inner)


def assert_nothing_is_lost(data: bytes) -> None:
    imported = read_source(data, name="a.txt")
    article = parse_article(article_text(imported, date(2026, 11, 21)), slug="a", file="a.md")
    shown = squeezed(article.title + "".join(text for one in article.sections for text in texts(one)))
    out = {one.line: one.text for one in imported.left_out}
    # Every way to read what came so far: `- -` may be a dash in a list, or a list's mark and a dash.
    rests = {shown}
    for number, line in enumerate(data.decode().replace("\r\n", "\n").split("\n"), 1):
        if number in out:
            assert squeezed(out[number]) == squeezed(line)
            continue
        # The mark of a list is the list's own once it is one.
        wholes = {squeezed(line), squeezed(MARK.sub("", line, count=1))}
        before, rests = (
            rests,
            {rest.removeprefix(one) for rest in rests for one in wholes if rest.startswith(one)},
        )
        assert rests, f"line {number} is not next: {line!r} in {min(before)[:80]!r}"
    assert "" in rests


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.stem)
def test_every_line_of_a_pasted_text_is_there_once(twin: Path) -> None:
    assert_nothing_is_lost(twin.read_bytes())


@settings(max_examples=300)
@given(st.lists(LINES, min_size=1, max_size=14))
def test_every_line_of_any_text_is_there_once_and_says_the_same(lines: list[str]) -> None:
    assert_nothing_is_lost("\n".join(["A Title of Words", "", *lines]).encode())


TAGS = """
p div span b em a h2 h3 ul ol li dl dd table tr td blockquote pre figure form aside article main
"""
PAGES = st.recursive(
    st.just(" word "),
    lambda inner: st.tuples(st.sampled_from(TAGS.split()), st.lists(inner, max_size=3)).map(
        lambda made: f"<{made[0]}>{''.join(made[1])}</{made[0]}>"
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(PAGES)
def test_every_word_of_a_page_is_there_once(page: str) -> None:
    count = iter(range(10_000))
    page = re.sub("word", lambda _: f"w{next(count)}x", f"<body><p>start</p>{page}</body>")
    imported = read_source(page.encode(), name="a.html")
    everything = " ".join([imported.title, imported.body, *(one.text for one in imported.left_out)])
    assert sorted(re.findall(r"w\d+x", everything)) == sorted(re.findall(r"w\d+x", page))
    parse_article(article_text(imported, date(2026, 11, 21)), slug="a", file="a.md")
