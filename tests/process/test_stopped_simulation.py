"""A simulation that is stopped with Ctrl-C leaves nothing behind."""

import signal
import subprocess
import sys

import pytest
from process_cast import coming_letter, newsletter, wait_until

pytestmark = pytest.mark.process


def test_ctrl_c_ends_a_simulation_with_one_sentence_and_no_copy_left(tmp_path):
    root = coming_letter(tmp_path / "letter")
    file = root / "content/series/back-pain.toml"
    file.write_text(file.read_text().replace("subscriber_zone = false", "subscriber_zone = true"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with newsletter(root, "queue", "back-pain") as queued:
        queued.communicate(timeout=20)
    with newsletter(root, "simulate", "--weeks", "104", TMPDIR=str(scratch)) as process:
        assert wait_until(lambda: any(scratch.glob("newsletter-*/copy.db-wal")), process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said == "newsletter: the simulation was stopped; nothing was sent, no row was changed\n"
    assert list(scratch.iterdir()) == []


def test_a_command_stopped_while_a_class_is_being_made_still_ends_with_1(tmp_path):
    (tmp_path / "stopped.py").write_text(
        "import os, signal\n"
        "from newsletter import __main__, cli\n"
        "def app(*_, **__): exec('os.kill(os.getpid(), signal.SIGINT); signal.pause()')\n"
        "cli.app = app\n"
        "__main__.main()\n"
    )
    command = [sys.executable, "-m", "stopped"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stderr) == (1, "stopped\n")
