"""MJML that is wrong, or not compiled here, is one sentence: file, line and column, what, and the mend."""

import time

import pytest
from rendering_cast import composition, every_kind, renderer

from newsletter.errors import TemplateError

IMAGE = 'src="https://example.org/a.png" alt="a"'


def refusal(folder, name: str, source: str) -> TemplateError:
    (folder / name).write_text(source, encoding="utf-8")
    with pytest.raises(TemplateError) as refused:
        renderer(folder).render(composition(*every_kind()))
    return refused.value


def in_head(text: str) -> str:
    return f"<mjml>\n<mj-head>\n{text}\n</mj-head><mj-body></mj-body></mjml>"


@pytest.mark.parametrize(
    ("source", "where", "words"),
    [
        # Balance.
        (
            "\n<mj-text>\n<p>{{ block.kind }}\n </mj-text>",
            "4:2",
            "where <p> of templates/email/quote.mjml.j2:3:1",
        ),
        ("<mj-text>\n</mj-text></mj-text>", "2:11", "stands where <mj-column>"),
        (
            "\n<mj-text>",
            "",
            "cannot stand inside the <mj-text> of templates/email/quote.mjml.j2:2:1; close <mj-text> first",
        ),
        ("\n <mj-text>\n a {{ 1 }} < 2</mj-text>", "3:12", "opens no tag that can be read; write &lt;"),
        ("\n<mj-text>\n<!-- open\n</mj-text>", "3:1", "a comment is never closed; write -->"),
        ('\n<mj-text><p title="a>b</p></mj-text>', "2:10", "opens no tag"),
        ("\n<mj-text><div/></mj-text>", "2:10", "does not close <div />; write <div></div>"),
        ("\n<mj-text><BR></mj-text>", "2:10", "<BR> must be written in lower case; write <br />"),
        ("\n<mj-text><![CDATA[a]]></mj-text>", "2:10", "CDATA cannot be compiled"),
        ("\n<?xml version='1.0'?>", "2:1", "an XML declaration is written by itself; leave it out"),
        ("<mj-text>\n" + "<b>" * 70 + "</b>" * 70 + "</mj-text>", "2:178", "nested more than 64 deep"),
        # Which element stands in which.
        ("\n<mj-txt></mj-txt>", "2:1", "<mj-txt> is not known here; did you mean 'mj-text'"),
        ("\n<p>bare</p>", "2:1", "<p> cannot stand inside <mj-column>; write <mj-accordion> or"),
        ("\nbare", "", "'bare' stands directly inside <mj-column>; write <mj-text> around it"),
        ("\n{{ block.blocks[0].content }}", "", "content stands directly inside <mj-column>"),
        ("\n<mj-section></mj-section>", "2:1", "cannot stand inside <mj-column>; put it inside <mj-body>"),
        (
            "\n<mj-text><mj-button>a</mj-button></mj-text>",
            "2:10",
            "<mj-button> cannot stand inside the <mj-text> of",
        ),
        ("\n<mj-divider><p>a</p></mj-divider>", "2:13", "<p> cannot stand inside <mj-divider>; close"),
        ('\n<mj-include path="a.mjml" />', "2:1", "<mj-include> is not known here; write {% include"),
        # Attributes.
        ("\n<mj-text a='1' a='2'></mj-text>", "2:1", "'a' twice; keep one of them"),
        ("\n<mj-text align=left>x</mj-text>", "2:1", "cannot be read: 'align=left'; write name="),
        ("\n<mj-text><b @click='a'>b</b></mj-text>", "2:10", "an attribute of <b> cannot be read: '@"),
        ("\n<mj-text><input disabled /></mj-text>", "2:10", "cannot be read: 'disabled'"),
        (
            '\n<mj-text colour="red">x</mj-text>',
            "2:1",
            "<mj-text> has no attribute 'colour'; did you mean 'color'",
        ),
        (
            '\n<mj-text color="rde">x</mj-text>',
            "2:1",
            "'rde' cannot be used for 'color' of <mj-text>; write a colour",
        ),
        (
            '\n<mj-text padding="5">x</mj-text>',
            "2:1",
            "write one to four sizes with spaces between in px or %",
        ),
        ('\n<mj-text padding="1px 2px 3px 4px 5px">x</mj-text>', "2:1", "write one to four sizes"),
        ('\n<mj-text align="middle">x</mj-text>', "2:1", "write 'left' or 'right' or 'center' or 'justify'"),
        ('\n<mj-spacer height="tall" />', "2:1", "write one size in px or %, such as '20px'"),
        (
            f'\n<mj-image {IMAGE} border-top="1px" />',
            "2:1",
            "'border-top' of <mj-image> is not supported here; write border",
        ),
        (
            '\n<mj-image src="https://example.org/a.png" />',
            "2:1",
            'has no alt; write alt="" for a decoration',
        ),
        ('\n<mj-text><img src="https://example.org/a.png"></mj-text>', "2:10", "<img> has no alt"),
        ('\n<mj-image alt="a" />', "2:1", "<mj-image> has no src; write the picture's address"),
        (
            '\n<mj-text mj-class="quiet">x</mj-text>',
            "2:1",
            "there is no mj-class 'quiet'; there are none yet",
        ),
        (
            '\n<mj-text><a title="{{ block.blocks[0].content }}">x</a></mj-text>',
            "2:10",
            "markup stands in an attribute; write its .text there",
        ),
    ],
)
def test_what_is_wrong_in_a_partial_is_named_with_its_place_and_mend(tmp_path, source, where, words):
    error = refusal(tmp_path, "quote.mjml.j2", source)
    assert words in str(error)
    if where:
        assert str(error.place) == f"templates/email/quote.mjml.j2:{where}"


