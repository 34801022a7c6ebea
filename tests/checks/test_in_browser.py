"""What Chromium draws is measured: every rule finds what breaks it, and nothing else does."""

from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from bad_drawn_cast import DRAWN, LINK, drawn
from checks_cast import picture

from newsletter.checks.chromium import SYSTEM
from newsletter.checks.in_browser import opened_screen
from newsletter.checks.sample import Sample
from newsletter.domain.blocks import Inline, Paragraph
from newsletter.errors import Place

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
