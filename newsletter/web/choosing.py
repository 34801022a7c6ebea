"""The pages on which people choose what they get. A GET never changes anything."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response

from newsletter.domain.signup import Came, ChoosingDesk, Chosen
from newsletter.web import answers
from newsletter.web.forms import fields, visitor
from newsletter.web.pages import small_body
from newsletter.web.saying import say
from newsletter.web.templates import Templates

_SAFE = ["GET", "HEAD"]
_TEMPLATES = ("choices.html.j2", "erase.html.j2", "address.html.j2")
_EXPIRED = (
    "This link does not work any more",
    (
        "For your safety it works for a short time only. "
        "Open “Unsubscribe” in any of our emails: from there you come here again."
    ),
)
_MOVED = ("It is yours", "From now on everything goes to your new address.")
_TAKEN = (
    "This address gets mail from us already",
    "Nothing was changed. To use it for both, first unsubscribe in an email that came to it.",
)


def choose(app: FastAPI, desk: ChoosingDesk, templates: Sequence[Path], proxies: Sequence[str] = ()) -> None:
    """Let an application show and take choices; raises TemplateError for a page that cannot be read."""
    shelf = Templates(templates)
    shelf.require(*_TEMPLATES)
    routes = _Routes(desk, shelf, proxies)
    app.add_api_route("/p/{token}", routes.show, methods=_SAFE)
    app.add_api_route("/p/{token}", routes.take, methods=["POST"])
    app.add_api_route("/p/{token}/data.json", routes.data, methods=_SAFE)
    app.add_api_route("/m/{token}", routes.ask_address, methods=_SAFE)
    app.add_api_route("/m/{token}", routes.confirm_address, methods=["POST"])


class _Routes:
    def __init__(self, desk: ChoosingDesk, templates: Templates, proxies: Sequence[str]) -> None:
        self._desk = desk
        self._templates = templates
        self._proxies = proxies

    def show(self, token: str) -> Response:
        found = self._desk.choices(token)
        return self._choices(token, Chosen(found)) if found else self._say(404, *_EXPIRED)

    def take(self, token: str, request: Request, body: Annotated[bytes, Depends(small_body)]) -> Response:
        posted = fields(body)
        act = posted.pop("act", "")
        if act == "erase" and "sure" not in posted:
            found = self._desk.choices(token)
            if found is None or not found.is_owner:
                return self._say(404, *_EXPIRED)
            return answers.page(self._templates.fill("erase.html.j2", choices=found))
        chosen = self._desk.choose(token, act, posted, visitor(request, self._proxies))
        if chosen is None:
            return self._say(404, *_EXPIRED)
        if chosen.choices is None:
            return self._say(200, "Goodbye", chosen.told)
        return self._choices(token, chosen, act, posted)

    def data(self, token: str) -> Response:
        found = self._desk.data(token)
        return answers.download(found, "my-data.json") if found is not None else self._say(404, *_EXPIRED)

    def ask_address(self, token: str) -> Response:
        about = self._desk.look_up_address(token)
        if about is None:
            return self._say(404, *_EXPIRED)
        return answers.page(self._templates.fill("address.html.j2", about=about))

    def confirm_address(
        self, token: str, request: Request, _: Annotated[bytes, Depends(small_body)]
    ) -> Response:
        came = self._desk.confirm_address(token, visitor(request, self._proxies))
        if came is Came.TAKEN:
            return self._say(200, *_MOVED)
        return self._say(409, *_TAKEN) if came is Came.INVALID else self._say(404, *_EXPIRED)

    def _choices(
        self, token: str, chosen: Chosen, act: str = "", posted: Mapping[str, str] | None = None
    ) -> Response:
        # What was typed stays where it was, beside what is wrong with it.
        typed = {name: (posted or {}).get(name, "") for name in ("name", "zone", "address")}
        values = {"chosen": chosen, "token": token, "typed": typed, "wrong": act if chosen.error else ""}
        return answers.page(self._templates.fill("choices.html.j2", **values), 422 if chosen.error else 200)

    def _say(self, status: int, heading: str, sentence: str) -> Response:
        return say(self._templates, status, heading, sentence)
