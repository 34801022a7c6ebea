"""A person subscribes, confirms, chooses, leaves and comes back, in Chromium and without a script."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_cast import violations
from joining_cast import ADA, NEW, Site, open_site

from newsletter.domain.tokens import Purpose

pytestmark = pytest.mark.browser
#: Where pictures of the pages go, if anybody wants to look at them.
PICTURES = os.environ.get("PAGE_PICTURES", "")


@pytest.fixture
def site(tmp_path: Path) -> Any:
    with open_site(tmp_path) as site:
        yield site


@pytest.fixture
def page(browser: Any, site: Site) -> Any:
    context = browser.new_context(
        base_url=str(site.http.base_url), viewport={"width": 360, "height": 740}, java_script_enabled=False
    )
    context.set_default_timeout(5000)
    yield context.new_page()
    context.close()


def look(page: Any, name: str) -> None:
    """Check what every page keeps to; take its picture light, dark and wide where a folder is given."""
    box = page.locator("main").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    for button in page.locator("main button:visible, main summary").all():
        assert button.bounding_box()["height"] >= 44
        assert button.text_content().strip()
    assert violations(page) == []
    if not PICTURES:
        return
    folder = Path(PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=folder / f"{name}-{scheme}-360.png", full_page=True)
        page.set_viewport_size({"width": 1000, "height": 700})
        page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 360, "height": 740})


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def heading(page: Any, name: str) -> None:
    page.get_by_role("heading", name=name, level=1).wait_for()


def test_from_the_form_to_the_mail_and_back(page: Any, site: Site) -> None:
    page.goto("/subscribe/back-pain")
    look(page, "1-subscribe")
    page.get_by_label("Email address").fill(NEW)
    page.get_by_label("First name").fill("Nina")
    site.wait(seconds=20)
    button(page, "Subscribe").click()
    heading(page, "Check your mail")
    look(page, "2-check-mail")
    site.run()
    page.goto(site.link())
    heading(page, "One press, and it begins")
    look(page, "3-confirm")
    button(page, "Confirm").click()
    heading(page, "Welcome")
    page.get_by_text("comes on Tuesday 1 December 2026 at 09:00 (Europe/London)").wait_for()
    look(page, "4-joined")
    page.get_by_role("link", name="Set your name, time zone and pauses").click()
    heading(page, "What you get")
    look(page, "5-choices")
    page.get_by_label("How long to pause Back pain").select_option("4")
    button(page, "Pause").click()
    page.get_by_role("status").get_by_text("before Friday 25 December 2026").wait_for()
    look(page, "6-paused")
    button(page, "Go on now").click()
    page.get_by_text("Name and time zone", exact=True).click()
    page.get_by_label("Time zone").fill("Asia/Tokio")
    button(page, "Save").click()
    page.get_by_role("alert").get_by_text("did you mean 'Asia/Tokyo'").wait_for()
    assert page.get_by_label("Time zone").input_value() == "Asia/Tokio"
    look(page, "7-wrong-zone")
    page.get_by_text("Your data", exact=True).click()
    button(page, "Forget me…").click()
    heading(page, "Forget you?")
    look(page, "8-forget")
    page.goto(site.leaving(NEW))
    heading(page, "Do you want to leave?")
    look(page, "9-unsubscribe")
    button(page, "Unsubscribe").click()
    heading(page, "You have left")
    assert site.state() == "unsubscribed"
    look(page, "10-left")
    button(page, "Undo").click()
    heading(page, "You are back")
    look(page, "11-back")
    assert site.state() == "active"


def test_a_mistake_is_shown_where_it_was_made_and_the_field_has_the_focus(page: Any, site: Site) -> None:
    page.goto("/subscribe/back-pain")
    site.wait(seconds=20)
    # A browser knows this one for an address, and no mail server does.
    page.get_by_label("Email address").fill("nina@example")
    button(page, "Subscribe").click()
    page.get_by_role("alert").wait_for()
    field = page.get_by_label("Email address")
    assert field.get_attribute("aria-invalid") == "true"
    assert field.input_value() == "nina@example"
    look(page, "12-mistake")


def test_other_pages_fit_a_phone(page: Any, site: Site) -> None:
    site.app.enrolling.add(ADA, "", "", "sleep", "asked")
    for name, path in (
        ("13-leave-all", site.leaving()),
        ("14-passed-on", "/p/" + site.token(Purpose.CHOOSE)),
        ("15-broken", "/c/broken"),
        ("16-expired", "/p/broken"),
    ):
        page.goto(path)
        look(page, name)
    site.http.post("/p/" + site.token(Purpose.DETAILS), data={"act": "address", "address": NEW})
    site.run()
    page.goto(site.link("new address"))
    look(page, "17-address")


def test_the_confirmation_is_read_on_a_phone(page: Any, site: Site) -> None:
    site.subscribe()
    site.run()
    page.set_content(site.mail("Please confirm").get_body(("html",)).get_content())
    link = page.get_by_role("link", name="Confirm")
    assert urlsplit(link.get_attribute("href")).path == site.link()
    assert link.bounding_box()["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    if PICTURES:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(PICTURES) / f"18-mail-{scheme}-360.png", full_page=True)
