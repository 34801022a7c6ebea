"""Chromium through Playwright: the system's where there is one, else the one that Playwright installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.errors import Refused

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SYSTEM = Path("/usr/bin/chromium")
INSTALL = "pip install 'newsletter-series[browser]'"
_ARGUMENTS = ("--disable-gpu", "--disable-background-networking", "--no-sandbox", "--hide-scrollbars")


@contextmanager
def opened_browser(executable: Path = SYSTEM) -> Iterator["Browser"]:
    """Start Chromium without a window, and stop it; raises Refused where it or Playwright is missing."""
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - an extra, and slow
    except ImportError:
        raise Refused("Playwright is not installed", mend=INSTALL) from None
    path = str(executable) if executable.exists() else None
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        except Error as error:
            mend = "apt-get install chromium, or: playwright install chromium"
            raise Refused(f"Chromium cannot be started: {_first_line(error)}", mend=mend) from None
        try:
            yield browser
        except Error as error:
            mend = "check without the browser what else is wrong"
            raise Refused(f"Chromium cannot draw it: {_first_line(error)}", mend=mend) from None
        finally:
            browser.close()


def axe_script() -> str:
    """Read axe-core; raises Refused where it is missing."""
    try:
        from axe_playwright_python.base import AXE_SCRIPT  # noqa: PLC0415 - an extra
    except ImportError:
        raise Refused("axe-core is not installed", mend=INSTALL) from None
    return str(AXE_SCRIPT)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
