"""How a process that runs for weeks is asked to stop."""

import os
import signal
import sys

import pytest

from newsletter.signals import STOPPING, stop_on_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")


@pytest.mark.parametrize("number", STOPPING)
def test_a_process_is_asked_to_stop(number):
    asked = []
    stop_on_signals(lambda: asked.append("stop"))
    os.kill(os.getpid(), number)
    assert asked == ["stop"]


def test_a_process_under_nohup_outlives_its_terminal():
    asked = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop_on_signals(lambda: asked.append("stop"))
    os.kill(os.getpid(), signal.SIGHUP)
    assert asked == []
