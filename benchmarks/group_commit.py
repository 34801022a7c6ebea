"""What sharing a commit is worth: one-row writes of many threads, and urgent ones beside bulk chunks.

    .venv/bin/python benchmarks/group_commit.py [FOLDER]

FOLDER is on the disk to measure. "slow disk" adds 5 ms to each commit, as a disk without a cache in front.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import bindparam, event, text

from newsletter.store.database import Database
from newsletter.store.turns import Turns

SECONDS = 2.0
SLOW = 0.005
CHUNK = 4_000
#: An urgent write comes this often, as the clicks of a few readers.
EVERY = 0.01
INSERT = text("INSERT INTO written (writer, note) VALUES (:writer, :note)").bindparams(
    bindparam("writer"), bindparam("note")
)
ROWS = [{"writer": 2, "note": "one of many rows"}] * CHUNK


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    for name, delay in (("this disk", 0.0), ("slow disk", SLOW)):
        for threads in (1, 4, 16):
            alone = one_row_writes(folder, threads, delay, most=1)
            together = one_row_writes(folder, threads, delay, most=64)
            print(
                f"{name}, {threads:2} threads: {alone:7.0f} writes/s each with its commit, "
                f"{together:7.0f} with a shared one, {together / alone:4.1f} times"
            )
    print(f"a bulk chunk of {CHUNK} rows takes {one_chunk(folder) * 1000:.0f} ms by itself")
    for name, delay in (("this disk", 0.0), ("slow disk", SLOW)):
        for title, chunks, is_bulk in (
            ("alone", 0, True),
            ("beside bulk chunks", 1, True),
            ("beside the same chunks, not marked as bulk", 1, False),
        ):
            print(f"{name}, urgent writes {title}: {urgent_writes(folder, delay, chunks, is_bulk=is_bulk)}")
    for name, delay in (("this disk", 0.0), ("slow disk", SLOW)):
        print(f"{name}, another process's writes beside 16 threads: {another_database(folder, delay)}")


def one_row_writes(folder: str | None, threads: int, delay: float, *, most: int) -> float:
    """Count the acknowledged writes of a second."""
    with written(folder, delay) as database:
        database._turns = Turns(database._shared, most=most)
        with running([lambda: write(database)] * threads) as counts:
            time.sleep(SECONDS)
        return sum(counts) / SECONDS


def urgent_writes(folder: str | None, delay: float, chunks: int, *, is_bulk: bool) -> str:
    """Say how long urgent writes took beside four threads of short ones."""
    with written(folder, delay) as database:
        work = [lambda: write(database)] * 4 + [lambda: chunk(database, is_bulk=is_bulk)] * chunks
        with running(work):
            return spread(timed_every(EVERY, lambda: write(database, urgent=True)))


def one_chunk(folder: str | None) -> float:
    with written(folder, 0) as database:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            with database.writing(bulk=True) as tx:
                tx.execute(INSERT, ROWS)
            times.append(time.perf_counter() - start)
        return statistics.median(times)


def another_database(folder: str | None, delay: float) -> str:
    """Say how long the writes of a second connection, with turns of its own, took beside 16 threads."""
    with (
        written(folder, delay) as database,
        closing(Database(f"sqlite:///{database.file}")) as other,
        running([lambda: write(database)] * 16),
    ):
        return spread(timed_every(0.1, lambda: write(other)))


@contextmanager
def written(folder: str | None, delay: float) -> Iterator[Database]:
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        closing(Database(f"sqlite:///{Path(place) / 'written.db'}")) as database,
    ):
        with database.writing() as tx:
            tx.execute(text("CREATE TABLE written (id INTEGER PRIMARY KEY, writer INT, note TEXT)"))
        if delay:
            event.listen(database._writing_engine, "commit", lambda _connection: time.sleep(delay))
        yield database


@contextmanager
def running(work: list[Callable[[], None]]) -> Iterator[list[int]]:
    """Repeat each piece of work in a thread of its own; count how often."""
    counts = [0] * len(work)
    is_over = threading.Event()

    def repeat(number: int) -> None:
        while not is_over.is_set():
            work[number]()
            counts[number] += 1

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def write(database: Database, *, urgent: bool = False) -> None:
    with database.writing(urgent=urgent) as tx:
        tx.execute(INSERT, {"writer": 1, "note": "one row"})


def chunk(database: Database, *, is_bulk: bool) -> None:
    with database.writing(bulk=is_bulk) as tx:
        tx.execute(INSERT, ROWS)
    # A bulk writer reads and computes between its chunks.
    time.sleep(0.01)


def timed_every(pause: float, work: Callable[[], None]) -> list[float]:
    ends = time.perf_counter() + SECONDS * 2
    times = []
    while time.perf_counter() < ends:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
        time.sleep(pause)
    return times


def spread(times: list[float]) -> str:
    if len(times) < 2:
        return f"one write in {times[0]:.1f} s"
    cuts = statistics.quantiles(times, n=100)
    return (
        f"median {cuts[49] * 1000:5.1f} ms, 99th percentile {cuts[98] * 1000:5.1f} ms, "
        f"slowest {max(times) * 1000:5.1f} ms of {len(times)}"
    )


if __name__ == "__main__":
    main()
