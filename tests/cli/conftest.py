"""A letter to type commands in, and what a command says."""

import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from letter_cast import Office, write_letter

from newsletter.cli import run
from newsletter.domain.clock import PlayedClock


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """Types commands in a letter's folder; nobody is there to answer a question."""

    root: Path
    capsys: pytest.CaptureFixture

    def __call__(self, *words: str) -> Said:
        self.capsys.readouterr()
        code = run(words)
        return Said(code, *self.capsys.readouterr())

    def refuses(self, *words: str) -> str:
        """Type a command that fails for a reason; return its one sentence, with the files as they were."""
        before = self.files()
        said = self(*words)
        assert said.code == 1, said
        assert said.err.startswith("newsletter: ")
        assert said.err.count("\n") == 1
        assert "Traceback" not in said.err
        assert "this is a bug" not in said.err
        assert self.files() == before
        return said.err.removeprefix("newsletter: ").rstrip()

    def files(self) -> dict[str, bytes]:
        """Read everything that an editor wrote."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.name.startswith("newsletter.db")
        }


@pytest.fixture
def letter(tmp_path, monkeypatch):
    """Give the folder of the small letter, and work in it."""
    for name in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("RESEND_API_KEY", raising=False)
    monkeypatch.chdir(write_letter(tmp_path))
    return tmp_path


@pytest.fixture
def terminal(letter, capsys):
    """Give a terminal in the small letter."""
    return Terminal(letter, capsys)


@pytest.fixture
def queued(letter):
    """Give an office whose letter has two subscribers and both issues queued for the coming Tuesdays."""
    with closing(Office(letter, PlayedClock(datetime.now(UTC)))) as office:
        office.join("ada", "ben").queue()
        yield office
