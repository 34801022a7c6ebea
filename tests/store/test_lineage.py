import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import delete, insert, select, update
from store_cast import NOW

from newsletter.errors import StoreError
from newsletter.store import schema
from newsletter.store.database import Database
from newsletter.store.lineage import LENGTH, Lineage
from newsletter.store.tables import attempt, audit, batch

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

CALL = """
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlalchemy import insert
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage
from newsletter.store.tables import attempt
with closing(Database(sys.argv[1])) as database:
    lineage = Lineage(database, Path(sys.argv[2]), sys.argv[3])
    for epoch in range(int(sys.argv[4]), 1_000_000):
        now = datetime.now(UTC)
        with database.writing() as tx:
            tx.execute(insert(attempt).values(batch_id=1, epoch=epoch, generation=0, started_at=now))
        lineage.note(1, epoch, now)
        print(epoch, flush=True)
"""


class Sender:
    """A database that calls are made from, and the file beside it."""

    def __init__(self, database, file):
        self.database, self.file = database, file
        self.id = schema.prepare(database, NOW).id
        self.lineage = Lineage(database, file, self.id)

    def plan(self):
        """Make the batch that calls are made for."""
        row = {"id": 1, "revision": "r", "lane": 0, "provider": "p", "seq": 1, "state": "planned"}
        with self.database.writing() as tx:
            tx.execute(insert(batch), row | {"formed_at": NOW})
        return self

    def claim(self, epoch, at=NOW):
        with self.database.writing() as tx:
            row = {"batch_id": 1, "epoch": epoch, "generation": 0, "started_at": at}
            tx.execute(insert(attempt), row)

    def call(self, epoch, at=NOW):
        self.claim(epoch, at)
        return self.lineage.note(1, epoch, at)

    def why(self):
        return self.lineage.why_foreign()

    @property
    def said(self):
        return json.loads(self.file.read_text())


@pytest.fixture
def sender(database, tmp_path):
    return Sender(database, tmp_path / "newsletter.db.last-call").plan()


@pytest.fixture
def at_file(tmp_path):
    """Give a sender from an SQLite file."""
    with closing(Database(f"sqlite:///{tmp_path}/newsletter.db")) as database:
        yield Sender(database, tmp_path / "newsletter.db.last-call").plan()


def opened(file):
    """Open a copy, with whatever file lies beside it."""
    return closing(Database(f"sqlite:///{file}"))


def beside(file):
    return file.with_name(f"{file.name}.last-call")


def why_not(file):
    with opened(file) as database:
        return Sender(database, beside(file)).why()


def audits(database):
    with database.reading() as tx:
        return [tuple(row) for row in tx.execute(select(audit.c.at, audit.c.what, audit.c.detail))]


def test_a_new_database_may_be_sent_from(sender):
    assert sender.why() is None
    assert not sender.file.exists()


def test_a_database_that_made_its_calls_may_be_sent_from(sender):
    assert all(sender.call(epoch, NOW + epoch * HOUR) for epoch in range(1, 6))
    assert sender.why() is None
    assert Lineage(sender.database, sender.file, sender.id).why_foreign() is None


def test_the_file_names_the_last_call_in_one_line_that_only_its_owner_reads(sender):
    sender.call(1)
    sender.call(2, NOW + HOUR)
    file = sender.database.file
    assert sender.said == {
        "deployment": sender.id,
        "inode": file.stat().st_ino if file else None,
        "batch_id": 1,
        "epoch": 2,
        "started_at": "2026-12-01T10:00:00+00:00",
    }
    assert sender.file.read_text().count("\n") == 1
    assert sender.file.stat().st_size == LENGTH
    assert sender.file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_missing_is_made(sender, tmp_path):
    sender.lineage = Lineage(sender.database, tmp_path / ".newsletter" / "last-call", sender.id)
    assert sender.call(1)
    assert sender.why() is None


def test_without_a_file_nothing_is_foreign():
    with closing(Database("sqlite://")) as database:
        sender = Sender(database, None).plan()
        sender.lineage.begin()
        assert sender.call(1)
        sender.lineage.adopt(NOW)
        assert sender.why() is None
        assert audits(database) == []


