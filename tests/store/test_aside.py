import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from newsletter.domain.provider import Answer, Outcome
from newsletter.errors import StoreError
from newsletter.store import aside as aside_module
from newsletter.store.aside import ROOM, Aside, Kept

NOW = datetime(2026, 12, 1, 9, 0, 0, 123456, tzinfo=UTC)
ACCEPTED = Answer(Outcome.ACCEPTED)
#: Nothing in it is as it would be by itself.
FULL = Answer(
    Outcome.DEFERRED,
    "zu schnell: \u2028 line\nand\0zero \ud800",
    ids={0: "id-0", 12: "<id-12@example.org>"},
    rejected={7: "no such box"},
    retry_after=timedelta(seconds=90, microseconds=1),
    status=429,
    request_id="req-1",
)

KEEP = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from newsletter.domain.provider import Answer, Outcome
from newsletter.store.aside import Aside
aside = Aside(Path(sys.argv[1]))
for number in range(1_000_000):
    aside.keep(number, 1, 0, Answer(Outcome.ACCEPTED, "x" * 300), datetime(2026, 12, 1, tzinfo=UTC), (0,))
    print(number, flush=True)
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "newsletter.db.outcomes.jsonl"


@pytest.fixture
def aside(file):
    aside = Aside(file)
    aside.reserve()
    return aside


def keep(aside, batch_id, answer=ACCEPTED, positions=(0, 1)):
    aside.keep(batch_id, 3, 1, answer, NOW, positions)


def batches(aside):
    return [kept.batch_id for kept in aside.waiting()]


def refusing(number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    return refuse


def cut_after(monkeypatch, count):
    """Let a process die after so many bytes of its next write."""
    write = os.pwrite

    def cut(handle, data, at):
        write(handle, data[:count], at)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "pwrite", cut)


def test_an_outcome_comes_back_as_it_was_kept(aside):
    aside.keep(7, 3, 1, FULL, NOW, [0, 7, 12])
    assert aside.waiting() == [Kept(7, 3, 1, FULL, NOW, (0, 7, 12))]


def test_every_field_of_an_answer_is_kept(aside):
    aside.keep(7, 3, 1, FULL, NOW, [0])
    plain = Answer(Outcome.ACCEPTED)
    for field in fields(Answer):
        assert getattr(FULL, field.name) != getattr(plain, field.name), "the sample shows every field"
        found = getattr(aside.waiting()[0].answer, field.name)
        assert found == getattr(FULL, field.name)
        assert type(found) is type(getattr(FULL, field.name))


def test_no_wait_and_a_wait_of_nothing_are_told_apart(aside):
    keep(aside, 1, Answer(Outcome.DEFERRED, retry_after=timedelta()))
    keep(aside, 2, Answer(Outcome.DEFERRED))
    assert [kept.answer.retry_after for kept in aside.waiting()] == [timedelta(), None]


def test_a_mapping_of_any_kind_is_kept(aside):
    keep(aside, 1, Answer(Outcome.ACCEPTED, ids=MappingProxyType({4: "id-4"})))
    assert aside.waiting()[0].answer.ids == {4: "id-4"}


def test_what_is_kept_survives_its_process(aside, file):
    keep(aside, 1)
    keep(aside, 2)
    assert batches(Aside(file)) == [1, 2]


def test_nothing_waits_where_nothing_was_kept(aside, tmp_path):
    assert aside.waiting() == []
    assert Aside(tmp_path / "other.jsonl").waiting() == []


def test_an_outcome_is_kept_without_a_reserved_room(file):
    keep(Aside(file), 1)
    assert batches(Aside(file)) == [1]


