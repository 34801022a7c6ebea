from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from web_cast import TEMPLATES, FolderStudio, MemoryDesk

from newsletter.web.pages import pages
from newsletter.web.server import Server
from newsletter.web.studio.pages import studio_app
from newsletter.web.watching import Changes

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def public() -> Iterator[tuple[MemoryDesk, httpx.Client]]:
    desk = MemoryDesk()
    with Server(pages(desk, [TEMPLATES])) as server, httpx.Client(base_url=server.url) as client:
        yield desk, client


@pytest.fixture
def desk(public: tuple[MemoryDesk, httpx.Client]) -> MemoryDesk:
    public[0].begin_anew()
    return public[0]


@pytest.fixture
def http(public: tuple[MemoryDesk, httpx.Client], desk: MemoryDesk) -> httpx.Client:
    return public[1]


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    (tmp_path / "1-lower.txt").write_text("Lower back\nWhere the ache comes from.\n")
    (tmp_path / "2-neck.txt").write_text("Neck\nIt carries a lot.\n")
    return tmp_path


@pytest.fixture
def folder_studio(letter: Path) -> FolderStudio:
    return FolderStudio(letter)


@pytest.fixture
def preview_url(letter: Path, folder_studio: FolderStudio) -> Iterator[str]:
    changes = Changes([letter])
    with Server(studio_app(folder_studio, changes, TEMPLATES, sends_through="outbox")) as running, changes:
        yield running.url


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as one:
        yield one


@pytest.fixture
def preview(client: httpx.Client, preview_url: str) -> httpx.Client:
    client.base_url = httpx.URL(preview_url)
    return client


# Not for the session: while its loop runs, no other test may start one in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


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
