"""The public pages: the way out, issues online, pictures. A GET never changes anything.

`POST /u/{token}` follows RFC 8058: everything it needs is in the address, and it never redirects.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote_plus

import structlog
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import ClientDisconnect

from newsletter.domain.desk import PROBE_ANSWER, PublicDesk, Subscription
from newsletter.errors import StoreError
from newsletter.web import answers
from newsletter.web.forms import fields
from newsletter.web.saying import say
from newsletter.web.templates import Templates

log = structlog.get_logger()

MAX_BODY = 8 * 1024
BODY_SECONDS = 10

_SAFE = ["GET", "HEAD"]
# A form field as application/x-www-form-urlencoded, or as a part of multipart/form-data (RFC 8058 §3.2).
_ONE_CLICK = re.compile(
    r"""(?:^|&)list-unsubscribe=one-click(?:&|\s*$)
      | ^content-disposition:[^\n]*\bname="?list-unsubscribe"?[^\n]*\n(?:[^\r\n]+\r?\n)*\r?\none-click\s*$""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_MESSAGES = {
    404: ("There is no page here", "Please check the address, or open the link in the email once more."),
    405: ("That is not possible here", "Please open the link in the email once more."),
    408: ("That took too long", "Nothing was changed. Please try again."),
    413: ("That was too much", "Nothing was changed. Please open the link in the email and use its button."),
}
_BROKEN_LINK = (
    "This link does not work",
    (
        "It may have been cut short on its way. Please open it from the email itself; "
        "if that does not help, reply to the email and ask us to take you off the list."
    ),
)
_TOO_LATE = (
    "This button works for one hour",
    "To come back, please subscribe again: you get a link to confirm it.",
)
_TROUBLE = (
    "Something went wrong here",
    (
        "Please try again in a few minutes. If you wanted to leave and this keeps happening, "
        "reply to the email and ask us to take you off the list."
    ),
)


def pages(desk: PublicDesk, templates: Sequence[Path]) -> FastAPI:
    """Make the public pages; the first of the `templates/web/` folders that has a template wins.

    Raises TemplateError for a template that cannot be read.
    """
    shelf = Templates(templates)
    shelf.require(
        "base.html.j2", "unsubscribe.html.j2", "unsubscribed.html.j2", "back.html.j2", "message.html.j2"
    )
    routes = _Routes(desk, shelf)
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    # As a path the token takes a trailing slash along: mail software adds one, and a redirect is forbidden.
    app.add_api_route("/u/{token:path}", routes.ask, methods=_SAFE)
    app.add_api_route("/u/{token:path}", routes.leave, methods=["POST"])
    app.add_api_route("/undo/{token}", routes.undo, methods=["POST"])
    app.add_api_route("/w/{token:path}", routes.show_issue, methods=_SAFE)
    app.add_api_route("/media/{name}", routes.show_media, methods=_SAFE)
    app.add_api_route("/healthz", routes.is_well, methods=_SAFE)
    app.add_exception_handler(AnyHTTPException, routes.refuse)
    app.add_exception_handler(StoreError, routes.wait)
    app.add_exception_handler(Exception, routes.apologise)
    return app


async def small_body(request: Request) -> bytes:
    """Read a body of at most 8 KB in at most ten seconds, whatever its type."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise HTTPException(413, headers={"Connection": "close"})
    except TimeoutError as error:
        raise HTTPException(408, headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    return body


def is_one_click(body: bytes) -> bool:
    """Tell a mail client's one-click POST from that of the page's button, in either form encoding."""
    text = body.decode("utf-8", "replace")
    return any(_ONE_CLICK.search(form) is not None for form in (text, unquote_plus(text)))


class _Routes:
    def __init__(self, desk: PublicDesk, templates: Templates) -> None:
        self._desk = desk
        self._templates = templates

    def ask(self, token: str) -> Response:
        token = token.rstrip("/")
        subscription = self._desk.look_up(token)
        if subscription is not None:
            name = "unsubscribe.html.j2" if subscription.is_active else "unsubscribed.html.j2"
            return self._about(name, subscription)
        if self._desk.probe(token):
            return answers.plain(PROBE_ANSWER)
        return self._say(404, *_BROKEN_LINK)

    def leave(self, token: str, body: Annotated[bytes, Depends(small_body)]) -> Response:
        token = token.rstrip("/")
        one_click = is_one_click(body)
        if not one_click and fields(body).get("all") == "yes":
            subscription = self._desk.leave_all(token)
        else:
            subscription = self._desk.unsubscribe(token, "one_click" if one_click else "page")
        if subscription is None and self._desk.probe(token):
            return answers.plain(PROBE_ANSWER)
        if one_click:
            return (
                answers.plain("not found\n", 404)
                if subscription is None
                else answers.plain("You have left.\n")
            )
        if subscription is None:
            return self._say(404, *_BROKEN_LINK)
        return self._about("unsubscribed.html.j2", subscription)

    def undo(self, token: str, _: Annotated[bytes, Depends(small_body)]) -> Response:
        subscription = self._desk.undo(token)
        if subscription is None:
            return self._say(410, *_TOO_LATE)
        return self._about("back.html.j2", subscription)

    def show_issue(self, token: str) -> Response:
        html = self._desk.issue_page(token.rstrip("/"))
        return answers.mail(html) if html is not None else self._say(404, *_MESSAGES[404])

    def show_media(self, name: str) -> Response:
        found = self._desk.media(name)
        return answers.media(found) if found else answers.plain("not found\n", 404)

    def is_well(self) -> Response:
        return answers.plain("ok")

    def refuse(self, _: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, AnyHTTPException) else 500
        headers = error.headers if isinstance(error, AnyHTTPException) else None
        heading, sentence = _MESSAGES.get(status, _MESSAGES[404])
        return self._say(status, heading, sentence, headers)

    def wait(self, _: Request, error: Exception) -> Response:
        log.error("a page could not be shown", reason=str(error))
        return self._say(503, *_TROUBLE, {"Retry-After": "60"})

    def apologise(self, _: Request, __: Exception) -> Response:
        # The server logs the error with its traceback after this page has gone out.
        return self._say(500, *_TROUBLE)

    def _about(self, template: str, subscription: Subscription) -> Response:
        return answers.page(self._templates.fill(template, subscription=subscription))

    def _say(
        self, status: int, heading: str, sentence: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        return say(self._templates, status, heading, sentence, headers)
