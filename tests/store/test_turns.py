"""The passing of turns, on a transaction that is a list; real threads, each held until the others wait."""

import signal
import threading
import time
from contextlib import contextmanager

import pytest

from newsletter.store import turns as turns_module
from newsletter.store.turns import NotCommitted, Turns

SECONDS = 10


class Crash(BaseException):
    """The end of a process, as far as its blocks can tell."""


class Listed:
    """A transaction over lists: `durable` are the commits, each with what it wrote."""

    def __init__(self):
        self.durable: list[list[str]] = []
        self.open: list[str] | None = None
        self.before_commit = self.after_commit = self.on_begin = self.on_undo = lambda: None
        self._mark = 0
        self._was_written = False

    def begin(self):
        self.on_begin()
        assert self.open is None
        self.open, self._mark = [], 0

    def mark(self):
        self._mark = len(self.open)

    def keep(self):
        pass

    def undo(self):
        self.on_undo()
        del self.open[self._mark :]

    def rollback(self):
        self.open = None

    def commit(self):
        self._was_written = False
        written, self.open = self.open, None
        self.before_commit()
        self.durable.append(written)
        self._was_written = True
        self.after_commit()

    def was_written(self):
        return self._was_written


class Scene:
    """Threads that write their names, one block each, started one after another."""

    def __init__(self, **limits):
        self.listed = Listed()
        # Threads of a busy machine start late: what a group's age does is asked for by those who test it.
        self.turns = Turns(self.listed, **{"longest": 60.0, **limits})
        self.outcomes: dict[str, object] = {}
        self.order: list[str] = []
        self._threads: list[threading.Thread] = []

    def write(self, name, inside=lambda: None, **how):
        """Write a name, and note what was durable when the writing returned, or what it raised."""
        try:
            with self.turns.turn(**how):
                self.order.append(name)
                self.listed.open.append(name)
                inside()
        except BaseException as error:
            self.outcomes[name] = error
        else:
            self.outcomes[name] = [list(commit) for commit in self.listed.durable]

    def start(self, name, inside=lambda: None, **how):
        """Start a thread that writes; return when it waits for its turn."""
        before = self.turns.waiting
        thread = threading.Thread(target=self.write, args=(name, inside), kwargs=how)
        self._threads.append(thread)
        thread.start()
        eventually(lambda: self.turns.waiting == before + 1)

    @contextmanager
    def held(self, name="first", inside=lambda: None, **how):
        """Keep the turn in a block of its own until the others have been started."""
        entered, let_go = threading.Event(), threading.Event()

        def wait():
            entered.set()
            assert let_go.wait(SECONDS)
            inside()

        thread = threading.Thread(target=self.write, args=(name, wait), kwargs=how)
        thread.start()
        assert entered.wait(SECONDS)
        yield
        let_go.set()
        for one in (thread, *self._threads):
            one.join(SECONDS)
            assert not one.is_alive()
        self._threads.clear()

    def acknowledged(self):
        """Name those whose writing returned, all of them truly durable at that moment."""
        named = {name for name, durable in self.outcomes.items() if isinstance(durable, list)}
        assert all(any(name in commit for commit in self.outcomes[name]) for name in named)
        return named


def eventually(is_true):
    ends = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < ends
        threading.Event().wait(0.001)


def raiser(error):
    def fail():
        raise error

    return fail


def test_one_alone_commits_at_once():
    scene = Scene()
    scene.write("one")
    scene.write("two")
    assert scene.listed.durable == [["one"], ["two"]]
    assert scene.acknowledged() == {"one", "two"}


def test_those_who_wait_share_a_commit():
    scene = Scene()
    with scene.held():
        scene.start("second")
        scene.start("third")
    assert scene.listed.durable == [["first", "second", "third"]]
    assert scene.acknowledged() == {"first", "second", "third"}


def test_acknowledging_before_the_commit_is_noticed(monkeypatch):
    passed = Turns._pass_within

    def hasty(turns, group):
        member = group.members.pop()
        if passed(turns, group):
            member.signal.release()
            return True
        group.members.append(member)
        return False

    monkeypatch.setattr(Turns, "_pass_within", hasty)
    scene = Scene()
    with scene.held():
        # The second block ends only after the first was told of success.
        scene.start("second", lambda: eventually(lambda: "first" in scene.outcomes))
    with pytest.raises(AssertionError):
        scene.acknowledged()


