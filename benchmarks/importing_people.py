"""Import many people from a CSV file: rows a second and peak memory, of a dry run and of the import itself.

.venv/bin/python benchmarks/importing_people.py --people 1000000 --database sqlite
"""

import argparse
import multiprocessing
import shutil
import tempfile
import time
from pathlib import Path

from bench_cast import letter, peak_mb, server_url

# One row in a hundred cannot be used, and is reported.
_BROKEN = 100
_ZONES = ("Europe/London", "America/New_York", "", "Asia/Tokyo")


def write(file: Path, people: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write("Email Address,First name,Last name,Time zone,City\n")
        for n in range(people):
            address = f"reader.{n}@mail{n % 500}.example.org" if n % _BROKEN else f"reader {n}"
            out.write(f"{address},Zoë,Reader {n},{_ZONES[n % 4]},Town {n % 90}\n")


def measure(folder: Path, people: int, database: str | None, dry_run: bool, most_memory: float) -> None:
    app = letter(folder / f"letter-{dry_run}", 1, "outbox", "http://127.0.0.1:9", database)
    before, start = peak_mb(), time.perf_counter()
    found = app.enrolling.import_file(
        folder / "people.csv",
        None,
        "paper form, reception",
        columns={"attributes.city": "City"},
        dry_run=dry_run,
        report=folder / "report.csv",
    )
    took = time.perf_counter() - start
    assert found.added + found.refusals == people, found
    what = "dry run" if dry_run else "import"
    print(
        f"{what}: {people:,} rows in {took:.1f} s, {people / took:,.0f} a second; "
        f"{found.refusals:,} refused; peak {peak_mb():.0f} MB, {before:.0f} MB before it"
    )
    app.database.close()
    assert peak_mb() <= most_memory, f"memory grew to {peak_mb():.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--most-memory", type=float, default=float("inf"), help="fail above so many MB")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-"))
    try:
        write(folder / "people.csv", options.people)
        with server_url(options.database) as url:
            for dry_run in (True, False):
                # Each in a process of its own, whose peak is its own.
                process = multiprocessing.get_context("spawn").Process(
                    target=measure, args=(folder, options.people, url, dry_run, options.most_memory)
                )
                process.start()
                process.join()
                assert process.exitcode == 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
