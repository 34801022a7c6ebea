import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.web.watching import Changes


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Changes, Path]]:
    folder = tmp_path / "content"
    (folder / "articles").mkdir(parents=True)
    (folder / "articles" / "back.md").write_text("old")
    with Changes([folder, tmp_path / "templates", tmp_path / "newsletter.toml"]) as changes:
        yield changes, tmp_path


def test_a_saved_file_is_noticed_within_a_second(watched: tuple[Changes, Path]) -> None:
    changes, root = watched
    before = changes.version
    (root / "content/articles/back.md").write_text("new")
    assert changes.wait(before, timeout=1) > before


def test_a_file_that_is_replaced_is_noticed_every_time(watched: tuple[Changes, Path]) -> None:
    changes, root = watched
    for text in ("one", "two", "three"):
        before = changes.version
        (root / "new").write_text(text)
        (root / "new").replace(root / "content/articles/back.md")
        assert changes.wait(before, timeout=2) > before


def test_a_folder_that_comes_later_is_watched(watched: tuple[Changes, Path]) -> None:
    changes, root = watched
    before = changes.version
    (root / "templates").mkdir()
    after = changes.wait(before, timeout=2)
    assert after > before
    (root / "templates/email.mjml.j2").write_text("new")
    assert changes.wait(after, timeout=2) > after


def test_a_folder_that_is_removed_and_made_again_is_watched(watched: tuple[Changes, Path]) -> None:
    changes, root = watched
    before = changes.version
    shutil.rmtree(root / "content")
    (root / "content").mkdir()
    assert _settles(changes, before) > before
    before = changes.version
    (root / "content/new.md").write_text("new")
    assert changes.wait(before, timeout=2) > before


def test_a_settings_file_is_noticed(watched: tuple[Changes, Path]) -> None:
    changes, root = watched
    before = changes.version
    (root / "newsletter.toml").write_text("name = 'x'")
    assert changes.wait(before, timeout=2) > before


def test_other_files_are_nobodys_business(watched: tuple[Changes, Path]) -> None:
    changes, root = watched
    before = changes.version
    (root / "newsletter.db").write_text("busy")
    assert changes.wait(before, timeout=0.4) == before


def test_stopping_lets_everyone_who_waits_go(tmp_path: Path) -> None:
    changes = Changes([tmp_path])
    changes.start()
    changes.stop()
    assert changes.wait(changes.version, timeout=60) == changes.version


def test_nothing_to_watch_is_no_error(tmp_path: Path) -> None:
    with Changes([tmp_path / "none"]) as changes:
        before = changes.version
        (tmp_path / "none").mkdir()
        assert changes.wait(before, timeout=2) > before


def test_where_watching_fails_it_polls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from newsletter.web import watching

    def limited(*paths: Path, force_polling: bool | None = None, **options: object) -> object:
        if not force_polling:
            raise OSError("OS file watch limit reached")
        return working(*paths, force_polling=True, **options)

    working = watching.watch
    monkeypatch.setattr(watching, "watch", limited)
    with Changes([tmp_path]) as changes:
        before = changes.version
        (tmp_path / "new.md").write_text("new")
        assert changes.wait(before, timeout=3) > before


def _settles(changes: Changes, since: int) -> int:
    # Several changes in a row: wait until none has come for a while.
    while (now := changes.wait(since, timeout=0.4)) != since:
        since = now
    return since
