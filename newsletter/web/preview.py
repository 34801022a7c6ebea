"""The preview: every issue as it will arrive, renewed whenever a file changes. It changes nothing itself."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from newsletter.domain.desk import Preview, PreviewEntry, Previews
from newsletter.errors import NewsletterError, UnknownTarget
from newsletter.web import answers
from newsletter.web.schemes import Scheme, in_scheme
from newsletter.web.templates import Templates
from newsletter.web.watching import Changes

_SAFE = ["GET", "HEAD"]
_BEAT_SECONDS = 1.0
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


def preview_app(
    previews: Previews,
    changes: Changes,
    templates: Sequence[Path],
    *,
    hosts: Sequence[str] = ("127.0.0.1", "localhost"),
) -> FastAPI:
    """Make the preview; `templates` as in `pages`.

    Stop `changes` before the server: an open page ends with it. Any other host than `hosts` is refused, so
    that no web page elsewhere can read an unpublished letter under a name that points here.
    """
    shelf = Templates(templates)
    shelf.require("preview.html.j2")
    routes = _Routes(previews, changes, shelf)
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_api_route("/", routes.show, methods=_SAFE)
    app.add_api_route("/preview.css", routes.style, methods=_SAFE)
    app.add_api_route("/preview.js", routes.script, methods=_SAFE)
    app.add_api_route("/frame/{target:path}.html", routes.frame, methods=_SAFE)
    app.add_api_route("/text/{target:path}", routes.text, methods=_SAFE)
    app.add_api_route("/media/{name}", routes.show_media, methods=_SAFE)
    app.add_api_route("/events", routes.events, methods=["GET"])
    app.add_exception_handler(NewsletterError, routes.explain)
    app.add_exception_handler(AnyHTTPException, routes.refuse)
    return app


class _Routes:
    def __init__(self, previews: Previews, changes: Changes, templates: Templates) -> None:
        self._previews = previews
        self._changes = changes
        self._templates = templates

    def show(self, target: str = "") -> Response:
        entries: Sequence[PreviewEntry] = ()
        preview: Preview | None = None
        error: NewsletterError | None = None
        # Read before rendering: what changes meanwhile is then news to the page.
        version = self._changes.version
        try:
            entries = self._previews.targets()
            target = target or (entries[0].target if entries else "")
            preview = self._previews.page(target) if target else None
        except NewsletterError as problem:
            error = problem
        html = self._templates.fill(
            "preview.html.j2",
            version=version,
            groups=[(title, list(group)) for title, group in groupby(entries, lambda e: e.series_title)],
            target=target,
            preview=preview,
            error=error,
            sandbox=answers.FRAME_SANDBOX,
        )
        return answers.studio(html)

    def frame(self, target: str, scheme: Scheme = Scheme.LIGHT) -> Response:
        html = in_scheme(self._previews.page(target).html, scheme)
        return answers.framed_mail(_open_links_outside(html))

    def text(self, target: str) -> Response:
        return answers.plain(self._previews.page(target).text)

    def show_media(self, name: str) -> Response:
        found = self._previews.media(name)
        return answers.media(found) if found else answers.plain("not found\n", 404)

    def style(self) -> Response:
        return answers.asset(self._templates.read("preview.css"), "text/css")

    def script(self) -> Response:
        return answers.asset(self._templates.read("preview.js"), "text/javascript")

    def events(self) -> Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return StreamingResponse(_versions(self._changes), headers=headers, media_type="text/event-stream")

    def explain(self, _: Request, error: Exception) -> Response:
        return answers.plain(f"{error}\n", 404 if isinstance(error, UnknownTarget) else 422)

    def refuse(self, _: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, AnyHTTPException) else 500
        return answers.plain("there is nothing here\n", status)


def _versions(changes: Changes) -> Iterator[str]:
    known = changes.version
    yield f"data: {known}\n\n"
    while not changes.is_stopped:
        version = changes.wait(known, _BEAT_SECONDS)
        # A comment now and then finds out that a page has gone.
        yield ": \n\n" if version == known else f"data: {version}\n\n"
        known = version


def _open_links_outside(html: str) -> str:
    # A link that is tried out must not take the mail's place in the frame.
    base = "<base target=_blank>"
    head = _HEAD.search(html)
    return f"{html[: head.end()]}{base}{html[head.end() :]}" if head else html + base
