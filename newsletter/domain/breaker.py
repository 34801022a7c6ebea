"""What an answer teaches about the account: slow down, wait, or leave a provider that is down alone."""

from dataclasses import replace
from datetime import datetime, timedelta

from newsletter.domain.account import FAILURES_TO_BLOCK, SLOWEST, Account, Limits, day_of
from newsletter.domain.provider import Answer, Outcome

FIRST_BLOCK = timedelta(seconds=30)
LONGEST_BLOCK = timedelta(minutes=10)
_SPEED_UP = 0.9
_TOO_MANY_REQUESTS = 429
_NOBODY_TAKEN = (Outcome.REFUSED, Outcome.DEFERRED, Outcome.MISCONFIGURED)


def after(account: Account, limits: Limits, answer: Answer, *, now: datetime, recipients: int = 0) -> Account:
    """Return the account as an answer leaves it; the same object where nothing changes.

    `recipients` were called for: they are given back to the day's quota where nobody was taken.
    """
    account = _given_back(account, limits, answer, recipients, now)
    match answer.outcome:
        case Outcome.ACCEPTED:
            return _warmed(_sped_up(_closed(account, now)), limits, now)
        case Outcome.REFUSED | Outcome.MISMATCHED | Outcome.REPEATED:
            return _closed(account, now)
        case Outcome.MISCONFIGURED:
            return account
        case Outcome.DEFERRED if answer.retry_after is not None:
            return _waiting(account, answer, answer.retry_after, now)
        case Outcome.DEFERRED | Outcome.UNKNOWN:
            return _failed(account, answer, now)


def _given_back(account: Account, limits: Limits, answer: Answer, recipients: int, now: datetime) -> Account:
    used = account.used_on(day_of(now))
    if not recipients or not used or answer.outcome not in _NOBODY_TAKEN:
        return account
    if limits.quota(account.warm_day(day_of(now))) is None:
        return account
    return replace(account, used=max(0, used - recipients))


def _sped_up(account: Account) -> Account:
    if account.slowdown <= 1:
        return account
    return replace(account, slowdown=max(1.0, account.slowdown * _SPEED_UP))


def _warmed(account: Account, limits: Limits, now: datetime) -> Account:
    if not limits.warm_up or account.warm_since is not None:
        return account
    return replace(account, warm_since=day_of(now))


def _closed(account: Account, now: datetime) -> Account:
    if not account.failures and account.blocked_until is None:
        return account
    until = account.blocked_until
    if not account.is_failing and until is not None and now < until:
        # The provider asked to wait: a call that was on its way before says nothing about that.
        return replace(account, failures=0) if account.failures else account
    return replace(account, failures=0, blocked_until=None, blocked_reason="", blocked_since=None)


def _waiting(account: Account, answer: Answer, wait: timedelta, now: datetime) -> Account:
    if wait <= timedelta():
        return account
    return replace(
        _slowed(account, now),
        blocked_until=_later(account, now + wait),
        blocked_reason=answer.reason or "the provider asked to wait",
        blocked_since=account.blocked_since or now,
    )


def _failed(account: Account, answer: Answer, now: datetime) -> Account:
    if answer.status == _TOO_MANY_REQUESTS:
        account = _slowed(account, now)
    failures = account.failures + 1
    since = account.blocked_since if account.failures else None
    failed = replace(account, failures=failures, blocked_since=since or now)
    if not failed.is_failing:
        return failed
    return replace(
        failed,
        blocked_until=_later(account, now + _block(failures)),
        blocked_reason=_complaint(since or now, answer, now),
    )


def _slowed(account: Account, now: datetime) -> Account:
    if account.blocked_until is not None and now < account.blocked_until and account.slowdown > 1:
        # Of several calls that were on their way together, all are told the same.
        return account
    return replace(account, slowdown=min(SLOWEST, account.slowdown * 2))


def _block(failures: int) -> timedelta:
    doublings = min(failures - FAILURES_TO_BLOCK, 10)
    return min(FIRST_BLOCK * (1 << doublings), LONGEST_BLOCK)


def _later(account: Account, until: datetime) -> datetime:
    return max(until, account.blocked_until or until)


def _complaint(since: datetime, answer: Answer, now: datetime) -> str:
    written = f"{since:%H:%M} UTC" if day_of(since) == day_of(now) else f"{since:%Y-%m-%d %H:%M} UTC"
    return f"no proper answer since {written}" + (f": {answer.reason}" if answer.reason else "")