def test_a_missing_file_makes_a_database_with_calls_foreign(sender):
    sender.call(1)
    sender.file.unlink()
    assert sender.why() == (
        "newsletter.db.last-call is missing, which names the last call made from this database: "
        "it looks like a copy"
    )


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\0" * LENGTH,
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b'{"deployment": "d", "inode": 1, "batch_id": 1, "epoch": 1}',
        b'{"deployment": "d", "inode": 1, "batch_id": 1, "epoch": null, "started_at": "2026-12-01T09:00Z"}',
        b'{"deployment": "d", "inode": 1, "batch_id": 1, "epoch": 1, "started_at": "2026-12-01T09:00"}',
        b'{"deployment": "d", "inode": 1, "batch_id": 1, "epoch": 1, "started_at": "soon"}',
    ],
)
def test_a_damaged_file_counts_as_missing(sender, rubbish):
    sender.file.write_bytes(rubbish)
    assert sender.why() is None
    assert sender.call(1)
    assert sender.why() is None
    sender.file.write_bytes(rubbish)
    assert "is missing" in sender.why()


def test_a_file_cut_anywhere_is_damaged_or_whole(sender):
    sender.call(1)
    whole = sender.file.read_bytes()
    for length in range(0, LENGTH, 5):
        sender.file.write_bytes(whole[:length])
        why = sender.why()
        assert why is None or "is missing" in why


def test_the_file_of_another_database_is_told(sender):
    sender.call(1)
    other = Lineage(sender.database, sender.file, "other")
    assert other.why_foreign() == "newsletter.db.last-call names the last call of another database"


def test_a_database_that_was_started_anew_beside_an_old_file_is_foreign(at_file, tmp_path):
    at_file.call(1)
    at_file.database.close()
    for file in tmp_path.glob("newsletter.db*"):
        if file != at_file.file:
            file.unlink()
    assert "another database" in why_not(at_file.database.file)


def test_a_copy_made_while_in_use_is_foreign(at_file, tmp_path):
    at_file.call(1)
    at_file.database.copy_to(tmp_path / "copy.db")
    assert "copy.db.last-call is missing" in why_not(tmp_path / "copy.db")
    shutil.copy(at_file.file, beside(tmp_path / "copy.db"))
    assert why_not(tmp_path / "copy.db") == (
        "this database is not the file that the last call was made from: it looks like a copy"
    )
    assert at_file.why() is None


def test_a_folder_that_was_copied_is_foreign(at_file, tmp_path):
    at_file.call(1)
    at_file.database.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("newsletter.db*"):
        subprocess.run(["cp", "-p", file, copy], check=True)
    assert "looks like a copy" in why_not(copy / "newsletter.db")
    assert why_not(at_file.database.file) is None


def test_a_folder_that_was_moved_is_not_foreign(at_file, tmp_path):
    at_file.call(1)
    at_file.database.close()
    (tmp_path / "new").mkdir()
    for file in tmp_path.glob("newsletter.db*"):
        file.rename(tmp_path / "new" / file.name)
    assert why_not(tmp_path / "new" / "newsletter.db") is None


def test_a_backup_restored_over_the_same_file_is_foreign(at_file, tmp_path):
    file = at_file.database.file
    at_file.call(1, NOW - HOUR)
    at_file.database.copy_to(tmp_path / "backup.db")
    at_file.call(2)
    at_file.database.close()
    inode = file.stat().st_ino
    for more in ("-wal", "-shm"):
        Path(f"{file}{more}").unlink(missing_ok=True)
    subprocess.run(["cp", tmp_path / "backup.db", file], check=True)
    assert file.stat().st_ino == inode
    assert why_not(file) == (
        "this database is older than the last call that was made from it (2026-12-01 09:00Z): "
        "it looks like a restored backup"
    )


def test_a_backup_of_after_the_last_call_restored_over_the_same_file_is_not_foreign(at_file, tmp_path):
    file = at_file.database.file
    at_file.call(1)
    at_file.database.copy_to(tmp_path / "backup.db")
    at_file.database.close()
    subprocess.run(["cp", tmp_path / "backup.db", file], check=True)
    assert why_not(file) is None


def test_a_server_restored_from_a_backup_is_foreign(postgres, tmp_path):
    file = tmp_path / "last-call"

    def call(url, epoch):
        with closing(Database(url)) as database:
            return Sender(database, file).call(epoch, NOW + epoch * HOUR)

    with postgres.database() as url, postgres.database() as backup:
        with closing(Database(url)) as database:
            Sender(database, file).plan()
        assert call(url, 1)
        copy(postgres, url, backup)
        with closing(Database(backup)) as database:
            assert Sender(database, file).why() is None
        assert call(url, 2)
        copy(postgres, backup, url)
        with closing(Database(url)) as database:
            assert "(2026-12-01 11:00Z): it looks like a restored backup" in Sender(database, file).why()


