"""Start real `newsletter` processes that are in a hurry: each is forked from here, and can be killed alone.

This process imports the command line once (two seconds each time otherwise), sends nothing and starts no
thread. Before a child calls newsletter's own main, it changes what no rule is made of: it shortens waits and
leases to seconds, and makes batches small, so that 200 readers are many calls. `CHAOS_UNHEARD` is how often a
server's word that it has committed gets lost, and with it the connection. `CHAOS_WITHOUT` names a rule to
switch off besides: only to show that a run is then judged bad. SIGUSR1 prints where every thread stands.

Orders come as lines of JSON on standard input: `{"id", "argv", "cwd", "env", "out"}` starts a process,
`{"pid", "signal"}` signals one. Lines of JSON go back: `{"ready"}`, `{"id", "pid"}`, and at its end
`{"pid", "code"}`.
"""

import ctypes
import faulthandler
import gc
import json
import os
import random
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import chaos_caller
import psycopg
import uvicorn.loops.auto
import uvicorn.protocols.http.auto  # noqa: F401 - what a process would import late
from chaos_caller import START_DEADLINE
from chaos_cast import PEOPLE_A_CALL, SETTLES_AFTER, UNHEARD
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from newsletter import app, caller_process, cli, scheduler
from newsletter.cli import people, scheduling, sending, writing  # noqa: F401
from newsletter.domain import breaker, delivery, unknown
from newsletter.domain.provider import Capabilities
from newsletter.pipeline import claiming, delivering
from newsletter.providers import mailgun, resend
from newsletter.store import claims, opening
from newsletter.web import serving  # noqa: F401

_TICK = 0.2
_DEFAULTS = dict(scheduler.Schedule.__init__.__kwdefaults__ or {})
_LOOK_AROUND = 0.01
_DIES_WITH_ITS_PARENT = 1
#: After so many commits of a process everything is heard.
_TROUBLED_COMMITS = 200
_sending = app.App.sending


def hurry() -> None:
    """Make seconds of minutes and hours; no decision is changed."""
    for owner, name, value in SECONDS:
        # One that has another name by now must not stay as long as it was.
        assert hasattr(owner, name), f"{owner} has no {name}"
        setattr(owner, name, value)


def _hurried(can: Capabilities) -> Capabilities:
    quick = {"settles_after": SETTLES_AFTER, "look_interval": timedelta(seconds=0.5)}
    return replace(can, **quick, batch_size=PEOPLE_A_CALL)


_HERE = str(Path(__file__).parent)
_CALLER = f"import sys; sys.path.insert(0, {_HERE!r}); from chaos_caller import main; main()"
SECONDS: tuple[tuple[Any, str, Any], ...] = (
    *chaos_caller.SECONDS,
    (caller_process, "COMMAND", (sys.executable, "-P", "-c", _CALLER)),
    (delivery, "START_DEADLINE", START_DEADLINE),
    (delivering, "START_DEADLINE", START_DEADLINE),
    (delivery, "LEASE_MARGIN", timedelta(seconds=1)),
    (delivery, "RETRY_AFTER", timedelta(seconds=0.3)),
    (delivery, "LONGEST_RETRY", timedelta(seconds=1)),
    (delivery, "CONFIRM_WAIT", timedelta(seconds=1.5)),
    (unknown, "CONFIRM_WAIT", timedelta(seconds=1.5)),
    (breaker, "FIRST_BLOCK", timedelta(seconds=0.3)),
    (breaker, "LONGEST_BLOCK", timedelta(seconds=1)),
    (delivering, "_PATIENCE", (0.1, 0.3, 0.6)),
    (scheduler, "TICK_SECONDS", _TICK),
    (scheduler, "PAUSE_SECONDS", 1),
    (scheduler.Schedule.__init__, "__kwdefaults__", {**_DEFAULTS, "tick_seconds": _TICK}),
    (mailgun.Mailgun, "can", _hurried(mailgun.Mailgun.can)),
    (resend.Resend, "can", _hurried(resend.Resend.can)),
)


def lose_words(rate: float, chance: random.Random) -> None:
    """Commit, and now and then lose the connection before the server's word of it comes."""
    troubled = iter(range(_TROUBLED_COMMITS))

    def commit(_: PGDialect_psycopg, connection: PoolProxiedConnection) -> None:
        connection.commit()
        if next(troubled, None) is not None and chance.random() < rate:
            sys.stderr.write(f"{UNHEARD}\n")
            assert connection.driver_connection, "it has just committed"
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    PGDialect_psycopg.do_commit = commit  # type: ignore[method-assign,assignment]


def _fresh_key(deployment: str, batch: delivery.Batch) -> str:
    return f"nl-{deployment}-{batch.release_id or 0}-{batch.id}-{100 * batch.generation + batch.epoch}"


@contextmanager
def _greedy(self: app.App) -> Iterator[None]:
    with _sending(self):
        self.engine.take_over()
        yield


def _undoubted(batch: delivery.Batch) -> delivery.Batch:
    is_left = batch.state is delivery.BatchState.SENDING
    return replace(batch, state=delivery.BatchState.PLANNED) if is_left else batch


def _lose_what_is_fresh(connection: psycopg.Connection[Any], _record: Any) -> None:
    connection.execute("SET synchronous_commit = off")
    connection.commit()


#: What is put in the place of a rule.
WITHOUT: dict[str, Callable[[], None]] = {
    "a key for all attempts": lambda: setattr(claiming, "batch_key", _fresh_key),
    "a doubt after a kill": lambda: setattr(claiming, "_doubted", _undoubted),
    "the leases of the living": lambda: setattr(app.App, "sending", _greedy),
    "a claim that outlives the server": lambda: setattr(opening, "_make_durable", _lose_what_is_fresh),
    "a look at consent": lambda: setattr(claims.Member, "why_not", None),
}


def main() -> int:
    """Take orders until there are none; in a child, be the process that was ordered."""
    gc.freeze()
    children: set[int] = set()
    _tell({"ready": 1})
    try:
        for order in _orders(children):
            if "signal" in order:
                if order["pid"] in children:
                    os.kill(order["pid"], order["signal"])
                continue
            pid = os.fork()
            if pid == 0:
                children.clear()
                return _become(order)
            children.add(pid)
            _tell({"id": order["id"], "pid": pid})
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return 0


def _orders(children: set[int]) -> Iterator[dict[str, Any]]:
    pending = b""
    while True:
        ready, _, _ = select.select([0], [], [], _LOOK_AROUND if children else None)
        if ready:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            yield from map(json.loads, lines)
        _bury(children)


def _bury(children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)
        _tell({"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _become(order: dict[str, Any]) -> int:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_ITS_PARENT, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, nothing), (1, out), (2, out)):
        os.dup2(source, target)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    hurry()
    if rate := float(order["env"].get("CHAOS_UNHEARD", 0)):
        lose_words(rate, random.Random(order["out"]))
    if rule := order["env"].get("CHAOS_WITHOUT"):
        WITHOUT[rule]()
    sys.argv = ["newsletter", *order["argv"]]
    return cli.run(order["argv"])


def _tell(line: dict[str, int]) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
