"""What became of issues, in numbers that are true: nothing is guessed, and nothing is tracked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.domain.bouncing import Bounce
from newsletter.domain.clicks import Clicks
from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.release import ReleaseState
from newsletter.domain.subscriber import Verdict

#: What a bounce says, in words; an event that a provider gave no cause with has none.
BOUNCES: Mapping[str, str] = {
    Bounce.HARD: "no such mailbox",
    Bounce.LIKELY: "most likely no such mailbox",
    Bounce.SOFT: "mailbox full, or not reached for a while",
    Bounce.BLOCK: "the mail or its sender was refused",
    Bounce.UNWANTED: "complained before",
    "": "no cause given",
}

_ON_ITS_WAY = (BatchState.PLANNED, BatchState.SENDING, DeliveryState.WAITING)
_NOT_SENT = (BatchState.CANCELLED, DeliveryState.SUPPRESSED)


@dataclass(frozen=True)
class Marks:
    """What events told of deliveries; one that bounced after all was not delivered."""

    delivered: int = 0
    complained: int = 0
    bounced: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Marks") -> "Marks":
        bounced = Counter(self.bounced) + Counter(other.bounced)
        return Marks(self.delivered + other.delivered, self.complained + other.complained, dict(bounced))


@dataclass(frozen=True)
class Tally:
    """What became of deliveries; `not_sent` are of those who left before the call, or that were cancelled."""

    accepted: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    refused: int = 0
    unknown: int = 0
    on_its_way: int = 0
    not_sent: int = 0
    bounces: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseReport:
    """What became of one release of an issue, and whom it left out; in a sequence it has several issues."""

    target: str
    due_at: datetime
    state: ReleaseState
    tally: Tally
    left_out: Mapping[Verdict, int] = field(default_factory=dict)


@dataclass(frozen=True)
class IssueReport:
    """What became of an issue; `unsubscribed` left by a link of it, and did not take that back at once.

    `first_at` is when it first went out; `clicks` are reported where the provider's own tracking is on.
    `rehearsed` counts releases that only rehearsed it: nothing of them is in the numbers.
    """

    target: str
    subject: str
    tally: Tally
    unsubscribed: int = 0
    rehearsed: int = 0
    first_at: datetime | None = None
    clicks: Clicks = field(default_factory=Clicks)


@dataclass(frozen=True)
class Report:
    """What became of what a TARGET means: its issues in order, and their releases by instant."""

    target: str
    zone: str
    issues: tuple[IssueReport, ...]
    releases: tuple[ReleaseReport, ...]


def tally_of(states: Mapping[str, int], marks: Marks) -> Tally:
    """Sum up deliveries, counted by state, with what events told of them."""

    def count(*names: str) -> int:
        return sum(states.get(name, 0) for name in names)

    return Tally(
        accepted=count(BatchState.ACCEPTED),
        delivered=marks.delivered,
        bounced=sum(marks.bounced.values()),
        complained=marks.complained,
        refused=count(BatchState.REJECTED),
        unknown=count(BatchState.UNKNOWN),
        on_its_way=count(*_ON_ITS_WAY),
        not_sent=count(*_NOT_SENT),
        bounces={cause: marks.bounced[cause] for cause in BOUNCES if marks.bounced.get(cause)},
    )


def left_out_of(releases: Iterable[ReleaseReport]) -> dict[Verdict, int]:
    """Sum up whom releases left out, in the order of the verdicts."""
    total: Counter[Verdict] = Counter()
    for one in releases:
        total.update(one.left_out)
    return {verdict: total[verdict] for verdict in Verdict if total[verdict]}
