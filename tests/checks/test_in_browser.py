"""What Chromium draws is measured: every rule finds what breaks it, and nothing else does."""

from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from bad_drawn_cast import CLEAR, DRAWN, INK, LINK, PAPER, drawn, framed, logo
from checks_cast import picture

from newsletter.checks.chromium import SYSTEM
from newsletter.checks.in_browser import opened_screen
from newsletter.checks.sample import Sample
from newsletter.domain.blocks import Inline, Paragraph
from newsletter.errors import Place, Refused

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not SYSTEM.exists(), reason=f"{SYSTEM} is not installed"),
]
CASES = [pytest.param(name, one, id=f"{name}-{at}") for name in DRAWN for at, one in enumerate(DRAWN[name])]


@pytest.fixture(scope="module")
def screen():
    with opened_screen() as opened:
        yield opened


@pytest.fixture
def look(screen):
    return screen.look_at


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_what_is_drawn_badly_is_found_by_its_rule_alone(look, name: str, sample: Sample):
    assert {one.name for one in look(sample)} - sample.known == {name}


@pytest.mark.parametrize(
    "sample",
    [
        drawn(),
        drawn(picture()),
        drawn('<p style="color:#1f2a2e;background:#eef5f3">Sow.</p>'),
        drawn(f"<p>Rake, {LINK}>then sow</a>, then water.</p>"),
        drawn(f"<p>{LINK[:10]}display:inline-block;padding:14px;{LINK[10:]}>Order</a></p>"),
        drawn(
            '<div style="background:linear-gradient(#000, #333)"><p style="background:#fff">Sow.</p></div>'
        ),
        logo(framed(INK, INK)),
        logo(framed(CLEAR, PAPER, *[INK] * 11)),
        logo(framed(CLEAR, "e0b050ff", "e0b050ff")),
        logo(framed(CLEAR, *[INK] * 40, width=1)),
        logo(framed(CLEAR, CLEAR)),
        logo(b"\x89PNG\r\n\x1a\nrubbish"),
        drawn('<div style="display:none;width:900px;color:#fff">Sow.</div>'),
    ],
)
def test_what_is_drawn_well_passes_clean(look, sample: Sample):
    assert look(sample) == []


def test_a_finding_names_the_line_of_the_block_that_it_is_about(look):
    place = Place("content/articles/garden.md", 7)
    sample = drawn('<p style="color:#999">Sow <b>thinly</b> in rows.</p>')
    blocks = (Paragraph(Inline("Sow thinly in rows.", "Sow <b>thinly</b> in rows."), place),)
    assert {one.place for one in look(replace(sample, blocks=blocks))} == {place}


def test_what_is_too_wide_is_the_smallest_part_that_is_so_by_itself(look):
    rows = "<tr><td>Sow</td><td>" + "a" * 60 + "</td></tr>"
    wide = f'<p>Rake.</p><table role="presentation">{rows}</table><p>Water.</p>'
    first, second = look(drawn(wide))
    assert "wide on a screen of 320, by a <td>" in first.what
    assert "on a screen of 360" in second.what


def test_texts_in_the_same_two_colours_are_told_once_and_the_small_one_of_them(look):
    pale = "color:#888888"
    large = f'<p style="{pale};font-size:30px">Rows</p>'
    (found,) = look(drawn(f'{large}<p style="{pale}">Sow.</p><p style="{pale}">Rake.</p>'))
    assert found.what == "'Sow.' has a contrast of 3.5"


def test_what_axe_finds_names_its_page_and_where_it_stands(look):
    (found,) = look(drawn("<ul><p>Rows.</p></ul>"))
    assert "[list]" in found.what
    assert "at ul" in found.what
    assert found.source.startswith("dequeuniversity.com/rules/axe/")


def test_nothing_is_loaded_from_anywhere(look):
    asked = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

    with HTTPServer(("127.0.0.1", 0), Listening) as server:
        picture_there = (
            f'<img src="http://127.0.0.1:{server.server_port}/a.png" alt="A bed in April" width="9">'
        )
        assert look(drawn(picture_there)) == []
        server.timeout = 0
        server.handle_request()
    assert asked == []


def test_screenshots_of_every_model_are_kept_on_request(screen, tmp_path):
    replace(screen, folder=tmp_path / "shots").look_at(drawn())
    models = ("dark", "darkened", "light", "without-pictures")
    wanted = [f"garden-soil-{width}-{model}.png" for width in (360, 800) for model in models]
    assert sorted(path.name for path in (tmp_path / "shots").iterdir()) == sorted(wanted)


def test_a_folder_that_is_a_file_is_one_sentence(screen, tmp_path):
    (tmp_path / "shots").write_text("a file")
    with pytest.raises(Refused, match=r"shots cannot be written to: File exists; name a folder"):
        replace(screen, folder=tmp_path / "shots").look_at(drawn())
