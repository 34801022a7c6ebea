"""The pages of the studio. A GET changes nothing; its one POST sends a test copy."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from newsletter.domain.studio import CLIPPING, PERSONAS, Preview, PreviewEntry, Studio
from newsletter.errors import NewsletterError, UnknownTarget
from newsletter.web import answers
from newsletter.web.forms import fields
from newsletter.web.pages import small_body
from newsletter.web.studio.clients import forced_dark, outlook
from newsletter.web.studio.guard import Guard
from newsletter.web.studio.placing import placed
from newsletter.web.studio.schemes import Scheme, in_scheme
from newsletter.web.templates import Templates
from newsletter.web.watching import Changes

_SAFE = ["GET", "HEAD"]
_BEAT_SECONDS = 1.0
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_PAGE, _LIST = "studio.html.j2", "studio_list.html.j2"
_PARTS = (_PAGE, _LIST, "studio_bar.html.j2", "studio_mail.html.j2", "studio_findings.html.j2")
_ASSETS = {"studio.css": "text/css", "studio.js": "text/javascript", "studio_mail.js": "text/javascript"}

#: Who reads: the key of a persona, or the address of a subscriber.
_Reader = Annotated[str, Query(alias="as")]


class Colours(StrEnum):
    """What a client makes of the colours."""

    LIGHT = "light"
    DARK = "dark"
    FORCED = "forced"


class View(StrEnum):
    """Which of the two mails in one HTML is shown."""

    MAIL = "mail"
    OUTLOOK = "outlook"


def studio_app(
    studio: Studio,
    changes: Changes,
    templates: Path,
    *,
    sends_through: str = "",
    hosts: Sequence[str] = ("127.0.0.1", "localhost"),
) -> FastAPI:
    """Make the studio; `templates` is the shipped `templates/web/`, for a letter's own could run its scripts.

    Stop `changes` before the server: an open page ends with it. Any other host than `hosts` is refused, so
    that no web page elsewhere can read an unpublished letter under a name that points here.
    """
    shelf = Templates([templates])
    shelf.require(*_PARTS)
    routes = _Routes(studio, changes, shelf, sends_through)
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_api_route("/", routes.show, methods=_SAFE)
    app.add_api_route("/list", routes.list, methods=_SAFE)
    app.add_api_route("/frame/{target:path}.html", routes.frame, methods=_SAFE)
    app.add_api_route("/text/{target:path}", routes.text, methods=_SAFE)
    app.add_api_route("/source/{target:path}", routes.source, methods=_SAFE)
    app.add_api_route("/media/{name}", routes.show_media, methods=_SAFE)
    app.add_api_route("/events", routes.events, methods=["GET"])
    app.add_api_route("/{name}", routes.asset, methods=_SAFE)
    app.add_api_route(
        "/send-test", routes.send_test, methods=["POST"], dependencies=[Depends(routes.guard.refuse_foreign)]
    )
    app.add_exception_handler(NewsletterError, routes.explain)
    app.add_exception_handler(AnyHTTPException, routes.refuse)
    app.add_exception_handler(RequestValidationError, routes.refuse)
    return app


class _Routes:
    def __init__(self, studio: Studio, changes: Changes, templates: Templates, sends_through: str) -> None:
        self._studio = studio
        self._changes = changes
        self._templates = templates
        self._sends_through = sends_through
        self.guard = Guard()

    def show(self, target: str = "", reader: _Reader = "") -> Response:
        entries: Sequence[PreviewEntry] = ()
        preview: Preview | None = None
        error: NewsletterError | None = None
        # Read before rendering: what changes meanwhile is then news to the page.
        version = self._changes.version
        try:
            entries = self._studio.entries(judged=False)
            target = target or (entries[0].target if entries else "")
            preview = self._studio.page(target, reader) if target else None
            # The issue at hand has been judged meanwhile.
            entries = self._studio.entries(judged=False)
        except NewsletterError as problem:
            error = problem
        html = self._templates.fill(
            _PAGE,
            version=version,
            groups=_by_series(entries),
            target=preview.target if preview else target,
            preview=preview,
            findings=placed(preview.findings) if preview else (),
            error=error,
            personas=PERSONAS,
            readers=self._studio.readers(),
            reader=reader,
            clipping=CLIPPING,
            sandbox=answers.FRAME_SANDBOX,
            token=self.guard.token,
            sends_through=self._sends_through,
        )
        return answers.studio(html)

    def list(self) -> Response:
        groups = _by_series(self._studio.entries(judged=True))
        return answers.studio(self._templates.fill(_LIST, groups=groups, target=""))

    def frame(
        self,
        target: str,
        reader: _Reader = "",
        colours: Colours = Colours.LIGHT,
        view: View = View.MAIL,
        images: bool = True,
    ) -> Response:
        html = self._studio.page(target, reader).html
        if view is View.OUTLOOK:
            html = outlook(html)
        html = in_scheme(html, Scheme.DARK if colours is Colours.DARK else Scheme.LIGHT)
        if colours is Colours.FORCED:
            html = forced_dark(html)
        return answers.framed_mail(_open_links_outside(html), has_images=images)

    def text(self, target: str, reader: _Reader = "") -> Response:
        return answers.plain(self._studio.page(target, reader).text)

    def source(self, target: str, reader: _Reader = "") -> Response:
        return answers.plain(self._studio.page(target, reader).source)

    def show_media(self, name: str) -> Response:
        found = self._studio.media(name)
        if found is None:
            raise HTTPException(404)
        return answers.media(found)

    def asset(self, name: str) -> Response:
        if name not in _ASSETS:
            raise HTTPException(404)
        return answers.asset(self._templates.read(name), _ASSETS[name])

    def events(self) -> Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return StreamingResponse(_versions(self._changes), headers=headers, media_type="text/event-stream")

    def send_test(self, body: Annotated[bytes, Depends(small_body)]) -> Response:
        form = fields(body)
        told = self._studio.send_test(form.get("target", ""), form.get("address", "").strip())
        return answers.plain(f"{told}\n")

    def explain(self, _: Request, error: Exception) -> Response:
        return answers.plain(f"{error}\n", 404 if isinstance(error, UnknownTarget) else 422)

    def refuse(self, _: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, AnyHTTPException) else 422
        said = "this page may not do that; reload it" if status == 403 else "there is nothing here"
        return answers.plain(f"{said}\n", status)


def _by_series(entries: Sequence[PreviewEntry]) -> list[tuple[str, list[PreviewEntry]]]:
    return [(title, [*group]) for title, group in groupby(entries, lambda entry: entry.series_title)]


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
