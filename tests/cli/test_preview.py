"""The files of a preview and how the studio is opened, as at a terminal."""

import re
import sys
from pathlib import Path

import pytest
from letter_cast import ARTICLE_FILE, Office, rewrite

from newsletter.cli.context import has_screen


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_two_previews_of_one_letter_are_the_same_to_the_byte(terminal, letter):
    Office(letter).join("ada")
    for folder in ("one", "two"):
        assert terminal("preview", "--out", folder, "--as", "ada@example.org").code == 0
    first = _files(letter / "one")
    assert len(first) == 7
    assert first == _files(letter / "two")
    assert terminal("preview", "--text").out == terminal("preview", "--text").out


def test_a_preview_is_dated_by_the_series_file_and_not_by_the_day_it_is_made(terminal, letter):
    terminal("preview", "--out", "seen")
    dates = [
        re.search(rb"Date: (.*)\r", path.read_bytes())[1] for path in sorted((letter / "seen").glob("*.eml"))
    ]
    assert dates == [b"Tue, 01 Dec 2026 09:00:00 +0000", b"Tue, 08 Dec 2026 09:00:00 +0000"]


def test_a_change_of_words_is_all_that_differs(terminal, letter):
    terminal("preview", "--out", "one")
    rewrite(letter / ARTICLE_FILE, "The neck asks", "A neck asks")
    terminal("preview", "--out", "two")
    one, two = _files(letter / "one"), _files(letter / "two")
    differing = {name for name in one if one[name] != two[name]}
    assert differing == {"back-pain-neck.html", "back-pain-neck.txt", "back-pain-neck.eml"}


def test_a_stranger_is_nobody_to_preview_as(terminal, letter):
    assert "nobody has the address" in terminal.refuses("preview", "--text", "--as", "eva@example.org")


@pytest.mark.parametrize(
    ("is_terminal", "environment", "platform", "seen"),
    [
        (True, {"DISPLAY": ":0"}, "linux", True),
        (True, {"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        (True, {}, "darwin", True),
        (True, {}, "linux", False),
        (True, {"DISPLAY": ":0", "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, "linux", False),
        (False, {"DISPLAY": ":0"}, "linux", False),
    ],
)
def test_a_browser_is_opened_where_somebody_sees_it(monkeypatch, is_terminal, environment, platform, seen):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    assert has_screen() is seen
