"""Where there is no browser, one sentence says so and how to mend it."""

import sys
from pathlib import Path

import pytest
from bad_drawn_cast import drawn
from letter_cast import write_letter

from newsletter.app import App
from newsletter.checks.chromium import SYSTEM, opened_browser
from newsletter.checks.in_browser import InBrowser, opened_screen
from newsletter.cli import run
from newsletter.domain.finding import Severity, open_of
from newsletter.errors import Refused

ROOT = Path(__file__).parents[2]


def test_without_playwright_there_is_one_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    monkeypatch.chdir(write_letter(tmp_path))
    assert run(["check", "--browser"]) == 1
    said = "newsletter: Playwright is not installed; pip install 'newsletter-series[browser]'\n"
    assert capsys.readouterr().err == said


def test_without_axe_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "axe_playwright_python.base", None)
    with pytest.raises(Refused, match="axe-core is not installed; pip install 'newsletter-series"):
        list(InBrowser()([drawn()]))


@pytest.mark.browser
def test_a_browser_that_does_not_start_is_one_sentence(tmp_path):
    (tmp_path / "chromium").write_text("no program")
    with pytest.raises(Refused, match=r"Chromium cannot be started: .*; apt-get install chromium"):
        with opened_browser(tmp_path / "chromium"):
            pass


@pytest.mark.browser
@pytest.mark.skipif(not SYSTEM.exists(), reason=f"{SYSTEM} is not installed")
def test_the_sample_is_drawn_without_an_error_or_a_warning_and_axe_finds_nothing():
    findings = App(ROOT, environment={}).composing.check(inspections=[InBrowser()])
    assert {one.severity for one in open_of(findings)} <= {Severity.INFO}
    assert [one for one in findings if one.name.startswith("axe")] == []


@pytest.mark.browser
@pytest.mark.skipif(not SYSTEM.exists(), reason=f"{SYSTEM} is not installed")
def test_a_page_that_goes_away_is_one_sentence():
    with pytest.raises(Refused, match="Chromium cannot draw it: "):
        with opened_screen() as screen:
            screen.page.close()
            screen.look_at(drawn())
