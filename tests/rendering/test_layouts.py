"""Two layouts, and as many more as a letter has files for: each takes from the default what it lacks."""

import re
from dataclasses import replace

import pytest
from rendering_cast import (
    PUBLICATION,
    SERIES,
    about,
    composition,
    every_kind,
    html_of,
    paragraph,
    renderer,
    same,
    text_of,
)

from newsletter.domain.blocks import Table
from newsletter.errors import LetterError, TemplateError


def laid_out(layout: str, *blocks):
    return replace(composition(*blocks), series=replace(SERIES, layout=layout))


def plain(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html[html.index("<body") :]).split())


def test_both_layouts_say_the_same_of_every_block():
    ours = renderer()
    default, letter = (plain(html_of(ours.render(laid_out(one, *every_kind())))) for one in ("", "letter"))
    for words in ("Rows run north", "Label the row at once", "Broad bean", "July", "Frost", "Order seeds"):
        assert words in default
        assert words in letter
    assert text_of(ours.render(laid_out("letter", *every_kind()))).count("Order seeds") == 1


def test_the_letter_has_hardly_any_chrome():
    html = html_of(renderer().render(laid_out("letter", *every_kind())))
    assert 'class="mark"' not in html
    assert 'class="line"' not in html
    assert 'class="ground"' not in html
    assert html.count("<h1") == 1


def test_a_partial_of_a_layout_stands_for_that_of_the_default(tmp_path):
    (tmp_path / "letter.quote.mjml.j2").write_text("<mj-text>“{{ stack(block.blocks) }}”</mj-text>")
    ours = renderer(tmp_path)
    assert "“" in html_of(ours.render(laid_out("letter", *every_kind())))
    assert "“" not in html_of(ours.render(laid_out("default", *every_kind())))


def test_a_letter_may_have_a_layout_of_its_own(tmp_path):
    (tmp_path / "gazette.layout.mjml.j2").write_text('{% include "default.layout.mjml.j2" %}')
    (tmp_path / "gazette.next.mjml.j2").write_text("")
    ours = renderer(tmp_path)
    assert ours.layouts() == ["default", "gazette", "letter"]
    assert "Next Tuesday" not in plain(html_of(ours.render(laid_out("gazette", paragraph()))))


def test_an_error_names_the_file_of_the_layout(tmp_path):
    (tmp_path / "letter.quote.mjml.j2").write_text("<mj-text>\n<p>\n</mj-text>")
    with pytest.raises(TemplateError, match=r"email/letter\.quote\.mjml\.j2:3: </mj-text> stands where"):
        renderer(tmp_path).render(laid_out("letter", *every_kind()))
    (tmp_path / "letter.quote.mjml.j2").write_text("<mj-text>\n{% if %}</mj-text>")
    with pytest.raises(TemplateError, match=r"email/letter\.quote\.mjml\.j2:2: "):
        renderer(tmp_path).render(laid_out("letter", *every_kind()))


def test_a_layout_that_does_not_exist_offers_the_nearest(tmp_path):
    with pytest.raises(LetterError, match=r"garden\.toml: there is no layout 'leter'; did you mean 'letter'"):
        renderer().render(laid_out("leter", paragraph()))
    (tmp_path / "theme.toml").write_text('\nlayout = "leter"\n')
    with pytest.raises(LetterError, match=r"theme\.toml:2: there is no layout 'leter'"):
        renderer(tmp_path).render(composition(paragraph()))


def test_a_series_chooses_before_the_theme_does(tmp_path):
    (tmp_path / "theme.toml").write_text('layout = "letter"\n')
    ours = renderer(tmp_path)
    assert 'class="mark"' not in html_of(ours.render(composition(paragraph())))
    assert 'class="mark"' in html_of(ours.render(laid_out("default", paragraph())))


def test_another_layout_is_another_source():
    ours = renderer()
    hashes = {ours.source_hash(laid_out(one, paragraph())) for one in ("default", "letter")}
    assert len(hashes) == 2
    assert ours.source_hash(laid_out("", paragraph())) == ours.source_hash(laid_out("default", paragraph()))


@pytest.mark.parametrize("layout", ["default", "letter"])
@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl"), ("he-IL", "rtl")])
def test_everything_runs_the_way_the_language_does(layout, language, direction):
    table = Table((same("a"), same("b")), ((same("c"), same("1")),), ("left", "right"), paragraph().place)
    shown = about(replace(PUBLICATION, language=language), table, *every_kind())
    html = html_of(renderer().render(replace(shown, series=replace(SERIES, layout=layout))))
    other = "ltr" if direction == "rtl" else "rtl"
    assert f"direction:{direction}" in html
    assert f"direction:{other}" not in html
    head = re.findall(r'<th [^>]*scope="col"[^>]*align="(\w+)"', html)
    assert head[:2] == (["left", "right"] if direction == "ltr" else ["right", "left"])
    start = "left" if direction == "ltr" else "right"
    assert f"border-{start}:" in html.replace("border-" + start + ": ", f"border-{start}:")
