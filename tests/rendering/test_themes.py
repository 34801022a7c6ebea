"""A theme is one small file, and nobody gets a mail whose colours cannot be read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering_cast import SHIPPED, composition, every_kind, html_of, renderer

from newsletter.checks.colours import colour_of
from newsletter.checks.colours import contrast as checked
from newsletter.domain.dress import Dress
from newsletter.errors import TemplateError
from newsletter.rendering.contrast import contrast

colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def refusal(folder: Path, theme: str) -> str:
    (folder / "theme.toml").write_text(theme)
    with pytest.raises(TemplateError) as refused:
        renderer(folder).render(composition())
    return str(refused.value)


def test_white_on_white_is_named_with_its_line_the_ratio_and_a_mend(tmp_path):
    assert refusal(tmp_path, '[colors]\n\ntext = "#ffffff"\n') == (
        "templates/email/theme.toml:3: [colors] text #ffffff on card #ffffff has a contrast of 1.0:1, "
        "and needs 4.5:1; write #757575 for text, or change card"
    )


@pytest.mark.parametrize(
    ("theme", "line", "words"),
    [
        ('[dark]\nmuted = "#303030"', 2, "[dark] muted #303030 on"),
        ('[colors]\ncard = "#1f2a2e"', 2, "[colors] text #1f2a2e on card #1f2a2e"),
        ('[colors]\non_accent = "#0b6b62"', 2, "on_accent #0b6b62 on accent #0b6b62"),
        ('[colors]\naccent = "#777777"', 2, "has a contrast of 4.0:1"),
        ('[dark]\ncallout = "#e8e6e1"', 2, "on callout #e8e6e1"),
    ],
)
def test_each_pair_of_colours_is_measured(tmp_path, theme, line, words):
    said = refusal(tmp_path, theme)
    assert said.startswith(f"templates/email/theme.toml:{line}: ")
    assert words in said


def test_the_colour_that_is_offered_can_be_used(tmp_path):
    offered = refusal(tmp_path, '[colors]\ntext = "#ffffff"\n').partition("write ")[2][:7]
    assert contrast(offered, "#ffffff") >= 4.5


@given(colours, colours)
def test_a_theme_and_a_mail_are_measured_alike(one, other):
    assert contrast(one, other) == pytest.approx(checked(colour_of(one), colour_of(other)), rel=1e-3)


def test_a_theme_builds_on_a_shipped_one(tmp_path):
    (tmp_path / "theme.toml").write_text('base = "ink"\n[colors]\nrule = "#abcdef"\n')
    html = html_of(renderer(tmp_path).render(composition(*every_kind())))
    assert "#1f4e8c" in html
    assert "#abcdef" in html
    assert "#0b6b62" not in html


def test_a_theme_that_does_not_exist_offers_the_nearest(tmp_path):
    said = refusal(tmp_path, '# ours\nbase = "inc"\n')
    assert said == "templates/email/theme.toml:2: there is no theme 'inc'; did you mean 'ink'?"


def test_a_misspelt_name_at_the_top_offers_the_nearest(tmp_path):
    assert "did you mean 'layout'?" in refusal(tmp_path, 'layuot = "letter"\n')


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.glob("*.theme.toml")))
def test_every_shipped_theme_can_be_used(tmp_path, name):
    (tmp_path / "theme.toml").write_text(f'base = "{name.partition(".")[0]}"\n')
    for layout in ("default", "letter"):
        text = (tmp_path / "theme.toml").read_text().splitlines()[0]
        (tmp_path / "theme.toml").write_text(f'{text}\nlayout = "{layout}"\n')
        assert "<h1" in html_of(renderer(tmp_path).render(composition(*every_kind())))


def test_notices_are_dressed_as_the_shipped_theme_says():
    assert renderer().dress() == Dress(
        light={**Dress().light, "callout": "#eef5f3", "table_head": "#f3f1ec"},
        dark={**Dress().dark, "callout": "#1d2427", "table_head": "#1d2427"},
    )


def test_a_broken_theme_keeps_nobody_from_subscribing(tmp_path):
    (tmp_path / "theme.toml").write_text("[colors")
    assert renderer(tmp_path).dress() == Dress()
