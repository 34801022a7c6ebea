"""How fast an issue is released and delivered, beside a bare loop that posts the same bytes.

    .venv/bin/python benchmarks/delivery.py                       every row, small
    .venv/bin/python benchmarks/delivery.py merge --people 1000000 --runs 5
    .venv/bin/python benchmarks/delivery.py merge single --database postgres

Each run has a process of its own, so that its peak memory is its own, and prints the median.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from bench_cast import ISSUES, held_mb, letter, peak_mb, queue, server_url, sink
from sqlalchemy import text

from newsletter.app import App
from newsletter.domain.provider import Mailing
from newsletter.domain.release import ReleaseState
from newsletter.domain.tokens import Grant, Purpose
from newsletter.interpreter import prepare_for_bulk
from newsletter.pipeline.addressing import Frozen, recipients
from newsletter.scheduler import Schedule
from newsletter.store import releases
from newsletter.web.serving import public_pages

SENDERS = 8
#: The bare loop posts for about so long.
BARE_SECONDS = 2.0
#: How often the end is looked for, in seconds; memory is looked at every few times, which takes longer.
_LOOK = 0.01
_MEMORY_EVERY = 5
#: Another writer writes so often, in seconds.
_EVERY = 0.01


@dataclass(frozen=True)
class Row:
    """What is measured: a provider's form, its latency, and how many recipients a call has."""

    what: str
    people: int
    provider: str = "mailgun"
    latency: float = 0.0
    batch_size: int | None = None
    issues: int = 1
    sends: bool = True
    web: bool = False


ROWS = {
    "release": Row("deliveries released, another writer beside it", 1_000_000, sends=False),
    "merge": Row("merge form, 1,000 a call", 100_000),
    "slow": Row("merge form, the provider answers in 300 ms", 100_000, latency=0.3),
    "full": Row("full messages of 40 KB, 100 a call", 50_000, provider="resend"),
    "single": Row("one message a call", 5_000, provider="resend", batch_size=1),
    "fifth": Row("merge form, the fifth issue", 100_000, issues=5),
    "web": Row("merge form, while readers leave", 200_000, web=True),
}


@dataclass(frozen=True)
class Measured:
    """One run; times in seconds, rates in recipients a second."""

    people: int
    release: float
    total: float
    peak_mb: float
    delay: float = 0.0
    bare: float = 0.0
    sink_cpu: float = 0.0
    web_p50: float = 0.0
    web_p99: float = 0.0

    @property
    def rate(self) -> float:
        """Return recipients a second, from the tick that releases to the last record."""
        return self.people / self.total


def main() -> None:
    arguments = _arguments()
    if arguments.one:
        measured = measure(ROWS[arguments.rows[0]], arguments.people, arguments.database)
        print(json.dumps(asdict(measured)))
        return
    print(f"this machine sums ten million integers in {_pace():.2f} s", flush=True)
    for name in arguments.rows or ROWS:
        runs = [_one(name, arguments) for _ in range(arguments.runs)]
        print(told(name, ROWS[name], runs, arguments.database), flush=True)


def measure(row: Row, people: int | None, database: str) -> Measured:
    """Make a letter, release an issue and deliver it as `newsletter run` does."""
    folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-"))
    people = people or row.people
    try:
        with server_url(database) as url, sink(row.latency, row.batch_size or 100) as target:
            app = letter(folder / "letter", people, row.provider, target.url, url)
            try:
                found = _measure(app, row, people)
            finally:
                app.database.close()
                app.provider.close()
        return Measured(**{**asdict(found), "sink_cpu": target.used["cpu"]})
    finally:
        shutil.rmtree(folder)


def _measure(app: App, row: Row, people: int) -> Measured:
    if row.batch_size:
        object.__setattr__(app.provider.capabilities, "batch_size", row.batch_size)
    for issue in ISSUES[: row.issues]:
        with app.sending(), _sender(app, row) as sender:
            queue(app, issue)
            start = time.perf_counter()
            with _another_writer(app) as delays:
                app.engine.tick()
            released = time.perf_counter()
            if sender is None:
                return Measured(people, released - start, released - start, peak_mb(), max(delays))
            with _readers_who_leave(app, row) as spread:
                peak = sender.finish()
            total = time.perf_counter() - start
    bare = _bare(app, row)
    return Measured(people, released - start, total, peak, bare=bare, web_p50=spread[0], web_p99=spread[1])


@dataclass(frozen=True)
class Sender:
    """What `newsletter run` sends with, and its processes."""

    app: App
    schedule: Schedule
    pids: Sequence[int]
    held: list[str]

    def finish(self) -> float:
        """Send what was released; return the most memory that was seen, of all processes together."""
        self.held.clear()
        self.schedule._tick()
        most, looks = 0.0, count()
        while not _is_settled(self.app):
            if next(looks) % _MEMORY_EVERY == 0:
                most = max(most, held_mb(self.pids))
            time.sleep(_LOOK)
        return most


