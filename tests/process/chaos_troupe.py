"""All that a run keeps going: the processes that send, and the server of their database."""

import re
import time
from collections.abc import Callable, Sequence

from chaos_cast import UNHEARD
from chaos_plan import Plan
from chaos_sender import Sender, Starting
from postgres_server import PostgresServer

#: What a process that gave up is away for, as under a supervisor.
_BREATH = 0.2
#: How a command ends whose database has gone, and a process that starts while nobody serves the pages.
_NO_DATABASE = re.compile("^newsletter: (cannot use the database|the connection to) ", re.MULTILINE)
_NO_PAGES = re.compile("^newsletter: .*the unsubscribe route at .* does not answer", re.MULTILINE)


class Broken(Exception):
    """A run cannot go on."""


class Server:
    """A database server that goes away and comes back; without one nothing does."""

    def __init__(self, server: PostgresServer | None, note: Callable[[str], None]) -> None:
        #: When it was last away, by the monotonic clock.
        self.gone_at = 0.0
        self._server = server
        self._note = note
        self._back_at: float | None = None

    @property
    def is_there(self) -> bool:
        """Tell whether there is one at all."""
        return self._server is not None

    @property
    def is_away(self) -> bool:
        return self._back_at is not None

    def crash(self, seconds: float) -> None:
        """Stop it without ceremony, for so long."""
        assert self._server, "only plans for a server have this"
        self._server.stop(mode="immediate")
        self.gone_at = time.monotonic()
        self._back_at = self.gone_at + seconds

    def tend(self) -> None:
        """Start it again once it has been away for long enough."""
        if self._server is None or self._back_at is None:
            return
        if time.monotonic() >= self._back_at:
            self._server.start()
            self._back_at = None
            self._note("the server is back")
        self.gone_at = time.monotonic()


class Troupe:
    """Those who send: each process that ends is followed by another, and nobody ends without a reason."""

    def __init__(
        self, plan: Plan, server: Server, start: Starting, ports: Sequence[int], note: Callable[[str], None]
    ) -> None:
        self.senders: list[Sender] = []
        self.server = server
        self._is_served = plan.is_served
        self._trouble = {"CHAOS_UNHEARD": str(plan.unheard)}
        self._start = start
        self._ports = ports
        self._note = note
        self._pages_gone_at = 0.0

    @property
    def is_whole(self) -> bool:
        """Tell whether nobody is away."""
        return not self.server.is_away and not any(one.is_away for one in self.senders)

    def join(self) -> None:
        """Let one more send: the first serves the public pages, the second its own, others none."""
        number = len(self.senders)
        argv = ["run"] if self._is_served else ["run", "--once"]
        if self._is_served and number < len(self._ports):
            port = {"NEWSLETTER_WEB__PORT": str(self._ports[number])}
            self.senders.append(Sender(self._start, argv, self._trouble | port))
        else:
            self.senders.append(Sender(self._start, [*argv, "--no-web"], self._trouble))

    def tend(self) -> None:
        """Bring back whatever has been away for long enough; raises Broken where somebody ended by itself."""
        self.server.tend()
        if self._is_served and self.senders and not self.senders[0].serves:
            self._pages_gone_at = time.monotonic()
        for sender in self.senders:
            if sender.is_due:
                sender.come_back()
                self._note(f"{sender.name} is here")
            elif not sender.is_away and not sender.process.is_running:
                self._follow(sender)

    def may_give_up(self, sender: Sender) -> bool:
        """Tell whether a process had to end: one that sends already lives through whatever comes."""
        said = sender.process.said()
        if sender.process.code != 1 or sender.is_sending:
            return False
        if _NO_PAGES.search(said):
            return self._is_served and self._pages_gone_at >= sender.began
        had_trouble = self.server.gone_at >= sender.began or UNHEARD in said
        return had_trouble and bool(_NO_DATABASE.search(said))

    def _follow(self, sender: Sender) -> None:
        if not self._is_served and sender.process.code == 0:
            sender.begin()
        elif self.may_give_up(sender):
            self._note(f"{sender.name} gave up")
            sender.leave(_BREATH)
        else:
            raise Broken(f"{sender.name} ended by itself with {sender.process.code}")
