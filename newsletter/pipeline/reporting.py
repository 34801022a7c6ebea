"""Say where everything stands: due, on its way, held, unknown."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.domain.clock import Clock
from newsletter.domain.delivery import UNSETTLED, DeliveryState
from newsletter.domain.release import ReleaseState, SlotState, spell
from newsletter.domain.retention import Round
from newsletter.pipeline.belonging import Belonging
from newsletter.pipeline.pacing import Paces
from newsletter.pipeline.queue import QueueRow
from newsletter.pipeline.queueing import Queueing
from newsletter.store import rounds, series, unknowns
from newsletter.store.database import Database

#: A pause of what is being sent may be forgotten after so long; later issues pile up behind it.
LONG_PAUSE = timedelta(days=1)
#: A release may wait so long for the next pass of `run --once`.
NEXT_PASS = timedelta(minutes=15)


@dataclass(frozen=True)
class Attention:
    """Something that waits for a person, and the command that lets it go."""

    target: str
    what: str
    command: str


@dataclass(frozen=True)
class OnItsWay:
    """A release that is being sent; `left` is how long it still takes, None where that is not known."""

    target: str
    counts: dict[str, int]
    left: timedelta | None


@dataclass(frozen=True)
class Unknown:
    """Recipients whose outcome is unknown; `next_at` is when it is looked into again, None for never."""

    target: str
    people: int
    provider: str
    since: datetime | None
    next_at: datetime | None


@dataclass(frozen=True)
class Paused:
    """A series or an issue that a person stopped."""

    target: str
    since: datetime


@dataclass(frozen=True)
class Status:
    """The queue in one look; `providers` has the series that name one."""

    next: QueueRow | None
    on_its_way: tuple[OnItsWay, ...]
    unknown: tuple[Unknown, ...]
    settled: int
    attention: tuple[Attention, ...]
    paused: tuple[Paused, ...] = ()
    provider_waits: str = ""
    removed: tuple[Round, ...] = ()
    providers: Mapping[str, str] = field(default_factory=dict)


_MOVING = (ReleaseState.WAITING, ReleaseState.PREPARING, ReleaseState.SENDING)


@dataclass(frozen=True)
class Reporting:
    """Sum up queue, ledger and accounts; `paces` are of those providers that can be opened."""

    database: Database
    paces: Paces
    queueing: Queueing
    belonging: Belonging
    clock: Clock

    def status(self) -> Status:
        """Say where everything stands."""
        rows, now = self.queueing.rows(), self.clock.now()
        queued = [row for row in rows if row.slot.state is SlotState.QUEUED]
        moving = [row for row in rows if _state(row) in _MOVING]
        unknown, paused = self._unknown(), self._paused()
        by_provider = self.by_provider()
        going_on = {row.slot.series for row in (*queued, *moving)}
        attention = [*self._foreign(), *self._astray(by_provider, going_on)]
        attention += [_held(row) for row in rows if _state(row) is ReleaseState.HELD]
        attention += [_stuck(one) for one in unknown if one.next_at is None]
        attention += [_forgotten(one, now) for one in paused if _is_forgotten(one, moving, now)]
        attention += [_overdue(row, now) for row in queued if row.due_at < now - NEXT_PASS]
        return Status(
            next=next((row for row in queued if row.due_at >= now), None),
            on_its_way=tuple(self._on_its_way(row, paused, by_provider, now) for row in moving),
            unknown=tuple(unknown),
            settled=sum(_state(row) is ReleaseState.SETTLED and not row.is_empty for row in rows),
            attention=tuple(attention),
            paused=tuple(paused),
            provider_waits=self._provider_waits(now),
            removed=tuple(self._removed()),
            providers={slug: name for slug, name in by_provider.items() if name},
        )

    def by_provider(self) -> dict[str, str]:
        """Return what each series names, "" for the default provider."""
        with self.database.reading() as tx:
            return {one.slug: one.provider for one in series.every(tx)}

    def _astray(self, by_provider: Mapping[str, str], going_on: Set[str]) -> Iterator[Attention]:
        for slug, name in by_provider.items():
            if slug in going_on and name not in self.paces.names:
                why = f"newsletter.toml has no [providers.{name}], which it names: what comes due is held"
                yield Attention(slug, why, f"newsletter queue {slug}")

    def _foreign(self) -> Iterator[Attention]:
        if why := self.belonging.why_not_send():
            yield Attention("everything", why, self.belonging.way_to_send("newsletter db adopt"))

    def _on_its_way(
        self, row: QueueRow, paused: Sequence[Paused], by_provider: Mapping[str, str], now: datetime
    ) -> OnItsWay:
        if any(_stops(one, row) for one in paused):
            return OnItsWay(row.slot.target, row.counts, None)
        open_ = sum(row.counts.get(state, 0) for state in (*UNSETTLED, DeliveryState.WAITING))
        pacing = self.paces.of(by_provider[row.slot.series])
        left = pacing.length(open_, now) if pacing else None
        return OnItsWay(row.slot.target, row.counts, left)

    def _removed(self) -> list[Round]:
        with self.database.reading() as tx:
            return [one for one in rounds.every(tx) if any(one.removed.values())]

    def _paused(self) -> list[Paused]:
        with self.database.reading() as tx:
            found = [(one.slug, one.paused_at) for one in series.every(tx)]
            found += [(row.target, row.paused_at) for row in series.issues(tx)]
        return [Paused(target, since) for target, since in found if since is not None]

    def _unknown(self) -> list[Unknown]:
        with self.database.reading() as tx:
            rows = [row for row in unknowns.every(tx) if row.is_open]
        found = Counter(
            (f"{row.series}/{row.issue}", row.provider, row.last_call_at, row.next_at) for row in rows
        )
        return [
            Unknown(target, people, provider, since, next_at)
            for (target, provider, since, next_at), people in found.items()
        ]

    def _provider_waits(self, now: datetime) -> str:
        return "; ".join(
            f"{f'{name}: ' if name else ''}{account.blocked_reason}; "
            f"tried again at {account.blocked_until:%Y-%m-%d %H:%M}Z"
            for name, pacing in self.paces.by_name.items()
            for account in [pacing.account()]
            if account.blocked_until is not None and account.blocked_until > now
        )


def _held(row: QueueRow) -> Attention:
    assert row.release is not None, "only a release is held"
    return Attention(row.slot.target, f"held: {row.release.reason}", f"newsletter resume {row.slot.target}")


def _stuck(one: Unknown) -> Attention:
    people = f"{one.people:,} recipients" if one.people > 1 else "1 recipient"
    return Attention(
        one.target,
        f"the outcome for {people} is unknown, and nothing can prove it",
        f"newsletter resolve {one.target}",
    )


def _stops(one: Paused, row: QueueRow) -> bool:
    return one.target in (row.slot.target, row.slot.series)


def _is_forgotten(one: Paused, moving: Sequence[QueueRow], now: datetime) -> bool:
    return now - one.since > LONG_PAUSE and any(_stops(one, row) for row in moving)


def _forgotten(one: Paused, now: datetime) -> Attention:
    return Attention(
        one.target,
        f"paused for {spell(now - one.since)} in the middle of a send",
        f"newsletter resume {one.target}",
    )


def _overdue(row: QueueRow, now: datetime) -> Attention:
    ago = spell(now - row.due_at)
    return Attention(row.slot.target, f"due {ago} ago and not released", "newsletter run")


def _state(row: QueueRow) -> ReleaseState | None:
    return row.release.state if row.release else None
