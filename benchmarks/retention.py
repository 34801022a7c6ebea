"""How long others wait while a table of a million events is cleaned.

    .venv/bin/python benchmarks/retention.py
    .venv/bin/python benchmarks/retention.py --database postgres --events 100000

Nine of ten events are too old. While they go, something urgent is written again and again, as by the public
pages; it prints how long that waited.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_cast import server_url
from sqlalchemy import insert, text

from newsletter.domain.retention import Retention
from newsletter.pipeline.retaining import CHUNK, Retaining
from newsletter.store import schema
from newsletter.store.database import Database
from newsletter.store.tables import provider_event
from newsletter.writing import SystemClock

_ROWS = 10_000
_REST = 0.005


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    arguments = parser.parse_args()
    with _database(arguments.database) as database:
        _fill(database, arguments.events)
        _clean(database, arguments.database)


@contextmanager
def _database(kind: str) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder, server_url(kind) as server:
        database = Database(server or f"sqlite:///{Path(folder) / 'bench.db'}")
        with closing(database):
            schema.prepare(database, datetime.now(UTC))
            yield database


def _fill(database: Database, number: int) -> None:
    now = datetime.now(UTC)
    for start in range(0, number, _ROWS):
        rows = [
            {
                "provider": "p",
                "event_id": f"{n * 7_919 % number:024d}",
                "kind": "delivered",
                "received_at": now - timedelta(days=100 if n % 10 else 1),
            }
            for n in range(start, min(start + _ROWS, number))
        ]
        with database.writing(bulk=True) as tx:
            tx.execute(insert(provider_event), rows)


def _clean(database: Database, name: str) -> None:
    is_over, waited = threading.Event(), list[float]()
    beside = threading.Thread(target=_write, args=(database, is_over, waited))
    beside.start()
    retaining = Retaining(database, SystemClock(), Retention())
    begun, ticks, longest, ended = time.perf_counter(), 0, 0.0, 0
    while ended < 4:
        started = time.perf_counter()
        ended += len(retaining.tick(datetime.now(UTC)))
        longest, ticks = max(longest, time.perf_counter() - started), ticks + 1
    took = time.perf_counter() - begun
    is_over.set()
    beside.join()
    slow = sorted(waited)[int(len(waited) * 0.99)]
    print(f"{name}: {took:.1f} s in {ticks} ticks of {longest:.2f} s at most, {CHUNK:,} events at once")
    print(
        f"an urgent write beside it waited {statistics.median(waited) * 1000:.1f} ms in the median,"
        f" {slow * 1000:.1f} ms at the 99th percentile, {max(waited) * 1000:.1f} ms at most"
    )


def _write(database: Database, is_over: threading.Event, waited: list[float]) -> None:
    while not is_over.is_set():
        started = time.perf_counter()
        with database.writing(urgent=True) as tx:
            tx.execute(text("UPDATE deployment SET moved_to = ''"))
        waited.append(time.perf_counter() - started)
        time.sleep(_REST)


if __name__ == "__main__":
    main()
