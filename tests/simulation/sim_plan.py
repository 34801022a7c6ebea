"""What a seed is about: drawn once, before anything happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from newsletter.domain.delivery import lease_for
from newsletter.domain.pace import Limits
from newsletter.domain.provider import Capabilities, Recovery
from newsletter.domain.unknown import Policy

#: A minute before the first slot.
BEGINS = datetime(2026, 10, 24, 7, 59, tzinfo=UTC)
#: 09:00 in London on three days, the second of which has 25 hours.
DUE = (
    datetime(2026, 10, 24, 8, tzinfo=UTC),
    datetime(2026, 10, 25, 9, tzinfo=UTC),
    datetime(2026, 10, 26, 9, tzinfo=UTC),
)
ISSUES = ("one", "two", "three")
#: `spent` is a key whose repeat is refused, whatever it holds, with a log for later, as Brevo has; `logged`
#: sends nobody twice, and has a log for when that is not enough, as Mailjet has.
NAMES = ("key", "dedupe", "query", "events", "none", "spent", "logged")
LOGGED = ("spent", "logged")
CALL_TIMEOUT = timedelta(seconds=60)
#: After a client gave up, its call is accepted within so many seconds or never.
LATE_ACCEPT = 20.0
_RECOVERIES = dict(
    zip(
        NAMES,
        (
            Recovery.KEY,
            Recovery.RECIPIENT_DEDUPE,
            Recovery.QUERY,
            Recovery.EVENTS,
            Recovery.NONE,
            Recovery.KEY,
            Recovery.RECIPIENT_DEDUPE,
        ),
        strict=True,
    )
)
HOUR = 3600.0
#: Where the plan survives, these answer a call that was forgotten as the first one was.
_SAFE_TO_FORGET = (Recovery.KEY, Recovery.RECIPIENT_DEDUPE)


@dataclass(frozen=True)
class Plan:
    """One seed; rates are chances at each boundary, times are seconds since the world began.

    `slack` is how much longer than promised the provider remembers keys: where the wall clock is moved, the
    engine's idea of an age is wrong by as much.
    """

    seed: int
    name: str
    capabilities: Capabilities
    limits: Limits
    policy: Policy
    people: int
    issues: int
    workers: int
    takes_over: bool
    heals_at: float
    crashes: float
    stalls: float
    database_errors: float
    lies: Mapping[str, float]
    outages: tuple[tuple[float, float], ...]
    poisoned: frozenset[int]
    events: float
    event_faults: float
    stragglers: bool
    replays_reduced: bool
    forgets_at: float | None
    slack: float
    jumps: tuple[tuple[float, float], ...]
    acts: tuple[tuple[float, str, int], ...]
    resolves: bool
    rehearses: bool
    switches: tuple[float, float] | None
    lingers: bool
    is_calm: bool = False
    is_limited: bool = False
    lease: float = field(default=0.0)


def draw(name: str, seed: int) -> Plan:
    """Draw the plan of a seed; `name` is one of NAMES."""
    rng = Random(f"plan {name} {seed}")
    recovery = _RECOVERIES[name]
    is_calm = rng.random() < 0.06
    people, issues = rng.randint(4, 7), rng.choice((1, 1, 2, 2, 2, 3))
    is_searched = recovery is Recovery.QUERY or name in LOGGED
    jumps = _jumps(rng, is_searched=is_searched) if not is_calm and rng.random() < 0.2 else ()
    replays_reduced = name == "key" and rng.random() < 0.2
    capabilities = _capabilities(rng, name, recovery, key_binds_payload=not replays_reduced)
    if any(abs(offset) > 1000 for _, offset in jumps):
        slack = 2 * HOUR
    else:
        slack = 600.0 if jumps else 0.0
    limits = _limits(rng, people)
    may_forget = recovery in _SAFE_TO_FORGET and not jumps and not replays_reduced
    forgets = may_forget and not is_calm and rng.random() < 0.15
    lies = _lies(rng, recovery, capabilities, may_refuse=not forgets)
    how_bad = 0.0 if is_calm else rng.choice((0.0, 1.0, 1.0, 2.0, 4.0))
    heals_at = 600.0 if is_calm else rng.choice((0.5, 3.0, 30.0, 54.0)) * HOUR * rng.uniform(0.5, 1)
    return Plan(
        seed=seed,
        name=name,
        capabilities=capabilities,
        limits=limits,
        policy=rng.choices((Policy.HOLD, Policy.RESEND, Policy.SKIP), (8, 1, 1))[0],
        people=people,
        issues=issues,
        workers=rng.choice((1, 2, 2, 3)),
        takes_over=rng.random() < 0.5,
        heals_at=heals_at,
        crashes=0.006 * how_bad,
        stalls=0.006 * how_bad,
        database_errors=0.004 * how_bad * (rng.random() < 0.5),
        lies={} if is_calm else lies,
        outages=() if is_calm else _outages(rng),
        poisoned=frozenset({rng.randint(1, people)}) if not forgets and rng.random() < 0.15 else frozenset(),
        events=_event_rate(rng, recovery),
        event_faults=0.0 if is_calm else rng.choice((0.0, 0.3)),
        stragglers=is_searched and not jumps and rng.random() < 0.5,
        replays_reduced=replays_reduced,
        forgets_at=due_in(rng.randrange(issues)) + rng.uniform(0.3, 5) if forgets else None,
        slack=slack,
        jumps=jumps,
        acts=() if is_calm else _all_acts(rng, name, seed, people, issues, may_move=not forgets),
        resolves=rng.random() < 0.5,
        rehearses=rng.random() < 0.1,
        switches=_switches(rng) if not is_calm and not forgets and rng.random() < 0.15 else None,
        # Drawn apart, so that all else stays as it was.
        lingers=not is_calm and Random(f"lingers {name} {seed}").random() < 0.1,
        is_calm=is_calm,
        is_limited=limits != Limits(),
        lease=lease_for(capabilities).total_seconds(),
    )


def due_in(number: int) -> float:
    """Return the true time of an issue's slot."""
    return (DUE[number] - BEGINS).total_seconds()


