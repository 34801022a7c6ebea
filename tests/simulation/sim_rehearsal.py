"""A rehearsal of the first issue on the day before: it must change nothing for the real send."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version

from sim_letter import DEPLOYMENT, KEYS, PUBLIC_URL, SERIES_ID
from sim_plan import BEGINS
from sim_world import SimDatabase

from newsletter.domain.clock import PlayedClock
from newsletter.domain.message import Message
from newsletter.domain.pace import Limits
from newsletter.domain.provider import Answer, Capabilities, Mailing, Outcome, Request, always
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.store import series, slots

OUTBOX = Capabilities("outbox", batch_size=3, call_timeout=timedelta(seconds=5), rehearsal=True)


@dataclass(frozen=True)
class Outbox:
    """Takes everything."""

    capabilities: Capabilities = OUTBOX

    def compile(self, message: Message) -> "Callable[[Mailing], Outbox]":
        return lambda mailing: self

    def request(self) -> Request:
        return Request("POST", "file:///outbox", {}, b"")

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        return Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        """Nothing is held open."""


def rehearse(database: SimDatabase) -> None:
    """Play the first issue into an outbox, on a slot of its own."""
    with database.writing() as tx:
        first = series.issues(tx, SERIES_ID)[0]
        assert first.approved_revision is not None
        slots.add(tx, SERIES_ID, first.id, date(2026, 10, 23), first.approved_revision, version("tzdata"))
    clock = PlayedClock(BEGINS - timedelta(hours=23, minutes=58))
    delivering = Delivering.of(
        database, Outbox(), clock, keys=KEYS, deployment=DEPLOYMENT, public_url=PUBLIC_URL, owner="rehearsal",
        limits=Limits(),
    )  # fmt: skip
    Releasing(database, OUTBOX).tick(clock.now())
    while delivering.step():
        pass
