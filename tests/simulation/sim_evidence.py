"""What a seed left behind: the truth, what people did, and what the ledger says."""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from sim_history import History
from sim_letter import SERIES
from sim_plan import DUE, ISSUES, Plan
from sim_provider import Entry, SimProvider
from sim_world import SimDatabase, World
from sqlalchemy import select

from newsletter.pipeline.resolving import Resolving
from newsletter.store.tables import batch, delivery, issue, release, slot

_ROWS = (
    select(
        issue.c.slug, delivery.c.subscriber_id, delivery.c.state, batch.c.state.label("batch"),
        delivery.c.reason, delivery.c.release_id, release.c.state.label("release"),
    )
    .join(issue, issue.c.id == delivery.c.issue_id)
    .join(release, release.c.id == delivery.c.release_id)
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .where(delivery.c.occasion == 0)
)  # fmt: skip
_RELEASES = (
    select(
        release.c.id, issue.c.slug, release.c.state, release.c.candidates, release.c.planned,
        release.c.excluded,
    )
    .join(slot, slot.c.id == release.c.slot_id)
    .join(issue, issue.c.id == slot.c.issue_id)
    .where(release.c.due_at >= DUE[0])
)  # fmt: skip
_OPEN = (
    select(batch.c.id, batch.c.state, batch.c.next_at)
    .join(release, release.c.id == batch.c.release_id)
    .where(batch.c.state.in_(("planned", "sending", "unknown")), release.c.state != "cancelled")
)


class Row(NamedTuple):
    """A delivery as the ledger has it; `state` is its own or, where it has none, its batch's."""

    issue: str
    person: int
    own: str
    batch: str | None
    reason: str | None
    release_id: int
    release: str

    @property
    def state(self) -> str:
        return (self.batch or "none") if self.own == "planned" else self.own


class Released(NamedTuple):
    """A release as the ledger has it."""

    id: int
    issue: str
    state: str
    candidates: int
    planned: int
    excluded: dict[str, int]


@dataclass(frozen=True)
class Evidence:
    """The truth, what people did, and what the ledger says in the end."""

    plan: Plan
    log: list[Entry]
    history: History
    jumps: list[float]
    rows: dict[tuple[str, int], Row]
    releases: list[Released]
    visible: frozenset[tuple[str, int]]
    open_batches: list[tuple[int, str, object]]
    told: frozenset[tuple[str, int]]

    @classmethod
    def collect(
        cls,
        world: World,
        database: SimDatabase,
        provider: SimProvider,
        history: History,
        told: frozenset[tuple[str, int]],
    ) -> "Evidence":
        with database.reading() as tx:
            rows = [Row(*row) for row in tx.execute(_ROWS)]
            releases = [Released(*row) for row in tx.execute(_RELEASES)]
            open_ = [tuple(row) for row in tx.execute(_OPEN)]
        unknown = Resolving(database).unknown(SERIES)
        visible = frozenset((row.issue, row.subscriber_id) for row in unknown)
        by_place = {(row.issue, row.person): row for row in rows}
        return cls(world.plan, provider.log, history, world.jumps, by_place, releases, visible, open_, told)

    @property
    def starts(self) -> list[Entry]:
        return [entry for entry in self.log if entry.kind == "start"]

    @property
    def accepts(self) -> list[Entry]:
        return [entry for entry in self.log if entry.kind == "accept"]

    @property
    def truth(self) -> dict[tuple[str, int], list[float]]:
        """When each issue was accepted for each person."""
        found: dict[tuple[str, int], list[float]] = defaultdict(list)
        for entry in self.accepts:
            for person in entry.people:
                found[entry.issue, person].append(entry.at)
        return dict(found)

    @property
    def issues(self) -> tuple[str, ...]:
        return ISSUES[: self.plan.issues]

    def decided(self, place: tuple[str, int]) -> bool:
        return place in self.history.decided
