"""Serve a letter's pages: the public ones, and the studio."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from newsletter.app import App
from newsletter.signals import stop_on_signals, wait_for
from newsletter.studio import look_at
from newsletter.web.archive import publish
from newsletter.web.choosing import choose
from newsletter.web.joining import join
from newsletter.web.pages import pages
from newsletter.web.server import Server
from newsletter.web.studio.pages import studio_app
from newsletter.web.watching import Changes
from newsletter.web.webhooks import listen
from newsletter.writing import shipped


def public_app(app: App) -> FastAPI:
    """Put together every public page of a letter; raises TemplateError for one that cannot be read."""
    table = app.settings.web
    application = pages(app.pages.desk, app.web_templates)
    listen(application, app.hearing, app.routing.kind_of)
    join(application, app.pages.sign_ups, app.web_templates, table.proxies)
    choose(application, app.pages.choosing, app.web_templates, table.proxies)
    publish(application, app.pages.archiving, app.web_templates)
    return application


@contextmanager
def public_pages(app: App) -> Iterator[str]:
    """Serve the public pages in the background; give their local address."""
    table = app.settings.web
    with Server(public_app(app), host=table.host, port=table.port) as server:
        yield server.url


@contextmanager
def previewed(app: App, port: int) -> Iterator[str]:
    """Serve the studio in the background, on this machine alone; give its address."""
    changes = Changes([app.root / "content", app.root / "templates", app.root / "newsletter.toml"])
    studio = studio_app(
        look_at(app),
        changes,
        shipped() / "templates" / "web",
        sends_through=app.settings.provider.name,
    )
    with Server(studio, port=port) as server, changes:
        yield server.url


def preview_until_stopped(app: App, port: int, told: Callable[[str], None]) -> None:
    """Serve the studio until somebody stops this process; `told` is called with its address."""
    stopping = threading.Event()
    stop_on_signals(stopping.set)
    with previewed(app, port) as url:
        told(url)
        wait_for(stopping)


def serve_until_stopped(app: App, told: Callable[[str], None]) -> None:
    """Serve the public pages until somebody stops this process."""
    stopping = threading.Event()
    stop_on_signals(stopping.set)
    with public_pages(app) as url:
        told(f"public pages on {url}; stop with Ctrl-C")
        wait_for(stopping)
