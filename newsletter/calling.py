"""A process that composes and makes calls, beside the one that plans them: each has a core of its own.

    planner: claim, note, order  ->  here: address, compose, call once  ->  planner: record

Nothing is decided here, and no database is known. What the planner orders comes over a socket, which is
this process's standard input; when that ends, so does the process, in the middle of whatever it does: to the
ledger that is a kill like any other. Measured, see docs/performance.md.
"""

import os
import pickle
import queue
import signal
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from newsletter.domain.delivery import START_DEADLINE
from newsletter.domain.message import Message
from newsletter.domain.provider import Answer, Call, Mailing, Provider
from newsletter.domain.tokens import TokenKeys
from newsletter.interpreter import prepare_for_bulk
from newsletter.machine import elapsed
from newsletter.pipeline.addressing import Frozen, recipients
from newsletter.providers import open_provider
from newsletter.providers.settings import ProviderSettings
from newsletter.signals import STOPPING

#: So many letters are known at once, to both ends; the one that came first is forgotten first.
MOST_LETTERS = 16
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class Opening:
    """What comes first: the accounts by their names, the keys that sign links, how many calls at once."""

    accounts: Mapping[str, ProviderSettings]
    keys: TokenKeys
    callers: int


class Letter(NamedTuple):
    """A message that orders will name by its number; `label` names its occasion."""

    number: int
    account: str
    message: Message
    label: str


class Order(NamedTuple):
    """One call to make, for the members at the positions in `willing`, or for all."""

    number: int
    letter: int
    key: str
    frozen: Frozen
    willing: frozenset[int] | None
    claimed_at: float


class Found(NamedTuple):
    """What came of an order: an answer, or why it broke. Number 0 says that the process is ready."""

    number: int
    answer: Answer | None = None
    trouble: str = ""


def send(sock: socket.socket, frame: object) -> None:
    """Write one frame."""
    written = pickle.dumps(frame, pickle.HIGHEST_PROTOCOL)
    sock.sendall(_LENGTH.pack(len(written)) + written)


def receive(sock: socket.socket) -> Any:
    """Read one frame; None at the end. Both ends are one program: what comes is trusted."""
    head = _read(sock, _LENGTH.size)
    body = _read(sock, _LENGTH.unpack(head)[0]) if head else None
    return pickle.loads(body) if body else None  # noqa: S301


def main() -> None:
    """Take orders until the planner is gone."""
    # Whoever stops the planner stops it in order; it needs this process for that.
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    planner = socket.socket(fileno=os.dup(0))
    # A planner that was killed may leave what nobody reads any more.
    with suppress(OSError):
        opening = receive(planner)
        if isinstance(opening, Opening):
            prepare_for_bulk()
            _Desk.open(planner, opening).serve()
    # Threads may be in the middle of calls.
    os._exit(0)


@dataclass(frozen=True)
class _Desk:
    """Orders are composed here, one after the other; threads do nothing but wait for the provider."""

    planner: socket.socket
    accounts: Mapping[str, Provider]
    keys: TokenKeys
    letters: dict[int, tuple[Any, str]] = field(default_factory=dict)
    composed: queue.SimpleQueue[tuple[Order, Call]] = field(default_factory=queue.SimpleQueue)
    answering: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, planner: socket.socket, opening: Opening) -> "_Desk":
        accounts = {name: open_provider(settings) for name, settings in opening.accounts.items()}
        desk = cls(planner, accounts, opening.keys)
        for number in range(opening.callers):
            threading.Thread(target=desk.call, name=f"caller-{number}", daemon=True).start()
        return desk

    def serve(self) -> None:
        self._say(Found(0))
        while (frame := receive(self.planner)) is not None:
            if isinstance(frame, Letter):
                self._learn(frame)
            else:
                self._compose(frame)

    def call(self) -> None:
        while True:
            self._say(_made(*self.composed.get()))

    def _learn(self, letter: Letter) -> None:
        for old in list(self.letters)[: 1 - MOST_LETTERS]:
            del self.letters[old]
        self.letters[letter.number] = self.accounts[letter.account].compile(letter.message), letter.label

    def _compose(self, order: Order) -> None:
        try:
            fill, label = self.letters[order.letter]
            people = recipients(order.frozen, self.keys, order.key, order.willing)
            self.composed.put((order, fill(Mailing(order.key, people, order.frozen.date, label))))
        except Exception as error:  # noqa: BLE001 - the planner logs it
            self._say(Found(order.number, trouble=repr(error)))

    def _say(self, found: Found) -> None:
        with self.answering, suppress(OSError):
            send(self.planner, found)


def _made(order: Order, call: Call) -> Found:
    start_by = order.claimed_at + START_DEADLINE.total_seconds()
    try:
        return Found(order.number, call.make(lambda: elapsed() < start_by))
    except Exception as error:  # noqa: BLE001 - the planner logs it
        return Found(order.number, trouble=repr(error))


def _read(sock: socket.socket, size: int) -> bytes | None:
    got = bytearray()
    while len(got) < size:
        part = sock.recv(size - len(got))
        if not part:
            return None
        got += part
    return bytes(got)
