"""A service that knows what it really accepted, and how it may speak of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from newsletter.domain.message import Recipient
from newsletter.domain.provider import Answer, Capabilities, Mailing, Outcome, Recovery

#: A mail is in the service's log so long after it was accepted, at the latest.
LAG = timedelta(minutes=9)
NOTHING_TAKEN = (Outcome.REFUSED, Outcome.DEFERRED, Outcome.MISCONFIGURED)


@dataclass(frozen=True)
class Accepted:
    """A mail that the service took, for good."""

    issue: int
    subscriber: int
    key: str
    pos: int
    reference: str
    at: datetime


@dataclass
class Service:
    """What a provider with these capabilities really does; `accepted` is the truth."""

    capabilities: Capabilities
    accepted: list[Accepted] = field(default_factory=list)
    remembered: dict[str, tuple[object, datetime, Answer]] = field(default_factory=dict)

    def take(self, issue: int, mailing: Mailing, not_taken: set[int], now: datetime) -> Answer:
        """Take a call but for some positions, by the rules of its kind; return what an honest answer says."""
        payload = tuple((one.pos, one.address, one.name) for one in mailing.recipients)
        known, at, answer = self.remembered.get(mailing.key, (None, now, None))
        if answer is not None and now < at + self.capabilities.key_ttl:
            return answer if payload == known else Answer(Outcome.MISMATCHED, "another payload")
        if self.capabilities.is_atomic:
            not_taken = set()
        taken = [one for one in mailing.recipients if one.pos not in not_taken]
        rejected = {one.pos: "no such person" for one in mailing.recipients if one.pos in not_taken}
        answer = Answer(Outcome.ACCEPTED, ids={one.pos: one.reference for one in taken}, rejected=rejected)
        if self.capabilities.recovery is Recovery.KEY:
            self.remembered[mailing.key] = (payload, now, answer)
        self.accepted += [
            Accepted(issue, one.subscriber_id, mailing.key, one.pos, one.reference, now)
            for one in taken
            if not self._is_repeat(mailing.key, one)
        ]
        return answer

    def find(self, key: str, now: datetime, unseen: set[int]) -> dict[int, str]:
        """Search the log under a key: what is fresh may not be there yet."""
        return {
            one.pos: one.reference
            for one in self.accepted
            if one.key == key and (now >= one.at + LAG or one.pos not in unseen)
        }

    def _is_repeat(self, key: str, who: Recipient) -> bool:
        if self.capabilities.recovery is not Recovery.RECIPIENT_DEDUPE:
            return False
        return any((one.key, one.subscriber) == (key, who.subscriber_id) for one in self.accepted)

    def search(self, inquiry):
        raise NotImplementedError

    def compile(self, message):
        return lambda mailing: None


@dataclass(frozen=True)
class Saying:
    """How the service behaves to a call or a search, and what is heard of it.

    `left_out` are not taken, or not in the log yet. `instead` is what is heard where nobody was taken, or
    where the answer was lost (UNKNOWN), and the call was taken or not. `no_ids` lack their id; `noise` speaks
    of positions that nobody has.
    """

    left_out: frozenset[int] = frozenset()
    instead: Outcome | None = None
    is_taken: bool = True
    wait: timedelta | None = None
    no_ids: frozenset[int] = frozenset()
    noise: Mapping[int, str] = field(default_factory=dict)
    is_complete: bool = True

    def bend(self, answer: Answer) -> Answer:
        if answer.outcome is not Outcome.ACCEPTED:
            return answer
        ids = {pos: id_ for pos, id_ in answer.ids.items() if pos not in self.no_ids}
        return replace(answer, ids={**ids, **self.noise}, rejected={**answer.rejected, **self.noise})


positions = st.frozensets(st.integers(0, 3), max_size=3)
sayings = st.builds(
    Saying,
    left_out=positions,
    instead=st.sampled_from([None, None, None, *NOTHING_TAKEN, Outcome.UNKNOWN, Outcome.UNKNOWN]),
    is_taken=st.booleans(),
    wait=st.sampled_from([None, timedelta(), timedelta(minutes=5)]),
    no_ids=positions,
    noise=st.sampled_from([{}, {91: "x"}]),
    is_complete=st.booleans(),
)