def copy(postgres, source, target):
    """Make a database anew as another one is."""
    source, target = source.rpartition("/")[2], target.rpartition("/")[2]
    with psycopg.connect(f"{postgres.url}/postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {target} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {target} TEMPLATE {source}")


def test_the_same_call_at_another_moment_is_another_call(sender):
    sender.call(1)
    with sender.database.writing() as tx:
        tx.execute(update(attempt).values(started_at=NOW + timedelta(microseconds=1)))
    assert "restored backup" in sender.why()


def test_a_restored_database_cannot_hide_behind_a_call_of_its_own(sender):
    sender.call(1, NOW - HOUR)
    sender.call(2)
    restore(sender, since=2)
    assert not sender.call(2, NOW + HOUR)
    assert sender.said["started_at"] == NOW.isoformat()
    assert "restored backup" in sender.why()


def test_a_copy_cannot_hide_behind_a_call_of_its_own(at_file, tmp_path):
    at_file.call(1, NOW - HOUR)
    at_file.database.copy_to(tmp_path / "copy.db")
    with opened(tmp_path / "copy.db") as database:
        copied = Sender(database, beside(tmp_path / "copy.db"))
        assert not copied.call(2)
        assert "is missing" in copied.why()
        shutil.copy(at_file.file, copied.file)
        assert not copied.call(3)
        assert "looks like a copy" in copied.why()


def test_if_a_note_did_not_look_a_restored_database_would_hide(sender, monkeypatch):
    monkeypatch.setattr(Lineage, "_why", lambda *_: None)
    with pytest.raises(AssertionError):
        test_a_restored_database_cannot_hide_behind_a_call_of_its_own(sender)


def restore(sender, since):
    with sender.database.writing() as tx:
        tx.execute(delete(attempt).where(attempt.c.epoch >= since))


def test_a_kill_between_the_claim_and_its_note_does_no_harm(sender):
    sender.call(1)
    sender.claim(2, NOW + HOUR)
    assert sender.why() is None
    assert sender.call(3, NOW + 2 * HOUR)
    assert sender.why() is None


def test_a_kill_before_the_first_note_does_no_harm_where_the_file_was_laid_before(sender):
    sender.lineage.begin()
    sender.claim(1)
    assert sender.why() is None
    assert sender.call(2, NOW + HOUR)
    assert sender.why() is None


def test_the_file_is_laid_beside_a_new_database_only(sender):
    sender.claim(1)
    sender.lineage.begin()
    assert not sender.file.exists()
    assert "is missing" in sender.why()


def test_the_file_that_is_there_stays_at_the_start(sender):
    sender.call(1)
    before = sender.file.read_bytes()
    sender.lineage.begin()
    assert sender.file.read_bytes() == before


def test_a_copy_of_a_database_that_made_no_call_is_told_by_its_file(at_file, tmp_path):
    at_file.lineage.begin()
    at_file.database.copy_to(tmp_path / "copy.db")
    shutil.copy(at_file.file, beside(tmp_path / "copy.db"))
    assert "looks like a copy" in why_not(tmp_path / "copy.db")


def test_an_adopted_database_may_be_sent_from(sender):
    sender.call(1, NOW - HOUR)
    sender.call(2)
    restore(sender, since=2)
    why = sender.why()
    sender.lineage.adopt(NOW + HOUR)
    assert sender.why() is None
    assert sender.said["started_at"] == (NOW - HOUR).isoformat()
    assert audits(sender.database) == [(NOW + HOUR, "adopt", {"why": why})]
    assert sender.call(2, NOW + HOUR)
    assert sender.why() is None


@pytest.mark.parametrize("calls", [0, 2])
def test_a_database_with_the_file_of_another_can_be_adopted(sender, calls):
    for epoch in range(calls):
        sender.claim(epoch)
    Lineage(sender.database, sender.file, "other").begin()
    sender.file.write_text(json.dumps({"deployment": "other", "inode": None}) + " " * 999)
    sender.lineage.adopt(NOW)
    assert sender.why() is None
    assert sender.file.stat().st_size == LENGTH
    assert sender.call(7)


