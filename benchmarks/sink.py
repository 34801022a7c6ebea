"""A provider that takes everything at once: it reads each request to its end and answers what the API would.

    python benchmarks/sink.py [--latency SECONDS] [--ids N]

It prints its port, serves until its input ends, and then prints one line of JSON: requests, bytes and the
seconds of processor time that it took. A thread reads one connection into one buffer and parses nothing but
the head of a request.
"""

import argparse
import json
import socket
import sys
import threading
import time

_BUFFER = 1 << 20
_LONGEST_HEAD = 1 << 16
_LENGTH = b"content-length:"


class Sink:
    """The server; `ids` is how many mails each call of the Resend form carries."""

    def __init__(self, latency: float, ids: int) -> None:
        self.latency = latency
        self.requests = 0
        self.bytes = 0
        self._lock = threading.Lock()
        listed = [{"id": f"{number:08x}-0000-4000-8000-000000000000"} for number in range(ids)]
        self._answers = {
            b"/emails/batch": _answer(json.dumps({"data": listed})),
            b"": _answer('{"id":"<20261201090000.1.ABCDEF@news.example.org>","message":"Queued."}'),
        }

    def serve(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = memoryview(bytearray(_BUFFER))
        with connection:
            while received := _request(connection, buffer):
                path, size = received
                with self._lock:
                    self.requests += 1
                    self.bytes += size
                if self.latency:
                    time.sleep(self.latency)
                connection.sendall(self._answers.get(path, self._answers[b""]))


def _request(connection: socket.socket, buffer: memoryview) -> tuple[bytes, int] | None:
    """Read one request; return its path and the bytes of its body."""
    filled, end = 0, -1
    while end < 0:
        count = connection.recv_into(buffer[filled:])
        if not count:
            return None
        filled += count
        end = bytes(buffer[: min(filled, _LONGEST_HEAD)]).find(b"\r\n\r\n")
    head = bytes(buffer[:end])
    start = head.lower().find(_LENGTH)
    size = int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0
    left = size - (filled - end - 4)
    while left > 0:
        count = connection.recv_into(buffer, min(left, _BUFFER), socket.MSG_WAITALL)
        if not count:
            return None
        left -= count
    return head.split(b" ", 2)[1], size


def _answer(body: str) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--ids", type=int, default=100)
    arguments = parser.parse_args()
    sink = Sink(arguments.latency, arguments.ids)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=sink.serve, args=(server,), daemon=True).start()
        sys.stdin.read()
        used = time.process_time()
        print(json.dumps({"requests": sink.requests, "bytes": sink.bytes, "cpu": used}), flush=True)


if __name__ == "__main__":
    main()
