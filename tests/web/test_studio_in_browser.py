"""The studio on a real letter, in Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from letter_cast import ARTICLE_FILE, SERIES_FILE, Office, rewrite, write_letter

from newsletter.web.serving import previewed

pytestmark = pytest.mark.browser

FRAME = "iframe:not(.coming)"
WORDS = "A sore back rarely has one cause, and a little understanding goes a long way here.\n\n"
GROUND = f"getComputedStyle(document.querySelector('{FRAME}').contentDocument.body).backgroundColor"
WIDTHS = f"[...document.querySelectorAll('{FRAME}')].map((frame) => frame.contentWindow.innerWidth)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_letter(tmp_path)
    rewrite(
        tmp_path / ARTICLE_FILE,
        "\n\n## Neck",
        '\n\nDear {{ name or "friend" }}, welcome.\n\n' + WORDS * 30 + "\n\n## Neck",
    )
    return tmp_path


@pytest.fixture
def studio_url(root: Path) -> Iterator[str]:
    office = Office(root)
    with previewed(office.app(), 0) as url:
        yield url
    office.close()


@pytest.fixture
def studio(page: Any, studio_url: str) -> Any:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(studio_url)
    page.wait_for_selector(FRAME)
    return page


def mail(studio: Any) -> Any:
    return studio.frame_locator(FRAME).first


def test_the_keyboard_goes_through_issues_and_views(studio: Any, root: Path, errors: list[str]) -> None:
    studio.keyboard.press("ArrowRight")
    mail(studio).get_by_text("a clear idea of when").wait_for()
    studio.keyboard.press("t")
    studio.locator("#text", has_text="Neck: small movements").wait_for()
    studio.keyboard.press("s")
    studio.locator("#source", has_text="<!doctype html>").wait_for()
    studio.keyboard.press("h")
    studio.locator("#headers", has_text="List-Unsubscribe-Post").wait_for()
    studio.keyboard.press("m")
    studio.keyboard.press("k")
    mail(studio).get_by_text("Dear friend").wait_for()
    assert errors == []
    assert not list(root.glob("newsletter.db*"))


def test_keys_work_inside_the_mail_too(studio: Any) -> None:
    mail(studio).get_by_role("heading").first.click()
    studio.keyboard.press("j")
    mail(studio).get_by_text("a clear idea of when").wait_for()


def test_the_keys_are_listed(studio: Any) -> None:
    studio.keyboard.press("?")
    assert studio.locator("#keys").is_visible()
    studio.keyboard.press("j")
    studio.keyboard.press("Escape")
    assert not studio.locator("#keys").is_visible()
    assert studio.get_attribute("#list [aria-current]", "data-target") == "back-pain/lower-back"


def test_a_frame_has_the_real_width_of_its_device(studio: Any) -> None:
    studio.set_viewport_size({"width": 1024, "height": 768})
    page = f"document.querySelector('{FRAME}').contentDocument.documentElement"
    for key, widths in (("1", [360]), ("2", [768]), ("4", [360, 640])):
        studio.keyboard.press(key)
        for width in widths:
            studio.wait_for_selector(f".device[data-width='{0 if width == 640 else width}'] {FRAME}")
        assert studio.evaluate(WIDTHS) == widths
        assert studio.evaluate(f"{page}.scrollHeight <= {page}.clientHeight")
        assert studio.evaluate("stage.scrollWidth <= stage.clientWidth")


def test_colours_are_those_of_the_client_and_not_of_this_machine(studio: Any) -> None:
    studio.emulate_media(color_scheme="dark")
    seen = [studio.evaluate(GROUND)]
    for colours in ("dark", "forced"):
        studio.keyboard.press("d")
        studio.wait_for_selector(f".glass[data-colours={colours}]")
        seen.append(studio.evaluate(GROUND))
    assert len(set(seen)) == 3
    light, dark, forced = (sum(map(int, re.findall(r"\d+", colour))) for colour in seen)
    assert light > 600
    assert dark < 100
    assert forced < 100
    studio.keyboard.press("i")
    studio.wait_for_selector("iframe[src*='images=false']:not(.coming)")
    assert not studio.get_by_label("Images").is_checked()


def test_the_mail_is_read_as_somebody_else(studio: Any) -> None:
    mail(studio).get_by_text("Dear friend, welcome.").wait_for()
    studio.locator("#reader").select_option("rtl")
    mail(studio).get_by_text("Dear נועה בן-דוד, welcome.").wait_for()
    assert "11:00 in Asia/Jerusalem" in studio.inner_text("#head")
    studio.keyboard.press("Escape")
    assert "as=rtl" in studio.url


def test_the_mail_is_read_as_a_subscriber(page: Any, studio_url: str, root: Path) -> None:
    Office(root).join("ada")
    page.goto(studio_url)
    page.locator("#reader").select_option("ada@example.org")
    mail(page).get_by_text("Dear Ada, welcome.").wait_for()


def test_a_change_is_shown_and_the_place_and_choices_are_kept(studio: Any, root: Path) -> None:
    for key in ("1", "d"):
        studio.keyboard.press(key)
    studio.wait_for_selector(".device[data-width='360'] .glass[data-colours=dark]")
    studio.evaluate("stage.scrollTop = 700")
    rewrite(root / ARTICLE_FILE, "\n\n## Neck", "\n\nNewly written.\n\n## Neck")
    mail(studio).get_by_text("Newly written.").wait_for()
    assert studio.evaluate("stage.scrollTop") == 700
    studio.reload()
    studio.wait_for_selector(".device[data-width='360'] .glass[data-colours=dark]")


def test_settings_are_read_again_too(studio: Any, root: Path) -> None:
    rewrite(root / "newsletter.toml", "Back Care Weekly", "The Back Letter")
    mail(studio).get_by_text("The Back Letter").first.wait_for()


def test_a_broken_template_is_a_sentence_until_it_is_mended(studio: Any, root: Path) -> None:
    studio.evaluate("stage.scrollTop = 700")
    template = root / "templates" / "email" / "paragraph.mjml.j2"
    template.parent.mkdir(parents=True)
    template.write_text("<mj-text>\n{{ block.content\n</mj-text>")
    problem = studio.locator("#problem")
    problem.get_by_text("This issue cannot be shown").wait_for()
    assert "templates/email/paragraph.mjml.j2:" in problem.inner_text()
    assert problem.bounding_box()["y"] < 300
    assert not studio.locator(".device").first.is_visible()
    template.unlink()
    studio.locator(".device").first.wait_for()
    assert problem.inner_text() == ""
    assert studio.evaluate("stage.scrollTop") == 700


def test_a_broken_letter_keeps_its_list(studio: Any, root: Path) -> None:
    rewrite(root / SERIES_FILE, "[cadence]", "[cadence")
    studio.get_by_text("The letter cannot be read").wait_for()
    assert studio.locator("#list a").count() == 2


def test_findings_stand_beside_what_they_concern(studio: Any, root: Path) -> None:
    rewrite(root / ARTICLE_FILE, "Dear {{", "[Click here](https://example.org/book) to book. Dear {{")
    rewrite(
        root / SERIES_FILE,
        "Lower back: where the ache comes from",
        "LOWER BACK ACHES ARE HERE TO STAY FOR YOU",
    )
    finding = studio.locator("#findings li[data-part=mail]", has_text="Click here").first
    finding.wait_for()
    number = finding.get_attribute("data-number")
    pin = studio.locator(f".pins .pin[data-number='{number}']")
    pin.wait_for()
    link = mail(studio).get_by_role("link", name="Click here").bounding_box()
    assert abs(pin.bounding_box()["y"] - link["y"]) < 30
    finding.get_by_role("button").click()
    mark = studio.locator(".mark").bounding_box()
    link = mail(studio).get_by_role("link", name="Click here").bounding_box()
    assert abs(mark["x"] - link["x"]) < 2
    assert abs(mark["y"] - link["y"]) < 2
    studio.set_viewport_size({"width": 1024, "height": 768})
    assert not finding.is_visible()
    pin.click()
    assert finding.is_visible()
    assert finding.get_by_role("button").evaluate("button => button === document.activeElement")
    assert studio.locator("#head [data-part=subject] .pin").count() == 1
    assert (
        studio.locator("#list [aria-current] .state")
        .inner_text()
        .startswith(str(studio.locator(".found li").count()))
    )


def test_a_test_copy_lands_in_the_outbox(studio: Any, root: Path) -> None:
    studio.keyboard.press("e")
    studio.get_by_role("textbox", name="Address").fill("me@example.org")
    studio.get_by_role("button", name="Send", exact=True).click()
    studio.locator("#told", has_text="the mail to me@example.org is in outbox/").wait_for()
    (file,) = root.glob("outbox/**/*.eml")
    assert b"To: me@example.org" in file.read_bytes()
    studio.get_by_role("textbox", name="Address").fill("me@localhost")
    studio.get_by_role("button", name="Send", exact=True).click()
    studio.locator("#told.error").wait_for()
    assert len(list(root.glob("outbox/**/*.eml"))) == 1


def test_a_mail_runs_no_script_in_the_frame(page: Any, preview_url: str) -> None:
    page.goto(preview_url)
    page.wait_for_selector(FRAME)
    assert page.evaluate(f"document.querySelector('{FRAME}').contentDocument.title") == ""
    assert page.title() == "Lower back"