def _capabilities(rng: Random, name: str, recovery: Recovery, *, key_binds_payload: bool) -> Capabilities:
    is_spent = name == "spent"
    ttls = (timedelta(hours=24), timedelta(hours=1), timedelta(minutes=30))
    return Capabilities(
        f"sim-{name}",
        batch_size=1 if recovery is Recovery.NONE and rng.random() < 0.5 else rng.randint(2, 4),
        call_timeout=CALL_TIMEOUT,
        recovery=recovery,
        key_ttl=rng.choice(ttls),
        key_binds_payload=key_binds_payload and not is_spent,
        is_atomic=rng.random() < 0.7 or is_spent,
        has_log=name in LOGGED,
    )


def _limits(rng: Random, people: int) -> Limits:
    if rng.random() < 0.6:
        return Limits()
    per_day = rng.choice((None, None, rng.randint(3, people + 3)))
    warm_up = tuple(sorted(rng.randint(2, people) for _ in range(rng.choice((0, 0, 2)))))
    return Limits(rng.choice((None, 5.0, 1.0, 0.1)), per_day, warm_up)


def _jumps(rng: Random, *, is_searched: bool) -> tuple[tuple[float, float], ...]:
    # A log is searched once the wall says that it has settled: its margin is all a clock may be off.
    most = 150.0 if is_searched else HOUR
    times = (_near_a_slot(rng) for _ in range(rng.randint(1, 3)))
    return tuple(sorted((at, rng.choice((-most, most, rng.uniform(-most, most)))) for at in times))


def _near_a_slot(rng: Random) -> float:
    due = due_in(rng.randrange(len(DUE)))
    return due + rng.choice((rng.uniform(-30, 20), rng.uniform(0, 200), rng.uniform(0, 8 * HOUR)))


