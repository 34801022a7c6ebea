"""Blocks of many threads that share a commit, on real databases; what a second connection sees is durable."""

import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from newsletter.errors import StoreError
from newsletter.store import opening
from newsletter.store.database import Database
from newsletter.store.turns import Turns

SECONDS = 20
TABLES = (
    "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
    "CREATE TABLE written (name TEXT UNIQUE, parent INT REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
)


class Crash(BaseException):
    """The end of a process, as far as its blocks can tell."""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "newsletter.db"


@pytest.fixture
def sqlite_database(file):
    with closing(Database(f"sqlite:///{file}")) as database:
        make_tables(database)
        yield database


def make_tables(database):
    with database.writing() as tx:
        for statement in TABLES:
            tx.execute(text(statement))


def insert(tx, name, parent=None):
    tx.execute(text("INSERT INTO written VALUES (:name, :parent)"), {"name": name, "parent": parent})


def write(database, name, **how):
    with database.writing(**how) as tx:
        insert(tx, name)


def written(file):
    """Read with a connection of its own what is durable."""
    with closing(sqlite3.connect(file)) as other:
        return [name for (name,) in other.execute("SELECT name FROM written ORDER BY rowid")]


def eventually(is_true):
    ends = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < ends
        threading.Event().wait(0.001)


class Together:
    """Blocks that share one commit: they wait while the first one is held."""

    def __init__(self, database):
        self.database = database
        self.outcomes: dict[str, BaseException | None] = {}

    def run(self, **blocks):
        """Run each block in a thread, in this order; a name that starts with `urgent` is urgent."""
        entered = threading.Event()

        def first(tx):
            entered.set()
            eventually(lambda: self.database._turns.waiting == len(blocks))
            insert(tx, "first")

        threads = [threading.Thread(target=self._run, args=("first", first))]
        threads[0].start()
        assert entered.wait(SECONDS)
        for number, (name, block) in enumerate(blocks.items()):
            threads.append(threading.Thread(target=self._run, args=(name, block)))
            threads[-1].start()
            if number < len(blocks) - 1:
                eventually(lambda: self.database._turns.waiting == number + 1)  # noqa: B023
        for thread in threads:
            thread.join(SECONDS)
            assert not thread.is_alive()

    def _run(self, name, block):
        self.outcomes[name] = None
        try:
            with self.database.writing(urgent=name.startswith("urgent")) as tx:
                block(tx)
        except BaseException as error:
            self.outcomes[name] = error


@pytest.fixture
def together(sqlite_database, monkeypatch):
    # However slow the machine, a group does not end before its members are there.
    monkeypatch.setattr(sqlite_database._turns, "_longest", 60.0)
    return Together(sqlite_database)


def named(name):
    return lambda tx: insert(tx, name)


def early_acknowledgements(database, file, threads=16, writes=15):
    """Let many threads write; count the writes that a second connection did not see when they returned."""
    early = []

    def work(number):
        with closing(sqlite3.connect(file)) as other:
            for turn in range(writes):
                write(database, f"{number}/{turn}", urgent=turn % 5 == 0, bulk=turn % 7 == 0)
                seen = "SELECT count(*) FROM written WHERE name = ?"
                if other.execute(seen, (f"{number}/{turn}",)).fetchone() != (1,):
                    early.append((number, turn))

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert set(written(file)) == {f"{number}/{turn}" for number in range(threads) for turn in range(writes)}
    return len(early)


def test_every_write_of_many_threads_is_durable_when_it_returns(sqlite_database, file):
    commits = []
    event.listen(sqlite_database._writing_engine, "commit", commits.append)
    assert early_acknowledgements(sqlite_database, file) == 0
    assert len(commits) < 16 * 15, "some shared a commit"


def test_a_write_acknowledged_before_its_commit_is_noticed(sqlite_database, file, monkeypatch):
    passed = Turns._pass_within

    def hasty(turns, group):
        member = group.members.pop()
        if passed(turns, group):
            member.signal.release()
            return True
        group.members.append(member)
        return False

    monkeypatch.setattr(Turns, "_pass_within", hasty)
    assert early_acknowledgements(sqlite_database, file) > 0


def test_urgent_blocks_write_before_others_that_wait(together, file):
    together.run(one=named("one"), two=named("two"), urgent=named("urgent"))
    assert written(file) == ["first", "urgent", "one", "two"]