def test_urgent_ones_go_before_others_that_wait():
    scene = Scene()
    with scene.held():
        scene.start("other")
        scene.start("urgent", urgent=True)
        scene.start("urgent too", urgent=True)
    assert scene.order == ["first", "urgent", "urgent too", "other"]


def test_an_urgent_one_is_committed_without_waiting_for_another_behind_it():
    scene = Scene()
    with scene.held("urgent", urgent=True):
        # Its block ends only after the urgent one was told of success.
        scene.start("bulk", lambda: eventually(lambda: "urgent" in scene.outcomes))
    assert scene.listed.durable == [["urgent"], ["bulk"]]
    assert scene.outcomes["urgent"] == [["urgent"]]


def test_urgent_ones_share_a_commit_past_another_that_waits():
    scene = Scene()
    with scene.held("urgent", urgent=True):
        scene.start("bulk", lambda: eventually(lambda: len(scene.acknowledged()) == 3))
        scene.start("urgent too", urgent=True)
        scene.start("the third", urgent=True)
    assert scene.listed.durable == [["urgent", "urgent too", "the third"], ["bulk"]]


def test_an_urgent_one_that_joins_others_is_the_last_of_their_group():
    scene = Scene()
    with scene.held():
        scene.start("second", lambda: eventually(lambda: "urgent" in scene.outcomes))
        scene.start("third")
        scene.start("urgent", urgent=True)
    assert scene.listed.durable == [["first", "urgent"], ["second", "third"]]
    assert scene.acknowledged() == {"first", "urgent", "second", "third"}


def test_an_urgent_one_whose_block_raised_keeps_nobody_from_sharing():
    scene = Scene()
    with scene.held():
        scene.start("second")
        scene.start("urgent", raiser(ValueError("own")), urgent=True)
    assert scene.listed.durable == [["first", "second"]]


def test_urgent_ones_do_not_keep_another_from_its_turn_for_ever():
    scene = Scene()
    with scene.held():
        scene.start("other")
        for number in range(turns_module.PATIENCE + 3):
            scene.start(f"urgent {number}", urgent=True)
    assert scene.order.index("other") == 1 + turns_module.PATIENCE


def test_a_block_alone_has_a_commit_to_itself_and_nobody_waits_for_its_length():
    scene = Scene()
    with scene.held():
        scene.start("second")
        scene.start("bulk", lambda: eventually(lambda: len(scene.acknowledged()) == 2), alone=True)
        scene.start("last")
    assert scene.listed.durable == [["first", "second"], ["bulk"], ["last"]]


def test_a_group_that_is_old_takes_nobody_more():
    now = [0.0]
    scene = Scene(elapsed=lambda: now[0], longest=0.02)

    def pass_time():
        now[0] += 0.015

    with scene.held(inside=pass_time):
        scene.start("second", pass_time)
        scene.start("third", pass_time)
    assert scene.listed.durable == [["first", "second"], ["third"]]


def test_a_group_that_is_large_takes_nobody_more():
    scene = Scene(most=2)
    with scene.held():
        scene.start("second")
        scene.start("third")
    assert scene.listed.durable == [["first", "second"], ["third"]]


@pytest.mark.parametrize("error", [ValueError("no"), Crash()])
@pytest.mark.parametrize("failing", ["first", "second", "third"])
def test_a_block_that_raises_loses_its_own_changes_only(failing, error):
    scene = Scene()
    breaks = raiser(error)
    with scene.held(inside=breaks if failing == "first" else lambda: None):
        for name in ("second", "third"):
            scene.start(name, breaks if failing == name else lambda: None)
    kept = {"first", "second", "third"} - {failing}
    assert {name for commit in scene.listed.durable for name in commit} == kept == scene.acknowledged()
    assert scene.outcomes[failing] is error
    scene.write("later")
    assert scene.listed.durable[-1] == ["later"]


