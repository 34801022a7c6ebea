"""What the benchmarks of delivery share: a letter with readers made on the fly, a sink, a server."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, text

from newsletter.app import App

ISSUES = ("lower-back", "upper-back", "neck", "what-to-expect", "once-more")
_FIFTH = """
[[issue]]
id = "once-more"
subject = "Lower back, once more"
preheader = "What the first part said, for whoever joined since."
sections = ["lower-back-relief#introduction", "lower-back-relief#understanding"]
"""
_LONG_AGO = timedelta(weeks=8)
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) ",
    "postgresql": "WITH n AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i) ",
}
# One name in ten is not ASCII, and one has an apostrophe, which every form of call has to escape.
_NAME = "CASE i % 10 WHEN 1 THEN 'Zoë Ångström' WHEN 2 THEN 'Ann O''Neill' ELSE 'Reader ' || i END"
_PEOPLE = (
    "INSERT INTO subscriber (id, address, address_hash, name, zone, locale, attributes) {numbers}"
    "SELECT i, 'reader' || i || '@example.org', 'hash' || i, {name}, 'Europe/London', '', '{{}}' FROM n"
)
_SUBSCRIPTIONS = (
    "INSERT INTO subscription (series_id, subscriber_id, state, confirmed_at) {numbers}"
    "SELECT 1, i, 'active', '2026-01-01 00:00:00+00' FROM n"
)
_CHUNK = 200_000


@dataclass
class SinkProcess:
    """A sink that runs; `used` is what it says of itself at its end."""

    url: str
    used: dict[str, float] = field(default_factory=dict)


@contextmanager
def sink(latency: float = 0.0, ids: int = 100) -> Iterator[SinkProcess]:
    """Run a sink in a process of its own."""
    file = Path(__file__).with_name("sink.py")
    argv = [sys.executable, str(file), "--latency", str(latency), "--ids", str(ids)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        running = SinkProcess(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        yield running
        process.stdin.close()
        running.used = json.loads(process.stdout.readline() or "{}")
        process.wait(5)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def server_url(kind: str) -> Iterator[str | None]:
    """Give the URL of an empty PostgreSQL database that writes durably; None for SQLite."""
    if kind == "sqlite":
        yield None
        return
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import postgres_server  # noqa: PLC0415 - of the tests

    # A server as somebody would run it, of a quarter of the memory that PostgreSQL's manual advises.
    options = "-c max_connections=60 -c shared_buffers=512MB -c max_wal_size=4GB"
    with postgres_server.prepared(options=options) as server:
        server.start()
        with server.database() as url:
            yield url


def letter(root: Path, people: int, provider: str, url: str, database: str | None = None) -> App:
    """Make the sample letter with so many readers; no issue is queued."""
    os.environ |= {
        "NEWSLETTER_PROVIDER__NAME": provider,
        "NEWSLETTER_PROVIDER__BASE_URL": url,
        "NEWSLETTER_PROVIDER__CALLS_PER_SECOND": "inf",
        "NEWSLETTER_PUBLIC_URL": "http://127.0.0.1:9",
        "MAILGUN_API_KEY": "key-of-the-sink",
        "RESEND_API_KEY": "key-of-the-sink",
        **({"NEWSLETTER_DATABASE__URL": database} if database else {}),
    }
    app = App(root)
    app.starting.start(root, datetime.now(UTC) - _LONG_AGO)
    file = root / "content/series/back-pain.toml"
    first = (datetime.now(UTC) - _LONG_AGO).date() + timedelta(days=2)
    new = {"starts": f"starts = {first}\n", "hold_if_late_by": 'hold_if_late_by = "90d"\n'}
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(new.get(line.partition(" ")[0], line) for line in lines) + _FIFTH)
    # The first person applies the series; everybody else is made by the database itself.
    app.enrolling.add("first@example.net", "", "Europe/London", None, "asked")
    _subscribe(app, people)
    return app


def queue(app: App, issue: str) -> None:
    """Queue one issue of the sample series, due long ago."""
    app.queueing.queue([f"back-pain/{issue}"], now=datetime.now(UTC) - _LONG_AGO)


def held_mb(pids: Sequence[int]) -> float:
    """Tell how much memory processes hold, what they share counted once (PSS, on Linux)."""
    if sys.platform != "linux":
        return peak_mb()
    return sum(_pss_kb(Path(f"/proc/{pid}/smaps_rollup")) for pid in pids) / 1024


def _pss_kb(file: Path) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith("Pss:"))


def peak_mb() -> float:
    """Return the largest resident size of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _subscribe(app: App, people: int) -> None:
    kind = "sqlite" if app.database.is_sqlite else "postgresql"
    for first in range(2, people + 1, _CHUNK):
        between = {"first": first, "last": min(first + _CHUNK - 1, people)}
        with app.database.writing(bulk=True) as tx:
            for statement in (_PEOPLE, _SUBSCRIPTIONS):
                tx.execute(text(statement.format(numbers=_NUMBERS[kind], name=_NAME)), between)
    if kind == "postgresql":
        with app.database.writing() as tx:
            tx.execute(text("SELECT setval('subscriber_id_seq', (SELECT max(id) FROM subscriber))"))
        # As a server's own vacuum leaves them soon: otherwise whoever reads them first writes them again.
        with create_engine(app.database.url, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE subscriber, subscription"))
