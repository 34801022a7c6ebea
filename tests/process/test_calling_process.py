"""The process that makes the calls: it ends with the one that plans them, and its own end repeats nothing."""

import os
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from process_cast import ISSUES, PEOPLE, due_letter, free_port, newsletter, run, wait_until

from newsletter.testing.fake_resend import FakeResend

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc"),
    pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="on one core there is no such process"),
]


@pytest.fixture(scope="module")
def due(tmp_path_factory):
    """Give a letter whose four issues are due."""
    return due_letter(tmp_path_factory.mktemp("due") / "letter")


@pytest.fixture
def root(due, tmp_path):
    """Give a copy of it."""
    return shutil.copytree(due, tmp_path / "letter")


@contextmanager
def sending(root, latency):
    """Run for real over a fake Resend."""
    port = free_port()
    with FakeResend(latency=latency) as service:
        settings = {
            "NEWSLETTER_PROVIDER__NAME": "resend",
            "NEWSLETTER_PROVIDER__BASE_URL": service.url,
            "NEWSLETTER_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "NEWSLETTER_WEB__PORT": str(port),
            "RESEND_API_KEY": "re_not_to_be_shown",
        }
        with newsletter(root, "run", **settings) as process:
            yield process, service, settings


def caller_of(process):
    """Find the process that calls; None where there is none."""
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children = [int(pid) for pid in file.read_text().split()] if file.exists() else []
    return next((pid for pid in children if b"newsletter.calling" in command_of(pid)), None)


def command_of(pid):
    """Read what a process was started with; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_gone(pid):
    """Wait until a process has ended, whoever its parent is by then."""
    ends = time.monotonic() + 60
    while command_of(pid) and time.monotonic() < ends:
        time.sleep(0.01)
    return not command_of(pid)


def once_each(service):
    """Tell whether nobody was sent an issue twice."""
    got = Counter((mail.message["subject"], mail.message["to"][0]) for mail in service.accepted)
    return set(got.values()) == {1}


@pytest.mark.parametrize("stopped_by", [signal.SIGTERM, signal.SIGHUP])
def test_everybody_gets_every_issue_once_and_no_process_is_left(root, stopped_by):
    with sending(root, 0.0) as (process, service, _):
        assert wait_until(lambda: caller_of(process), process)
        caller = caller_of(process)
        assert b"re_not_to_be_shown" not in command_of(caller)
        assert wait_until(lambda: len(service.accepted) == ISSUES * PEOPLE, process)
        # A terminal tells all that it started.
        os.kill(caller, stopped_by)
        process.send_signal(stopped_by)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "stopped; what was claimed is recorded" in said
    assert "has ended" not in said
    assert once_each(service)
    assert is_gone(caller)


def test_a_call_that_ended_with_its_process_is_in_doubt_and_the_others_go_on(root):
    with sending(root, 3.0) as (process, service, settings):
        assert wait_until(lambda: service.requests and caller_of(process), process)
        os.kill(caller_of(process), signal.SIGKILL)
        assert wait_until(lambda: "unknown" in run(root, "status", **settings)[1], process)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert "the process that calls has ended; this one calls from now on" in said
    assert once_each(service)
    assert process.returncode == 0, said


def test_who_calls_is_gone_with_who_plans(root):
    with sending(root, 3.0) as (process, service, _):
        assert wait_until(lambda: service.requests and caller_of(process), process)
        caller = caller_of(process)
        process.kill()
        assert is_gone(caller)
    assert once_each(service)
