"""An email service that lies in every way a real one does, and a log of what it truly did.

What is honest: an answer that says nobody was taken (deferred, refused, misconfigured) is true. What is not:
an answer may be missing, late, or an error, whatever became of the call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sim_plan import CALL_TIMEOUT, LATE_ACCEPT
from sim_world import World

from newsletter.domain.delivery import START_DEADLINE
from newsletter.domain.message import Message, Recipient
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Inquiry,
    Mailing,
    Outcome,
    Recovery,
    Request,
    Sightings,
    always,
    too_late,
)

TIMEOUT = CALL_TIMEOUT.total_seconds()
_SAY_NO = (Outcome.DEFERRED, Outcome.REFUSED, Outcome.MISCONFIGURED)
_TIMED_OUT = Answer(Outcome.UNKNOWN, "timed out")
_ERROR = Answer(Outcome.UNKNOWN, "500 server error", status=500)
_NOT_AUTHORISED = Answer(Outcome.MISCONFIGURED, "401 the key is not valid", status=401)


class Entry(NamedTuple):
    """A line of the provider's own log: a call that started, or people it accepted."""

    kind: str
    at: float
    wall: datetime
    key: str
    issue: str
    people: tuple[int, ...]


class Accepted(NamedTuple):
    """A mail that the provider took."""

    reference: str
    message_id: str
    visible_at: float
    wall: datetime