def _lies(rng: Random, recovery: Recovery, of: Capabilities, *, may_refuse: bool) -> dict[str, float]:
    rate = rng.choice((0.1, 0.3, 0.6))
    kinds = [
        "accept, then time out", "accept, then 500", "accept late", "time out", "500", "slow", "defer",
        "defer for a while", "refuse", "ids missing", "ids too many", "misconfigured",
    ]  # fmt: skip
    if not of.is_atomic:
        kinds.append("reject one")
    if not of.is_atomic and recovery is not Recovery.KEY:
        kinds += ["accept some, then time out", "accept some, then 500"]
    if not may_refuse:
        # Parts of a refused batch get keys of their own: only a plan that is remembered keeps them apart.
        kinds.remove("refuse")
    chosen = rng.sample(kinds, rng.randint(2, len(kinds)))
    if "misconfigured" in chosen and rng.random() < 0.7:
        chosen.remove("misconfigured")
    return {kind: rate / len(chosen) for kind in chosen}


def _outages(rng: Random) -> tuple[tuple[float, float], ...]:
    if rng.random() < 0.5:
        return ()
    starts = due_in(rng.randrange(2)) + rng.uniform(-10, 30)
    length = rng.choices((120.0, 1200.0, 2.5 * HOUR, 27 * HOUR), (4, 4, 4, 1))[0]
    return ((starts, starts + length * rng.uniform(0.8, 1.1)),)


def _switches(rng: Random) -> tuple[float, float]:
    start = due_in(rng.randrange(2)) + rng.uniform(0, 100)
    return start, start + rng.choice((60.0, 600.0, 8 * HOUR)) * rng.uniform(0.5, 1.5)


def _event_rate(rng: Random, recovery: Recovery) -> float:
    if recovery is Recovery.EVENTS:
        return rng.choice((1.0, 1.0, 0.5, 0.1))
    return rng.choice((0.0, 0.0, 0.3, 1.0))


def _all_acts(
    rng: Random, name: str, seed: int, people: int, issues: int, *, may_move: bool
) -> tuple[tuple[float, str, int], ...]:
    acts = sorted(_acts(rng, people, issues) + _moves(name, seed, people))
    # A database that forgot a claim forgot the addresses that it froze; the file beside it knows of the call.
    return tuple(act for act in acts if may_move or act[1] != "move")


def _moves(name: str, seed: int, people: int) -> tuple[tuple[float, str, int], ...]:
    # Who is known by their address gets another one while an outcome may be unknown.
    rng = Random(f"moves {name} {seed}")
    if _RECOVERIES[name] is not Recovery.RECIPIENT_DEDUPE or rng.random() < 0.7:
        return ()
    return tuple((due_in(0) + rng.uniform(0, 60), "move", who) for who in range(1, people + 1))


def _acts(rng: Random, people: int, issues: int) -> tuple[tuple[float, str, int], ...]:
    kinds = (
        "leave", "leave", "leave", "return", "suppress", "move", "pause", "pause issue", "cancel", "resume",
    )  # fmt: skip
    acts = []
    for _ in range(rng.choice((0, 1, 3, 6))):
        due = due_in(rng.randrange(issues))
        at = due + rng.choice(
            (rng.uniform(-20, 2), rng.uniform(0, 5), rng.uniform(0, 120), rng.uniform(0, 9000))
        )
        acts.append((max(at, 1.0), rng.choice(kinds), rng.randint(1, people)))
    if acts and rng.random() < 0.4:
        # Somebody leaves and comes back while an outcome may be unknown.
        at, who = due_in(rng.randrange(issues)) + rng.uniform(0, 30), rng.randint(1, people)
        acts += [(at, "leave", who), (at + rng.choice((20.0, 60.0, 200.0, 4000.0)), "return", who)]
    if rng.random() < 0.1:
        # An issue is cancelled just when it is being released.
        issue = rng.randrange(issues)
        acts.append((due_in(issue) + rng.uniform(0, 0.2), "cancel", issue))
    return tuple(sorted(acts))
