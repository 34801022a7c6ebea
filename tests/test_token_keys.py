"""The keys that sign links: made once, and whole."""

import os
import threading

import pytest

from newsletter.domain.tokens import Grant, Purpose
from newsletter.errors import ConfigError
from newsletter.keys import load_keys

FILE = ".newsletter/token-keys"


def test_keys_are_made_on_first_use_and_kept(tmp_path):
    token = load_keys(tmp_path, {}).sign(Purpose.UNSUBSCRIBE, Grant(1, 1))
    assert load_keys(tmp_path, {}).sign(Purpose.UNSUBSCRIBE, Grant(1, 1)) == token
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_kill_while_they_are_made_leaves_no_half_of_them(tmp_path, monkeypatch):
    def killed(_source, _target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", killed)
    with pytest.raises(KeyboardInterrupt):
        load_keys(tmp_path, {})
    monkeypatch.undo()
    assert load_keys(tmp_path, {})
    assert [one.name for one in (tmp_path / ".newsletter").iterdir()] == ["token-keys"]


def test_processes_that_start_together_have_the_same_keys(tmp_path, monkeypatch):
    link, together = os.link, threading.Barrier(2)

    def linked_at_once(source, target):
        together.wait(10)
        link(source, target)

    monkeypatch.setattr(os, "link", linked_at_once)
    found = []
    threads = [threading.Thread(target=lambda: found.append(load_keys(tmp_path, {}))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (one, other) = [keys.sign(Purpose.UNSUBSCRIBE, Grant(1, 1)) for keys in found]
    assert one == other


def test_keys_that_cannot_be_read_are_refused_in_one_sentence(tmp_path):
    (tmp_path / ".newsletter").mkdir()
    (tmp_path / FILE).write_text("k1:short\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_keys(tmp_path, {})