def test_the_room_is_real_and_only_its_owner_reads_it(aside, file):
    assert file.stat().st_size == ROOM
    assert file.stat().st_blocks * 512 >= ROOM
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_room_is_real_where_the_disk_cannot_set_it_aside(file, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", refusing(aside_module.errno.EOPNOTSUPP))
    Aside(file).reserve()
    assert file.stat().st_blocks * 512 >= ROOM


@pytest.mark.parametrize("can_set_aside", [True, False])
def test_taking_the_room_again_keeps_what_waits(file, monkeypatch, can_set_aside):
    if not can_set_aside:
        monkeypatch.setattr(os, "posix_fallocate", refusing(aside_module.errno.EINVAL))
    aside = Aside(file)
    keep(aside, 1)
    aside.reserve()
    keep(aside, 2)
    aside.reserve()
    assert batches(aside) == [1, 2]


def test_what_was_recorded_is_forgotten_and_the_rest_stays(aside):
    keep(aside, 1)
    keep(aside, 2)
    recorded = aside.waiting()[:1]
    keep(aside, 3)
    aside.forget(recorded)
    assert batches(aside) == [2, 3]


def test_what_two_workers_recorded_is_forgotten_once(aside):
    keep(aside, 1)
    recorded = aside.waiting()
    aside.forget(recorded)
    keep(aside, 2)
    aside.forget(recorded)
    assert batches(aside) == [2]


def test_an_answer_with_every_field_is_found_again_to_be_forgotten(aside):
    keep(aside, 1, FULL)
    aside.forget(aside.waiting())
    assert aside.waiting() == []


def test_room_that_was_used_is_used_again(aside, file):
    for _ in range(3):
        for number in range(5):
            keep(aside, number, Answer(Outcome.ACCEPTED, "x" * 40_000))
        aside.forget(aside.waiting())
    assert file.stat().st_size == ROOM


def test_forgetting_nothing_changes_nothing(aside, file):
    keep(aside, 1)
    before = file.read_bytes()
    aside.forget([])
    assert file.read_bytes() == before


def test_threads_keep_side_by_side(file):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: keep(Aside(file), number), range(40)))
    assert sorted(batches(Aside(file))) == list(range(40))