def twice(tx):
    insert(tx, "lost")
    insert(tx, "lost")


def test_a_block_that_breaks_a_rule_does_not_harm_its_group(together, file):
    together.run(one=named("one"), twice=twice, two=named("two"))
    assert written(file) == ["first", "one", "two"]
    assert isinstance(together.outcomes.pop("twice"), IntegrityError)
    assert set(together.outcomes.values()) == {None}


def crash(tx):
    insert(tx, "lost")
    raise Crash


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_crash_in_a_block_does_not_harm_its_group(together, file, place):
    blocks = [("one", named("one")), ("two", named("two"))]
    blocks.insert(place, ("crash", crash))
    together.run(**dict(blocks))
    assert written(file) == ["first", "one", "two"]
    assert isinstance(together.outcomes.pop("crash"), Crash)
    assert set(together.outcomes.values()) == {None}
    write(together.database, "later")
    assert written(file)[-1] == "later"


def test_a_commit_that_fails_is_told_to_every_member_and_the_next_group_works(together, file):
    failures = [OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))]

    def fail(_connection):
        if failures:
            raise failures.pop()

    event.listen(together.database._writing_engine, "commit", fail)
    together.run(one=named("one"), two=named("two"))
    assert written(file) == []
    assert {type(error) for error in together.outcomes.values()} == {StoreError}
    assert {error.mend for error in together.outcomes.values()} == {"check the disk and its free space"}
    assert len(set(map(id, together.outcomes.values()))) == 3
    together.run(three=named("three"))
    assert written(file) == ["first", "three"]


def test_a_commit_that_the_database_refuses_writes_nothing_of_its_group(together, file):
    together.run(one=named("one"), orphan=lambda tx: insert(tx, "orphan", parent=7), two=named("two"))
    assert written(file) == []
    kinds = {name: type(error) for name, error in together.outcomes.items()}
    # The one that made the commit meets the bug itself, the others that their work is not written.
    assert kinds == {"first": StoreError, "one": StoreError, "orphan": StoreError, "two": IntegrityError}
    write(together.database, "later")
    assert written(file) == ["later"]


def test_a_commit_broken_off_is_told_to_the_others(together, file):
    crashes = [Crash()]

    def break_off(_connection):
        if crashes:
            raise crashes.pop()

    event.listen(together.database._writing_engine, "commit", break_off)
    together.run(one=named("one"))
    assert written(file) == []
    assert isinstance(together.outcomes["one"], Crash)
    assert "broken off before its commit; try again" in str(together.outcomes["first"])


def test_a_commit_broken_off_after_it_was_made_is_a_success_for_the_others(together, file, monkeypatch):
    dialect = together.database._writing_engine.dialect
    commit = dialect.do_commit

    def commit_and_crash(connection):
        commit(connection)
        monkeypatch.undo()
        raise Crash

    monkeypatch.setattr(dialect, "do_commit", commit_and_crash)
    together.run(one=named("one"))
    assert written(file) == ["first", "one"]
    assert together.outcomes["first"] is None
    assert isinstance(together.outcomes["one"], Crash)


def test_a_statement_broken_off_fails_honestly_those_it_takes_with_it(together, file, monkeypatch):
    dialect = together.database._writing_engine.dialect
    execute = dialect.do_execute

    def execute_or_crash(cursor, statement, parameters, context=None):
        if "crash" in str(parameters):
            raise Crash
        execute(cursor, statement, parameters, context)

    monkeypatch.setattr(dialect, "do_execute", execute_or_crash)
    together.run(one=named("one"), crash=named("crash"), two=named("two"))
    assert isinstance(together.outcomes.pop("crash"), Crash)
    kept = {name for name, error in together.outcomes.items() if error is None}
    assert set(written(file)) == kept >= {"two"}
    assert {type(error) for error in together.outcomes.values()} <= {StoreError, type(None)}
    write(together.database, "later")
    assert written(file)[-1] == "later"


def test_nothing_is_left_open_while_nobody_writes(together, file):
    together.run(one=named("one"), crash=crash)
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO written VALUES ('other', NULL)")
        other.execute("COMMIT")
    write(together.database, "later")
    assert written(file) == ["first", "one", "other", "later"]


