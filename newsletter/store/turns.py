"""Turns at one transaction: the blocks of many threads go on in it, and one commit is everybody's.

Whoever ends a block passes the turn on with the transaction open while somebody waits, and commits it
otherwise, so it is never open while nobody writes. Nobody is told of success before that commit.

Urgent ones go first, but after `PATIENCE` of them in a row the longest waiting other one has its turn.
A block that is `alone` has a commit to itself: nobody waits for its length with changes already made.
Nor does an urgent one wait for the length of one that is not.
Other groups end with the block during which they become too old or too large.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

#: A group takes nobody more after this many seconds, or members.
LONGEST = 0.020
MOST = 64
#: So many urgent ones in a row pass by one that is not.
PATIENCE = 8


class Shared(Protocol):
    """The transaction of a group; only the thread whose turn it is calls it."""

    def begin(self) -> None:
        """Open it for the first member; after an error nothing is open."""

    def mark(self) -> None:
        """Begin the part of one more member."""

    def keep(self) -> None:
        """End a member's part; raises where its changes are not there to be kept."""

    def undo(self) -> None:
        """Take back the part of a member after the first; raises where it takes the others' with it."""

    def rollback(self) -> None:
        """End it, and take everything back."""

    def commit(self) -> None:
        """End it, durably; after an error `was_written` says which end it took."""

    def was_written(self) -> bool:
        """Say whether the last commit took place, even if it was interrupted after that."""


class NotCommitted(Exception):
    """The commit of a group failed in the thread of another member; nothing of the group is written."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Member:
    __slots__ = ("is_alone", "is_urgent", "signal", "thread")

    def __init__(self, *, is_urgent: bool, is_alone: bool) -> None:
        self.is_urgent = is_urgent
        self.is_alone = is_alone
        self.thread = threading.get_ident()
        # Released for the turn, and once more for the outcome.
        self.signal = threading.Lock()
        self.signal.acquire()


class _Group:
    __slots__ = ("failure", "is_alone", "members", "opened_at")

    def __init__(self, opened_at: float, *, is_alone: bool) -> None:
        self.opened_at = opened_at
        self.is_alone = is_alone
        self.members: list[_Member] = []
        self.failure: BaseException | None = None


class Turns:
    """Give one thread at a time its turn at a shared transaction."""

    def __init__(
        self,
        shared: Shared,
        *,
        most: int = MOST,
        longest: float = LONGEST,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._most = most
        self._longest = longest
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._holder: _Member | None = None
        self._urgent: deque[_Member] = deque()
        self._others: deque[_Member] = deque()
        self._urgent_in_a_row = 0
        self._group: _Group | None = None

    @contextmanager
    def turn(self, *, urgent: bool = False, alone: bool = False) -> Iterator[None]:
        """Wait for the turn, run the block in the group's transaction, return when that is committed.

        A block that raises loses its own changes only. Raises NotCommitted where the commit failed in another
        member's thread, and RuntimeError inside a turn of the same thread.
        """
        member = _Member(is_urgent=urgent, is_alone=alone)
        self._wait(member, self._urgent if urgent else self._others)
        group = self._enter(member)
        try:
            yield
            self._shared.keep()
        except BaseException as error:
            self._undo(group, error)
            raise
        group.members.append(member)
        if not self._pass_within(group):
            self._commit(group)
            return
        member.signal.acquire()
        if group.failure is not None:
            raise NotCommitted(group.failure) from group.failure

    @property
    def waiting(self) -> int:
        """Count those who wait for their turn."""
        with self._lock:
            return len(self._urgent) + len(self._others)

    def _wait(self, member: _Member, queue: deque[_Member]) -> None:
        with self._lock:
            if self._holder is None:
                self._holder = member
                return
            if self._holder.thread == member.thread:
                raise RuntimeError("a block that writes may not begin another one; pass its transaction on")
            queue.append(member)
        try:
            member.signal.acquire()
        except BaseException:
            self._leave(member, queue)
            raise

    def _leave(self, member: _Member, queue: deque[_Member]) -> None:
        with self._lock:
            is_waiting = self._holder is not member
            if is_waiting:
                queue.remove(member)
        # Otherwise the turn came at the moment of the interruption.
        if not is_waiting:
            self._pass_on(self._group)

    def _enter(self, member: _Member) -> _Group:
        group = self._group
        if group is not None:
            self._mark(group)
            return group
        try:
            self._shared.begin()
        except BaseException:
            self._give()
            raise
        self._group = _Group(self._elapsed(), is_alone=member.is_alone)
        return self._group

    def _mark(self, group: _Group) -> None:
        try:
            self._shared.mark()
        except BaseException as error:
            self._lose(group, error)
            raise

    def _undo(self, group: _Group, error: BaseException) -> None:
        if not group.members:
            self._lose(group, error)
            return
        try:
            self._shared.undo()
        except BaseException as lost:
            self._lose(group, lost)
            if not isinstance(lost, Exception):
                raise
            return
        self._pass_on(group)

    def _pass_on(self, group: _Group | None) -> None:
        if group is None:
            self._give()
        elif not self._pass_within(group):
            # Its members raise what goes wrong here; whoever ends it has changed nothing.
            with suppress(Exception):
                self._commit(group)

    def _pass_within(self, group: _Group) -> bool:
        if group.is_alone or len(group.members) >= self._most:
            return False
        if self._elapsed() - group.opened_at >= self._longest:
            return False
        with self._lock:
            queue = self._next_queue()
            if not queue or queue[0].is_alone:
                return False
            if queue is self._others and any(member.is_urgent for member in group.members):
                return False
            self._start_next(queue)
        return True

    def _commit(self, group: _Group) -> None:
        try:
            self._shared.commit()
        except BaseException as error:
            if not self._shared.was_written():
                group.failure = error
            raise
        finally:
            self._end(group)

    def _lose(self, group: _Group, error: BaseException) -> None:
        group.failure = error
        try:
            with suppress(Exception):
                self._shared.rollback()
        finally:
            self._end(group)

    def _end(self, group: _Group) -> None:
        self._group = None
        for member in group.members:
            member.signal.release()
        self._give()

    def _give(self) -> None:
        with self._lock:
            queue = self._next_queue()
            if queue:
                self._start_next(queue)
            else:
                self._holder = None

    def _next_queue(self) -> deque[_Member]:
        if self._urgent and (not self._others or self._urgent_in_a_row < PATIENCE):
            return self._urgent
        return self._others

    def _start_next(self, queue: deque[_Member]) -> None:
        is_passing_by = queue is self._urgent and bool(self._others)
        self._urgent_in_a_row = self._urgent_in_a_row + 1 if is_passing_by else 0
        self._holder = queue.popleft()
        self._holder.signal.release()
