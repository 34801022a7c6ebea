"""A composition becomes a revision: whole, the same every time, and untouched by what anyone wrote."""

import os
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from rendering_cast import (
    HERE,
    ISSUES,
    PUBLICATION,
    SERIES,
    about,
    composition,
    every_kind,
    heading,
    html_of,
    paragraph,
    renderer,
    same,
    text_of,
)

from newsletter.domain.blocks import BLOCK_KINDS, Button, Code, Html, Image, Inline, Quote
from newsletter.domain.pieces import Field, fence
from newsletter.errors import LetterError, Place

HOSTILE = [
    "Menü > Datei",
    "1 < 2 && 3 > 2",
    "say \"hello\" \\ 'there'",
    "family 👨‍👩‍👧 soft\u00adhyphen",
    "{{ name }} {% if %} {# no #}",
    "@@t41@@ @@h41@@",
    "日本 > 東京",
    "</mj-text><mj-raw>",
    "\x01layout.mjml.j2:1\x01",
    "tab\there",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_arrives_as_it_was_written(text):
    revision = renderer().render(composition(Button(text, "https://example.org/", HERE), Code(text, HERE)))
    assert unescape(html_of(revision)).count(text) == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_an_attribute_arrives_as_it_was_written(text):
    picture = Image("images/a.jpg", text, HERE, "https://example.org/a.jpg", 1200, 600)
    html = html_of(renderer().render(composition(picture)))
    assert text in [unescape(part.partition('"')[0]) for part in html.split('alt="')[1:]]


def test_markup_nested_beyond_reason_arrives_as_it_was_written():
    deep = "<div>" * 20_000 + "x" + "</div>" * 20_000
    assert deep in html_of(renderer().render(composition(Html(Inline(deep, "x"), HERE))))


def test_a_subject_cannot_open_a_tag_in_the_title():
    issue = replace(ISSUES[0], subject="</title><b>", title="<i>")
    html = html_of(renderer().render(replace(composition(paragraph()), issue=issue)))
    assert "<title>&lt;/title&gt;&lt;b&gt;</title>" in html
    assert "&lt;i&gt;</h1>" in html


def test_the_same_issue_gives_the_same_bytes_twice():
    issue = composition(*every_kind())
    assert renderer().render(issue) == renderer().render(issue)


@pytest.mark.parametrize("seed", ["1", "77"])
def test_another_process_gives_the_same_bytes(seed):
    script = (
        "from rendering_cast import *; r = renderer().render(composition(*every_kind()));"
        "print(r.hash, r.source_hash)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    here = renderer().render(composition(*every_kind()))
    assert printed.stdout.split() == [here.hash, here.source_hash], printed.stderr


def test_every_kind_of_block_is_among_the_samples():
    assert {type(block) for block in every_kind()} == set(BLOCK_KINDS)


@pytest.mark.parametrize(
    "words",
    [
        "this plan",
        "A raised bed in April",
        "Sowing in four steps",
        "Water the drill, not the seed.",
        "Broad bean",
        "A row is a promise",
        "Keep fleece at hand.",
        "sow --depth 2cm --rows 4",
        "Made by",
        "Can I sow in pots?",
        "Order seeds",
        "https://example.org/seeds",
        "Next Tuesday:",
        "Water: less, and later",
        "2 of 4",
        PUBLICATION.postal_address,
    ],
)
def test_what_an_editor_wrote_is_in_both_parts(words):
    revision = renderer().render(composition(*every_kind()))
    assert words in unescape(html_of(revision))
    assert words in text_of(revision)


@pytest.mark.parametrize("kind", BLOCK_KINDS)
def test_each_kind_of_block_stands_inside_another(kind):
    block = next(block for block in every_kind() if isinstance(block, kind))
    revision = renderer().render(composition(Quote((block, paragraph("The end.")), HERE)))
    assert "The end." in html_of(revision)
    assert "> The end." in text_of(revision)


def test_the_last_issue_says_so():
    revision = renderer().render(composition(paragraph(), position=4))
    assert "This was the last of 4." in html_of(revision)
    assert "This was the last of 4." in text_of(revision)


def test_a_series_of_one_counts_nothing():
    alone = replace(composition(paragraph(), position=1), series=replace(SERIES, issues=ISSUES[:1]))
    text = text_of(renderer().render(replace(alone, next_issue=None)))
    assert "of 1" not in text


def test_a_long_series_keeps_a_thin_line():
    many = replace(SERIES, issues=ISSUES * 10)
    html = html_of(renderer().render(replace(composition(paragraph()), series=many)))
    assert "2 of 40" in html
    assert html.count('class="ahead"') == 1


def test_fields_become_pieces_of_both_parts():
    revision = renderer().render(composition(paragraph(f"Hello {fence(Field('name', 'you & me'))}.")))
    for pieces in (revision.html, revision.text):
        assert {Field("name", "you & me"), Field("unsubscribe_url"), Field("view_url")} <= set(pieces)


def test_a_field_of_the_subject_is_a_piece_and_reads_well_without_a_name():
    issue = replace(ISSUES[0], subject='{{ name or "You" }} and the soil')
    revision = renderer().render(replace(composition(paragraph()), issue=issue))
    assert revision.subject == (Field("name", "You"), " and the soil")
    assert revision.subject_line == "You and the soil"


def test_links_are_listed_once_and_without_those_of_one_subscriber():
    link = same('<a href="https://example.org/a?b=1&amp;c=2">a</a>')
    revision = renderer().render(composition(replace(paragraph(), content=link), paragraph(link.html)))
    assert revision.links == ("https://example.org/a?b=1&c=2",)


def test_a_line_that_moved_in_its_file_is_the_same_source():
    moved = replace(composition(paragraph()), blocks=((replace(paragraph(), place=Place("b.md", 99)),),))
    assert renderer().source_hash(moved) == renderer().source_hash(composition(paragraph()))


def test_the_source_changes_with_text_kind_settings_and_templates(tmp_path):
    (tmp_path / "divider.txt.j2").write_text("---\n")
    plain = composition(paragraph("a"))
    hashes = {
        renderer().source_hash(plain),
        renderer().source_hash(composition(paragraph("b"))),
        renderer().source_hash(composition(heading("a"))),
        renderer().source_hash(about(replace(PUBLICATION, postal_address="elsewhere"), paragraph("a"))),
        renderer().source_hash(replace(plain, series=replace(SERIES, sender="B <b@example.org>"))),
        renderer(tmp_path).source_hash(plain),
    }
    assert len(hashes) == 6


def test_the_revision_carries_the_source_it_was_made_from():
    issue = composition(paragraph())
    assert renderer().render(issue).source_hash == renderer().source_hash(issue)


def test_a_letters_own_partial_replaces_the_shipped_one(tmp_path):
    (tmp_path / "quote.mjml.j2").write_text("<mj-text>So they say: {{ stack(block.blocks) }}</mj-text>\n")
    quote = Quote((paragraph("Rain."),), HERE)
    revision = renderer(tmp_path).render(composition(quote, paragraph("Sun.")))
    assert "So they say: <p" in html_of(revision)
    assert "Sun." in html_of(revision)
    assert "> Rain." in text_of(revision)


def test_a_template_that_changes_is_used_at_once(tmp_path):
    ours = renderer(tmp_path)
    before = ours.render(composition(paragraph()))
    (tmp_path / "theme.toml").write_text('[colors]\naccent = "#123456"\n')
    assert "#123456" not in html_of(before)
    assert "#123456" in html_of(ours.render(composition(paragraph())))


def test_a_logo_takes_the_place_of_the_name(tmp_path):
    logo = '[logo]\nurl = "https://example.org/l.png"\nwidth = 120\nheight = 30\n'
    (tmp_path / "theme.toml").write_text(logo)
    html = html_of(renderer(tmp_path).render(composition(paragraph())))
    image = html[html.index('<img class="logo"') :].partition(">")[0]
    for said in ('src="https://example.org/l.png"', 'alt="The Kitchen Garden"', 'width="120"', 'height="30"'):
        assert said in image


def test_a_partial_may_use_any_block_of_mjml(tmp_path):
    (tmp_path / "button.mjml.j2").write_text(
        '<mj-button href="{{ block.url }}" padding="0 20px" color="#fff">{{ block.label }}</mj-button>\n'
    )
    html = html_of(renderer(tmp_path).render(composition(Button("Zoë > you", "https://example.org/", HERE))))
    assert "Zoë &gt; you" in html
    assert "#ffffff" in html


def test_blocks_nested_beyond_reading_are_refused_with_their_place():
    nested = paragraph()
    for _ in range(12):
        nested = Quote((nested,), HERE)
    with pytest.raises(LetterError, match="levels deep") as refused:
        renderer().render(composition(nested))
    assert refused.value.place == HERE
