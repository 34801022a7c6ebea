"""People who leave in the middle of a send, by the one-click link, whatever the process is doing."""

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from itertools import cycle

from chaos_cast import ALERTED, address_of, post_one_click, signed_way_out
from chaos_fakes import Watched
from chaos_plan import Leave

from newsletter.app import App

_LOOK = 0.004
_ASK = 0.1


class Leavers:
    """A thread that lets people leave, one after another.

    `left` has when a leave was confirmed, by address and the monotonic clock; `leaving` all who asked to.
    `doors` are the addresses of the pages, the public one first.
    """

    def __init__(
        self,
        leaves: Sequence[Leave],
        app: App,
        fake: Watched,
        doors: Sequence[str],
        note: Callable[[str], None],
    ) -> None:
        self.left: dict[str, float] = {}
        self.leaving: set[str] = set()
        self.wrong: list[str] = []
        self._leaves = leaves
        self._app = app
        self._fake = fake
        self._doors = doors
        self._note = note
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin to wait for their moments."""
        self._thread.start()

    def end(self) -> None:
        """Let nobody leave any more."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        try:
            for leave in self._leaves:
                if way_out := self._way_out(leave):
                    self._leave(*way_out)
        except Exception:
            self.wrong.append(traceback.format_exc())

    def _way_out(self, leave: Leave) -> tuple[str, str] | None:
        """Wait for the moment of a leave; return who leaves and their link, None where it never comes."""
        while len(self._fake.calls) < leave.calls:
            if self._is_over.wait(_LOOK):
                return None
        self._is_over.wait(leave.after)
        if leave.has_mail:
            return self._by_mail(address_of(leave.reader))
        called = [address for address in self._fake.calls[-1].to if address != ALERTED]
        address = called[leave.reader % len(called)] if called else address_of(leave.reader)
        return address, signed_way_out(self._app, address, self._doors[0])

    def _by_mail(self, address: str) -> tuple[str, str] | None:
        while not self._is_over.is_set():
            for mail in self._fake.mails():
                if mail.address == address:
                    return address, mail.way_out
            self._is_over.wait(_ASK)
        return None

    def _leave(self, address: str, link: str) -> None:
        self.leaving.add(address)
        # As a proxy would, where one of several processes does not answer.
        for door in cycle(self._doors):
            if self._is_over.is_set():
                return
            status = post_one_click(link.replace(self._doors[0], door))
            if status == 200:
                self.left[address] = time.monotonic()
                self._note(f"{address} has left")
                return
            if 400 <= status < 500:
                self.wrong.append(f"the way out of {address} answers {status}")
                return
            self._is_over.wait(_ASK if status else _LOOK)