def test_a_copy_can_be_adopted_and_the_original_goes_on(at_file, tmp_path):
    at_file.call(1)
    at_file.database.copy_to(tmp_path / "copy.db")
    with opened(tmp_path / "copy.db") as database:
        copied = Sender(database, beside(tmp_path / "copy.db"))
        copied.lineage.adopt(NOW)
        assert copied.call(2, NOW + HOUR)
        assert copied.why() is None
    assert at_file.why() is None


def test_the_latest_call_is_adopted_whatever_its_batch(sender):
    row = {"revision": "r", "lane": 0, "provider": "p", "seq": 2, "state": "planned", "formed_at": NOW}
    with sender.database.writing() as tx:
        tx.execute(insert(batch), row | {"id": 2})
        tx.execute(insert(attempt).values(batch_id=2, epoch=1, generation=0, started_at=NOW))
    sender.claim(2, NOW + HOUR)
    sender.lineage.adopt(NOW + 2 * HOUR)
    assert (sender.said["batch_id"], sender.said["epoch"]) == (1, 2)


def test_a_database_that_is_not_foreign_needs_no_adopting(sender):
    sender.call(1)
    before = sender.file.read_bytes()
    sender.lineage.adopt(NOW)
    assert sender.file.read_bytes() == before
    assert audits(sender.database) == []


def test_calls_made_together_leave_the_latest_named(sender):
    for epoch in (1, 2, 3):
        sender.claim(epoch, NOW + epoch * SECOND)
    for epoch in (2, 3, 1):
        assert sender.lineage.note(1, epoch, NOW + epoch * SECOND)
    assert sender.said["epoch"] == 3


def test_a_clock_that_was_set_back_does_not_stop_the_naming(sender):
    sender.call(1, NOW + HOUR)
    assert sender.call(2, NOW)
    assert sender.said["epoch"] == 2


def test_threads_that_make_the_first_calls_together_leave_a_database_that_may_be_sent_from(sender):
    def call(epoch):
        lineage = Lineage(sender.database, sender.file, sender.id)
        sender.claim(epoch, NOW + epoch * SECOND)
        assert lineage.note(1, epoch, NOW + epoch * SECOND)
        return lineage.why_foreign()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(40))) == {None}
    assert sender.said["epoch"] == 39


@pytest.mark.process
def test_processes_that_are_killed_leave_a_database_that_may_be_sent_from(sender):
    sender.lineage.begin()
    url = sender.database.url.render_as_string(hide_password=False)
    for start in (1000, 3000):
        command = [sys.executable, "-c", CALL, url, str(sender.file), sender.id]
        with (
            subprocess.Popen([*command, str(start)], stdout=subprocess.PIPE, text=True) as one,
            subprocess.Popen([*command, str(start + 1000)], stdout=subprocess.PIPE, text=True) as other,
        ):
            for process in (one, other):
                assert [process.stdout.readline() for _ in range(20)][-1]
            assert sender.why() is None
            for process in (one, other):
                process.send_signal(signal.SIGKILL)
        assert sender.why() is None
        assert sender.said["epoch"] >= start


def test_a_file_that_is_ahead_is_what_a_note_before_its_claim_would_leave(sender):
    sender.call(1)
    assert sender.lineage.note(1, 2, NOW + HOUR)
    assert "restored backup" in sender.why()


def test_a_file_that_cannot_be_written_stops_the_call(sender, monkeypatch):
    sender.call(1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreError, match=r"last-call: No space left on device; free some disk space"):
        sender.call(2, NOW + HOUR)


@pytest.mark.parametrize("act", ["call", "adopt", "why"])
def test_a_file_that_is_a_folder_is_told(sender, act):
    sender.file.mkdir()
    acts = {
        "call": lambda: sender.call(1),
        "adopt": lambda: sender.lineage.adopt(NOW),
        "why": sender.why,
    }
    with pytest.raises(StoreError, match="last-call: Is a directory"):
        acts[act]()


def test_a_database_file_that_was_taken_away_is_told(at_file):
    at_file.call(1)
    at_file.database.file.unlink()
    with pytest.raises(StoreError, match=r"cannot find .*newsletter\.db: No such file"):
        at_file.why()


def test_only_the_first_note_waits_for_the_disk(sender, monkeypatch):
    waits, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: waits.append(handle) or fsync(handle))
    for epoch in range(1, 9):
        sender.call(epoch, NOW + epoch * HOUR)
    assert len(waits) == 2, "the file and its name in the folder"
