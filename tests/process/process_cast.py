"""Real `newsletter` processes on a real letter, stopped by their own ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newsletter.app import App
from newsletter.domain.clock import PlayedClock

PEOPLE = 120
ISSUES = 4
_WAIT_SECONDS = 60
_LONG_AGO = timedelta(weeks=6)


def environment(**values: str) -> dict[str, str]:
    """Give the environment of a process: this one's, without settings of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    return {**kept, "NO_COLOR": "1", **values}


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen) -> bool:
    """Wait until something is so; False where the process ended first, or a bound has passed."""
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        if is_so():
            return True
        if process.poll() is not None:
            return is_so()
        time.sleep(0.002)
    return False


@contextmanager
def newsletter(root: Path, *arguments: str, **settings: str) -> Iterator[subprocess.Popen]:
    """Start a command in a letter; whatever happens, it is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter", *arguments],
        cwd=root,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run(root: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Run a command to its end; return its exit code and what it said."""
    with newsletter(root, *arguments, **settings) as process:
        said, _ = process.communicate(timeout=_WAIT_SECONDS)
        return process.returncode, said


def kill_when(root: Path, is_so: Callable[[], bool], *arguments: str, **settings: str) -> bool:
    """Start a command and kill it without warning once something is so; tell whether it was still running."""
    with newsletter(root, *arguments, **settings) as process:
        assert wait_until(is_so, process), process.stdout.read()
        was_running = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return was_running


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def due_letter(root: Path) -> Path:
    """Make the sample letter with its four issues queued long ago: all are due now, and none too late."""
    clock = PlayedClock(datetime.now(UTC) - _LONG_AGO)
    return _letter(root, clock, starts=clock.now().date() + timedelta(days=2), late="60d")


def coming_letter(root: Path) -> Path:
    """Make the sample letter with its four issues queued for the weeks to come."""
    now = datetime.now(UTC)
    return _letter(root, PlayedClock(now), starts=now.date() + timedelta(days=9), late="6h")


def _letter(root: Path, clock: PlayedClock, *, starts: object, late: str) -> Path:
    app = App(root, clock=clock, environment={})
    app.starting.start(root, clock.now())
    file = root / "content/series/back-pain.toml"
    lines = file.read_text().splitlines(keepends=True)
    new = {"starts": f"starts = {starts}\n", "hold_if_late_by": f'hold_if_late_by = "{late}"\n'}
    file.write_text("".join(new.get(line.partition(" ")[0], line) for line in lines))
    people = root / "people.csv"
    people.write_text("address\n" + "".join(f"reader{n}@example.org\n" for n in range(PEOPLE)))
    app.enrolling.import_file(people, None, "asked at reception")
    app.queueing.queue(["back-pain"], now=clock.now())
    app.database.close()
    return root


def mails(root: Path) -> list[Path]:
    """List the mails in the outbox."""
    return sorted((root / "outbox").glob("*/*.eml"))