@pytest.mark.parametrize(
    ("source", "where", "words"),
    [
        (
            in_head("<mj-preview>a <b>b</b></mj-preview>"),
            "3:15",
            "<b> cannot stand inside <mj-preview>; write text",
        ),
        (in_head("<mj-style>a { } <b></mj-style>"), "3:1", "<mj-style> holds a tag; write rules only"),
        (in_head('<mj-style inline="inline">a { }</mj-style>'), "3:1", "write the rules into inline.css.j2"),
        (in_head("<mj-html-attributes></mj-html-attributes>"), "3:1", "write the attributes on the elements"),
        (in_head("<mj-font></mj-font><p>a</p>"), "3:20", "<p> cannot stand inside <mj-head>"),
        (
            in_head('<mj-attributes><mj-class name="a"><mj-text color="red" /></mj-class></mj-attributes>'),
            "3:35",
            "<mj-text> cannot stand inside <mj-class>",
        ),
        (
            in_head('<mj-attributes><mj-class color="red" /></mj-attributes>'),
            "3:16",
            "<mj-class> has no name",
        ),
        (in_head('<mj-attributes><mj-all pading="1px" /></mj-attributes>'), "3:16", "did you mean 'padding'"),
        (
            in_head('<mj-attributes><mj-all padding="wide" /></mj-attributes>'),
            "3:16",
            "'wide' cannot be used",
        ),
        ('<mjml lang="en" dir="up"><mj-body></mj-body></mjml>', "1:1", "write 'ltr' or 'rtl' or 'auto'"),
        ('<mjml owa="desktop"><mj-body></mj-body></mjml>', "1:1", "'owa' of <mjml> is not supported here"),
        ("<!doctype html>\n<mjml><mj-body></mj-body></mjml>", "1:1", "a doctype is written by itself"),
        (
            "<mjml><mj-body></mj-body><mj-body></mj-body></mjml>",
            "1:26",
            "there is a second <mj-body>; write one",
        ),
        ("<mjml><mj-head></mj-head></mjml>", "1:1", "there is no <mj-body>"),
        ("<mjml><mj-body>", "1:7", "<mj-body> is never closed"),
        ("<html></html>", "1:1", "<html> cannot stand at the top; write <mjml>"),
        ("words", "", "'words' stands outside <mjml>"),
        ("", "", "there is no <mj-body>"),
    ],
)
def test_what_is_wrong_in_a_layout_is_named_with_its_place_and_mend(tmp_path, source, where, words):
    error = refusal(tmp_path, "layout.mjml.j2", source)
    assert words in str(error)
    if where:
        assert str(error.place) == f"templates/email/layout.mjml.j2:{where}"


@pytest.mark.parametrize(
    "source",
    [
        "<mj-text>" + "<div>" * 20_000 + "</div>" * 20_000 + "</mj-text>",
        "<mj-text>" + "<div>" * 20_000,
        "<mj-wrapper>" * 20_000,
        "</mj-text>" * 20_000,
        '<a "' * 20_000,
        "<!--" * 20_000,
        "<" * 20_000,
        "<mj-text " + "a='b' " * 20_000 + ">",
        '{% include "quote.mjml.j2" %}',
        '{% include "list_a.mjml.j2" %}',
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{{ stack([block]) }}",
        "{{ '(' * 100000 }}<mj-text>x</mj-text>",
        "{" + "{" * 20_000,
        "{{ " + "(" * 20_000 + ")" * 20_000 + " }}",
        "{{ " + "1 + " * 20_000 + "1 }}",
        "{% if block %}" * 2_000,
        "\x00<mj-text>\x01</mj-text>",
        "<mj-text>\x01a:1:2\x01</mj-text>",
    ],
    ids=str.__len__,
)
def test_no_template_ends_the_process_or_takes_long(tmp_path, source):
    (tmp_path / "list_a.mjml.j2").write_text('{% include "list_b.mjml.j2" %}')
    (tmp_path / "list_b.mjml.j2").write_text('{% include "list_a.mjml.j2" %}')
    (tmp_path / "quote.mjml.j2").write_text(source, encoding="utf-8")
    started = time.process_time()
    error = outcome(tmp_path)
    assert error is None or error.place is not None
    assert len(str(error)) < 400
    assert "\n" not in str(error)
    assert time.process_time() - started < 10


def outcome(folder) -> TemplateError | None:
    try:
        renderer(folder).render(composition(*every_kind()))
    except TemplateError as error:
        return error
    return None
