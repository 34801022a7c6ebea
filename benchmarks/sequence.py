"""How long a slot of a sequence takes to prepare, and its plan, for many people in eight positions.

.venv/bin/python benchmarks/sequence.py --people 1000000 [--database postgres]
"""

import argparse
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_cast import letter, peak_mb, server_url
from sqlalchemy import text

from newsletter.app import App
from newsletter.store import audience

POSITIONS = 8
_HEAD = """title = "Back pain, step by step"
from = "Back Care Weekly <weekly@news.example.org>"
mode = "sequence"

[cadence]
weekday = "tuesday"
time = "09:00"
zone = "Europe/London"
starts = 2026-01-06
"""
_ARTICLE = """---
title: Step by step
---

A sore back rarely has one cause, and a little understanding goes a long way here.
"""
_ISSUE = """
[[issue]]
id = "part-{number}"
subject = "Part {number}: where the ache comes from"
preheader = "What a sports massage does for a tired lower back, and when to see a doctor instead."
sections = ["steps#introduction"]
"""
_HAD = text(
    "INSERT INTO delivery (issue_id, subscriber_id, occasion, state) "
    "SELECT :issue, id, 0, 'planned' FROM subscriber WHERE id % :positions >= :position"
)
_JOIN = text(
    "INSERT INTO subscription (series_id, subscriber_id, state, confirmed_at) "
    "SELECT :to, subscriber_id, state, confirmed_at FROM subscription WHERE series_id <> :to"
)
_SERIES = text("SELECT id FROM series WHERE slug = 'steps'")
_ISSUES = text("SELECT id, position FROM issue WHERE series_id = :series AND kind = 'issue'")
_PREPARED = text("SELECT planned, (SELECT count(*) FROM batch WHERE release_id = release.id) FROM release")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-"))
    try:
        with server_url(options.database) as url:
            _measure(folder, options.people, url)
    finally:
        shutil.rmtree(folder)


def _measure(folder: Path, people: int, url: str | None) -> None:
    app = letter(folder / "letter", people, "mailgun", "http://127.0.0.1:9", url)
    issues = "".join(_ISSUE.format(number=number) for number in range(1, POSITIONS + 1))
    (app.root / "content/articles/steps.md").write_text(_ARTICLE)
    (app.root / "content/series/steps.toml").write_text(_HEAD + issues)
    now = datetime.now(UTC)
    app.queueing.queue(["steps"], now=now)
    _stand(app)
    start = time.perf_counter()
    plan = app.planning.plan(now, POSITIONS)
    took = time.perf_counter() - start
    first = plan.slots[0]
    print(f"plan of {len(plan.slots)} slots, the first for {first.recipients:,} people: {took:.2f} s")
    start = time.perf_counter()
    app.engine.releasing.tick(first.due_at + timedelta(seconds=1))
    took = time.perf_counter() - start
    with app.database.reading() as tx:
        [(planned, batches)] = tx.execute(_PREPARED).all()
    print(
        f"it is prepared: {planned:,} deliveries of {len(first.issues)} issues in {batches:,} batches: "
        f"{took:.2f} s, peak {peak_mb():.0f} MB"
    )
    app.database.close()


def _stand(app: App) -> None:
    """Spread people over the positions: an eighth has had nothing, an eighth all but the last."""
    with app.database.writing(bulk=True) as tx:
        steps = tx.execute(_SERIES).scalar_one()
        tx.execute(_JOIN, {"to": steps})
        for id_, position in tx.execute(_ISSUES, {"series": steps}).all():
            if position < POSITIONS:
                tx.execute(_HAD, {"issue": id_, "position": position, "positions": POSITIONS})
    with app.database.writing(bulk=True) as tx:
        # As a server does by itself within a minute.
        audience.refresh_statistics(tx)


if __name__ == "__main__":
    main()
