"""What every test of real processes needs."""

import signal

import pytest

from newsletter.signals import STOPPING


@pytest.fixture(autouse=True)
def heard():
    """Let what is started hear signals as in a terminal; under nohup, or in the background, it would not."""
    # A handler does not outlive `exec`, being ignored does.
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in STOPPING}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
