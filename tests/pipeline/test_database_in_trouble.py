"""A full disk, a lock that lasts, a lost connection: no call without a durable claim, no outcome lost."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from letter_cast import FIRST, SERVICE, once_each
from sqlalchemy import text

from newsletter.errors import Refused, StoreError
from newsletter.pipeline import delivering, recording
from newsletter.pipeline.claiming import ALL_LANES
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage

OUT_OF_ORDER = StoreError("the disk is full", mend="free some disk space")


@contextmanager
def broken(monkeypatch, allowed=0):
    """Let every write after the first `allowed` fail when it is about to commit."""
    original, left = Database.writing, [allowed]

    @contextmanager
    def writing(database, **options):
        with original(database, **options) as tx:
            yield tx
            left[0] -= 1
            if left[0] < 0:
                raise OUT_OF_ORDER

    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing", writing)
        yield


@pytest.fixture
def due(queued):
    """Give a letter whose first issue is released and not sent."""
    queued.service = queued.connect()
    queued.release()
    return queued


def test_without_a_durable_claim_there_is_no_call(due, monkeypatch):
    engine = due.app().engine
    with broken(monkeypatch), pytest.raises(StoreError):
        engine.delivering.step()
    assert due.service.calls == []
    due.run(until=FIRST)
    assert Counter(due.service.accepted) == once_each(["lower-back"])


def test_an_outcome_that_cannot_be_written_is_kept_and_recorded_at_the_next_start(due, monkeypatch):
    engine = due.app().engine
    monkeypatch.setattr(delivering, "_PATIENCE", (0.0,))
    claim = engine.delivering.next_work()
    with broken(monkeypatch):
        engine.delivering.finish(claim)
    assert due.states()["sending"] == 2
    assert len(due.app().storage.aside.waiting()) == 1
    due.run(until=FIRST)
    assert due.states() == {"accepted": 5}
    assert Counter(due.service.accepted) == once_each(["lower-back"])
    assert len([call for call in due.service.calls if call.key == claim.mailing.key]) == 1
    assert due.app().storage.aside.waiting() == []


def test_if_it_were_not_kept_the_outcome_would_be_in_doubt(due, monkeypatch):
    monkeypatch.setattr(delivering, "_PATIENCE", (0.0,))
    monkeypatch.setattr(Aside, "keep", lambda *_: None)
    engine = due.app().engine
    claim = engine.delivering.next_work()
    with broken(monkeypatch):
        engine.delivering.finish(claim)
    due.run(until=FIRST)
    assert len([call for call in due.service.calls if call.key == claim.mailing.key]) == 2


def test_an_outcome_that_finds_no_room_beside_the_database_costs_no_other_its_own(due, monkeypatch):
    monkeypatch.setattr(delivering, "_PATIENCE", (0.0,))
    keep, full = Aside.keep, [StoreError("the disk is full")]

    def keeping(aside, *values):
        if full:
            raise full.pop()
        keep(aside, *values)

    monkeypatch.setattr(Aside, "keep", keeping)
    engine = due.app().engine
    answered = [
        (claim, engine.delivering.call(claim)) for claim in engine.delivering.next_works(ALL_LANES, 2)
    ]
    with broken(monkeypatch), pytest.raises(StoreError, match="full"):
        engine.delivering.keep(answered)
    assert [one.batch_id for one in due.app().storage.aside.waiting()] == [answered[1][0].batch.id]


def test_a_database_that_recovers_soon_gets_the_outcome_without_the_file(due, monkeypatch):
    engine = due.app().engine
    claim = engine.delivering.next_work()
    fail = [OUT_OF_ORDER, OUT_OF_ORDER]
    original = recording.Recording.record

    def record(self, *arguments):
        if fail:
            raise fail.pop()
        original(self, *arguments)

    waited = []
    monkeypatch.setattr(recording.Recording, "record", record)
    object.__setattr__(engine.delivering, "rest", waited.append)
    engine.delivering.finish(claim)
    assert due.states()["accepted"] == 2
    assert waited == [0.2, 1.0]


def test_on_a_disk_that_is_really_full_nothing_is_called_and_everything_goes_on_afterwards(office):
    crowd = office.root / "crowd.csv"
    crowd.write_text(
        "address\n" + "".join(f"{sha256(b'%d' % n).hexdigest()}@example.org\n" for n in range(200))
    )
    office.app().enrolling.import_file(crowd, None, "asked at reception")
    office.queue()
    # What a claim freezes of so many does not fit into the pages that are there.
    office.service = office.connect(capabilities=replace(SERVICE, batch_size=500))
    office.release()
    due, app = office, office.app()
    with app.database.writing() as tx:
        tx.execute(text("CREATE TABLE filler (data BLOB)"))
    with app.database.writing() as tx:
        pages = tx.execute(text("PRAGMA page_count")).scalar()
        tx.execute(text(f"PRAGMA max_page_count = {pages}"))
    for size in (2000, 20):
        with pytest.raises(StoreError, match="full"):
            while True:
                with app.database.writing() as tx:
                    tx.execute(text(f"INSERT INTO filler VALUES (randomblob({size}))"))
    with pytest.raises(StoreError, match="full"):
        while app.engine.delivering.step():
            pass
    assert due.service.calls == []
    app.database.close()
    due.run(until=FIRST)
    assert len(due.service.accepted) == len(set(due.service.accepted)) == 205


def test_a_call_that_cannot_be_named_beside_the_database_is_not_made_and_leaves_no_doubt(queued, monkeypatch):
    def fails(*_):
        raise StoreError("cannot write newsletter.db.last-call")

    service = queued.connect()
    queued.release()
    monkeypatch.setattr(Lineage, "note", fails)
    with pytest.raises(StoreError):
        queued.app().engine.delivering.next_work()
    assert queued.states() == {"planned": 5}
    monkeypatch.undo()
    queued.run(until=FIRST + timedelta(hours=1))
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_a_single_pass_whose_database_becomes_foreign_ends_with_a_refusal_and_calls_nobody(queued):
    service = queued.connect()
    queued.release()
    app = queued.app()
    with app.sending():
        app.storage.lineage_file.write_text('{"deployment": "another", "inode": 1}')
        with pytest.raises(Refused, match="foreign database"):
            app.engine.once(timedelta(minutes=1))
    assert service.calls == []
    assert queued.states() == {"planned": 5}
