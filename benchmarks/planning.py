"""How long `plan` takes for many people in forty zones, and the releases of one slot at all their hours.

.venv/bin/python benchmarks/planning.py --people 1000000
"""

import argparse
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_cast import letter, peak_mb
from sqlalchemy import text

from newsletter.domain.zones import all_zones

ZONES = 40
_MOVE = text("UPDATE subscriber SET zone = :zone WHERE id % :zones = :number")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1_000_000)
    people = parser.parse_args().people
    folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-"))
    try:
        app = letter(folder / "letter", people, "outbox", "http://127.0.0.1:9")
        file = app.root / "content/series/back-pain.toml"
        file.write_text(file.read_text().replace("subscriber_zone = false", "subscriber_zone = true"))
        places = sorted(zone for zone in all_zones() if "/" in zone and not zone.startswith("Etc/"))
        with app.database.writing(bulk=True) as tx:
            for number, zone in enumerate(places[:: len(places) // ZONES][:ZONES]):
                tx.execute(_MOVE, {"zone": zone, "zones": ZONES, "number": number})
        now = datetime.now(UTC) - timedelta(weeks=8)
        app.queueing.queue(["back-pain"], now=now)
        start = time.perf_counter()
        plan = app.planning.plan(now, 8)
        took = time.perf_counter() - start
        print(
            f"plan of {len(plan.slots)} slots for {plan.slots[0].recipients:,} people in "
            f"{len({zone for wave in plan.slots[0].waves for zone in wave.zones})} zones: {took:.2f} s"
        )
        start = time.perf_counter()
        first = plan.slots[0].waves
        for wave in first:
            app.engine.releasing.tick(wave.due_at)
        took = time.perf_counter() - start
        print(f"its first slot released at {len(first)} instants: {took:.2f} s, peak {peak_mb():.0f} MB")
        app.database.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