@contextmanager
def _sender(app: App, row: Row) -> Iterator[Sender | None]:
    if not row.sends:
        yield None
        return
    prepare_for_bulk()
    processes = app.engines.caller_processes(app.routing)
    # It does nothing by itself: what is due is released, and timed, outside of it.
    held = ["not yet"]
    schedule = Schedule(
        app.engine, senders=SENDERS, processes=processes, why_not=lambda: next(iter(held), None)
    )
    schedule.start()
    try:
        yield Sender(app, schedule, [os.getpid(), *(one.pid for one in processes.values())], held)
    finally:
        schedule.stop()


def _is_settled(app: App) -> bool:
    with app.database.reading() as tx:
        return not releases.in_state(tx, ReleaseState.SENDING)


def _body(app: App, size: int) -> bytes:
    """Compose a call like those that were made."""
    compiled = next(iter(app.engine.delivering.claiming.letters.known.values()))
    members = tuple(
        (number, number, f"reader{number}@example.org", f"Reader {number}", 1, 1, 0) for number in range(size)
    )
    now = datetime.now(UTC)
    frozen = Frozen(now, app.keys.current, app.settings.links_url, "news.example.org", members)
    people = recipients(frozen, app.keys, "nl-12345678-1-1-0")
    return compiled.fill(Mailing("nl-12345678-1-1-0", people, now, "")).request().body


def _bare(app: App, row: Row) -> float:
    """Post the same bytes with as many threads and nothing around it; return recipients a second."""
    size = app.provider.capabilities.batch_size
    body = _body(app, size)
    path = "/emails/batch" if row.provider == "resend" else "/v3/example.org/messages"
    url = f"{app.settings.provider.base_url}{path}"
    stop_at = time.perf_counter() + max(BARE_SECONDS, 4 * row.latency)
    counts = [0] * SENDERS
    with httpx.Client() as client:

        def post(number: int) -> None:
            while time.perf_counter() < stop_at:
                client.post(url, content=body)
                counts[number] += 1

        seconds = _together([lambda number=number: post(number) for number in range(SENDERS)])
    return sum(counts) * size / seconds


def _together(works: list[Callable[[], None]]) -> float:
    threads = [threading.Thread(target=work) for work in works]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


@contextmanager
def _another_writer(app: App) -> Iterator[list[float]]:
    """Write one row again and again; collect how long each took."""
    delays = [0.0]
    stopping = threading.Event()

    def write() -> None:
        statement = text("UPDATE series SET paused_at = NULL")
        while not stopping.wait(_EVERY):
            start = time.perf_counter()
            with app.database.writing(urgent=True) as tx:
                tx.execute(statement)
            delays.append(time.perf_counter() - start)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield delays
    finally:
        stopping.set()
        writer.join()


@contextmanager
def _readers_who_leave(app: App, row: Row) -> Iterator[list[float]]:
    """Let readers leave over HTTP, 50 a second; collect the median and the 99th percentile."""
    spread = [0.0, 0.0]
    if not row.web:
        yield spread
        return
    tokens = [app.keys.sign(Purpose.UNSUBSCRIBE, Grant(1, number)) for number in range(2, 6_000)]
    with public_pages(app) as url:
        argv = [sys.executable, str(Path(__file__).with_name("leavers.py")), url]
        client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdin is not None
        client.stdin.write("\n".join(tokens) + "\n\n")
        client.stdin.flush()
        try:
            yield spread
        finally:
            said, _ = client.communicate(timeout=30)
        spread[:] = json.loads(said)


def told(name: str, row: Row, runs: list[Measured], database: str) -> str:
    """Say what the median of some runs is."""
    middle = sorted(runs, key=lambda one: one.total)[len(runs) // 2]
    words = [f"{name:8} {database}, {middle.people:,} {row.what}: {middle.total:.2f} s"]
    words.append(f"{middle.rate:,.0f}/s, {1e6 / middle.rate:.1f} us each")
    if row.sends:
        ratio = middle.rate / middle.bare
        words += [f"release {middle.release:.2f} s", f"bare loop {middle.bare:,.0f}/s, ratio {ratio:.2f}"]
        words.append(f"sink {100 * middle.sink_cpu / middle.total:.0f} % of a core")
    else:
        words.append(f"another writer waited {max(one.delay for one in runs) * 1000:.0f} ms at most")
    if row.web:
        words.append(f"web {middle.web_p50 * 1000:.0f} ms median, {middle.web_p99 * 1000:.0f} ms p99")
    words.append(f"peak {statistics.median(one.peak_mb for one in runs):.0f} MB")
    return ", ".join(words)


def _pace() -> float:
    """Tell how quick the machine is just now: on a shared host that changes from hour to hour."""
    start, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - start


def _one(name: str, arguments: argparse.Namespace) -> Measured:
    argv = [sys.executable, __file__, name, "--one", "--database", arguments.database]
    argv += ["--people", str(arguments.people)] if arguments.people else []
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Measured(**values)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--people", type=int, help="so many recipients, instead of the row's own")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
