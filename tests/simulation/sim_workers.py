"""Workers: processes that run the real engine, die, and come back; a database that forgets under them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sim_history import History
from sim_letter import DEPLOYMENT, KEYS, PUBLIC_URL, dump, put
from sim_people import Readers
from sim_provider import SimProvider
from sim_world import Actor, Crash, SimDatabase, World
from sqlalchemy import select

from newsletter.domain.pace import Lane
from newsletter.errors import StoreError
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.work import Claim, Look
from newsletter.store import claims
from newsletter.store.aside import Kept
from newsletter.store.tables import batch, release, slot

_PLAN = (
    select(batch.c.id, batch.c.generation).order_by(batch.c.id),
    select(release.c.id, release.c.state).order_by(release.c.id),
    select(slot.c.id, slot.c.state).order_by(slot.c.id),
)


@dataclass
class SimAside:
    """The file of outcomes that the database could not take: it outlives its process."""

    lines: list[Kept] = field(default_factory=list)

    def keep(self, *values: Any) -> None:
        batch_id, epoch, generation, answer, at, positions = values
        self.lines.append(Kept(batch_id, epoch, generation, answer, at, tuple(positions)))

    def waiting(self) -> list[Kept]:
        return list(self.lines)

    def forget(self, kept: list[Kept]) -> None:
        del self.lines[: len(kept)]


@dataclass
class Worker:
    """A process that ticks and delivers; a crash ends it, and it comes back with a new name."""

    world: World
    database: SimDatabase
    current: Callable[[], SimProvider]
    history: History
    name: str
    is_alone: bool
    actor: Actor = field(init=False)
    is_idle: bool = False
    was_woken: bool = False
    life: int = 0
    aside: SimAside = field(default_factory=SimAside)

    def begin(self) -> None:
        self.actor = self.world.actor(self.name, self.live, meets_faults=True)

    def kill(self) -> None:
        """End the process, wherever it is."""
        if self.actor and not self.actor.dead:
            self.actor.throw(Crash)

    def live(self) -> None:
        while True:
            self.life += 1
            try:
                self._process()
            except Crash:
                pass
            except Exception as error:
                self.history.errors.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
                self.world.note(f"breaks: {error!r}")
            self.is_idle = False
            self._stay_dead()

    def _stay_dead(self) -> None:
        with suppress(Crash):
            self.world.sleep(self.world.rng.choice((0.5, 5.0, 100.0, 1000.0)))

    def _process(self) -> None:
        world = self.world
        provider = self.current()
        delivering = delivering_of(self.database, provider, world, f"{self.name}.{self.life}", self.aside)
        releasing = Releasing(self.database, provider.capabilities, world.plan.limits)
        has_started, ticks_next, due_at = False, True, None
        while True:
            was_busy, before = False, self.database.changes
            try:
                if self.is_alone and not has_started:
                    self._take_over()
                has_started = True
                if ticks_next:
                    delivering.replay()
                    releasing.tick(world.clock.now())
                    before = self.database.changes
                while self._step(delivering):
                    was_busy = True
                # What was closed without a call may let others go, too.
                was_busy = was_busy or self.database.changes != before
                ready_at = delivering.ready_at(world.clock.now())
                due_at = releasing.next_due() if ticks_next else due_at
            except StoreError as error:
                world.note(f"cannot go on: {error}")
                world.sleep(world.rng.uniform(1, 20))
                continue
            ticks_next = self._rest(was_busy, ready_at, due_at)

    def _step(self, delivering: Delivering) -> bool:
        works = delivering.next_works((Lane.BULK,), self.world.rng.choice((1, 1, 2, 3)))
        claims_ = [work for work in works if isinstance(work, Claim)]
        self.history.claims.extend(claim.made_at for claim in claims_)
        answered = [(claim, delivering.call(claim)) for claim in claims_]
        if answered:
            delivering.keep(answered)
        for look in works:
            if isinstance(look, Look):
                delivering.record_look(look, delivering.search(look))
        return bool(works)

    def _rest(self, was_busy: bool, ready_at: datetime | None, due_at: datetime | None) -> bool:
        """Sleep until there is something to do; tell whether it may be more than a batch that gets ready."""
        world = self.world
        instants = [one for one in (ready_at, due_at) if one is not None]
        self.is_idle, self.was_woken = True, False
        if was_busy:
            world.sleep(5)
        elif instants:
            wait = (min(instants) - world.clock.now()).total_seconds()
            world.sleep(max(wait, 1.0) + world.rng.random() / 10)
        else:
            world.park()
        self.is_idle = False
        return was_busy or self.was_woken or (due_at is not None and world.clock.now() >= due_at)

    def _take_over(self) -> None:
        with self.database.writing() as tx:
            claims.expire_leases(tx, self.world.clock.now())
        self.world.note("takes over")


def delivering_of(
    database: SimDatabase, provider: SimProvider, world: World, owner: str, aside: Any
) -> Delivering:
    """Compose the part that claims, calls and records."""
    return Delivering.of(
        database,
        provider,
        world.clock,
        keys=KEYS,
        deployment=DEPLOYMENT,
        public_url=PUBLIC_URL,
        owner=owner,
        limits=world.plan.limits,
        aside=aside,
        rest=world.sleep,
    )


@dataclass
class Failover:
    """The database's server dies, and the one that takes over never saw the last commits."""

    world: World
    database: SimDatabase
    workers: list[Worker]
    readers: Readers
    history: History
    content: bytes = b""
    plan_then: object = None
    left: int = 0

    def remember(self) -> None:
        """Keep the database as it is now; some commits later it is all there is."""
        self.content, self.plan_then = dump(self.database), self._plan()
        self.left = self.world.rng.randint(1, 4)
        self.database.on_commit = self._count

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.database.on_commit = None
            self.world.later(0, self._happen)

    def _happen(self) -> None:
        # A key means nothing where the batch that it names is forgotten.
        if self._plan() != self.plan_then or self.world.is_healed:
            self.world.note("the database keeps what it has")
            return
        self.world.note("the database loses its last commits")
        for worker in self.workers:
            worker.kill()
        put(self.database, self.content)
        self.history.restored.append(self.world.now)
        self.readers.look_again()

    def _plan(self) -> object:
        with self.database.reading() as tx:
            return [list(map(tuple, tx.execute(query))) for query in _PLAN]
