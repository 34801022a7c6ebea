"""How fast reports of a provider are taken, alone and while an issue is being sent.

    .venv/bin/python benchmarks/webhooks.py                       on SQLite, while an issue is being sent
    .venv/bin/python benchmarks/webhooks.py --database postgres --people 100000
    .venv/bin/python benchmarks/webhooks.py --idle

It prints how long single posts wait for their answer, which comes when they are durable, and how many events
a second go through the pipeline in arrays.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench_cast import letter, queue, server_url, sink

from newsletter.app import App
from newsletter.domain.bouncing import Bounce
from newsletter.domain.event import Event, EventKind
from newsletter.domain.release import ReleaseState
from newsletter.interpreter import prepare_for_bulk
from newsletter.scheduler import Schedule
from newsletter.store import releases
from newsletter.web.serving import public_pages

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MEMBERS = 1000
_ARRAY = 1000
_ARRAYS = 40
_SINGLE_SECONDS = 10.0
_LOOK = 0.05
#: So many of the people were sent to before the first report.
_EARLY = 0.1


def main() -> None:
    arguments = _arguments()
    os.environ["RESEND_WEBHOOK_SECRET"] = SECRET
    folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-"))
    try:
        with server_url(arguments.database) as url, sink(0.0, MEMBERS) as target:
            app = letter(folder / "letter", arguments.people, "mailgun", target.url, url)
            queue(app, "lower-back")
            try:
                _measure(app, arguments)
            finally:
                app.database.close()
                app.provider.close()
    finally:
        shutil.rmtree(folder)


def _measure(app: App, arguments: argparse.Namespace) -> None:
    with app.sending():
        app.engine.tick()
        with _sent(app) if arguments.idle else _being_sent(app) as is_running, public_pages(app) as url:
            # Nobody reports what has not been sent.
            while _accepted(app) < arguments.people * _EARLY:
                time.sleep(_LOOK)
            print(_singles(app, url, arguments), "" if is_running() else "(the send had ended)", flush=True)
            print(_arrays(app, arguments), "" if is_running() else "(the send had ended)", flush=True)


@contextmanager
def _being_sent(app: App) -> Iterator:
    prepare_for_bulk()
    schedule = Schedule(app.engine, senders=8, processes=app.engines.caller_processes(app.routing))
    schedule.start()
    try:
        yield lambda: not _is_settled(app)
    finally:
        schedule.stop()


@contextmanager
def _sent(app: App) -> Iterator:
    with _being_sent(app) as is_running:
        while is_running():
            time.sleep(_LOOK)
    yield lambda: True


def _singles(app: App, url: str, arguments: argparse.Namespace) -> str:
    file = str(Path(__file__).with_name("reports.py"))
    wanted = [str(arguments.per_second), str(arguments.seconds)]
    argv = [
        sys.executable,
        file,
        url,
        *wanted,
        str(_settled(arguments)),
        str(MEMBERS),
        app.deployment.id,
        SECRET,
    ]
    before, used, start = _accepted(app), time.process_time(), time.perf_counter()
    said = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
    rate = (_accepted(app) - before) / (time.perf_counter() - start)
    used = time.process_time() - used
    posted, seconds, median, late, cpu, connections = json.loads(said)
    alone = f"; {1000 * used / posted:.2f} ms of processor each" if arguments.idle else ""
    return (
        f"{posted / seconds:,.0f} single posts/s: {1000 * median:.1f} ms median, {1000 * late:.0f} ms p99, "
        f"beside {rate:,.0f} recipients/s{alone}; {connections} connections, whose client took "
        f"{cpu / seconds:.2f} of a core"
    )


def _settled(arguments: argparse.Namespace) -> int:
    """Return how many of the first batches were accepted before the first report."""
    return max(1, int(arguments.people * _EARLY) // MEMBERS)


def _arrays(app: App, arguments: argparse.Namespace) -> str:
    hearing, now = app.hearing, datetime.now(UTC)
    batches = _settled(arguments)
    arrays = [[_event(app, number, batches, now) for number in range(n, n + _ARRAY)]
              for n in range(0, _ARRAY * _ARRAYS, _ARRAY)]  # fmt: skip
    before, start, longest = _accepted(app), time.perf_counter(), 0.0
    for one in arrays:
        begun = time.perf_counter()
        assert hearing.take(one, now) == len(one)
        longest = max(longest, time.perf_counter() - begun)
    seconds = time.perf_counter() - start
    rate = (_accepted(app) - before) / seconds
    return (
        f"{_ARRAY * _ARRAYS / seconds:,.0f} events/s in arrays of {_ARRAY:,}, {1000 * longest:.0f} ms the "
        f"longest array, beside {rate:,.0f} recipients/s"
    )


def _event(app: App, number: int, batches: int, now: datetime) -> Event:
    # One in fifty bounces, and one in a thousand complains.
    kind, bounce = (EventKind.DELIVERED, None) if number % 50 else (EventKind.BOUNCED, Bounce.SOFT)
    kind = EventKind.COMPLAINED if number % 1000 == 7 else kind
    reference = f"nl-{app.deployment.id}-1-{1 + number % batches}-0-{number // batches % MEMBERS}"
    address = f"reader{number}@example.org"
    return Event("bench", f"event-{number}", kind, now, reference, recipient=address, bounce=bounce)


def _accepted(app: App) -> int:
    from newsletter.store import deliveries  # noqa: PLC0415

    with app.database.reading() as tx:
        return sum(one.get("accepted", 0) for one in deliveries.counts(tx).values())


def _is_settled(app: App) -> bool:
    with app.database.reading() as tx:
        return not releases.in_state(tx, ReleaseState.SENDING)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--per-second", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=_SINGLE_SECONDS)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--idle", action="store_true", help="after the issue was sent")
    return parser.parse_args()


if __name__ == "__main__":
    main()
