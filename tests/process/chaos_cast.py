"""What a run of chaos is played with: processes to kill, a letter, people who leave."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import Any, Self

from process_cast import environment

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.domain.tokens import Grant, Purpose

ISSUES = ("back-pain/lower-back", "back-pain/upper-back")
FEWEST = 200
#: Longer than from a claim until the fake's log shows what became of it, on a machine that is busy too.
SETTLES_AFTER = timedelta(seconds=3)
PEOPLE_A_CALL = 25
#: The sample letter tells them of what waits for a person.
ALERTED = "office@example.org"
#: What a process says when it never hears of a commit.
UNHEARD = "chaos: a commit was not heard of"
#: Below those that the system gives to connections.
_PORTS = 20_000
_LONG_AGO = timedelta(weeks=6)
_START_SECONDS = 30
_DATABASE_URL = re.compile('^url = ".*"$', re.MULTILINE)
_LAUNCHER = Path(__file__).with_name("chaos_launcher.py")


class Process:
    """A process of the launcher; its output goes to a file."""

    def __init__(self, nursery: "Nursery", pid: int, out: Path) -> None:
        self.pid = pid
        self.out = out
        self.code: int | None = None
        self.ended = threading.Event()
        self._nursery = nursery

    @property
    def is_running(self) -> bool:
        return not self.ended.is_set()

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it is there."""
        if self.is_running:
            self._nursery.order({"pid": self.pid, "signal": int(number)})

    def kill(self) -> None:
        """Kill it without warning, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.ended.wait(_START_SECONDS)

    def said(self) -> str:
        """Return what it has written."""
        return self.out.read_text(errors="replace") if self.out.exists() else ""


class Nursery:
    """The launcher: starts processes while the context is open; at its end none is left."""

    def __init__(self, folder: Path) -> None:
        self._errors = (folder / "launcher.txt").open("ab")
        self._launcher = subprocess.Popen(
            [sys.executable, str(_LAUNCHER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(),
        )
        self._lock = threading.Lock()
        self._is_ready = threading.Event()
        self._asked: dict[int, tuple[threading.Event, Path]] = {}
        self._processes: dict[int, Process] = {}
        self._started: dict[int, Process] = {}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        self._is_ready.wait(_START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._launcher.stdin, "it was opened"
        self._launcher.stdin.close()
        try:
            self._launcher.wait(_START_SECONDS)
        finally:
            self._launcher.kill()
            self._launcher.wait()
            self._listener.join()
            assert self._launcher.stdout, "it was opened"
            self._launcher.stdout.close()
            self._errors.close()

    def start(self, root: Path, out: Path, argv: Sequence[str], env: Mapping[str, str]) -> Process:
        """Start a command in a letter."""
        begun = threading.Event()
        with self._lock:
            number = len(self._asked) + 1
            self._asked[number] = (begun, out)
        self.order({"id": number, "argv": argv, "cwd": str(root), "out": str(out), "env": dict(env)})
        if not begun.wait(_START_SECONDS):
            raise RuntimeError("the launcher does not start processes")
        return self._started.pop(number)

    def order(self, order: Mapping[str, Any]) -> None:
        """Give the launcher an order."""
        assert self._launcher.stdin, "it was opened"
        with self._lock:
            self._launcher.stdin.write(json.dumps(order).encode() + b"\n")
            self._launcher.stdin.flush()

    def _listen(self) -> None:
        assert self._launcher.stdout, "it was opened"
        for line in self._launcher.stdout:
            said = json.loads(line)
            if "ready" in said:
                self._is_ready.set()
            elif "id" in said:
                begun, out = self._asked[said["id"]]
                process = Process(self, said["pid"], out)
                self._processes[process.pid] = self._started[said["id"]] = process
                begun.set()
            else:
                process = self._processes.pop(said["pid"])
                process.code = said["code"]
                process.ended.set()


def template_letter(root: Path, url: str) -> Path:
    """Make a letter with two issues that were due long ago, and the fewest readers, on a database."""
    clock = PlayedClock(datetime.now(UTC) - _LONG_AGO)
    app = App(root, clock=clock, environment={})
    app.starting.start(root, clock.now())
    _use_database(root, url)
    file = root / "content/series/back-pain.toml"
    head, *issues = file.read_text().split("[[issue]]\n")
    unused = [of for issue in issues[len(ISSUES) :] for of in tomllib.loads(issue)["sections"]]
    new = {
        "starts": f"starts = {clock.now().date() + timedelta(days=2)}\n",
        "hold_if_late_by": 'hold_if_late_by = "60d"\n',
        "leave_out": f"leave_out = {unused}\n",
    }
    # An issue that nobody queued would be told of at each date that comes without it.
    lines = "[[issue]]\n".join([head, *issues[: len(ISSUES)]]).splitlines(keepends=True)
    file.write_text("".join(new.get(line.partition(" ")[0], line) for line in lines))
    _subscribe(app, range(1, FEWEST + 1))
    app.queueing.queue(ISSUES, now=clock.now())
    app.database.close()
    return root


def letter_of(template: Path, root: Path, url: str, people: int) -> App:
    """Copy the template and add readers up to so many; the app is for looking, and must be closed."""
    shutil.copytree(template, root)
    _use_database(root, url)
    app = App(root, environment={})
    if people > FEWEST:
        _subscribe(app, range(FEWEST + 1, people + 1))
    return app


def _use_database(root: Path, url: str) -> None:
    file = root / "newsletter.toml"
    file.write_text(_DATABASE_URL.sub(f'url = "{url}"', file.read_text()))


def subjects_of(root: Path) -> dict[str, str]:
    """Read the subjects of the issues that are sent, by target."""
    said = tomllib.loads((root / "content/series/back-pain.toml").read_text())
    of = {f"back-pain/{issue['id']}": issue["subject"] for issue in said["issue"]}
    return {target: of[target] for target in ISSUES}


def quiet_port(number: int, use: int = 0) -> int:
    """Find a port that nobody uses, and that no connection is given while a process is away.

    `number` is of the run, and `use` is under 3.
    """
    for port in count(_PORTS + (97 * os.getpid() + 9 * number + 3 * use) % 10_000):
        with socket.socket() as found:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                found.bind(("127.0.0.1", port))
                return port
    raise AssertionError("count never ends")


def _subscribe(app: App, numbers: range) -> None:
    file = app.root / "people.csv"
    file.write_text("address\n" + "".join(f"{address_of(n)}\n" for n in numbers))
    app.enrolling.import_file(file, None, "asked at reception")


def address_of(reader: int) -> str:
    """Return the address of a reader; the first has the number 1."""
    return f"reader{reader}@example.org"


def signed_way_out(app: App, address: str, url: str) -> str:
    """Return a link as it stands in the mails of a reader, who may have none yet."""
    reader = int(address.removeprefix("reader").partition("@")[0])
    return f"{url}/u/{app.keys.sign(Purpose.UNSUBSCRIBE, Grant(series_id=1, subscriber_id=reader))}"


def post_one_click(link: str) -> int:
    """Leave as a mail client does (RFC 8058); return the status, 0 where nobody answered."""
    return _ask(urllib.request.Request(link, data=b"List-Unsubscribe=One-Click"))


def answers(url: str) -> bool:
    """Tell whether an address answers."""
    return _ask(urllib.request.Request(url)) == 200


def _ask(request: urllib.request.Request) -> int:
    try:
        with _DIRECTLY.open(request, timeout=1) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, HTTPException):
        return 0


_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
