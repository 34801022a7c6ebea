"""A template that cannot be used says where: its file, relative to its root, and the line."""

import shutil

import pytest
from rendering_cast import SHIPPED, composition, every_kind, paragraph, renderer

from newsletter.errors import TemplateError
from newsletter.rendering.renderer import Renderer


def refusal(folder, name: str, source: str) -> TemplateError:
    (folder / name).write_text(source)
    with pytest.raises(TemplateError) as refused:
        renderer(folder).render(composition(*every_kind()))
    return refused.value


@pytest.mark.parametrize(
    ("name", "source", "line", "words"),
    [
        ("paragraph.mjml.j2", "<mj-text>\n{% if %}\n</mj-text>", 2, "Expected an expression"),
        ("paragraph.mjml.j2", "<mj-text>\n{{ block.contnt }}\n</mj-text>", 2, "contnt"),
        ("paragraph.mjml.j2", "\n\n{{ nobody }}", 3, "'nobody' is undefined"),
        ("paragraph.mjml.j2", "\n{{ block.content.html|safe }}", 2, "safe"),
        ("paragraph.mjml.j2", "<mj-text>\n{{ block }}</mj-text>", 2, "type Paragraph has no text"),
        ("paragraph.mjml.j2", "<mj-text>\n{{ 1 / 0 }}</mj-text>", 2, "division by zero"),
        ("paragraph.mjml.j2", "\n{{ block.__class__.__mro__ }}", 2, "unsafe"),
        (
            "paragraph.mjml.j2",
            '\n{% include "nowhere.mjml.j2" %}',
            2,
            "there is no template 'nowhere.mjml.j2'",
        ),
        ("paragraph.mjml.j2", '\n{% include "paragraph.mjml.j2" %}', 2, "without end"),
        ("paragraph.mjml.j2", "{{ field('nme', '') }}", 1, "did you mean 'name'?"),
        ("paragraph.txt.j2", "a\n{{ nobody }}", 2, "'nobody' is undefined"),
        ("masthead.mjml.j2", "\n{% for x in %}", 2, "Expected an expression"),
        ("head.css.j2", "a {\n color: {{ theme.colors.acent }} }", 2, "acent"),
    ],
)
def test_a_broken_template_names_its_line(tmp_path, name, source, line, words):
    error = refusal(tmp_path, name, source)
    assert str(error.place) == f"templates/email/{name}:{line}"
    assert words in str(error)


def test_a_layout_without_a_body_says_so(tmp_path):
    error = refusal(tmp_path, "layout.mjml.j2", "<mjml><mj-head></mj-head></mjml>")
    assert "there is no <mj-body>" in str(error)


def test_a_missing_partial_names_the_template_that_asked_for_it(tmp_path):
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    (tmp_path / "table.mjml.j2").unlink()
    with pytest.raises(TemplateError, match=r"there is no template 'table\.mjml\.j2'") as refused:
        Renderer(None, tmp_path).render(composition(*every_kind()))
    assert refused.value.place.file == "templates/email/layout.mjml.j2"
    assert refused.value.place.line > 0


def test_a_logo_needs_its_size(tmp_path):
    error = refusal(tmp_path, "theme.toml", '[logo]\nurl = "https://example.org/a.png"')
    assert "write its width and height under [logo]" in str(error)


def test_a_template_that_is_no_text_says_so(tmp_path):
    (tmp_path / "quote.mjml.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateError, match="cannot be read"):
        renderer(tmp_path).render(composition(paragraph()))


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ('[colors]\n\nacent = "#123456"', 3, "did you mean 'accent'"),
        ('[colours]\naccent = "#123456"', 1, "did you mean 'colors'?"),
        ('[colors]\naccent = "red"', 2, 'a colour like "#0b6b62"'),
        ('[fonts]\ntext = "a; } body {"', 2, "font names"),
        ('[fonts]\ntext = "\'Segoe UI, serif"', 2, "font names"),
        ("[spacing]\nblock = 24", 2, 'a size like "24px"'),
        ('[logo]\nurl = "http://example.org/a.png"', 2, "https://"),
        ("[logo]\nwidth = 9000", 2, "whole pixels"),
        ('accent = "#123456"', 1, "no section 'accent'"),
        ("[colors\n", 1, "not TOML"),
    ],
)
def test_a_theme_is_strict_and_names_its_line(tmp_path, source, line, words):
    error = refusal(tmp_path, "theme.toml", source)
    assert str(error.place) == f"templates/email/theme.toml:{line}"
    assert words in str(error)