@dataclass
class SimProvider:
    """One account. `log` is append-only and the truth; two accounts may share one."""

    world: World
    capabilities: Capabilities
    on_accept: Callable[[str, Recipient, str], None]
    log: list[Entry] = field(default_factory=list)
    is_misconfigured: bool = False
    _keys: dict[str, tuple[object, float, Answer]] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    _reached: set[tuple[str, str]] = field(default_factory=set)
    index: list[Accepted] = field(default_factory=list)

    @property
    def is_spent(self) -> bool:
        """Tell whether a repeat under a key is refused, instead of answered as the first call was."""
        return self.world.plan.name == "spent"

    def compile(self, message: Message) -> "Callable[[Mailing], SimCall]":
        return lambda mailing: SimCall(self, message, mailing)

    def close(self) -> None:
        """Nothing is held open."""

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the index, which lags; a search may fail or be cut short."""
        world = self.world
        world.boundary("before a search")
        world.sleep(world.rng.uniform(0.1, 3))
        asked = {one.reference: one.pos for one in inquiry.recipients}
        since = inquiry.since - timedelta(minutes=10)
        found = {
            asked[one.reference]: one.message_id
            for one in self.index
            if one.reference in asked and one.visible_at <= world.now and one.wall >= since
        }
        dice = 1.0 if world.is_healed or world.plan.is_calm else world.rng.random()
        if dice < 0.15:
            world.note(f"searches for {inquiry.key}: 503")
            return Sightings(is_complete=False, reason="503")
        if dice < 0.25:
            found = dict(list(found.items())[:1])
            world.note(f"searches for {inquiry.key}: cut short, finds {sorted(found)}")
            return Sightings(found, is_complete=False, reason="cut short")
        world.note(f"searches for {inquiry.key}: finds {sorted(found)} of {sorted(asked.values())}")
        world.boundary("after a search")
        return Sightings(found)

    def lie(self) -> str:
        """Choose what happens to a call."""
        world, plan = self.world, self.world.plan
        if world.is_healed:
            return "honest"
        if any(start <= world.now < end for start, end in plan.outages):
            kinds = ("time out", "500", "accept, then time out", "accept late", "defer")
            return world.rng.choices(kinds, (5, 2, 2, 1, 1))[0]
        dice = world.rng.random()
        for kind, chance in plan.lies.items():
            dice -= chance
            if dice < 0:
                return kind
        return "honest"

    def start(self, issue: str, mailing: Mailing) -> None:
        """Note that a call began."""
        people = tuple(one.subscriber_id for one in mailing.recipients)
        world = self.world
        self._started[mailing.key] = world.now
        # A slot that was due stays due when the wall clock is set back.
        self.log.append(Entry("start", world.now, world.clock.latest, mailing.key, issue, people))
        world.note(f"calls {mailing.key} {issue} for {people}")

    def take(
        self, issue: str, mailing: Mailing, chosen: Sequence[Recipient], rejected: dict[int, str]
    ) -> Answer:
        """Let a call arrive: send what the capability says is new, and answer what a repeat is answered."""
        recovery = self.capabilities.recovery
        if recovery is Recovery.KEY:
            return self._take_by_key(issue, mailing, chosen, rejected)
        fresh = list(chosen)
        if recovery is Recovery.RECIPIENT_DEDUPE:
            fresh = [one for one in fresh if (mailing.key, one.address) not in self._reached]
            rejected = {one.pos: rejected[one.pos] for one in fresh if one.pos in rejected}
            self._reached.update((mailing.key, one.address) for one in fresh if one.pos not in rejected)
        fresh = [one for one in fresh if one.pos not in rejected]
        self._accept(issue, mailing, fresh)
        ids = {one.pos: f"id-{one.reference}" for one in chosen if one.pos not in rejected}
        return Answer(Outcome.ACCEPTED, ids=ids, rejected=rejected, status=202)

    def _take_by_key(
        self, issue: str, mailing: Mailing, chosen: Sequence[Recipient], rejected: dict[int, str]
    ) -> Answer:
        world, payload = self.world, (mailing.date, tuple(mailing.recipients))
        ttl = self.capabilities.key_ttl.total_seconds() + world.plan.slack
        known = self._keys.get(mailing.key)
        if known and world.now < known[1] + ttl and self.is_spent:
            world.note(f"refuses {mailing.key}: it was used")
            return Answer(Outcome.REPEATED, "400 the key was used", status=400)
        if known and world.now < known[1] + ttl:
            if known[0] == payload or world.plan.replays_reduced:
                world.note(f"answers {mailing.key} as before")
                return known[2]
            world.note(f"finds another payload under {mailing.key}")
            return Answer(Outcome.MISMATCHED, "409 the key was used with another payload", status=409)
        fresh = [one for one in chosen if one.pos not in rejected]
        self._accept(issue, mailing, fresh)
        ids = {one.pos: f"id-{one.reference}" for one in fresh}
        answer = Answer(Outcome.ACCEPTED, ids=ids, rejected=rejected, status=200)
        self._keys[mailing.key] = (payload, world.now, answer)
        return answer

    def _accept(self, issue: str, mailing: Mailing, people: Sequence[Recipient]) -> None:
        if not people:
            return
        world = self.world
        ids = tuple(one.subscriber_id for one in people)
        self.log.append(Entry("accept", world.now, world.clock.now(), mailing.key, issue, ids))
        world.note(f"accepts {mailing.key} {issue} for {ids}")
        for one in people:
            taken = Accepted(
                one.reference, f"id-{one.reference}", self._visible_at(mailing.key), world.clock.now()
            )
            self.index.append(taken)
            self.on_accept(self.capabilities.name, one, issue)

    def _visible_at(self, key: str) -> float:
        world, capabilities = self.world, self.capabilities
        if world.plan.stragglers and world.rng.random() < 0.4:
            # As late as a log may be that two looks, an interval apart, are enough for; both are counted from
            # the claim, after which a call starts within the deadline.
            most = capabilities.settles_after + capabilities.look_interval - START_DEADLINE
            late = self._started[key] + most.total_seconds() - world.rng.uniform(10, 200)
            return max(world.now, late)
        return world.now + world.rng.uniform(0, 60)


@dataclass(frozen=True)
class SimCall:
    """One call, composed and not yet made."""

    provider: SimProvider
    message: Message
    mailing: Mailing

    def request(self) -> Request:
        return Request("POST", "https://sim.example.org/", {}, self.mailing.key.encode())

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        world = self.provider.world
        world.boundary("before a call")
        if not may_start():
            world.note(f"does not start {self.mailing.key}: too late")
            return too_late()
        self.provider.start(self._issue, self.mailing)
        answer = self._go(self.provider.lie())
        world.boundary("after a call")
        world.note(f"hears {answer.outcome} for {self.mailing.key}{self._details(answer)}")
        if answer.outcome in _SAY_NO:
            world.linger()
        return answer

    @property
    def _issue(self) -> str:
        return dict(self.message.tags)["issue"]

    def _details(self, answer: Answer) -> str:
        return f", rejected {sorted(answer.rejected)}" if answer.rejected else ""

    def _go(self, lie: str) -> Answer:
        provider, world = self.provider, self.provider.world
        if provider.is_misconfigured or lie == "misconfigured":
            provider.is_misconfigured = not world.is_healed
            if provider.is_misconfigured:
                return self._refuse(_NOT_AUTHORISED)
        poisoned = any(one.subscriber_id in world.plan.poisoned for one in self.mailing.recipients)
        match lie:
            case "time out":
                world.sleep(TIMEOUT)
                return _TIMED_OUT
            case "500":
                world.sleep(world.rng.uniform(0.1, 5))
                return _ERROR
            case "defer":
                return self._refuse(Answer(Outcome.DEFERRED, "429", status=429))
            case "defer for a while":
                wait = timedelta(seconds=world.rng.choice((1, 30, 600)))
                return self._refuse(Answer(Outcome.DEFERRED, "429", retry_after=wait, status=429))
            case "refuse":
                return self._refuse(Answer(Outcome.REFUSED, "400 a recipient cannot be mailed", status=400))
        if poisoned:
            return self._refuse(Answer(Outcome.REFUSED, "422 a recipient cannot be mailed", status=422))
        return self._arrive(lie)

    def _refuse(self, answer: Answer) -> Answer:
        self.provider.world.sleep(self.provider.world.rng.uniform(0.02, 1))
        return answer

    def _arrive(self, lie: str) -> Answer:
        """Let the service take the call by itself, whatever becomes of the client meanwhile."""
        world, rng = self.provider.world, self.provider.world.rng
        late = lie == "accept late"
        arrives = TIMEOUT + rng.uniform(0, LATE_ACCEPT) if late else rng.uniform(0.01, 0.3)
        if lie == "slow":
            arrives = rng.uniform(1, TIMEOUT - 2)
        answers: list[Answer] = []
        world.later(arrives, lambda: answers.append(self._take(lie)))
        world.boundary("in the middle of a call")
        if late or lie in ("accept, then time out", "accept some, then time out"):
            world.sleep(TIMEOUT)
            return _TIMED_OUT
        world.sleep(arrives + rng.uniform(0.01, 1.5))
        if lie in ("accept, then 500", "accept some, then 500"):
            return _ERROR
        return _garbled(answers[0], lie)

    def _take(self, lie: str) -> Answer:
        people: Any = self.mailing.recipients
        rejected: dict[int, str] = {}
        if lie.startswith("accept some"):
            people = people[: max(1, len(people) // 2)]
        if lie == "reject one" and len(people) > 1:
            rejected = {people[-1].pos: "550 no such mailbox"}
        return self.provider.take(self._issue, self.mailing, people, rejected)


def _garbled(answer: Answer, lie: str) -> Answer:
    if answer.outcome is not Outcome.ACCEPTED:
        return answer
    if lie == "ids missing":
        return Answer(answer.outcome, rejected=answer.rejected, status=answer.status)
    if lie == "ids too many":
        ids = {**answer.ids, 0: "id-of-somebody", 77: "id-of-nobody"}
        return Answer(answer.outcome, ids=ids, rejected=answer.rejected, status=answer.status)
    return answer
