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

from newsletter.interpreter import prepare_for_bulk

# One row in a hundred is not as it should be: refused and reported, or said to be odd and taken.
_ODD_ONE = 100
_REFUSED = (
    "reader {n},Zoë,Reader,,",
    "@example.org,Zoë,Reader,,",
    "reader{n}@@example.org,Zoë,Reader,,",
    "reader{n}@-mail.example.org,Zoë,Reader,,",
    "reader{n}@example,Zoë,Reader,,",
    "{long}{n}@example.org,Zoë,Reader,,",
    "reader{n}@example.org,Zoë,Reader,Europe/Lodnon,",
    "reader{n}@example.org,Zoë,Reader,,Ulm,Bonn,Kiel",
    '"reader{n}@example.org\nBcc: all@example.org",Zoë,Reader,,',
    '"reader{n}@example.org","Zoë\r\nBcc: all@example.org",Reader,,',
    'reader{n}@example.org,"Zoë" Reader,Reader,,',
    "=cmd|' /C calc'!A{n},Zoë,Reader,,",
    "reader{n}@example.org,Zoë,Reader,,{endless}",
    ",Zoë,Reader {n},,",
)
_ODD = (
    "reader.1@mail1.example.org,Zoë,A second time,,",
    "odd{n}@gmial.com,Zoë,Reader,,",
    "Jürgen{n}@bücher.example,=Zoë,-Reader,,+Ulm",
    '"odd{n}@example.org","Zoë ""Z"" Reader, PhD","a,b",,"Ulm, Bonn"',
)
#: A quote that is never closed lets the lines after it be looked at twice, so there are few.
_UNCLOSED = 20_000
_ZONES = ("Europe/London", "America/New_York", "", "Asia/Tokyo")


def write(file: Path, people: int) -> int:
    """Write a list with so many rows; return how many of them are refused."""
    refused = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write("Email Address,First name,Last name,Time zone,City\n")
        for n in range(people):
            row, is_refused = _row(n)
            out.write(f"{row}\n")
            refused += is_refused
    return refused


def _row(n: int) -> tuple[str, bool]:
    if n % _UNCLOSED == _UNCLOSED - 1:
        return f'"reader{n}@example.org,Zoë,Reader,,', True
    if n % _ODD_ONE:
        return f"reader.{n}@mail{n % 500}.example.org,Zoë,Reader {n},{_ZONES[n % 4]},Town {n % 90}", False
    rows = _REFUSED + _ODD
    which = n // _ODD_ONE % len(rows)
    return rows[which].format(n=n, long="x" * 80, endless="y" * 2_000), which < len(_REFUSED)


def measure(
    folder: Path, people: int, refused: int, database: str | None, dry_run: bool, most_memory: float
) -> None:
    app = letter(folder / f"letter-{dry_run}", 1, "outbox", "http://127.0.0.1:9", database)
    prepare_for_bulk()
    before, start, used = peak_mb(), time.perf_counter(), time.process_time()
    found = app.enrolling.import_file(
        folder / "people.csv",
        None,
        "paper form, reception",
        columns={"attributes.city": "City"},
        dry_run=dry_run,
        report=folder / "report.csv",
    )
    took = time.perf_counter() - start
    used = time.process_time() - used
    assert found.refusals == refused, (found.refusals, refused)
    assert found.added + found.duplicates + found.refusals == people, found
    what = "dry run" if dry_run else "import"
    print(
        f"{what}: {people:,} rows in {took:.1f} s, {people / took:,.0f} a second; "
        f"{1e6 * used / people:.0f} µs of processor each; {found.refusals:,} refused, "
        f"{found.duplicates:,} a second time, {found.hinted:,} with a slip in the domain; "
        f"peak {peak_mb():.0f} MB, {before:.0f} MB before it"
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
        refused = write(folder / "people.csv", options.people)
        with server_url(options.database) as url:
            for dry_run in (True, False):
                # Each in a process of its own, whose peak is its own.
                process = multiprocessing.get_context("spawn").Process(
                    target=measure, args=(folder, options.people, refused, url, dry_run, options.most_memory)
                )
                process.start()
                process.join()
                assert process.exitcode == 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
