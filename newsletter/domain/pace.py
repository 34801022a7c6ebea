"""When a call may start: rate, daily quota, warm-up and a provider that is down.

Calls of both lanes are an interval apart, and never come in bursts. Before each slot at `priority_at` the
bulk lane makes at most four calls; then it leaves one interval to the priority lane, used or not. A call
of the priority lane moves both instants, a bulk call moves the slot only when it has passed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsletter.domain.account import (
    RESERVED_EVERY,
    SLOWEST,
    Account,
    Lane,
    Limits,
    day_of,
    next_day,
)
from newsletter.domain.breaker import after
from newsletter.domain.provider import Answer, Outcome

__all__ = [
    "Account",
    "Lane",
    "Limits",
    "Wait",
    "admit",
    "after",
    "how_long",
    "largest_call",
    "opens_at",
]


@dataclass(frozen=True)
class Wait:
    """No call may start before then; the reason is for a person."""

    until: datetime
    reason: str


def admit(
    account: Account, limits: Limits, *, lane: Lane, recipients: int, now: datetime, probe: timedelta
) -> Account | Wait:
    """Let one call start now, and return the account with it counted; the same object where nothing counts.

    Where the provider was down and its block is over, one call goes and the others wait for `probe`, the
    longest it may take. A call that is larger than a whole day's quota goes on a day of which nothing is
    used yet, because it would wait for ever.
    """
    waits = [one for one in _waits(account, limits, lane, recipients, now) if one.until > now]
    if waits:
        return max(waits, key=lambda one: one.until)
    admitted = _counted(_spaced(account, limits, lane, now), limits, recipients, now)
    return replace(admitted, blocked_until=now + probe) if account.is_failing else admitted


def opens_at(account: Account, limits: Limits, *, lane: Lane, now: datetime, recipients: int = 1) -> datetime:
    """Return when the next call could start; `now` where it could."""
    return max([now, *(one.until for one in _waits(account, limits, lane, recipients, now))])


def largest_call(limits: Limits, batch_size: int, *, warm_day: int = 0) -> int:
    """Return how many recipients a batch may have, to fit into the smallest quota from that day on."""
    known = [one for one in (*limits.warm_up[warm_day:], limits.per_day) if one is not None]
    return max(1, min([batch_size, *known]))


def how_long(
    recipients: int, batch_size: int, limits: Limits, account: Account, *, now: datetime
) -> timedelta:
    """Return how long it takes until the last bulk call may start, if every call is accepted.

    Batches are of `batch_size`, or of what the quotas allow where that is less.
    """
    size = largest_call(limits, batch_size)
    left, at, last = recipients, max(now, account.blocked_until or now), now
    account = replace(account, failures=0, blocked_until=None)
    while left > 0:
        people = min(size, left)
        at = opens_at(account, limits, lane=Lane.BULK, now=at, recipients=people)
        run = _run(account, limits, left, size, at)
        called = min(left, run.calls * size)
        last = run.at(run.calls - 1)
        account, at, left = run.end(account, limits, called), last, left - called
    return last - now


@dataclass(frozen=True)
class _Run:
    """Bulk calls of one day, an interval apart but for the slots; `before` calls go before the first slot."""

    start: datetime
    interval: timedelta
    before: int
    calls: int

    def at(self, call: int) -> datetime:
        return self.start + (call + self._slots(call)) * self.interval

    def end(self, account: Account, limits: Limits, people: int) -> Account:
        """Return the account after the last call, which is accepted."""
        last = self.at(self.calls - 1)
        slot = self.before + self._slots(self.calls - 1) * RESERVED_EVERY
        spaced = _spaced(account, limits, Lane.BULK, last)
        if self.interval and self.calls > 1:
            spaced = replace(
                account, bulk_at=last + self.interval, priority_at=self.start + slot * self.interval
            )
        counted = _counted(spaced, limits, people, last)
        return after(counted, limits, Answer(Outcome.ACCEPTED), now=last)

    def _slots(self, call: int) -> int:
        """Count the slots before a call."""
        return 0 if call < self.before else 1 + (call - self.before) // (RESERVED_EVERY - 1)


def _run(account: Account, limits: Limits, left: int, size: int, start: datetime) -> _Run:
    interval = account.interval(limits)
    calls = -(-left // size)
    quota = limits.quota(account.warm_day(day_of(start)))
    if quota is not None:
        calls = _fitting(quota - account.used_on(day_of(start)), left, size)
    if not interval:
        return _Run(start, interval, 0, calls)
    slot = _near(account.priority_at, account, limits, start)
    before = -((start - slot) // interval) if slot is not None and start < slot else RESERVED_EVERY - 1
    if account.slowdown > 1:
        # Each accepted call changes the spacing.
        return _Run(start, interval, before, 1)
    if quota is None:
        return _Run(start, interval, before, calls)
    intervals = -((start - next_day(start)) // interval)
    slots = 0 if intervals <= before else 1 + (intervals - before - 1) // RESERVED_EVERY
    return _Run(start, interval, before, min(calls, intervals - slots))


def _fitting(free: int, left: int, size: int) -> int:
    """Count the calls that the rest of a day's quota holds; the first was let through whatever its size."""
    return -(-left // size) if left <= free else max(1, free // size)


def _waits(account: Account, limits: Limits, lane: Lane, recipients: int, now: datetime) -> list[Wait]:
    waits = [_wait_for_turn(account, limits, lane, now), _wait_for_quota(account, limits, recipients, now)]
    if account.blocked_until is not None:
        waits.append(Wait(account.blocked_until, account.blocked_reason))
    return [one for one in waits if one is not None]


def _wait_for_turn(account: Account, limits: Limits, lane: Lane, now: datetime) -> Wait | None:
    if limits.calls_per_second is None:
        return None
    slowly = f", {account.slowdown:.1f} times slower for a while" if account.slowdown > 1 else ""
    reason = f"{limits.calls_per_second:g} calls a second{slowly}"
    slot = _near(account.priority_at, account, limits, now)
    if lane is Lane.PRIORITY:
        return Wait(slot or now, reason)
    opens = max(now, _near(account.bulk_at, account, limits, now) or now)
    if slot is not None and slot <= opens:
        opens = max(opens, slot + account.interval(limits))
    return Wait(opens, reason)


def _wait_for_quota(account: Account, limits: Limits, recipients: int, now: datetime) -> Wait | None:
    day = account.warm_day(day_of(now))
    quota, used = limits.quota(day), account.used_on(day_of(now))
    if quota is None or not used or recipients <= max(0, quota - used):
        return None
    of_warm_up = f" on day {day + 1} of the warm-up" if day < len(limits.warm_up) else " a day"
    return Wait(next_day(now), f"{used:,} of {quota:,}{of_warm_up} are used up")


def _near(instant: datetime | None, account: Account, limits: Limits, now: datetime) -> datetime | None:
    """Return an instant unless no call can have set it: then the clock has jumped back."""
    farthest = account.interval(limits) * (SLOWEST / account.slowdown) * RESERVED_EVERY
    return instant if instant is not None and instant <= now + farthest else None


def _spaced(account: Account, limits: Limits, lane: Lane, now: datetime) -> Account:
    interval = account.interval(limits)
    if not interval:
        return account
    if lane is Lane.PRIORITY:
        return replace(account, bulk_at=now + interval, priority_at=now + RESERVED_EVERY * interval)
    slot = _near(account.priority_at, account, limits, now)
    is_ahead = slot is not None and now < slot
    next_slot = max(slot, now + interval) if slot and is_ahead else now + (RESERVED_EVERY - 1) * interval
    return replace(account, bulk_at=now + interval, priority_at=next_slot)


def _counted(account: Account, limits: Limits, recipients: int, now: datetime) -> Account:
    today = day_of(now)
    if limits.per_day is None and not limits.warm_up:
        return account
    day = max(today, account.day) if account.day and account.used_on(today) else today
    return replace(account, day=day, used=account.used_on(today) + recipients)
