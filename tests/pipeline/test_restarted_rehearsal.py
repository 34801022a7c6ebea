"""Kill a rehearsal at every commit and every file: one restart leaves one mail for each delivery."""

import shutil
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import pytest
from letter_cast import END, PEOPLE, Office, write_letter

from newsletter.providers import outbox
from newsletter.store.database import Database


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Lightning:
    """Strikes the n-th time it is reached; never with 0."""

    strikes_at: int = 0
    reached: int = 0

    def __call__(self) -> None:
        self.reached += 1
        if self.reached == self.strikes_at:
            raise Killed


class SmallOutbox(outbox.Outbox):
    """An outbox that takes two mails a call."""

    @property
    def capabilities(self):
        return replace(outbox.CAPABILITIES, batch_size=2)


@contextmanager
def under(lightning: Callable[[], None], monkeypatch):
    """Let lightning strike around every commit, and around every file."""
    writing, write = Database.writing, outbox._write

    @contextmanager
    def struck_writing(database, **options):
        with writing(database, **options) as tx:
            yield tx
            lightning()
        lightning()

    def struck_write(file, parts):
        lightning()
        write(file, parts)
        lightning()

    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing", struck_writing)
        patch.setattr(outbox, "_write", struck_write)
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Give the folder of a letter with five subscribers and both issues queued."""
    with closing(Office(write_letter(tmp_path_factory.mktemp("letter")))) as office:
        office.join(*PEOPLE).queue()
    return office.root


def played(root, lightning, monkeypatch, *, restarts: bool) -> list[str]:
    """Play two weeks, struck once and started again; return the mails that there are."""
    with closing(Office(root, provider=SmallOutbox(root / "outbox"))) as office:
        with under(lightning, monkeypatch):
            if restarts:
                with pytest.raises(Killed):
                    office.run(until=END)
            office.run(until=END)
        assert office.states("lower-back") == office.states("neck") == {"accepted": len(PEOPLE)}
    return sorted(
        path.relative_to(root).as_posix() for path in (root / "outbox").rglob("*") if path.is_file()
    )


def test_a_rehearsal_killed_anywhere_leaves_one_file_for_each_delivery(prepared, tmp_path, monkeypatch):
    whole = Lightning()
    expected = played(shutil.copytree(prepared, tmp_path / "0"), whole, monkeypatch, restarts=False)
    assert len(expected) == 2 * len(PEOPLE)
    assert whole.reached > 50
    for point in range(1, whole.reached + 1):
        root = shutil.copytree(prepared, tmp_path / str(point))
        assert played(root, Lightning(point), monkeypatch, restarts=True) == expected, f"killed at {point}"


def test_a_file_that_was_cut_off_is_written_whole_by_the_restart(prepared, tmp_path, monkeypatch):
    root = shutil.copytree(prepared, tmp_path / "letter")

    def cut_off(unfinished, file):
        raise Killed

    with closing(Office(root, provider=SmallOutbox(root / "outbox"))) as office:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(outbox.os, "replace", cut_off)
            office.run(until=END)
        assert list((root / "outbox").rglob("*.eml")) == []
        office.run(until=END)
    assert len(list((root / "outbox").rglob("*.eml"))) == 2 * len(PEOPLE)
    assert list((root / "outbox").rglob(".*")) == []
