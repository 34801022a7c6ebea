"""What people see and press, in Chromium."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from web_cast import KEYS, MemoryDesk, leaving

from newsletter.domain.tokens import Grant, Purpose

pytestmark = pytest.mark.browser
LONG = "Lower back\n" + "It is worth saying where it helps and where it does not.\n" * 60
FRAME = "iframe:not(.coming)"


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def page(browser: Any, errors: list[str]) -> Any:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(5000)
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()


@pytest.fixture
def studio(page: Any, preview_url: str, letter: Path) -> Any:
    (letter / "1-lower.txt").write_text(LONG)
    page.goto(preview_url)
    page.wait_for_selector(FRAME)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [leaving(), "/u/x"], ids=["leave", "broken"])
def test_a_public_page_fits_a_phone(
    page: Any, http: httpx.Client, errors: list[str], scheme: str, path: str
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{http.base_url}".rstrip("/") + path)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(243, 241, 236)", "dark": "rgb(15, 19, 21)"}[scheme]
    assert [error for error in errors if "404" not in error] == []


def test_the_button_is_big_and_reached_with_one_tab(page: Any, http: httpx.Client) -> None:
    page.goto(f"{http.base_url}".rstrip("/") + leaving())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Unsubscribe"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    assert page.get_by_role("button").bounding_box()["height"] >= 44


def test_pressing_the_button_leaves(
    page: Any, http: httpx.Client, desk: MemoryDesk, errors: list[str]
) -> None:
    page.goto(f"{http.base_url}".rstrip("/") + leaving())
    page.get_by_role("button").click()
    page.get_by_role("heading", name="You have left").wait_for()
    assert desk.acts == [(1, "page")]
    assert errors == []


def test_an_issue_online_shows_its_pictures_and_runs_nothing(page: Any, http: httpx.Client) -> None:
    page.goto(f"{http.base_url}".rstrip("/") + "/w/" + KEYS.sign(Purpose.VIEW, Grant(1, 7, 3)))
    assert page.evaluate("document.images[0].naturalWidth") == 1
    assert page.title() != "it ran"


def test_a_change_is_shown_and_the_place_and_toggles_are_kept(studio: Any, letter: Path) -> None:
    for key in ("2", "d"):
        studio.keyboard.press(key)
    studio.wait_for_selector("#paper[data-scheme=dark]")
    studio.evaluate("stage.scrollTop = 700")
    (letter / "1-lower.txt").write_text(LONG + "Newly written.\n")
    studio.frame_locator(FRAME).get_by_text("Newly written.").wait_for()
    assert studio.evaluate("stage.scrollTop") == 700
    studio.reload()
    studio.wait_for_selector("#paper[data-scheme=dark]")
    assert studio.get_attribute("body", "data-view") == "phone"


def test_a_frame_has_the_real_width_of_a_phone_and_a_desktop(studio: Any) -> None:
    width = "document.querySelector('iframe:not(.coming)').contentWindow.innerWidth"
    assert studio.evaluate(width) >= 600
    studio.keyboard.press("2")
    assert studio.evaluate(width) == 360
    page = "document.querySelector('iframe:not(.coming)').contentDocument.documentElement"
    assert studio.evaluate(f"{page}.scrollHeight <= {page}.clientHeight")


def test_dark_is_dark_on_a_light_machine(studio: Any) -> None:
    ground = (
        "getComputedStyle(document.querySelector('iframe:not(.coming)').contentDocument.body).backgroundColor"
    )
    assert studio.evaluate(ground) == "rgb(243, 241, 236)"
    studio.keyboard.press("d")
    studio.wait_for_selector("#paper[data-scheme=dark]")
    assert studio.evaluate(ground) == "rgb(15, 19, 21)"


def test_light_is_light_on_a_dark_machine(page: Any, preview_url: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(preview_url)
    page.wait_for_selector(FRAME)
    ground = "getComputedStyle(document.querySelector('iframe').contentDocument.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(243, 241, 236)"


def test_the_keyboard_goes_through_the_issues_and_to_the_text(studio: Any, errors: list[str]) -> None:
    studio.keyboard.press("j")
    studio.frame_locator(FRAME).get_by_text("It carries a lot.").wait_for()
    studio.keyboard.press("t")
    studio.locator("pre", has_text="It carries a lot.").wait_for()
    studio.keyboard.press("t")
    studio.keyboard.press("k")
    studio.frame_locator(FRAME).get_by_text("It is worth saying").first.wait_for()
    assert [error for error in errors if "Blocked script" not in error] == []


def test_keys_work_inside_the_mail_too(studio: Any) -> None:
    studio.frame_locator(FRAME).get_by_role("heading").click()
    studio.keyboard.press("j")
    studio.frame_locator(FRAME).get_by_text("It carries a lot.").wait_for()


def test_a_broken_file_is_shown_over_the_last_good_mail_and_recovers(studio: Any, letter: Path) -> None:
    studio.evaluate("stage.scrollTop = 700")
    (letter / "1-lower.txt").write_text(LONG + "Dear {{ name\n")
    studio.get_by_text("content/1-lower.txt:62").wait_for(state="attached")
    assert studio.frame_locator(FRAME).get_by_text("It is worth saying").count() == 60
    (letter / "1-lower.txt").write_text(LONG + "Dear reader\n")
    studio.frame_locator(FRAME).get_by_text("Dear reader").wait_for()
    assert studio.locator("#head .error").count() == 0


def test_a_mail_runs_no_script_in_the_frame(studio: Any) -> None:
    assert studio.evaluate("document.querySelector('iframe').contentDocument.title") == ""
    assert studio.title() == "Lower back"
