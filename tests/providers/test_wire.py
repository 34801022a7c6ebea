import gc
import socket
import threading
import weakref
from contextlib import closing
from datetime import timedelta
from itertools import count

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.wire import ANSWER_CAP, Patience, Wire

PATIENCE = Patience(call=timedelta(seconds=5))


class OneAnswer:
    """A server that reads one request, writes the given bytes and hangs up."""

    def __init__(self, answer: bytes, *, reads_body: bool = True) -> None:
        self._answer, self._reads_body, self.received = answer, reads_body, b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.close()
        self._thread.join(2)

    def _serve(self):
        connection, _ = self._socket.accept()
        with connection:
            while self._reads_body and not self.received.endswith(b"END"):
                if not (read := connection.recv(65536)):
                    return
                self.received += read
            try:
                connection.sendall(self._answer)
            except OSError:
                return


def post(url, body=(b"END",), patience=PATIENCE, **options):
    with closing(Wire(url, patience, **options)) as wire:
        return wire.post(url, {"Authorization": "Bearer re_secret_123"}, list(body))


def test_a_body_of_many_parts_arrives_whole_with_its_length():
    with OneAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as server:
        reply = post(server.url, [b"x" * 300_000, b"y" * 300_000, b"END"])
    assert (reply.status, reply.body) == (200, b"{}")
    assert b"content-length: 600003" in server.received.lower()
    assert b"transfer-encoding" not in server.received.lower()


def test_a_closed_port_proves_that_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert post(url).outcome is Outcome.DEFERRED


def test_a_name_without_address_proves_that_nothing_was_sent():
    assert post("http://nowhere.invalid:1").outcome is Outcome.DEFERRED


def test_tls_with_something_else_proves_that_nothing_was_sent():
    with OneAnswer(b"this is no TLS", reads_body=False) as server:
        assert post(server.url.replace("http:", "https:")).outcome is Outcome.DEFERRED


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_a_broken_answer_leaves_the_outcome_unknown(answer):
    with OneAnswer(answer) as server:
        outcome = post(server.url)
    assert outcome.outcome is Outcome.UNKNOWN
    assert "re_secret" not in outcome.reason


def test_an_endless_answer_is_read_no_further_than_the_cap():
    with OneAnswer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (3 * ANSWER_CAP)) as server:
        reply = post(server.url)
    assert isinstance(reply, Reply)
    assert len(reply.body) == ANSWER_CAP


def test_a_call_whose_time_is_over_before_it_began_sent_nothing():
    ticks = count(0, 100)
    with OneAnswer(b"") as server:
        answer = post(server.url, elapsed=lambda: next(ticks))
        assert answer.outcome is Outcome.DEFERRED


def test_a_call_whose_time_runs_out_on_the_way_is_unknown():
    ticks = iter([0, 1, 100, 100, 100])
    with OneAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}") as server:
        assert post(server.url, elapsed=lambda: next(ticks)).outcome is Outcome.UNKNOWN


def test_a_whole_answer_counts_however_late():
    ticks = iter([0, 1, 100, 100, 100])
    with OneAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as server:
        assert post(server.url, elapsed=lambda: next(ticks)).body == b"{}"


class Parts(list):
    """A body that can be watched."""


class Claim:
    """What a call asks whether it may still start."""

    def __init__(self, is_fresh):
        self.is_fresh = is_fresh

    def may_start(self):
        return self.is_fresh


def watched_call(wire, url, *, is_fresh):
    """Make a call, and return its outcome with weak references to all that it was made of."""
    claim, body = Claim(is_fresh), Parts([b"x" * 300_000, b"END"])
    reply = wire.post(url, {}, body, claim.may_start)
    outcome = Outcome.ACCEPTED if isinstance(reply, Reply) else reply.outcome
    return outcome, (weakref.ref(claim), weakref.ref(body))


@pytest.fixture
def nothing_collected():
    """Leave alone what only looking for garbage would find."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("answer", "is_fresh", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True, Outcome.ACCEPTED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", True, Outcome.UNKNOWN),
        (b"", True, Outcome.UNKNOWN),
        (b"", False, Outcome.DEFERRED),
    ],
)
def test_a_call_that_ended_keeps_nothing_of_it_alive(nothing_collected, answer, is_fresh, outcome):
    with OneAnswer(answer) as server, closing(Wire(server.url, PATIENCE)) as wire:
        found, watched = watched_call(wire, server.url, is_fresh=is_fresh)
        assert (found, [one() for one in watched]) == (outcome, [None, None])


def test_a_call_that_found_nobody_keeps_nothing_of_it_alive(nothing_collected):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with closing(Wire(url, PATIENCE)) as wire:
        found, watched = watched_call(wire, url, is_fresh=True)
        assert (found, [one() for one in watched]) == (Outcome.DEFERRED, [None, None])
