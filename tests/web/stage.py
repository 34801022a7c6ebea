"""One server for the pages of every test: to start and to stop one takes longer than most tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI

from newsletter.web.server import Server


class Stage(FastAPI):
    """An application that another one plays."""

    playing_now: FastAPI | None = None

    def __init__(self) -> None:
        super().__init__()
        # A daemon's thread: it ends with the tests.
        self._server = Server(self)
        self._server.start()

    @contextmanager
    def playing(self, app: FastAPI) -> Iterator[str]:
        """Let an application answer at the URL that this gives."""
        assert self.playing_now is None, "one at a time"
        self.playing_now = app
        try:
            yield self._server.url
        finally:
            self.playing_now = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.playing_now(scope, receive, send)


@cache
def stage() -> Stage:
    """Return the stage of this process."""
    return Stage()
