import sqlite3
import tracemalloc
from contextlib import closing
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from moving_cast import ACROSS, AWKWARD, PAIRS, PEOPLE, Meanwhile, everything, fill, pair_of, rows
from sqlalchemy import delete, insert, text, update
from store_cast import NOW

from newsletter.errors import Refused, SchemaError, StoreError
from newsletter.pipeline.moving import Stage
from newsletter.store import copying, moved, moving, opening, schema
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage
from newsletter.store.sender_lock import sender_lock
from newsletter.store.tables import (
    audit,
    batch,
    consent_event,
    delivery,
    issue,
    media,
    metadata,
    series,
    subscriber,
    subscription,
)

FILLED = sorted(rows())
LEAVE = update(subscription).where(subscription.c.subscriber_id == 2).values(state="unsubscribed")


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    """Give each pair of databases."""
    with pair_of(request.param, request, tmp_path) as pair:
        yield pair.fill()


@pytest.fixture(params=ACROSS)
def across(request, tmp_path):
    """Give the pairs of two kinds."""
    with pair_of(request.param, request, tmp_path) as pair:
        yield pair.fill()


@pytest.fixture
def at_files(request, tmp_path):
    """Give a pair of SQLite files."""
    with pair_of("sqlite-sqlite", request, tmp_path) as pair:
        yield pair.fill()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Let every table come in several chunks."""
    monkeypatch.setattr(copying, "FEW", 2)
    monkeypatch.setattr(copying, "MANY", 2)


def execute(database, *statements):
    with database.writing() as tx:
        for statement in statements:
            tx.execute(statement)


def kill_at(monkeypatch, table, chunk=2):
    """End the process when so many chunks of a table have come."""
    real, seen = copying.write, []

    def write(tx, to, rows):
        seen.append(to.name)
        if seen.count(table) == chunk:
            raise Killed
        real(tx, to, rows)

    monkeypatch.setattr(copying, "write", write)


def move_is_killed(pair, monkeypatch, table="consent_event", chunk=2):
    with monkeypatch.context() as patch:
        kill_at(patch, table, chunk)
        with pytest.raises(Killed):
            pair.move()


def test_everything_is_on_the_other_side(pair):
    before = everything(pair.source())
    found = pair.move()
    assert everything(pair.target()) == everything(pair.source()) == before
    assert {part.table: part.rows for part in found.tables} == {
        name: len(rows) for name, rows in before.items()
    }
    assert found.copied == sum(part.rows for part in found.tables) - 1
    assert found.again == ()


def test_the_target_has_every_table_index_and_reference(pair):
    pair.move()
    with pair.target().reading() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_both_ways_and_back_it_is_still_the_same(across, tmp_path):
    before = everything(across.source())
    first = across.move()
    with closing(Database(f"sqlite:///{tmp_path}/third.db")) as third:
        back = across.move(source=across.target(), target=third, source_file=tmp_path / "to.last-call")
        assert everything(third) == before
    assert back.tables == first.tables


def test_what_was_moved_says_so_and_the_target_may_be_sent_from(pair):
    pair.move()
    assert pair.why("from").startswith("this database was moved to ")
    assert pair.why("to") is None
    lineage = pair.lineage(pair.target(), "to")
    execute(pair.target(), insert(metadata.tables["attempt"]).values(
        batch_id=12, epoch=9, generation=0, started_at=NOW + timedelta(hours=1)))  # fmt: skip
    assert lineage.note(12, 9, NOW + timedelta(hours=1))


def test_no_call_is_made_any_more_from_a_database_that_was_moved(pair):
    pair.move()
    source = pair.source()
    execute(source, insert(metadata.tables["attempt"]).values(
        batch_id=12, epoch=9, generation=0, started_at=NOW + timedelta(hours=1)))  # fmt: skip
    assert not pair.lineage(source, "from").note(12, 9, NOW + timedelta(hours=1))


def test_the_next_id_of_every_table_is_free(pair):
    pair.move()
    new = {
        series: {"slug": "new", "settings": {}, "source_hash": "h"},
        issue: {"series_id": 3, "slug": "new", "kind": "issue", "position": 2},
        batch: {"revision": "r", "lane": 0, "provider": "p", "seq": 99, "state": "planned", "formed_at": NOW},
        consent_event: {"series_id": 3, "subscriber_id": 1, "kind": "k", "at": NOW, "how": "form"},
        audit: {"at": NOW, "what": "w", "target": "t"},
        subscriber: {"address_hash": "new"},
    }
    with pair.target().writing() as tx:
        given = {
            table.name: tx.execute(insert(table).returning(table.c.id), row).scalar()
            for table, row in new.items()
        }
    highest = {name: max(row["id"] for row in rows()[name]) for name in given}
    assert given == {name: id_ + 1 for name, id_ in highest.items()} | {"subscriber": 41}


@pytest.mark.parametrize("table", FILLED)
def test_a_move_that_is_killed_in_a_table_goes_on_there(across, monkeypatch, table):
    chunk = min(2, -(-len(rows()[table]) // 2))
    move_is_killed(across, monkeypatch, table, chunk)
    with pytest.raises(SchemaError, match=r"is not finished; run again: newsletter db move"):
        schema.prepare(across.target(), NOW)
    assert across.why("from") is None
    found = across.move()
    assert everything(across.target()) == everything(across.source())
    assert found.again == ()
    assert found.copied < sum(part.rows for part in found.tables) or table == FILLED[0]
    assert across.why("to") is None


def test_an_unfinished_move_is_refused_by_an_upgrade_too(pair, monkeypatch):
    move_is_killed(pair, monkeypatch)
    with pytest.raises(SchemaError, match=r"is not finished"):
        schema.refuse_unfinished(pair.target())


def test_what_the_source_did_meanwhile_is_copied_again(across, monkeypatch):
    move_is_killed(across, monkeypatch, "attempt", 1)
    execute(across.source(), LEAVE, insert(subscriber).values(address_hash="new"))
    found = across.move()
    # At its end the subscribers only grew; who refers to them need not be copied again.
    assert found.again == ("subscription",)
    assert everything(across.target()) == everything(across.source())


def test_what_refers_to_changed_rows_is_copied_again_too(across, monkeypatch):
    move_is_killed(across, monkeypatch, "attempt", 1)
    execute(across.source(), update(subscriber).where(subscriber.c.id == 1).values(name="Ada"))
    found = across.move()
    assert set(found.again) == {"subscriber", "subscription", "consent_event"}
    assert everything(across.target()) == everything(across.source())


def test_a_row_that_is_gone_from_the_source_is_gone_from_the_target(across, monkeypatch):
    move_is_killed(across, monkeypatch, "attempt", 1)
    execute(across.source(), delete(metadata.tables["provider_event"]))
    assert across.move().again == ("provider_event",)
    assert everything(across.target()) == everything(across.source())


def flip(pair):
    """Change one byte of the target once everything is copied."""

    def tell(progress):
        if progress.table == "attempt" and progress.done == progress.total:
            execute(pair.target(), update(delivery).where(delivery.c.pos == 4).values(reason=AWKWARD + "!"))

    return tell


def test_a_byte_that_changed_in_the_target_is_found(across):
    with pytest.raises(StoreError, match=r"delivery in .* is not what was copied there; run"):
        across.move(tell=flip(across))
    assert across.why("from") is None
    assert across.move().again == ("delivery",)
    assert everything(across.target()) == everything(across.source())


def test_if_both_sides_were_not_compared_a_changed_byte_would_be_missed(across, monkeypatch):
    monkeypatch.setattr(moving, "differing", lambda *_: [])
    with pytest.raises(pytest.fail.Exception):
        test_a_byte_that_changed_in_the_target_is_found(across)


def test_a_kill_before_the_source_is_marked_is_mended(pair, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(moved, "mark", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            pair.move()
    assert pair.why("from") is None
    assert "is missing" in pair.why("to")
    before = everything(pair.target())
    assert pair.move().copied == 0
    assert everything(pair.target()) == before
    assert "was moved to" in pair.why("from")
    assert pair.why("to") is None


def test_a_kill_before_the_last_call_is_named_is_mended(pair, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Lineage, "lay", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            pair.move()
    assert "was moved to" in pair.why("from")
    assert "is missing" in pair.why("to")
    assert pair.move().copied == 0
    assert pair.why("to") is None


def test_a_target_that_went_on_is_not_taken_for_a_copy(pair, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(moved, "mark", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            pair.move()
    execute(pair.target(), LEAVE)
    with pytest.raises(Refused, match=r"is not empty"):
        pair.move()
    assert pair.why("from") is None


def test_a_move_is_done_once(pair, tmp_path):
    pair.move()
    with pytest.raises(Refused, match=r"was moved to .* already; write its url under"):
        pair.move()
    with closing(Database(f"sqlite:///{tmp_path}/third.db")) as third:
        with pytest.raises(Refused, match=r"was moved to .* already"):
            pair.move(target=third)
    assert not (tmp_path / "third.db").exists()


def test_a_database_that_was_moved_takes_nothing_back(pair):
    pair.move()
    with pytest.raises(Refused, match=r"is not empty"):
        pair.move(
            source=pair.target(), target=pair.source(),
            source_file=pair.folder / "to.last-call", target_file=pair.folder / "from.last-call",
        )  # fmt: skip
    assert pair.why("to") is None


def leaving_meanwhile(pair):
    """Let somebody press unsubscribe at the old place while everything is copied."""
    leaves = Meanwhile(lambda: execute(pair.source(), LEAVE))

    def tell(progress):
        if progress.table == "subscription" and progress.stage is Stage.COPYING and not leaves.ident:
            leaves.start()
            leaves.join(0.2)

    pair.move(tell=tell)
    leaves.join(10)
    return leaves


def test_nobody_leaves_at_the_old_place_unheard(pair, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_MS", 300)
    leaves = leaving_meanwhile(pair)
    assert isinstance(leaves.error, StoreError), "what was written there is lost"
    with pytest.raises(StoreError, match=r"it was moved to .*; check .database. url") as caught:
        execute(pair.source(), LEAVE)
    assert str(caught.value).count("\n") == 0
    assert everything(pair.target()) == everything(pair.source())


@pytest.mark.parametrize("kind", ["postgres-sqlite"])
def test_if_the_old_place_were_not_closed_somebody_would_be_lost(request, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(moved, "_CLOSED", ())
    with pair_of(kind, request, tmp_path) as pair, pytest.raises(AssertionError, match=r"is lost"):
        test_nobody_leaves_at_the_old_place_unheard(pair.fill(), monkeypatch)


def test_an_adopted_database_is_open_again(pair):
    pair.move()
    source = pair.source()
    pair.lineage(source, "from").adopt(NOW)
    assert pair.why("from") is None
    execute(source, LEAVE)
    with source.reading() as tx:
        assert moved.moved_to(tx) == ""


def test_a_database_is_moved_again_after_it_was_adopted(pair, tmp_path):
    pair.move()
    pair.lineage(pair.source(), "from").adopt(NOW)
    with closing(Database(f"sqlite:///{tmp_path}/third.db")) as third:
        pair.move(target=third, target_file=tmp_path / "third.last-call")
        assert everything(third) == everything(pair.source())


def test_a_copy_is_not_moved(pair):
    (pair.folder / "from.last-call").unlink()
    with pytest.raises(Refused, match=r"is missing.*newsletter db adopt"):
        pair.move()
    assert moving.look_at(pair.target()).state is moving.State.EMPTY


def test_a_source_that_is_sent_from_is_refused(at_files):
    with sender_lock(at_files.source().file), pytest.raises(Refused, match=r"newsletter run. is sending"):
        at_files.move()
    assert not at_files.target().file.exists()


@pytest.mark.parametrize("kind", ["postgres-sqlite"])
def test_a_call_under_way_from_a_server_is_refused(request, tmp_path, kind):
    with pair_of(kind, request, tmp_path) as pair:
        pair.fill()
        lease = update(batch).where(batch.c.state == "sending")
        execute(pair.source(), lease.values(lease_until=NOW + timedelta(minutes=2)))
        with pytest.raises(Refused, match=r"calls are under way .* until 09:02:00Z"):
            pair.move()
        assert not pair.target().file.exists()
        pair.clock.advance_to(NOW + timedelta(minutes=2))
        assert pair.move().copied


@pytest.mark.parametrize("version", ["0002", "9999"])
def test_a_target_of_another_schema_is_refused(pair, version):
    fill(pair.target())
    execute(pair.target(), text(f"UPDATE alembic_version SET version_num = '{version}'"))
    before = everything(pair.target())
    with pytest.raises(Refused, match=r"is not empty; name a new, empty database as TO"):
        pair.move()
    assert everything(pair.target()) == before


@pytest.mark.parametrize("version", ["0002", "9999"])
def test_a_source_of_another_schema_is_refused(pair, version):
    execute(pair.source(), text(f"UPDATE alembic_version SET version_num = '{version}'"))
    with pytest.raises(SchemaError, match=r"db upgrade|newer version"):
        pair.move()
    assert moving.look_at(pair.target()).state is moving.State.EMPTY


def test_another_deployment_is_refused(pair):
    fill(pair.target())
    before = everything(pair.target())
    with pytest.raises(Refused, match=r"is not empty"):
        pair.move()
    assert everything(pair.target()) == before


def test_an_unfinished_move_of_another_deployment_is_refused(pair, monkeypatch, tmp_path):
    move_is_killed(pair, monkeypatch)
    with closing(Database(f"sqlite:///{tmp_path}/other.db")) as other:
        fill(other)
        with pytest.raises(Refused, match=r"holds an unfinished move of another database"):
            pair.move(source=other, source_file=None)
    pair.move()
    assert everything(pair.target()) == everything(pair.source())


def test_tables_of_something_else_are_refused(pair):
    execute(pair.target(), text("CREATE TABLE orders (id INTEGER)"))
    with pytest.raises(Refused, match=r"is not empty"):
        pair.move()


def test_a_file_of_something_else_is_not_even_opened(at_files):
    file = at_files.target().file
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE orders (id INTEGER)")
        other.commit()
    before = file.read_bytes()
    with pytest.raises(Refused, match=r"is not empty"):
        at_files.move()
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(Refused, match=r"is not empty"):
        at_files.move()
    assert len(before) > len(file.read_bytes())


def test_the_same_database_twice_is_refused(pair):
    with pytest.raises(Refused, match=r"FROM and TO are the same database"):
        pair.move(target=pair.source())


def test_the_same_file_by_another_name_is_refused(at_files, tmp_path):
    file = at_files.source().file
    (tmp_path / "soft.db").symlink_to(file)
    (tmp_path / "hard.db").hardlink_to(file)
    for name in ("soft.db", "hard.db"):
        with closing(Database(f"sqlite:///{tmp_path}/{name}")) as same:
            with pytest.raises(Refused, match=r"the same database"):
                at_files.move(target=same)


@pytest.mark.parametrize("kind", ["postgres-postgres"])
def test_the_same_server_by_another_name_is_refused(request, tmp_path, kind):
    with pair_of(kind, request, tmp_path) as pair:
        pair.fill()
        with closing(Database(pair.source_url.replace("127.0.0.1", "localhost"))) as same:
            with pytest.raises(Refused, match=r"is not empty"):
                pair.move(target=same)
        assert pair.why("from") is None


def test_a_source_that_is_not_there_is_refused_and_not_made(request, tmp_path):
    with pair_of("sqlite-sqlite", request, tmp_path) as pair:
        with pytest.raises(SchemaError, match=r"there is nothing in .*from.db; check FROM"):
            pair.move()
        assert list(tmp_path.iterdir()) == []


def test_a_database_in_memory_is_refused(at_files):
    with closing(Database("sqlite://")) as memory, pytest.raises(Refused, match=r"in memory"):
        at_files.move(target=memory)


def test_a_disk_without_room_is_refused(at_files, monkeypatch):
    monkeypatch.setattr(Database, "free_bytes", lambda _self: 100)
    with pytest.raises(Refused, match=r"bytes are needed .* and 100 are free; free some disk space"):
        at_files.move()
    assert not at_files.target().file.exists()


def test_looking_changes_nothing(pair):
    before = everything(pair.source())
    found = pair.moving().look()
    sizes = {part.table: (part.rows, part.bytes) for part in found.tables}
    assert sizes["delivery"][0] == PEOPLE
    assert sizes["media"][1] > 256 * 40
    assert everything(pair.source()) == before
    assert moving.look_at(pair.target()).state is moving.State.EMPTY
    assert pair.why("from") is None
    target = pair.target()
    assert target.file is None or not target.file.exists()


def test_a_value_that_the_other_side_does_not_take_is_named_by_its_key(request, tmp_path):
    with pair_of("sqlite-postgres", request, tmp_path) as pair:
        pair.fill()
        execute(pair.source(), update(subscriber).where(subscriber.c.id == 5).values(zone="x" * 61))
        with pytest.raises(
            StoreError, match=r"cannot write subscriber: value too long .*\(id 5, column zone\)"
        ):
            pair.move()
        execute(pair.source(), update(subscriber).where(subscriber.c.id == 5).values(zone="a\0b"))
        with pytest.raises(StoreError, match=r"cannot write subscriber: .*NUL"):
            pair.move()
        execute(pair.source(), update(subscriber).where(subscriber.c.id == 5).values(zone=""))
        pair.move()
        assert everything(pair.target()) == everything(pair.source())


def test_the_same_rows_have_the_same_hash_however_they_were_written(across):
    with across.source().writing() as tx:
        if across.source().is_sqlite:
            tx.execute(text("UPDATE series SET paused_at = '2026-12-01T11:00:00.5+02:00'"))
        else:
            tx.execute(text("UPDATE series SET paused_at = '2026-12-01 11:00:00.5+02'"))
        tx.execute(text("""UPDATE series SET settings = '{"b": 1,  "a": 2}'"""))
        first = copying.contents(tx, series)
        tx.execute(text("""UPDATE series SET settings = '{"a": 2, "b": 1}'"""))
        assert copying.contents(tx, series) == first
        tx.execute(update(series).values(paused_at=NOW + timedelta(seconds=0.5)))
        assert copying.contents(tx, series) == first
    across.move()
    with across.target().reading() as tx:
        assert copying.contents(tx, series) == first


def test_the_hash_is_the_same_however_a_table_is_cut(database, monkeypatch):
    fill(database)
    found = set()
    for few in (1, 2, 3, 100):
        monkeypatch.setattr(copying, "FEW", few)
        monkeypatch.setattr(copying, "MANY", few)
        with database.reading() as tx:
            found.add(copying.contents(tx, delivery))
    assert len(found) == 1


def test_large_pictures_do_not_fill_the_memory(at_files, monkeypatch):
    monkeypatch.setattr(copying, "FEW", 16)
    monkeypatch.setattr(copying, "MANY", 20_000)
    monkeypatch.setattr(copying, "BYTES", 200_000)
    pictures = [{"name": f"{n:03}", "content_type": "x", "data": b"x" * 1_000_000} for n in range(0, 60, 2)]
    pictures += [{"name": f"{n:03}", "content_type": "x", "data": b"x" * 500} for n in range(1, 60, 2)]
    with at_files.source().writing() as tx:
        tx.execute(insert(media), pictures)
    tracemalloc.start()
    try:
        at_files.move()
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()
