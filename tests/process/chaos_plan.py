"""What is to happen in a run of chaos, drawn from its number alone."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from chaos_caller import START_DEADLINE
from chaos_cast import FEWEST, PEOPLE_A_CALL

from newsletter.testing.fake_http import Fault

MOST = 400
#: So many processes send at once where they may.
SENDERS = 3
#: The faults of a run end after so many calls: then everything heals.
_TROUBLED_CALLS = 40
_FAULTS = (
    (Fault.ACCEPT_THEN_DROP, 4),
    (Fault.ERROR_AFTER, 4),
    (Fault.RATE_LIMITED, 1),
    (Fault.RATE_LIMITED_BARE, 1),
    (Fault.DROP_BEFORE, 1),
    (Fault.ERROR_BEFORE, 1),
    (Fault.TRUNCATED_ANSWER, 1),
    (Fault.ANSWER_THEN_DROP, 1),
    (Fault.EMPTY_ANSWER, 1),
    (Fault.BAD_GATEWAY, 1),
    (Fault.NEVER_ANSWER, 1),
)


class What(StrEnum):
    """What is done to a process that sends, or to the database server."""

    KILL = "kill"
    #: It stands still for a while.
    STOP = "stop"
    #: It stands still, and meanwhile somebody starts a second one.
    RIVAL = "rival"
    #: It is asked to end.
    TERM = "term"
    #: The server stops without ceremony, and recovers when it is started again.
    CRASH = "crash"


#: How often each is done to the one sender of an SQLite file, and to one of several on a server.
_TO_ONE = {What.KILL: 12, What.STOP: 5, What.RIVAL: 1, What.TERM: 2}
_TO_SOME = {What.KILL: 10, What.STOP: 6, What.TERM: 4}


class Database(StrEnum):
    """Where the ledger is."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True)
class Act:
    """Done once so many calls have begun, and some seconds more have passed.

    `seconds` is how long a process that has ended stays away, or a stopped one stands still; `who` is which
    process, from 0.
    """

    what: What
    calls: int
    after: float
    seconds: float
    who: int = 0


@dataclass(frozen=True)
class Leave:
    """A reader who leaves: this one, once they have a mail, or else somebody of the latest call."""

    calls: int
    after: float
    reader: int
    has_mail: bool


@dataclass(frozen=True)
class Plan:
    """A run: `is_served` is long `newsletter run`s, else `run --once` again and again beside `web`.

    There are so many `senders` at once. `pauses` are the seconds before the fake looks at each call;
    `unheard` is how often a commit of a sender is not heard of; `without` is a rule to switch off.
    """

    number: int
    provider: str
    people: int
    is_served: bool
    latency: float
    index_lag: float
    calls_per_second: int
    faults: tuple[Fault | None, ...]
    pauses: tuple[float, ...]
    acts: tuple[Act, ...]
    leaves: tuple[Leave, ...]
    without: str = ""
    database: Database = Database.SQLITE
    unheard: float = 0.0

    @property
    def senders(self) -> int:
        return SENDERS if self.database is Database.POSTGRES else 1

    @property
    def is_calm(self) -> bool:
        """Tell whether every call ends as it should."""
        is_orderly = self.is_served and all(act.what is What.TERM for act in self.acts)
        return is_orderly and not (any(self.faults) or any(self.pauses) or self.unheard)

    def lines(self) -> list[str]:
        """Tell the plan to a person."""
        how = "run" if self.is_served else "run --once beside web"
        troubled = [f"{fault} at call {n}" for n, fault in enumerate(self.faults, 1) if fault]
        slow = [f"{pause:.2f} s before call {n}" for n, pause in enumerate(self.pauses, 1) if pause]
        return [
            f"{self.people} readers, {self.provider}, {self.database}, {how}, latency {self.latency:.2f} s, "
            f"index lag {self.index_lag:.2f} s, {self.calls_per_second} calls a second"
            + (f", {self.unheard:.1%} of commits unheard" if self.unheard else "")
            + (f", without {self.without}" if self.without else ""),
            f"faults: {', '.join(troubled) or 'none'}",
            f"slow: {', '.join(slow) or 'never'}",
            *map(str, self.acts),
            *map(str, self.leaves),
        ]