def test_a_commit_that_fails_fails_its_group_and_only_that():
    scene = Scene()
    failures = [OSError("disk")]
    scene.listed.before_commit = lambda: raiser(failures.pop())() if failures else None
    with scene.held():
        scene.start("second")
        scene.start("third")
        scene.start("bulk", alone=True)
        scene.start("last")
    assert scene.listed.durable == [["bulk"], ["last"]]
    assert scene.acknowledged() == {"bulk", "last"}
    assert isinstance(scene.outcomes["third"], OSError)
    for name in ("first", "second"):
        assert isinstance(scene.outcomes[name], NotCommitted)
        assert scene.outcomes[name].reason is scene.outcomes["third"]


def test_a_commit_broken_off_before_it_was_written_fails_the_others_too():
    scene = Scene()
    scene.listed.before_commit = raiser(Crash())
    with scene.held():
        scene.start("second")
    assert scene.listed.durable == []
    assert isinstance(scene.outcomes["first"], NotCommitted)
    assert isinstance(scene.outcomes["second"], Crash)


def test_a_commit_broken_off_after_it_was_written_is_a_success_for_the_others():
    scene = Scene()
    scene.listed.after_commit = raiser(Crash())
    with scene.held():
        scene.start("second")
    assert scene.listed.durable == [["first", "second"]]
    assert scene.acknowledged() == {"first"}
    assert isinstance(scene.outcomes["second"], Crash)


def test_a_commit_that_fails_after_the_last_block_raised_is_told_to_the_members():
    scene = Scene()
    scene.listed.before_commit = raiser(OSError("disk"))
    with scene.held():
        scene.start("second", raiser(ValueError("own")))
    assert isinstance(scene.outcomes["first"], NotCommitted)
    assert isinstance(scene.outcomes["second"], ValueError)


def test_a_part_that_cannot_be_taken_back_takes_the_group_with_it():
    scene = Scene()
    scene.listed.on_undo = raiser(OSError("the transaction is gone"))
    with scene.held():
        scene.start("second", raiser(ValueError("own")))
        scene.start("third")
    assert isinstance(scene.outcomes["first"], NotCommitted)
    assert isinstance(scene.outcomes["second"], ValueError)
    assert scene.listed.durable == [["third"]]


def test_a_transaction_that_does_not_begin_fails_one_and_the_next_tries_again():
    scene = Scene(most=1)
    with scene.held():
        failures = [OSError("locked")]
        scene.listed.on_begin = lambda: raiser(failures.pop())() if failures else None
        scene.start("second")
        scene.start("third")
    assert isinstance(scene.outcomes["second"], OSError)
    assert scene.listed.durable == [["first"], ["third"]]


def test_a_turn_inside_a_turn_is_refused_and_the_outer_one_goes_on():
    scene = Scene()
    with scene.turns.turn():
        scene.listed.open.append("outer")
        with pytest.raises(RuntimeError, match="may not begin another"), scene.turns.turn():
            raise AssertionError
    assert scene.listed.durable == [["outer"]]


@pytest.fixture
def interrupted():
    """Let a signal to the main thread raise, as Ctrl-C does; give the function that sends it."""

    def crash(*_of):
        raise Crash

    old = signal.signal(signal.SIGUSR1, crash)
    yield lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, old)


def test_an_interruption_while_waiting_for_the_turn_leaves_the_queue(interrupted):
    scene = Scene()
    entered = threading.Event()

    def interrupt_when_it_waits():
        entered.set()
        eventually(lambda: scene.turns.waiting == 1)
        interrupted()
        eventually(lambda: scene.turns.waiting == 0)

    holder = threading.Thread(target=scene.write, args=("first", interrupt_when_it_waits))
    holder.start()
    assert entered.wait(SECONDS)
    scene.write("main")
    holder.join(SECONDS)
    assert isinstance(scene.outcomes["main"], Crash)
    assert scene.listed.durable == [["first"]]


def test_an_interruption_while_waiting_for_the_commit_does_not_take_back_what_is_kept(interrupted):
    scene = Scene()

    def interrupt_when_it_has_ended():
        eventually(lambda: scene.turns._group.members)
        interrupted()
        eventually(lambda: "main" in scene.outcomes)

    scene.write("main", lambda: scene.start("second", interrupt_when_it_has_ended))
    eventually(lambda: "second" in scene.outcomes)
    assert isinstance(scene.outcomes["main"], Crash)
    assert scene.listed.durable == [["main", "second"]]
    assert scene.acknowledged() == {"second"}
