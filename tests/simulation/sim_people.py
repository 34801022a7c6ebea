"""People: readers who come and go, an operator, and the web, which takes the provider's events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim_history import History
from sim_letter import DEPLOYMENT, SERIES, SERIES_ID, hash_of
from sim_plan import ISSUES
from sim_provider import SimProvider
from sim_world import Crash, SimDatabase, World
from sqlalchemy import bindparam, delete, insert, select, update

from newsletter.domain.event import Event, EventKind
from newsletter.domain.message import Recipient
from newsletter.domain.provider import Capabilities
from newsletter.domain.release import Release
from newsletter.domain.subscriber import Consent
from newsletter.domain.subscriber import Evidence as Agreed
from newsletter.errors import NewsletterError, StoreError
from newsletter.pipeline.cancelling import Cancelling
from newsletter.pipeline.evidence import Evidence
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.resolving import Resolution, Resolving
from newsletter.store import subscribers
from newsletter.store.tables import subscriber, subscription, suppression

_WHO = bindparam("id")
_CONSENT = select(subscription.c.state).where(subscription.c.subscriber_id == _WHO)
_HASH = select(subscriber.c.address_hash).where(subscriber.c.id == _WHO)
_SUPPRESSED = (
    select(suppression.c.reason)
    .join(subscriber, subscriber.c.address_hash == suppression.c.address_hash)
    .where(subscriber.c.id == _WHO)
)
_ACTIVATE = update(subscription).where(subscription.c.subscriber_id == _WHO).values(state=Consent.ACTIVE)


@dataclass
class Web:
    """Takes the provider's events; what it does not confirm is delivered again."""

    world: World
    database: SimDatabase
    capabilities: Callable[[], Capabilities]
    on_change: Callable[[], None]
    count: int = 0
    taken: list[Event] = field(default_factory=list)
    mails: dict[str, tuple[str, int]] = field(default_factory=dict)

    def report(self, provider: str, one: Recipient, issue: str) -> None:
        """Let the provider send events for a mail it took, in time, late, twice, or never."""
        world, rng, plan = self.world, self.world.rng, self.world.plan
        self.mails[one.reference] = (issue, one.subscriber_id)
        if rng.random() >= plan.events:
            return
        kinds = [EventKind.DELIVERED if rng.random() < 0.9 else EventKind.BOUNCED]
        if rng.random() < 0.3:
            kinds.insert(0, EventKind.ACCEPTED)
        if rng.random() < 0.05:
            kinds.append(EventKind.COMPLAINED)
        for kind in kinds:
            self.count += 1
            event = Event(
                plan.capabilities.name, f"e{self.count}", kind, world.clock.now(), one.reference,
                f"id-{one.reference}",
            )  # fmt: skip
            for _ in range(2 if rng.random() < 0.15 else 1):
                after = rng.choice((0.0, 0.2, 3.0, 60.0, 1500.0, 6000.0, 30_000.0)) * rng.uniform(0.5, 1.5)
                world.actor(
                    f"event {event.id}",
                    lambda event=event: self._deliver(event),
                    meets_faults=True,
                    after=after,
                )

    @property
    def told(self) -> frozenset[tuple[str, int]]:
        """The mails that events told of."""
        return frozenset(self.mails[event.reference] for event in self.taken)

    def _deliver(self, event: Event) -> None:
        world = self.world
        evidence = Evidence(self.database, self.capabilities(), DEPLOYMENT)
        for _ in range(50):
            try:
                if not world.is_healed and world.rng.random() < world.plan.event_faults / 2:
                    world.note(f"drops {event.kind} of {event.reference}, to be sent again")
                else:
                    is_new = evidence.record_event(event, world.clock.now())
                    world.note(f"takes {event.kind} of {event.reference}{'' if is_new else ' again'}")
                    self.taken.append(event)
                    self.on_change()
                    if world.is_healed or world.rng.random() >= world.plan.event_faults / 2:
                        return
            except (StoreError, Crash):
                world.note(f"does not confirm {event.kind} of {event.reference}")
            world.sleep(world.rng.choice((5.0, 60.0, 3000.0)))


