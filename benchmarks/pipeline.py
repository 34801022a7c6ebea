"""How long an editor waits: four issues from split to compiled, `--help`, a saved file on the preview page.

    .venv/bin/python benchmarks/pipeline.py

Each line is the median of five; the first run of each is shown beside it, since that is what a command costs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from newsletter.app import App, shipped
from newsletter.domain.clock import PlayedClock
from newsletter.rendering.renderer import Renderer
from newsletter.web.serving import previewed

NOW = datetime(2026, 11, 21, tzinfo=UTC)
RUNS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "letter"
        app = App(Path(folder), clock=PlayedClock(NOW), environment={})
        app.starting.start(root, NOW)
        letter = App(root, clock=PlayedClock(NOW), environment={})
        show("split, render, check, compile four issues, cold", 150, lambda: four_issues(letter, root))
        show("newsletter --help, a process", 300, help_)
        show("saved file to new page, live preview", 1000, lambda: None, measured=live_reload(letter, root))


def four_issues(app: App, root: Path) -> None:
    app.splitting.draft("sports-massage-for-back-pain", now=NOW, sender="A <a@example.org>")
    composing = app.composing
    cold = Renderer(None, shipped() / "templates" / "email")
    letter = composing.letter()
    for series, issue in composing.issues(letter, "back-pain"):
        # Composing checks the bytes of a mail too, so it compiles each revision.
        type(composing)(root, composing.publication, cold).compose(letter, series, issue)


def help_() -> None:
    # As on a user's machine, where the byte code of an installed package is kept.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, "-m", "newsletter", "--help"], stdout=subprocess.DEVNULL, check=True, env=environment
    )


def live_reload(app: App, root: Path) -> list[float]:
    article = root / "content" / "articles" / "lower-back-relief.md"
    times = []
    with previewed(app, 0) as url, httpx.Client(base_url=url, timeout=5) as client:
        target = "/frame/back-pain/lower-back.html"
        client.get(target)
        for n in range(RUNS):
            mark = f"saved once more {n}"
            with client.stream("GET", "/events") as events:
                lines = events.iter_lines()
                next(lines)
                text = article.read_text(encoding="utf-8")
                start = time.perf_counter()
                article.write_text(
                    text.replace("There is often", f"{mark}. There is often", 1), encoding="utf-8"
                )
                for _ in lines:
                    if mark in client.get(target).text:
                        break
                times.append(time.perf_counter() - start)
    return times


def show(what: str, reach: int, work: Callable[[], None], *, measured: list[float] | None = None) -> None:
    times = measured or [timed(work) for _ in range(RUNS + 1)]
    median = statistics.median(times[1:]) * 1000
    print(f"{what:<56} {median:7.0f} ms   first {times[0] * 1000:5.0f} ms   reach {reach} ms")


def timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