def test_results_that_are_not_read_to_their_end_do_not_harm_the_group(together, file):
    kept = []

    def returning(tx):
        several = "INSERT INTO written VALUES ('a', NULL), ('b', NULL), ('c', NULL) RETURNING name"
        result = tx.exec_driver_sql(several)
        assert result.fetchone() == ("a",)
        reading = tx.exec_driver_sql("SELECT name FROM written")
        assert reading.fetchone() is not None
        kept.extend((result, reading))

    together.run(returning=returning, one=named("one"), crash=crash, two=named("two"))
    assert written(file) == ["first", "a", "b", "c", "one", "two"]
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0), "no reader is left"
    write(together.database, "later")
    assert written(file)[-1] == "later"


def test_a_block_may_have_savepoints_of_its_own(together, file):
    def half(tx):
        insert(tx, "half")
        with pytest.raises(IntegrityError), tx.begin_nested():
            insert(tx, "half")

    together.run(half=half, one=named("one"))
    assert written(file) == ["first", "half", "one"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{file}"])
def test_writing_inside_writing_is_an_error_at_once(url, file):
    with closing(Database(url.format(file=file))) as database:
        make_tables(database)
        with database.writing() as tx:
            insert(tx, "outer")
            with pytest.raises(RuntimeError, match="may not begin another"), database.writing():
                pass
        with database.reading() as tx:
            assert tx.execute(text("SELECT name FROM written")).scalars().all() == ["outer"]


def test_a_database_in_memory_is_written_by_threads_in_turn():
    with closing(Database("sqlite://")) as database:
        make_tables(database)
        threads = [threading.Thread(target=write, args=(database, f"{n}")) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        with pytest.raises(IntegrityError):
            write(database, "3")
        with database.reading() as tx:
            assert tx.execute(text("SELECT count(*) FROM written")).scalar() == 8


def test_a_refused_commit_in_memory_loses_its_own_changes_only():
    with closing(Database("sqlite://")) as database:
        make_tables(database)
        write(database, "kept")
        with pytest.raises(IntegrityError), database.writing() as tx:
            insert(tx, "orphan", parent=7)
        write(database, "later")
        with database.reading() as tx:
            assert tx.execute(text("SELECT name FROM written")).scalars().all() == ["kept", "later"]


def test_another_process_gets_its_turn_beside_threads_that_never_pause(sqlite_database, file):
    is_over = threading.Event()

    def work(number):
        turn = 0
        while not is_over.is_set():
            write(sqlite_database, f"{number}/{turn}")
            turn += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        with closing(Database(f"sqlite:///{file}")) as other:
            for number in range(5):
                write(other, f"other {number}")
    finally:
        is_over.set()
        for thread in threads:
            thread.join(SECONDS)
    assert {f"other {number}" for number in range(5)} <= set(written(file))


def test_a_database_that_was_closed_opens_again_when_it_is_used(sqlite_database, file):
    sqlite_database.close()
    write(sqlite_database, "again")
    assert written(file) == ["again"]


FULL = "INSERT INTO written VALUES (:name || hex(zeroblob(500000)), NULL)"


@contextmanager
def full_disk(database):
    """Allow the database a few pages more than it has, on the connection that writes."""
    with database.writing() as tx:
        most = tx.execute(text("PRAGMA page_count")).scalar() + 4
        tx.execute(text(f"PRAGMA max_page_count={most}"))
    yield
    with database.writing() as tx:
        tx.execute(text("PRAGMA max_page_count=1000000"))


def fill(tx):
    tx.execute(text(FULL), {"name": "lost"})


def test_a_full_disk_is_one_sentence_and_later_writes_work(sqlite_database, file):
    with full_disk(sqlite_database), pytest.raises(StoreError, match="full; free some disk space") as caught:
        with sqlite_database.writing() as tx:
            fill(tx)
    assert "\n" not in str(caught.value)
    write(sqlite_database, "later")
    assert written(file) == ["later"]


def test_a_full_disk_leaves_no_member_with_a_false_answer(together, file):
    with full_disk(together.database):
        together.run(one=named("one"), full=fill, two=named("two"))
    found = {name for name, error in together.outcomes.items() if error is None}
    assert set(written(file)) == found
    assert "full" not in found
    assert {type(error) for error in together.outcomes.values()} <= {StoreError, type(None)}


def give_up(tx):
    """Do what SQLite does by itself for some errors of a disk."""
    insert(tx, "lost")
    tx.connection.driver_connection.rollback()


@pytest.mark.parametrize("then", [lambda tx: None, named("lost too")])
def test_a_transaction_that_the_database_gave_up_is_no_success_for_anybody(together, file, then):
    def block(tx):
        give_up(tx)
        then(tx)

    together.run(one=named("one"), block=block, two=named("two"))
    assert written(file) == ["two"]
    assert together.outcomes.pop("two") is None
    assert {type(error) for error in together.outcomes.values()} == {StoreError}


def test_a_transaction_given_up_in_the_first_block_is_no_success(sqlite_database, file):
    with pytest.raises(StoreError, match="gave up"), sqlite_database.writing() as tx:
        give_up(tx)
    write(sqlite_database, "later")
    assert written(file) == ["later"]


def test_a_lock_that_lasts_is_one_sentence_for_each_and_later_writes_work(sqlite_database, file, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_MS", 50)
    errors = []

    def work(number):
        with pytest.raises(StoreError, match="locked; another program is writing to it") as caught:
            write(sqlite_database, f"lost {number}")
        errors.append(str(caught.value))

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        other.execute("ROLLBACK")
    assert len(errors) == 3
    assert all("\n" not in error for error in errors)
    write(sqlite_database, "later")
    assert written(file) == ["later"]


def test_a_lock_is_waited_for(sqlite_database, file):
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.execute, ("COMMIT",))
        timer.start()
        write(sqlite_database, "patient")
        timer.join()
    assert written(file) == ["patient"]


def end_backend(url, pid):
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


@pytest.mark.parametrize("does", ["reading", "writing"])
def test_a_connection_that_the_server_ends_is_one_sentence_and_the_next_works(prepared_url, does):
    with closing(Database(prepared_url)) as database:
        with pytest.raises(StoreError) as caught, getattr(database, does)() as tx:
            end_backend(prepared_url, tx.execute(text("SELECT pg_backend_pid()")).scalar())
            tx.execute(text("SELECT 1"))
        said = str(caught.value)
        assert "terminating connection" in said
        assert "wait until the database server runs again" in said
        assert "\n" not in said
        with getattr(database, does)() as tx:
            assert tx.execute(text("SELECT 1")).scalar() == 1


def test_a_connection_that_is_gone_at_the_commit_is_one_sentence(prepared_url):
    with closing(Database(prepared_url)) as database:
        with pytest.raises(StoreError, match="wait until the database server runs again") as caught:
            with database.writing() as tx:
                end_backend(prepared_url, tx.execute(text("SELECT pg_backend_pid()")).scalar())
        assert "\n" not in str(caught.value)


def test_a_connection_used_again_after_it_was_lost_is_still_one_sentence(prepared_url):
    with closing(Database(prepared_url)) as database:
        with pytest.raises(StoreError, match="wait until the database server runs again"):
            with database.writing() as tx:
                end_backend(prepared_url, tx.execute(text("SELECT pg_backend_pid()")).scalar())
                with pytest.raises(OperationalError):
                    tx.execute(text("SELECT 1"))
                tx.execute(text("SELECT 1"))


def test_a_connection_that_ended_while_it_was_idle_is_not_noticed(prepared_url):
    with closing(Database(prepared_url)) as database:
        with database.writing() as tx:
            pid = tx.execute(text("SELECT pg_backend_pid()")).scalar()
        end_backend(prepared_url, pid)
        with database.writing(urgent=True, bulk=True) as tx:
            assert tx.execute(text("SELECT pg_backend_pid()")).scalar() != pid


def test_the_free_space_is_that_of_the_folder(sqlite_database, tmp_path):
    assert sqlite_database.free_bytes() > 0
    with closing(Database("sqlite://")) as memory:
        assert memory.free_bytes() is None
    with closing(Database("postgresql://127.0.0.1:1/x")) as server:
        assert server.free_bytes() is None
    with closing(Database(f"sqlite:///{tmp_path}/nowhere/newsletter.db")) as missing:
        with pytest.raises(StoreError, match="check that its folder exists"):
            missing.free_bytes()