def draw(number: int, database: Database | None = None) -> Plan:
    """Draw a run, on a database or on one in turn; runs alternate between the providers too."""
    if database is None:
        database = Database.POSTGRES if number // 2 % 2 else Database.SQLITE
    is_shared = database is Database.POSTGRES
    chance = random.Random(f"chaos {number} on {database}" if is_shared else f"chaos {number}")
    people = chance.randint(FEWEST, MOST)
    calls = 2 * -(-people // PEOPLE_A_CALL)
    latency = chance.choice((0.02, 0.1, 0.1, 0.25))
    acts = list(_shared_acts(chance, calls, latency) if is_shared else _acts(chance, calls, latency))
    trouble = chance.choice((0.0, 0.08, 0.2))
    return Plan(
        number=number,
        provider="mailgun" if number % 2 else "resend",
        people=people,
        is_served=chance.random() < 0.7,
        latency=latency,
        index_lag=chance.choice((0.0, 0.2, 0.5)),
        calls_per_second=chance.choice((10, 20, 40)),
        faults=tuple(_fault(chance, trouble) for _ in range(_TROUBLED_CALLS)),
        pauses=tuple(
            chance.uniform(0.1, 0.5) if chance.random() < 0.08 else 0 for _ in range(_TROUBLED_CALLS)
        ),
        acts=tuple(sorted(acts, key=lambda act: act.calls)),
        leaves=tuple(sorted(_leaves(chance, people, calls), key=lambda leave: leave.calls)),
        database=database,
        unheard=chance.choice((0.0, 0.01, 0.03)) if is_shared else 0.0,
    )


def _acts(chance: random.Random, calls: int, latency: float) -> Iterator[Act]:
    for _ in range(chance.randint(2, 7)):
        yield _act(chance, calls, latency, _TO_ONE)


def _shared_acts(chance: random.Random, calls: int, latency: float) -> Iterator[Act]:
    for _ in range(chance.randint(4, 10)):
        yield replace(_act(chance, calls, latency, _TO_SOME), who=chance.randrange(SENDERS))
    for _ in range(chance.randint(1, 3)):
        away = chance.choice((0.0, 0.3, 1.0, 3.0))
        yield replace(_act(chance, calls, latency, _TO_SOME), what=What.CRASH, seconds=away)


def _act(chance: random.Random, calls: int, latency: float, weights: Mapping[What, int]) -> Act:
    what = chance.choices(list(weights), list(weights.values()))[0]
    # Now and then longer than a call may wait to start, seldom longer than a lease.
    still = chance.choices((0.3, 1.2 * START_DEADLINE.total_seconds(), 2.0, 4.5), (5, 3, 2, 1))[0]
    return Act(
        what=what,
        calls=chance.randint(0, calls),
        after=chance.choice((0.0, chance.uniform(0, 2 * latency), chance.uniform(0, 0.6))),
        seconds=still if what is What.STOP else chance.choice((0.0, 0.0, 0.2)),
    )


def _fault(chance: random.Random, trouble: float) -> Fault | None:
    faults, weights = zip(*_FAULTS, strict=True)
    return chance.choices(faults, weights)[0] if chance.random() < trouble else None


def _leaves(chance: random.Random, people: int, calls: int) -> list[Leave]:
    readers = chance.sample(range(1, people + 1), chance.randint(1, 6))
    return [
        Leave(
            chance.randint(1, calls),
            chance.choice((0.0, chance.uniform(0, 0.3))),
            reader,
            chance.random() < 0.4,
        )
        for reader in readers
    ]
