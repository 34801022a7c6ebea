"""The pages on which people join: a form, a link by mail, a button. A GET never changes anything."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from newsletter.domain.signup import Came, JoiningDesk, Reply, Stage, Typed
from newsletter.web import answers
from newsletter.web.forms import fields, visitor
from newsletter.web.pages import small_body
from newsletter.web.saying import say
from newsletter.web.templates import Templates

#: No person sees it; a program that fills in every field does.
TRAP = "website"

_SAFE = ["GET", "HEAD"]
_TEMPLATES = ("subscribe.html.j2", "check_mail.html.j2", "confirm.html.j2", "joined.html.j2")
_TOO_MANY = ("That was too much at once", "Nothing was sent. Please try again in an hour.")
_OVER = (
    "This link is used up",
    "You have left since it was sent to you. To come back, please subscribe again.",
)
_EXPIRED = (
    "This link does not work any more",
    (
        "A link to confirm works for seven days. Please open it from the email itself; "
        "if that does not help, subscribe again, and you get a new one."
    ),
)
_ONCE_MORE = "Please press the button once more."


def join(app: FastAPI, desk: JoiningDesk, templates: Sequence[Path], proxies: Sequence[str] = ()) -> None:
    """Let an application take sign-ups; raises TemplateError for a page that cannot be read."""
    shelf = Templates(templates)
    shelf.require(*_TEMPLATES)
    routes = _Routes(desk, shelf, proxies)
    app.add_api_route("/subscribe/{series}", routes.show, methods=_SAFE)
    app.add_api_route("/subscribe/{series}", routes.take, methods=["POST"])
    app.add_api_route("/c/{token:path}", routes.ask, methods=_SAFE)
    app.add_api_route("/c/{token:path}", routes.confirm, methods=["POST"])


class _Routes:
    def __init__(self, desk: JoiningDesk, templates: Templates, proxies: Sequence[str]) -> None:
        self._desk = desk
        self._templates = templates
        self._proxies = proxies

    def show(self, series: str) -> Response:
        return self._form(series, Typed())

    def take(self, series: str, request: Request, body: Annotated[bytes, Depends(small_body)]) -> Response:
        posted = fields(body)
        typed = Typed(
            address=posted.get("address", ""),
            name=posted.get("name", ""),
            token=posted.get("token", ""),
            trap=posted.get(TRAP, ""),
            ip=visitor(request, self._proxies),
        )
        reply = self._desk.ask(series, typed)
        if reply.came is Came.TAKEN:
            return self._checked(series)
        if reply.came is Came.TOO_MANY:
            return self._say(429, *_TOO_MANY, {"Retry-After": "3600"})
        return self._form(series, typed, reply)

    def ask(self, token: str) -> Response:
        found = self._desk.look_up(token.rstrip("/"))
        if found is None:
            return self._say(404, *_EXPIRED)
        if found.stage is Stage.OVER:
            return self._say(410, *_OVER)
        name = "confirm.html.j2" if found.stage is Stage.WAITING else "joined.html.j2"
        return answers.page(self._templates.fill(name, joining=found))

    def confirm(self, token: str, request: Request, _: Annotated[bytes, Depends(small_body)]) -> Response:
        found = self._desk.confirm(token.rstrip("/"), visitor(request, self._proxies))
        if found is None:
            return self._say(404, *_EXPIRED)
        if found.stage is Stage.OVER:
            return self._say(410, *_OVER)
        return answers.page(self._templates.fill("joined.html.j2", joining=found))

    def _checked(self, series: str) -> Response:
        form = self._desk.form(series)
        if form is None:
            raise HTTPException(404)
        return answers.page(self._templates.fill("check_mail.html.j2", about=form.about))

    def _form(self, series: str, typed: Typed, reply: Reply | None = None) -> Response:
        form = self._desk.form(series)
        if form is None or (reply and reply.came is Came.NO_SUCH_THING):
            raise HTTPException(404)
        is_wrong = reply is not None and reply.came is Came.INVALID
        values: dict[str, Any] = {
            "form": form,
            "typed": typed,
            "error": reply.error if reply and is_wrong else "",
            "told": _ONCE_MORE if reply and not is_wrong else "",
            "trap": TRAP,
        }
        status = 422 if is_wrong else 200
        return answers.page(self._templates.fill("subscribe.html.j2", **values), status)

    def _say(
        self, status: int, heading: str, sentence: str, headers: dict[str, str] | None = None
    ) -> Response:
        return say(self._templates, status, heading, sentence, headers)
