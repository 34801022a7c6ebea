"""Post single reports of Resend to /webhooks/resend, so many a second, each when it is due.

    python benchmarks/reports.py URL PER_SECOND SECONDS BATCHES MEMBERS DEPLOYMENT SECRET

All are signed before the first is posted, and a post waits for no answer but its own: a connection that is in
use is passed over, and one more opened, up to 128. It prints how many were posted, the seconds that it took,
the median and the 99th percentile of the seconds until the answer, from the moment at which a report was due,
its own seconds of processor time, and how many connections it opened.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import uvloop

from newsletter.testing.reports import resend_report

_NAMES = ("email.sent", "email.delivered", "email.delivered", "email.delivered", "email.opened")
_MOST = 128
_TAKEN = b"HTTP/1.1 200"
_END = b"\r\n\r\ntaken\n"


def main() -> None:
    url, per_second, seconds, *which = sys.argv[1:]
    posts = list(_posts(int(float(per_second) * float(seconds)), *which))
    uvloop.run(_Client(url, float(per_second)).run(posts))


class _Client:
    def __init__(self, url: str, per_second: float) -> None:
        self._where = urlsplit(url)
        self._every = 1 / per_second
        self._free: list[_Connection] = []
        self._opened = 0
        self._room = asyncio.Semaphore(_MOST)
        self.took: list[float] = []

    async def run(self, posts: list[bytes]) -> None:
        used, start = time.process_time(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, post in enumerate(posts):
                due = start + number * self._every
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._post(post, due))
        took, seconds = sorted(self.took), time.perf_counter() - start
        median, late = statistics.median(took), took[int(len(took) * 0.99)]
        print(json.dumps([len(took), seconds, median, late, time.process_time() - used, self._opened]))

    async def _post(self, post: bytes, due: float) -> None:
        async with self._room:
            # One that nothing came over for a while was closed by the server.
            self._free = [one for one in self._free if not one.is_closed]
            connection = self._free.pop() if self._free else await self._open()
            try:
                await connection.post(post)
            except ConnectionError:
                # The server may close what was idle while a post is on its way; it comes again, as any does.
                connection = await self._open()
                await connection.post(post)
            self._free.append(connection)
        self.took.append(time.perf_counter() - due)

    async def _open(self) -> "_Connection":
        self._opened += 1
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, self._where.hostname, self._where.port))[1]


class _Connection(asyncio.Protocol):
    """One request after the other; the answer that is awaited is the one the newsletter gives."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._read = b""
        self._answered: asyncio.Future[None] | None = None
        self.is_closed = False

    def post(self, post: bytes) -> asyncio.Future[None]:
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(post)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._read.endswith(_END):
            assert self._read.startswith(_TAKEN), self._read
            self._read = b""
            self._answered.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error or ConnectionError(f"closed: {self._read!r}"))


def _posts(number: int, batches: str, members: str, deployment: str, secret: str):
    pick = random.Random(number)
    for _ in range(number):
        reference = f"nl-{deployment}-1-{1 + pick.randrange(int(batches))}-0-{pick.randrange(int(members))}"
        message = {
            "from": "weekly@news.example.org",
            "to": ["somebody@example.org"],
            "subject": "Lower back: where the ache comes from",
            "tags": [{"name": "reference", "value": reference}],
        }
        report = resend_report(secret, pick.choice(_NAMES), message, datetime.now(UTC))
        headers = {"Host": "news.example.org", "Content-Length": str(len(report.body)), **report.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"POST /webhooks/resend HTTP/1.1\r\n{head}\r\n".encode() + report.body


if __name__ == "__main__":
    main()
