"""The public archive of a series: its list, its issues, its feed. All of it may be kept for some minutes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException, Request, Response

from newsletter.domain.archive import Listing, PublicArchive
from newsletter.web import answers, atom
from newsletter.web.templates import Templates

_SAFE = ["GET", "HEAD"]
_KEPT = "public, max-age=300"


def publish(app: FastAPI, archive: PublicArchive, templates: Sequence[Path]) -> None:
    """Add the archive pages; raises TemplateError for a template that cannot be read."""
    shelf = Templates(templates)
    shelf.require("archive.html.j2")
    routes = _Routes(archive, shelf)
    app.add_api_route("/a/{series}", routes.show_list, methods=_SAFE)
    app.add_api_route("/a/{series}/feed.xml", routes.show_feed, methods=_SAFE)
    app.add_api_route("/a/{series}/{issue}", routes.show_issue, methods=_SAFE)


class _Routes:
    def __init__(self, archive: PublicArchive, templates: Templates) -> None:
        self._archive = archive
        self._templates = templates

    def show_list(self, series: str, request: Request) -> Response:
        listing = self._listing(series)
        zone = ZoneInfo(listing.zone)
        dates = [f"{one.at.astimezone(zone):%d %B %Y}".lstrip("0") for one in listing.issues]
        html = self._templates.fill("archive.html.j2", listing=listing, dates=dates)
        return _kept(answers.page(html), request)

    def show_feed(self, series: str, request: Request) -> Response:
        return _kept(answers.feed(atom.feed(self._listing(series)), atom.MEDIA_TYPE), request)

    def show_issue(self, series: str, issue: str, request: Request) -> Response:
        html = self._archive.page(series, issue)
        if html is None:
            raise HTTPException(404)
        return _kept(answers.mail(html), request)

    def _listing(self, series: str) -> Listing:
        listing = self._archive.listing(series)
        if listing is None:
            raise HTTPException(404)
        return listing


def _kept(answer: Response, request: Request) -> Response:
    """Let an answer be kept and found, and say shortly that one that was kept is still right."""
    # The series chose to be read by everybody.
    del answer.headers["X-Robots-Tag"]
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    answer.headers["Cache-Control"] = _KEPT
    answer.headers["ETag"] = tag
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if not known & {tag, "*"}:
        return answer
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("content-length", "content-type")
    }
    return Response(status_code=304, headers=kept)