@pytest.mark.parametrize("count", [0, 1, 9, 10, 50, 150])
def test_a_line_that_a_kill_cut_off_is_none_and_the_next_takes_its_place(aside, monkeypatch, count):
    keep(aside, 1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        cut_after(patch, count)
        keep(aside, 2, FULL)
    assert batches(aside) == [1]
    keep(aside, 3)
    assert batches(aside) == [1, 3]


@pytest.mark.parametrize("page", range(16, 700, 66))
def test_a_line_of_which_a_power_cut_left_only_the_end_is_none(aside, file, page):
    keep(aside, 1)
    whole = file.read_bytes()
    keep(aside, 2, Answer(Outcome.ACCEPTED, "y" * 600))
    torn = bytearray(file.read_bytes())
    start = whole.index(b"\0")
    torn[start : start + page] = bytes(page)
    file.write_bytes(torn)
    assert batches(aside) == [1]
    # Lines of many lengths end just before what was left behind.
    for number in range(3, 9):
        keep(aside, number, Answer(Outcome.ACCEPTED, "z" * (page % 40)))
        assert batches(aside) == [1, *range(3, number + 1)]


@pytest.mark.parametrize("writes", range(4))
def test_a_kill_while_forgetting_loses_nothing_that_was_not_recorded(aside, monkeypatch, writes):
    for number in range(4):
        keep(aside, number)
    recorded = [kept for kept in aside.waiting() if kept.batch_id != 2]
    left, write = iter(range(writes)), os.pwrite

    def killed(handle, data, at):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return write(handle, data, at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", killed)
        try:
            aside.forget(recorded)
        except KeyboardInterrupt:
            assert writes < 3
    assert 2 in batches(aside)
    aside.forget(recorded)
    assert batches(aside) == [2]


@pytest.mark.parametrize("count", [0, 1, 100, 200, 400])
def test_a_kill_while_the_room_is_freed_repeats_nothing_and_spoils_nothing(aside, monkeypatch, count):
    keep(aside, 1)
    keep(aside, 2)
    recorded, write = aside.waiting(), os.pwrite

    def cut(handle, data, at):
        if len(data) == 1:
            return write(handle, data, at)
        write(handle, data[:count], at)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "pwrite", cut)
        aside.forget(recorded)
    assert aside.waiting() == []
    keep(aside, 3)
    assert batches(aside) == [3]


def test_a_damaged_line_does_not_hide_the_others(aside, file):
    for number in (1, 2, 3):
        keep(aside, number)
    lines = file.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"batch_id": 2', b'"batch_id": 9')
    file.write_bytes(b"".join(lines))
    assert batches(aside) == [1, 3]


def test_without_its_sum_a_damaged_line_would_be_believed(aside, file, monkeypatch):
    monkeypatch.setattr(aside_module, "_sum_of", lambda _: b"00000000 ")
    with pytest.raises(AssertionError):
        test_a_damaged_line_does_not_hide_the_others(aside, file)


def test_lines_of_another_version_are_refused_and_not_dropped(aside, file, monkeypatch):
    keep(aside, 1)
    monkeypatch.setattr(aside_module, "_sum_of", lambda _: b"00000000 ")
    file.write_bytes(b'+00000000 {"batch_id": 1, "mood": "good"}\n')
    with pytest.raises(StoreError, match=r"cannot understand an outcome in .*; start the version"):
        aside.waiting()


def test_what_the_disk_refuses_is_told_in_one_sentence(aside, monkeypatch):
    monkeypatch.setattr(os, "fsync", refusing(aside_module.errno.EIO))
    with pytest.raises(StoreError, match=r"outcomes\.jsonl: Input/output error; make it") as caught:
        keep(aside, 1)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(StoreError, match="cannot read"):
        Aside(tmp_path).waiting()


@pytest.fixture
def small_disk(tmp_path):
    """Give a disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk):
    with (disk / "full").open("wb", buffering=0) as other, pytest.raises(OSError, match="No space left"):
        while True:
            other.write(bytes(4096))


def test_an_outcome_is_kept_on_a_full_disk(small_disk):
    aside = Aside(small_disk / "outcomes.jsonl")
    aside.reserve()
    fill(small_disk)
    for number in range(200):
        keep(aside, number, FULL)
    assert batches(aside) == list(range(200))
    aside.forget(aside.waiting())
    keep(aside, 999)
    assert batches(aside) == [999]


def test_without_its_room_an_outcome_is_lost_on_a_full_disk(small_disk, monkeypatch):
    monkeypatch.setattr(Aside, "reserve", lambda _: None)
    with pytest.raises(StoreError, match="No space left on device; free some disk space"):
        test_an_outcome_is_kept_on_a_full_disk(small_disk)


def test_when_its_room_is_used_up_too_what_came_before_stays(small_disk):
    aside = Aside(small_disk / "outcomes.jsonl")
    aside.reserve()
    fill(small_disk)
    big, kept = Answer(Outcome.ACCEPTED, "x" * 60_000), 0
    with pytest.raises(StoreError, match="free some disk space"):
        while True:
            keep(aside, kept, big)
            kept += 1
    assert batches(aside) == list(range(kept))
    assert kept == ROOM // 60_300
    keep(aside, 77)
    assert batches(aside) == [*range(kept), 77]


def test_a_disk_that_is_full_at_the_start_is_told_at_once(small_disk):
    fill(small_disk)
    with pytest.raises(StoreError, match="No space left on device; free some disk space"):
        Aside(small_disk / "outcomes.jsonl").reserve()


def test_it_grows_beyond_its_room_while_the_disk_lets_it(aside):
    big = Answer(Outcome.ACCEPTED, "x" * 100_000)
    for number in range(5):
        keep(aside, number, big)
    assert batches(aside) == [0, 1, 2, 3, 4]


@pytest.mark.process
def test_a_limit_on_files_cuts_a_line_and_no_other(file):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    command = [sys.executable, "-c", KEEP, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit, timeout=60)
    assert "StoreError: cannot write" in done.stderr
    assert file.stat().st_size == 10_000
    assert batches(Aside(file)) == [int(number) for number in done.stdout.split()]


@pytest.mark.process
def test_a_killed_process_loses_no_line_that_it_had_kept(file):
    command = [sys.executable, "-c", KEEP, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        said = [other.stdout.readline() for _ in range(40)]
        other.send_signal(signal.SIGKILL)
        said += other.stdout.readlines()
    found = batches(Aside(file))
    kept = [int(number) for number in said if number.endswith("\n")]
    assert found[: len(kept)] == kept
    assert len(found) <= len(kept) + 1
    keep(Aside(file), 5)
    assert batches(Aside(file)) == [*found, 5]
