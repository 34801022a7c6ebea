"""Every public page keeps to what axe-core checks; the pages of a reader's way are looked at on it."""

from pathlib import Path
from typing import Any

import pytest
from axe_cast import violations
from town_cast import open_town

pytestmark = pytest.mark.browser
#: Grey on white, without a title, a language or a word for its field.
POOR = '<body style="background: #fff; color: #aaa"><main><h1>Back pain</h1><input></main>'


@pytest.fixture
def page(browser: Any) -> Any:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(5000)
    yield context.new_page()
    context.close()


def test_the_archive_and_an_issue_online_are_accessible(page: Any, tmp_path: Path) -> None:
    with open_town(tmp_path, None) as town:
        for route in ("/a/{series}", "/a/{series}/{issue}", "/w/{token:path}"):
            page.goto(f"{town.http.base_url}".rstrip("/") + town.right[route])
            assert violations(page) == [], route


def test_a_poor_page_is_told_of_in_both_schemes(page: Any) -> None:
    page.set_content(POOR)
    found = {one.rpartition(": ")[0] for one in violations(page)}
    assert {"light: color-contrast", "light: label", "light: html-has-lang", "dark: color-contrast"} <= found
