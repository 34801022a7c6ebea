import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content.articles import parse_article
from newsletter.content.markdown import read_markdown
from newsletter.domain.blocks import Inline, Paragraph, walk
from newsletter.domain.pieces import Field, split
from newsletter.errors import LetterError


def inline(text: str) -> Inline:
    (block,) = read_markdown(text, file="a.md")
    assert isinstance(block, Paragraph)
    return block.content


@pytest.mark.parametrize(
    ("written", "html", "text"),
    [
        ("*a* **b** `c<d`", "<em>a</em> <strong>b</strong> <code>c&lt;d</code>", "a b c<d"),
        ("one\ntwo", "one two", "one two"),
        ("one  \ntwo", "one<br>two", "one\ntwo"),
        ("one\\\ntwo", "one<br>two", "one\ntwo"),
        ("Tom & Ann", "Tom &amp; Ann", "Tom & Ann"),
        ("1 < 2 > 0", "1 &lt; 2 &gt; 0", "1 < 2 > 0"),
        ("&copy; &amp;lt; &#8364;", "© &amp;lt; €", "© &lt; €"),
        ("\"straight\" 'quotes' -- ...", "\"straight\" 'quotes' -- ...", "\"straight\" 'quotes' -- ..."),
        ("👩‍⚕️ שלום \u202babc\u202c", "👩‍⚕️ שלום \u202babc\u202c", "👩‍⚕️ שלום \u202babc\u202c"),
        ("\\*not\\*", "*not*", "*not*"),
    ],
)
def test_a_run_has_two_forms(written, html, text):
    assert inline(written) == Inline(html, text)


@pytest.mark.parametrize(
    ("written", "html", "text"),
    [
        (
            "[us](https://a.org/?x=1&y=2)",
            '<a href="https://a.org/?x=1&amp;y=2">us</a>',
            "us <https://a.org/?x=1&y=2>",
        ),
        ("<https://a.org>", '<a href="https://a.org">https://a.org</a>', "https://a.org"),
        ("[https://a.org](https://a.org)", '<a href="https://a.org">https://a.org</a>', "https://a.org"),
        ("<me@a.org>", '<a href="mailto:me@a.org">me@a.org</a>', "me@a.org"),
        ("[up](#neck)", '<a href="#neck">up</a>', "up <#neck>"),
        ("[up](../x.md#a-b)", '<a href="../x.md#a-b">up</a>', "up <../x.md#a-b>"),
        ("[](https://a.org)", '<a href="https://a.org"></a>', "https://a.org"),
        (
            "[**b** c][r]\n\n[r]: https://a.org",
            '<a href="https://a.org"><strong>b</strong> c</a>',
            "b c <https://a.org>",
        ),
        ('[q](https://a.org/"x)', '<a href="https://a.org/%22x">q</a>', "q <https://a.org/%22x>"),
        (
            "[x](https://a.org/{{name}})",
            '<a href="https://a.org/{{name}}">x</a>',
            "x <https://a.org/{{name}}>",
        ),
    ],
)
def test_a_link_is_written_out_in_text(written, html, text):
    assert inline(written) == Inline(html, text)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScript:x",
        "&#106;avascript:x",
        "data:text/html,x",
        "vbscript:x",
        "<java\tscript:x>",
    ],
)
def test_a_dangerous_link_leaves_its_label_only(url):
    found = inline(f"see [this]({url}) now")
    assert found == Inline("see this now", "see this now")


@pytest.mark.parametrize(
    ("written", "html", "text"),
    [
        ("a <b>bold</b> c", "a <b>bold</b> c", "a bold c"),
        ('<b onclick="x">a</b>', "<b>a</b>", "a"),
        ("a<br>b", "a<br>b", "a\nb"),
        ("x <script>alert(1)</script> y", "x  y", "x y"),
        ("<u>open", "<u>open</u>", "open"),
        ('<a href="javascript:x">a</a>', "<a>a</a>", "a"),
        ('<a href="/x">a</a> 1 &lt; 2', '<a href="/x">a</a> 1 &lt; 2', "a </x> 1 < 2"),
        ("<u>**b** & `c`</u>", "<u><strong>b</strong> &amp; <code>c</code></u>", "b & c"),
    ],
)
def test_raw_html_in_a_line_is_sanitised(written, html, text):
    assert inline(written) == Inline(html, text)


def test_a_written_field_is_a_field_in_both_forms():
    found = inline('Hello {{ name or "Tom & Ann" }}!')
    pieces = ("Hello ", Field("name", "Tom & Ann"), "!")
    assert split(found.text) == pieces
    assert split(found.html, is_html=True) == pieces


@pytest.mark.parametrize(
    "written", ["**{{ name }}**", "[{{ name }}](https://a.org)", "<u>{{ name }}</u>", "{{name}}"]
)
def test_a_field_may_stand_in_marked_text(written):
    found = inline(written)
    assert Field("name") in split(found.html, is_html=True)
    assert Field("name") in split(found.text)


def test_a_field_may_stand_in_raw_html_but_not_in_its_attributes():
    (block,) = read_markdown('<p title="{{ name }}">Dear {{ name or "you" }}</p>', file="a.md")
    content = block.content
    assert split(content.text) == ("Dear ", Field("name", "you"))
    assert Field("name", "you") in split(content.html, is_html=True)
    assert 'title="{{ name }}"' in content.html


@pytest.mark.parametrize("written", ["{{ first_name }}", "{{ name | upper }}", "`{{ name }}`"])
def test_anything_else_in_braces_stays_for_a_check_to_find(written):
    found = inline(written)
    assert "{{" in found.html
    assert "{{" in found.text


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("ab <>&\"'*_`[]()!#|{}-=\n\\:/.0\ue000\u202e😀"), max_size=80))
def test_whatever_is_written_becomes_safe_blocks_or_a_refusal(text):
    try:
        found = parse_article(f"---\ntitle: t\n---\n{text}", slug="t", file="t.md")
    except LetterError:
        return
    for block in walk(tuple(block for section in found.walk() for block in section.as_blocks())):
        if isinstance(block, Paragraph):
            assert "<script" not in block.content.html
            assert len(split(block.content.html, is_html=True)) == len(split(block.content.html))
