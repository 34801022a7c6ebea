"""What people see and press, in Chromium."""

from typing import Any

import httpx
import pytest
from web_cast import KEYS, MemoryDesk, leaving

from newsletter.domain.tokens import Grant, Purpose

pytestmark = pytest.mark.browser


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
