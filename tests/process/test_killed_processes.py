"""Real processes, killed for real, on a real SQLite file."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.testing.fake_resend import FakeResend

pytestmark = pytest.mark.process

PEOPLE = Path(__file__).parents[2] / "content" / "subscribers" / "invented.csv"
PATIENCE = 60


def newsletter(root: Path, *words: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "newsletter", "-C", str(root), *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    return output


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + PATIENCE
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)


def letter(root: Path, now: datetime) -> App:
    app = App(root, clock=PlayedClock(now), environment={})
    app.starting.start(root, now)
    app.enrolling.import_file(PEOPLE, None, "invented")
    return app


def mails(root: Path) -> list[Path]:
    return list((root / "outbox").rglob("*.eml"))


def test_a_played_run_killed_again_and_again_leaves_one_mail_for_each_delivery(tmp_path: Path) -> None:
    root = tmp_path / "letter"
    app = letter(root, datetime.now(UTC))
    app.queueing.queue(["back-pain"], now=datetime.now(UTC))
    app.database.close()
    for at in (1, 60, 199, 330, 520, 780):
        process = newsletter(root, "run", "--play", "4")
        wait_for(lambda at=at: len(mails(root)) >= at, process)
        process.kill()
        process.communicate()
    finish(newsletter(root, "run", "--play", "4"))
    by_issue = Counter(mail.parent.name for mail in mails(root))
    assert len(by_issue) == 4
    assert set(by_issue.values()) == {200}
    assert "4 issues" in finish(newsletter(root, "status"))


@contextmanager
def public_pages(root: Path, **environment: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = newsletter(root, "web", **environment, NEWSLETTER_WEB__PORT=str(port))
    try:
        wait_for(lambda: answers(url), process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def overdue_letter(root: Path) -> None:
    """Queue four issues whose slots have all just passed, and allow them to be late."""
    past = datetime.now(UTC) - timedelta(days=40)
    app = letter(root, past)
    series = root / "content" / "series" / "back-pain.toml"
    text = series.read_text().replace('hold_if_late_by = "6h"', 'hold_if_late_by = "90d"')
    series.write_text(re.sub(r"^starts = .*", f"starts = {past.date()}", text, flags=re.MULTILINE))
    app.queueing.queue(["back-pain"], now=past)
    app.database.close()


def test_four_issues_through_resend_with_a_kill_in_the_middle_are_accepted_exactly_once(
    tmp_path: Path,
) -> None:
    root = tmp_path / "letter"
    overdue_letter(root)
    with FakeResend(latency=0.1) as fake, public_pages(root) as url:
        environment = {
            "NEWSLETTER_PROVIDER__NAME": "resend",
            "NEWSLETTER_PROVIDER__BASE_URL": fake.url,
            "NEWSLETTER_PUBLIC_URL": url,
            "RESEND_API_KEY": "re_test",
        }
        process = newsletter(root, "run", "--once", **environment)
        wait_for(lambda: len(fake.accepted) >= 300, process)
        process.kill()
        process.communicate()
        assert 0 < len(fake.accepted) < 800
        finish(newsletter(root, "run", "--once", **environment))
        accepted = Counter((mail.message["subject"], mail.message["to"][0]) for mail in fake.accepted)
    assert len(accepted) == 800
    assert set(accepted.values()) == {1}


def test_a_long_run_sends_serves_and_stops_when_asked(tmp_path: Path) -> None:
    root = tmp_path / "letter"
    overdue_letter(root)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = newsletter(root, "run", NEWSLETTER_WEB__PORT=str(port))
    wait_for(lambda: len(mails(root)) == 800 and answers(f"http://127.0.0.1:{port}"), process)
    second = newsletter(root, "run", "--once")
    refused, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert "another `newsletter run` is sending" in refused
    process.send_signal(signal.SIGTERM)
    finish(process)
    assert len(mails(root)) == 800
