"""A world with a clock of its own: actors take turns, and at every boundary something may go wrong.

An actor is a greenlet. It runs until it sleeps, so nothing happens between two boundaries but what it does.
"""

import hashlib
import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet
from sim_plan import BEGINS, Plan
from sqlalchemy import Connection

from newsletter.errors import StoreError
from newsletter.store.database import Database

#: A world that takes more turns than this is going in circles.
MOST_TURNS = 20_000
#: Longer than a lease, the time that a log takes to settle, and two looks at it.
LONG = (15 * 60.0, 45 * 60.0)


class Crash(BaseException):
    """The process dies here."""


class Actor(greenlet):
    """Somebody who acts; `meets_faults` says whether they die, stand still, and meet a full database."""

    def __init__(
        self, world: "World", name: str, life: Callable[[], None], *, meets_faults: bool = False
    ) -> None:
        super().__init__(life, world.hub)
        self.name = name
        self.meets_faults = meets_faults
        self.turn = 0


class SimClock:
    """The world's clock: the wall may be moved, `elapsed` may not."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.offset = timedelta()
        self.latest = BEGINS

    def now(self) -> datetime:
        now = BEGINS + timedelta(seconds=self._world.now) + self.offset
        self.latest = max(self.latest, now)
        return now

    def elapsed(self) -> float:
        return self._world.now


class World:
    """Everything that happens in one seed, in order; times are in seconds since it began."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = Random(f"{plan.name} {plan.seed}")
        self.lingering = Random(f"lingering {plan.name} {plan.seed}")
        self.clock = SimClock(self)
        self.hub = getcurrent()
        self.now = 0.0
        self.turns = 0
        self.is_healed = False
        self.trace: list[tuple[float, str, str]] = []
        self.actors: list[Actor] = []
        self.jumps: list[float] = []
        self._queue: list[tuple[float, int, Any, int]] = []
        self._order = 0

    def actor(
        self, name: str, life: Callable[[], None], *, meets_faults: bool = False, after: float = 0.0
    ) -> Actor:
        """Let somebody act from then on."""
        actor = Actor(self, name, life, meets_faults=meets_faults)
        self.actors.append(actor)
        self._push(self.now + after, actor, actor.turn)
        return actor

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something at once, then."""
        self._push(self.now + seconds, what, 0)

    def sleep(self, seconds: float) -> None:
        """Let others go on for so long."""
        actor = getcurrent()
        actor.turn += 1
        self._push(self.now + seconds, actor, actor.turn)
        self.hub.switch()

    def park(self) -> None:
        """Sleep until somebody wakes the actor."""
        getcurrent().turn += 1
        self.hub.switch()

    def wake(self, actor: Actor) -> None:
        """End an actor's sleep."""
        actor.turn += 1
        self._push(self.now, actor, actor.turn)

    def run(self, until: float) -> bool:
        """Let everybody act until nothing is left to do; False where that takes too long."""
        while self._queue:
            at, _, what, turn = self._queue[0]
            if at > until or self.turns > MOST_TURNS:
                return False
            heapq.heappop(self._queue)
            if isinstance(what, Actor) and (what.dead or what.turn != turn):
                continue
            self.now = max(self.now, at)
            self.turns += 1
            if isinstance(what, Actor):
                what.switch()
            else:
                what()
        return True

    def close(self) -> None:
        """End everybody who still sleeps."""
        for actor in self.actors:
            if actor and not actor.dead:
                actor.throw()
        self._queue.clear()

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        who = getcurrent()
        self.trace.append((round(self.now, 3), who.name if isinstance(who, Actor) else "world", text))

    def boundary(self, where: str) -> None:
        """Pass a point at which a process may die or stand still."""
        if not self._meets_faults():
            return
        dice, plan = self.rng.random(), self.plan
        if dice < plan.crashes:
            self.note(f"dies {where}")
            raise Crash
        if dice < plan.crashes + plan.stalls:
            seconds = self.rng.choice((1, 15, 25, plan.lease / 2, plan.lease * self.rng.uniform(1, 4)))
            self.note(f"stands still for {seconds:.1f} s {where}")
            self.sleep(seconds)
        elif dice > 0.6:
            self.sleep(self.rng.random() / 20)

    def linger(self) -> None:
        """Stand still with a refusal that is not recorded yet, until others have found out all there is."""
        if self.plan.lingers and self._meets_faults() and self.lingering.random() < 0.3:
            seconds = self.lingering.uniform(*LONG)
            self.note(f"stands still for {seconds:.1f} s with what it has heard")
            self.sleep(seconds)

    def inner_boundary(self, where: str) -> None:
        """Pass a point inside a transaction: the process may die, or the database refuse."""
        if not self._meets_faults():
            return
        dice, plan = self.rng.random(), self.plan
        if dice < plan.crashes:
            self.note(f"dies {where}")
            raise Crash
        if dice < plan.crashes + plan.database_errors:
            self.note(f"finds the database full {where}")
            raise StoreError("cannot use the database: database or disk is full")

    def lost_answer(self) -> None:
        """Pass the point at which a commit is confirmed."""
        if self._meets_faults() and self.rng.random() < self.plan.database_errors / 2:
            self.note("never hears that its commit succeeded")
            raise StoreError("cannot use the database: connection reset")

    def jump(self, seconds: float) -> None:
        """Set the wall clock to so much ahead of the true time."""
        self.clock.offset = timedelta(seconds=seconds)
        self.jumps.append(self.now)
        self.note(f"the wall clock is {seconds:+.0f} s off")

    def digest(self) -> str:
        """Name the trace, to compare it with another."""
        return hashlib.sha256(repr(self.trace).encode()).hexdigest()[:16]

    def _meets_faults(self) -> bool:
        return not self.is_healed and getattr(getcurrent(), "meets_faults", False)

    def _push(self, at: float, what: Any, turn: int) -> None:
        self._order += 1
        heapq.heappush(self._queue, (at, self._order, what, turn))


class SimDatabase(Database):
    """The real database, with a boundary before and after every transaction, and one before the commit."""

    world: World | None = None
    on_commit: Callable[[], None] | None = None
    changes: int = 0

    @contextmanager
    def reading(self, **options: Any) -> Iterator[Connection]:
        with super().reading(**options) as tx:
            yield tx
        if self.world:
            self.world.boundary("after reading")

    @contextmanager
    def writing(self, **options: Any) -> Iterator[Connection]:
        world = self.world
        if world:
            world.boundary("before a transaction")
        with super().writing(**options) as tx:
            yield tx
            self.changes = tx.connection.driver_connection.total_changes
            if world:
                world.inner_boundary("before a commit")
        if self.on_commit:
            self.on_commit()
        if world:
            world.lost_answer()
            world.boundary("after a commit")
