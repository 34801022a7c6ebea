"""How long `simulate` takes: 52 weeks with 10,000 subscribers at the hour of their own of forty zones.

.venv/bin/python benchmarks/simulating.py [--series 3] [--sequence] [--profile]
"""

import argparse
import cProfile
import pstats
import re
import shutil
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench_cast import ISSUES, letter, peak_mb
from sqlalchemy import text

from newsletter.app import App
from newsletter.domain.zones import all_zones
from newsletter.operating import simulate

ZONES = 40
_MOVE = text("UPDATE subscriber SET zone = :zone WHERE id % :zones = :number")
_JOIN = text(
    "INSERT INTO subscription (series_id, subscriber_id, state, confirmed_at) "
    "SELECT :series, subscriber_id, state, confirmed_at FROM subscription WHERE series_id = 1"
)
_SERIES_ID = text("SELECT id FROM series WHERE slug = :slug")
_ISSUE = """
[[issue]]
id = "part-{number}"
subject = "Lower back, part {number}"
preheader = "What part {number} of this long series says about a tired lower back."
sections = ["lower-back-relief#introduction", "lower-back-relief#understanding"]
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--series", type=int, default=1)
    parser.add_argument("--one-hour", action="store_true", help="one instant for everybody")
    parser.add_argument("--sequence", action="store_true")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-"))
    try:
        app = letter(folder / "letter", asked.people, "outbox", "http://127.0.0.1:9")
        _add_series(app, asked)
        before, profile = peak_mb(), cProfile.Profile()
        start = time.perf_counter()
        playing = partial(profile.runcall, simulate) if asked.profile else simulate
        found = playing(app, asked.weeks, None)
        took = time.perf_counter() - start
        print(
            f"{asked.weeks} weeks, {asked.series} series, {asked.people:,} people, {found.mails:,} mails: "
            f"{took:.1f} s, peak {peak_mb():.0f} MB ({before:.0f} MB before)"
        )
        if asked.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(r"newsletter/", 60)
        app.database.close()
    finally:
        shutil.rmtree(folder)


def _add_series(app: App, asked: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    file = app.root / "content/series/back-pain.toml"
    settings = re.sub(r"starts = .*", f"starts = {now.date()}", file.read_text())
    if not asked.one_hour:
        settings = settings.replace("subscriber_zone = false", "subscriber_zone = true")
    if asked.sequence:
        settings = settings.replace('mode = "calendar"', 'mode = "sequence"  ')
    issues = "".join(_ISSUE.format(number=number) for number in range(len(ISSUES), asked.weeks))
    file.unlink()
    slugs = [f"letter-{number}" for number in range(1, asked.series + 1)]
    for slug in slugs:
        file.with_name(f"{slug}.toml").write_text(settings + issues)
    app.queueing.queue(slugs, now=now)
    places = sorted(zone for zone in all_zones() if "/" in zone and not zone.startswith("Etc/"))
    with app.database.writing(bulk=True) as tx:
        for slug in slugs:
            tx.execute(_JOIN, {"series": tx.execute(_SERIES_ID, {"slug": slug}).scalar_one()})
        for number, zone in enumerate(places[:: len(places) // ZONES][:ZONES]):
            tx.execute(_MOVE, {"zone": zone, "zones": ZONES, "number": number})


if __name__ == "__main__":
    main()
