"""Play one seed from its first slot until nothing happens by itself any more, and judge it."""

from dataclasses import dataclass, replace
from unittest.mock import Mock, patch

from sim_evidence import Evidence
from sim_history import History
from sim_invariants import violations
from sim_letter import fill, the_database
from sim_orders import differences_of_order
from sim_people import Operator, Readers, Web
from sim_plan import HOUR, Plan, draw, due_in
from sim_provider import Entry, SimProvider
from sim_rehearsal import rehearse
from sim_workers import Failover, Worker
from sim_world import SimDatabase, World

from newsletter.pipeline import delivering, preparing

#: After faults end and the last slot came due, everything that can end by itself has ended within so long.
SETTLES_WITHIN = 72 * HOUR
ROUNDS = 12


@dataclass(frozen=True)
class Played:
    """What a seed came to; `failures` are sentences."""

    plan: Plan
    failures: tuple[str, ...]
    trace: tuple[tuple[float, str, str], ...]
    log: tuple[Entry, ...]
    digest: str

    def lines(self) -> list[str]:
        """Tell the trace line by line."""
        return [f"{at:12.3f}  {who:<10} {text}" for at, who, text in self.trace]


def play(name: str, seed: int) -> Played:
    """Play a seed of a capability."""
    plan = draw(name, seed)
    database = the_database()
    fill(database, plan)
    world = World(plan)
    game = _Game(world, database)
    try:
        with patch.object(preparing, "CHUNK", 3), patch.object(delivering, "log", Mock()):
            failures = game.play()
    finally:
        database.world = database.on_commit = None
        world.close()
    return Played(plan, tuple(failures), tuple(world.trace), tuple(game.provider.log), world.digest())


class _Game:
    def __init__(self, world: World, database: SimDatabase) -> None:
        self.world, self.database, self.history = world, database, History()
        self.web = Web(world, database, lambda: self.current.capabilities, self.poke_one)
        self.provider = SimProvider(world, world.plan.capabilities, self.web.report)
        other = replace(world.plan.capabilities, name=f"{world.plan.capabilities.name}-other")
        self.other = SimProvider(world, other, self.web.report, self.provider.log)
        self.current = self.provider
        self.readers = Readers(world, database, self.history)
        self.operator = Operator(world, database, [self.provider, self.other], self.history, self.poke)
        plan = world.plan
        is_alone = plan.workers == 1 and plan.takes_over
        self.workers = [
            Worker(world, database, lambda: self.current, self.history, f"w{n}", is_alone)
            for n in range(1, plan.workers + 1)
        ]

    def poke(self) -> None:
        """Wake the workers that rest: the next tick is never far away."""
        for worker in self.workers:
            if worker.is_idle:
                worker.was_woken = True
                self.world.wake(worker.actor)

    def poke_one(self) -> None:
        """Wake one worker, if one rests."""
        idle = [worker for worker in self.workers if worker.is_idle]
        if idle:
            worker = self.world.rng.choice(idle)
            worker.was_woken = True
            self.world.wake(worker.actor)

    def play(self) -> list[str]:
        plan, world = self.world.plan, self.world
        if plan.rehearses:
            rehearse(self.database)
        self.database.world = world
        self._schedule()
        world.run(plan.heals_at)
        world.now = max(world.now, plan.heals_at)
        world.note("everything heals")
        world.is_healed = True
        failures = self._wind_up()
        self.database.world = None
        seen = Evidence.collect(self.world, self.database, self.provider, self.history, self.web.told)
        failures += violations(seen)
        failures += differences_of_order(self.world, self.database, self.provider, self.web.taken)
        return failures

    def _schedule(self) -> None:
        plan, world = self.world.plan, self.world
        for worker in self.workers:
            worker.begin()
        for at, kind, number in plan.acts:
            world.later(at, lambda kind=kind, number=number: self._act(kind, number))
        for at, offset in plan.jumps:
            world.later(at, lambda offset=offset: self._jump(offset))
        if plan.switches is not None:
            for at, to in zip(plan.switches, (self.other, self.provider), strict=True):
                world.later(at, lambda to=to: world.is_healed or self._switch(to))
        if plan.forgets_at is not None:
            failover = Failover(world, self.database, self.workers, self.readers, self.history)
            world.later(plan.forgets_at, failover.remember)

    def _act(self, kind: str, number: int) -> None:
        if self.world.is_healed:
            return
        if kind in ("leave", "return", "suppress", "move"):
            self.readers.act(kind, number)
        else:
            self.operator.act(kind, number)

    def _switch(self, to: SimProvider) -> None:
        """Let every worker come back, one after the other, with another account."""
        if self.current is to:
            return
        self.current = to
        self.world.note(f"workers come back with {to.capabilities.name}")
        for worker in self.workers:
            self.world.later(self.world.rng.uniform(0, 60), worker.kill)

    def _jump(self, offset: float) -> None:
        self.world.jump(offset)
        self.poke()

    def _wind_up(self) -> list[str]:
        world, plan = self.world, self.world.plan
        within = SETTLES_WITHIN + _days_of_quota(plan) * 24 * HOUR
        until = max(plan.heals_at, due_in(plan.issues - 1)) + within
        self.operator.resume()
        if plan.switches is not None:
            # What is in doubt with an account is found out with that account.
            for to in (self.other, self.provider) * 3:
                self._switch(to)
                world.run(until)
                until = world.now + within
                self.operator.resume()
        has_resolved = not plan.resolves
        for _ in range(ROUNDS):
            if not world.run(until):
                return [
                    f"I11: things still happen by themselves at {world.now / HOUR:.1f} h, turn {world.turns}"
                ]
            until = world.now + within
            if self.operator.resume():
                continue
            if has_resolved or not self.operator.resolve():
                return []
            until = world.now + within
        return [f"I11: after {ROUNDS} rounds a person is still asked for more"]


def _days_of_quota(plan: Plan) -> int:
    """Bound the days that a quota stretches a send over; calls without an answer count too."""
    quotas = [one for one in (plan.limits.per_day, *plan.limits.warm_up) if one is not None]
    return 3 * -(-plan.people * plan.issues // min(quotas)) if quotas else 0
