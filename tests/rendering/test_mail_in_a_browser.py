"""The mail as Chromium shows it: it fits a narrow phone, turns dark, and can be read without pictures."""

from dataclasses import replace
from pathlib import Path

import pytest
from rendering_cast import (
    HERE,
    PUBLICATION,
    SERIES,
    about,
    every_kind,
    heading,
    html_of,
    paragraph,
    renderer,
    same,
)

from newsletter.domain.blocks import Button, Callout, Code, NumberedList, Table

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]
WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"
WIDE = Table(
    tuple(same(name) for name in ("Bed", "Crop", "Sown", "Thinned", "Harvested")),
    ((same("Under glass"), same("Tomatoes"), same("February"), same("April"), same("July to September")),)
    * 2,
    ("left", "left", "right", "right", "right"),
    HERE,
)
LONG = (
    paragraph(f"One word {WORD}{WORD} and https://example.org/{'a' * 120}"),
    heading(WORD),
    WIDE,
    Callout("note", (WIDE, NumberedList(((paragraph(WORD),),), HERE)), HERE),
    Code("x" * 300, HERE),
    Button(f"Book the {WORD}", "https://example.org/", HERE),
)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield launched
        launched.close()


def opened(browser, *blocks, width=600, scheme="light", layout="default", language="en-GB"):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.route("**/*", lambda route: route.abort())
    shown = about(replace(PUBLICATION, language=language), *blocks)
    page.set_content(html_of(renderer().render(replace(shown, series=replace(SERIES, layout=layout)))))
    return page


def style(page, selector: str, name: str) -> str:
    return page.eval_on_selector(selector, "(node, name) => getComputedStyle(node)[name]", name)


@pytest.mark.parametrize("width", [320, 360, 600, 1000])
@pytest.mark.parametrize("blocks", [every_kind(), LONG], ids=["usual", "long words and a wide table"])
@pytest.mark.parametrize(("layout", "language"), [("default", "en"), ("letter", "en"), ("letter", "ar")])
def test_nothing_is_wider_than_the_screen(browser, blocks, width, layout, language):
    page = opened(browser, *blocks, width=width, layout=layout, language=language)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_text_stands_twenty_pixels_from_the_edge_of_a_phone(browser):
    page = opened(browser, paragraph(), width=360)
    assert page.eval_on_selector("h1", "node => node.getBoundingClientRect().left") == 20


def test_the_card_is_six_hundred_wide_on_a_desk(browser):
    page = opened(browser, paragraph(), width=1000)
    assert page.eval_on_selector(".card", "node => node.getBoundingClientRect().width") == 600


@pytest.mark.parametrize(
    ("scheme", "card", "text", "link"),
    [
        ("light", "rgb(255, 255, 255)", "rgb(31, 42, 46)", "rgb(11, 107, 98)"),
        ("dark", "rgb(20, 25, 27)", "rgb(232, 230, 225)", "rgb(111, 211, 196)"),
    ],
)
def test_colours_follow_the_reader(browser, scheme, card, text, link):
    page = opened(browser, *every_kind(), scheme=scheme)
    assert style(page, ".card", "backgroundColor") == card
    assert style(page, ".card p:not([class])", "color") == text
    assert style(page, 'a[href="https://example.org/rows"]', "color") == link


@pytest.mark.parametrize("layout", ["default", "letter"])
def test_no_text_is_hard_to_read_in_either_scheme(browser, layout):
    for scheme in ("light", "dark"):
        page = opened(browser, *every_kind(), scheme=scheme, layout=layout)
        texts = page.evaluate(CONTRASTS)
        assert len(texts) > 30
        assert [found for found in texts if found["ratio"] < 4.5] == []


@pytest.mark.parametrize("layout", ["default", "letter"])
def test_the_button_can_be_hit_with_a_thumb(browser, layout):
    page = opened(browser, *every_kind(), width=360, layout=layout)
    assert page.eval_on_selector("a.push", "node => node.getBoundingClientRect().height") >= 44


@pytest.mark.parametrize("layout", ["default", "letter"])
def test_what_begins_at_the_right_stands_at_the_right(browser, layout):
    page = opened(browser, *every_kind(), width=360, layout=layout, language="he")
    for selector in ("ol", "ul", "td.remark", "h1", "table.data th:first-child"):
        assert style(page, selector, "direction") == "rtl"
    marker = page.eval_on_selector("ol > li p", "node => node.getBoundingClientRect().right")
    assert 360 - 20 - 40 < marker < 360 - 20 - 20
    remark = "td.remark"
    assert style(page, remark, "borderRightWidth") != "0px"
    assert style(page, remark, "borderLeftWidth") == "0px"
    assert style(page, "pre", "direction") == "ltr"


@pytest.mark.parametrize("layout", ["default", "letter"])
def test_large_text_still_fits_a_narrow_phone(browser, layout):
    page = opened(browser, *every_kind(), width=320, layout=layout)
    page.add_style_tag(
        content="p, li, div, th, td, h1, h2, h3, a { font-size: 26px !important; "
        "line-height: 38px !important }"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_without_pictures_their_descriptions_stand_there(browser):
    page = opened(browser, *every_kind())
    picture = page.eval_on_selector("img.picture", "node => node.getBoundingClientRect().height")
    assert picture >= 21
    assert float(style(page, "img.picture", "fontSize").removesuffix("px")) >= 14


# The contrast of each text with the nearest ground behind it, as WCAG 2.2 counts it.
CONTRASTS = """() => {
  const parse = colour => (colour.match(/[0-9.]+/g) || []).map(Number);
  const part = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.replace(/[\\s\\u200c\\u034f]/g, '') || !node.offsetParent) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    found.push({text: walker.currentNode.data.trim().slice(0, 40),
                ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)});
  }
  return found;
}"""
