"""How long one core builds a call: 1,000 recipients in the merge form, or 100 complete mails of 40 KB.

    python benchmarks/calls.py [PROVIDER…]

Each adapter is opened as `provider list` opens it, and called by nobody. An issue of 40 KB of HTML and 9 KB
of text with 12 fields is compiled once; the clock, which is this process's own time on a core, runs while
calls for so many people are composed and cut into the pieces that would go out. Of many rounds the median and
the best: on a shared machine the best is nearer to what a core of one's own takes.
"""

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from personalisation import DATE, issue, recipients

from newsletter.domain.message import Recipient
from newsletter.domain.provider import Call, Mailing, Provider, Shape
from newsletter.providers import open_provider, provider_names
from newsletter.providers.declaring import any_settings
from newsletter.providers.smtp import SmtpCall
from newsletter.providers.stencil import cut

ROUNDS = 40
#: A call of Amazon SES has 50 people at most, and no more than this.
_SES_RATE = 50
#: People, and the milliseconds that they may take.
MERGE, FULL = (1000, 6.0), (100, 5.0)


def main() -> None:
    """Print one line a provider."""
    wanted = sys.argv[1:] or [name for name in provider_names() if name != "outbox"]
    print(f"$ python benchmarks/calls.py   ({ROUNDS} rounds)")
    print(f"{'':12} {'form':6} {'people':>6} {'calls':>5} {'MB':>6} {'median':>9} {'best':>9}   goal")
    for name in wanted:
        provider = open_provider(any_settings(name, send_rate=_SES_RATE))
        try:
            print(_line(name, provider), flush=True)
        finally:
            provider.close()


def _line(name: str, provider: Provider) -> str:
    is_merge = provider.capabilities.shape is Shape.TEMPLATE
    count, goal = MERGE if is_merge else FULL
    size = min(provider.capabilities.batch_size, count)
    people = everybody(count)
    batches = [_mailing(people[first : first + size]) for first in range(0, count, size)]
    fill = provider.compile(issue())
    weight = sum(_weight(fill(mailing)) for mailing in batches)
    taken = sorted(_taken(fill, batches) for _ in range(ROUNDS))
    best = 1000 * taken[0]
    said = "" if best <= goal else "   OVER"
    form = "merge" if is_merge else "full"
    return (
        f"{name:12} {form:6} {count:6,} {len(batches):5} {weight / 1e6:6.2f} "
        f"{1000 * statistics.median(taken):6.2f} ms {best:6.2f} ms   {goal:.0f} ms{said}"
    )


def everybody(count: int) -> Sequence[Recipient]:
    """Make so many people out of the hundred of the other benchmark."""
    hundred = recipients()
    return [
        hundred[number % 100]._replace(
            pos=number,
            address=f"reader{number}@example.org",
            reference=f"nl-a1b2c3d4-12-7-0-{number}",
        )
        for number in range(count)
    ]


def _mailing(people: Sequence[Recipient]) -> Mailing:
    return Mailing("nl-a1b2c3d4-12-7-0", people, DATE, "2026-12-01-back-pain-lower-back")


def _taken(fill: Callable[[Mailing], Call], batches: Sequence[Mailing]) -> float:
    gc.disable()
    start = time.process_time()
    for mailing in batches:
        for _piece in cut(parts_of(fill(mailing))):
            pass
    taken = time.process_time() - start
    gc.enable()
    return taken


def parts_of(call: Any) -> Sequence[bytes]:
    """Return what would leave: the body of a call over HTTP, or the mails of one over SMTP."""
    if isinstance(call, SmtpCall):
        mailing = call.mailing
        return [call.seal(parts, mailing.date) for parts in call.fill(mailing.recipients)]
    return call.body


def _weight(call: Call) -> int:
    return sum(map(len, parts_of(call)))


if __name__ == "__main__":
    main()
