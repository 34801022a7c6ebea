"""A web server in a thread of its own."""

import errno
import os
import socket
from threading import Thread
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

from newsletter.errors import NewsletterError

_BACKLOG = 128


class Server:
    """Serve an application until it is stopped; takes no signals and writes no access log.

    An access log would keep tokens. `grace` is how long requests under way may take to end, in seconds.
    """

    def __init__(self, app: FastAPI, *, host: str = "127.0.0.1", port: int = 0, grace: int = 5) -> None:
        self._host = host
        self._port = port
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=grace,
            )
        )
        self._url = ""
        self._thread: Thread | None = None

    def start(self) -> None:
        """Bind, then serve in the background; port 0 takes a free one.

        Raises NewsletterError where the port cannot be had, before anything has started.
        """
        listening = _bind(self._host, self._port)
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._url = f"http://{host}:{listening.getsockname()[1]}"
        self._thread = Thread(target=self._uvicorn.run, args=([listening],), name="web", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return where it serves, without a slash at the end; empty before `start`."""
        return self._url

    def stop(self) -> None:
        """Take no more requests, let those under way end, and return; again does nothing."""
        if self._thread is None:
            return
        self._uvicorn.should_exit = True
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it an answer takes 40 ms more.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _refusal(host, port, error) from error
    return listening


def _refusal(host: str, port: int, error: OSError) -> NewsletterError:
    if error.errno == errno.EADDRINUSE:
        return NewsletterError(
            f"port {port} on {host} is in use",
            mend="stop what uses it, or choose another: port under [web], --port of preview",
        )
    if error.errno == errno.EACCES:
        return NewsletterError(f"port {port} may not be opened by this user", mend="choose one above 1023")
    reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
    return NewsletterError(f"cannot listen on {host}, port {port}: {reason}")
