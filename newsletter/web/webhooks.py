"""`POST /webhooks/{provider}`: answered only when what it brought is durable.

Posts that come while others are being written are written together after them.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from newsletter.domain.event import Heard, Hearing, Post
from newsletter.web import answers

log = structlog.get_logger()

_PATH = "/webhooks/{provider}"
MAX_BODY = 64 * 1024
#: Of those who report many events at once, or much of each; SendGrid's posts have 768 KB at most.
LARGER_BODIES = dict.fromkeys(("sendgrid", "ses", "sparkpost", "mandrill", "brevo", "mailjet"), 1024 * 1024)
BODY_SECONDS = 10

_ANSWERS = {
    Heard.TAKEN: (200, "taken\n"),
    Heard.FORGED: (401, "the signature is not valid\n"),
    Heard.NOT_SET_UP: (503, "this provider is not set up here\n"),
    Heard.NO_SUCH_PROVIDER: (404, "no such provider\n"),
    Heard.NOT_KEPT: (503, "try again later\n"),
}
#: By documentation.mailgun.com as of 2026 this status alone ends the repeats of a report that is never taken.
_GIVE_UP = {("mailgun", Heard.FORGED): 406}
#: A missing secret is mended by a person; what could not be verified until then comes again.
_LATER = {Heard.NOT_SET_UP: {"Retry-After": "600"}, Heard.NOT_KEPT: {"Retry-After": "60"}}
#: So many posts are written together.
TOGETHER = 256


def listen(app: FastAPI, hearing: Hearing, kind_of: Callable[[str], str] = str) -> None:
    """Let an application take the reports of providers; `kind_of` tells the service behind a name."""

    gathering = _Gathering(hearing)

    async def take(request: Request) -> Response:
        provider = request.path_params["provider"]
        kind = kind_of(provider)
        body = await _body(request, LARGER_BODIES.get(kind, MAX_BODY))
        heard = await gathering.hear(provider, Post(dict(request.headers), body))
        status, words = _ANSWERS[heard]
        return answers.plain(words, _GIVE_UP.get((kind, heard), status), _LATER.get(heard))

    async def show(_: Request) -> Response:
        return answers.plain("")

    # Before the pages: routes are tried in their order, and no page is asked for as often.
    app.router.routes[:0] = [
        Route(_PATH, take, methods=["POST"], include_in_schema=False),
        # So an address is tried before it is used (mailchimp.com/developer/transactional, 2026).
        Route(_PATH, show, methods=["HEAD"], include_in_schema=False),
    ]


class _Gathering:
    """Hear posts one group after the other; used by one event loop only."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._waiting: list[tuple[str, Post, asyncio.Future[Heard]]] = []
        self._task: asyncio.Task[None] | None = None

    async def hear(self, provider: str, post: Post) -> Heard:
        told: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._waiting.append((provider, post, told))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await told

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                heard = await self._hear([(provider, post) for provider, post, _ in group])
                for (_, _, told), one in zip(group, heard, strict=True):
                    # Whoever asked may have gone.
                    if not told.done():
                        told.set_result(one)
        finally:
            self._task = None

    async def _hear(self, posts: Sequence[tuple[str, Post]]) -> Sequence[Heard]:
        try:
            return await run_in_threadpool(self._hearing.hear, posts)
        except Exception:
            log.exception("reports could not be heard")
            return [Heard.NOT_KEPT] * len(posts)


async def _body(request: Request, most: int) -> bytes:
    pieces, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    raise HTTPException(413, headers={"Connection": "close"})
    except TimeoutError as error:
        raise HTTPException(408, headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise HTTPException(400) from error
    return b"".join(pieces)