@dataclass
class Readers:
    """People who leave, come back, move, or are suppressed. Nothing goes wrong with what they do."""

    world: World
    database: SimDatabase
    history: History

    def act(self, kind: str, number: int) -> None:
        {"leave": self._leave, "return": self._return, "suppress": self._suppress, "move": self._move}[kind](
            number
        )
        self.world.note(f"reader {number}: {kind}")
        self._note(number)

    def look_again(self) -> None:
        """Note everybody's consent as the database has it, after it forgot."""
        for number in range(1, self.world.plan.people + 1):
            self._note(number)

    def _note(self, number: int) -> None:
        with self.database.reading() as tx:
            is_active = tx.execute(_CONSENT, {"id": number}).scalar() == Consent.ACTIVE
            is_suppressed = tx.execute(_SUPPRESSED, {"id": number}).first() is not None
        may_get = is_active and not is_suppressed
        self.history.away.setdefault(number, []).append((self.world.now, not may_get))
        if not may_get:
            self.history.ever_away.add(number)

    def _leave(self, number: int) -> None:
        evidence = Agreed(self.world.clock.now(), "one_click", "")
        with self.database.writing() as tx:
            subscribers.unsubscribe(tx, SERIES_ID, number, evidence, None)

    def _return(self, number: int) -> None:
        with self.database.writing() as tx:
            tx.execute(_ACTIVATE, {"id": number})

    def _suppress(self, number: int) -> None:
        with self.database.writing() as tx:
            hash_ = tx.execute(_HASH, {"id": number}).scalar_one()
            row = {"address_hash": hash_, "reason": "manual", "since": self.world.clock.now()}
            tx.execute(delete(suppression).where(suppression.c.address_hash == hash_))
            tx.execute(insert(suppression), row)

    def _move(self, number: int) -> None:
        self.history.moved.add(number)
        address = f"moved{number}-{int(self.world.now)}@example.org"
        with self.database.writing() as tx:
            values = {"address": address, "address_hash": hash_of(address)}
            tx.execute(update(subscriber).where(subscriber.c.id == number).values(**values))


@dataclass
class Operator:
    """A person at the command line: pauses, cancels, resumes, and settles what nothing else can."""

    world: World
    database: SimDatabase
    providers: list[SimProvider]
    history: History
    on_change: Callable[[], None]

    def act(self, kind: str, number: int) -> None:
        """Do one thing while faults go on."""
        issue = ISSUES[number % self.world.plan.issues]
        if kind == "resume":
            self.resume()
        elif kind == "cancel":
            self._cancel(issue)
        else:
            self._pause(None if kind == "pause" else issue)
        self.on_change()

    def resume(self) -> bool:
        """End every pause, mend the account and let go what is held; tell whether anything changed."""
        for provider in self.providers:
            provider.is_misconfigured = False
        holding, changed = Holding(self.database), bool(self._open_pauses())
        # A database that forgot may have forgotten that a pause ended.
        every = ISSUES[: self.world.plan.issues] if self.history.restored else ()
        paused = dict.fromkeys((*every, *(issue for issue, _, _ in self._open_pauses() if issue)))
        for name in (SERIES, *(f"{SERIES}/{issue}" for issue in paused)):
            resumed = holding.resume(name, self.world.clock.now())
            changed = changed or bool(resumed.releases) or resumed.was_paused
            for one in resumed.releases:
                self._let_go(one)
        for pause in self._open_pauses():
            pause[2] = self.world.now
        self.on_change()
        return changed

    def resolve(self) -> bool:
        """Look into the provider's log, and say what became of whoever is unknown."""
        truth = {
            (one.issue, who) for one in self.providers[0].log if one.kind == "accept" for who in one.people
        }
        resolving, changed = Resolving(self.database), False
        for issue in ISSUES[: self.world.plan.issues]:
            rows = resolving.unknown(f"{SERIES}/{issue}")
            if not rows:
                continue
            people = [(issue, row.subscriber_id) for row in rows]
            # They are sent it again unless some of them would get it twice, or it was of no use before.
            again = not any(one in truth or one in self.history.decided for one in people)
            resolution = Resolution.SEND_AGAIN if again else Resolution.MARK_SENT
            self.world.note(f"says {resolution} for {people}")
            resolving.resolve(f"{SERIES}/{issue}", rows, resolution, self.world.clock.now())
            self.history.decided.update(dict.fromkeys(people, resolution))
            changed = True
        self.on_change()
        return changed

    def _pause(self, issue: str | None) -> None:
        name = SERIES if issue is None else f"{SERIES}/{issue}"
        Holding(self.database).pause(name, self.world.clock.now())
        self.history.pauses.append([issue, self.world.now, None])
        self.world.note(f"pauses {name}")
        if self.world.rng.random() < 0.7:
            self.world.later(self.world.rng.choice((30.0, 600.0, 9000.0)), self.resume)

    def _cancel(self, issue: str) -> None:
        if self.history.cancelled:
            return
        try:
            done = Cancelling(self.database).cancel(f"{SERIES}/{issue}", self.world.clock.now())
        except NewsletterError as error:
            self.world.note(f"cannot cancel {issue}: {error}")
            return
        self.world.note(f"cancels {issue}: {done}")
        self.history.cancelled[issue] = self.world.now

    def _let_go(self, one: Release) -> None:
        self.world.note(f"lets {one.issue} go: {one.reason}")
        if not one.candidates:
            self.history.released_by_hand[one.issue] = self.world.now

    def _open_pauses(self) -> list[list[Any]]:
        return [pause for pause in self.history.pauses if pause[2] is None]
