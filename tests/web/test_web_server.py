import logging
import signal
import socket
import threading

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from newsletter.errors import NewsletterError
from newsletter.web.server import Server


def hello() -> FastAPI:
    app = FastAPI()
    app.add_api_route("/", lambda: PlainTextResponse("hello"))
    return app


def test_it_answers_as_soon_as_it_has_started() -> None:
    with Server(hello()) as server:
        assert httpx.get(server.url).text == "hello"


def test_a_used_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NewsletterError) as caught:
            Server(hello(), port=port).start()
    assert str(caught.value).startswith(f"port {port} on 127.0.0.1 is in use; ")


def test_a_host_that_is_not_here_is_one_sentence() -> None:
    with pytest.raises(NewsletterError, match=r"^cannot listen on 192\.0\.2\.1, port 0: "):
        Server(hello(), host="192.0.2.1").start()


def test_it_takes_no_signals_and_says_nothing(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with caplog.at_level(logging.WARNING), Server(hello()) as server:
        httpx.get(server.url)
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_stopping_lets_a_request_under_way_end() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slow() -> PlainTextResponse:
        entered.set()
        go_on.wait(5)
        return PlainTextResponse("done")

    app = FastAPI()
    app.add_api_route("/", slow)
    got: list[str] = []
    server = Server(app)
    server.start()
    asking = threading.Thread(target=lambda: got.append(httpx.get(server.url).text))
    asking.start()
    entered.wait(5)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    go_on.set()
    stopping.join(5)
    asking.join(5)
    assert got == ["done"]


def test_after_stopping_the_port_is_free_and_again_does_nothing() -> None:
    server = Server(hello())
    server.start()
    server.stop()
    server.stop()
    port = int(server.url.rpartition(":")[2])
    with Server(hello(), port=port) as again:
        assert httpx.get(again.url).text == "hello"


def test_stopping_at_once_is_fine() -> None:
    for _ in range(3):
        server = Server(hello())
        server.start()
        server.stop()
