"""What every fake over HTTP must do; the fixture `fake` is one that runs, `post_one` sends it one mail.

conftest.py makes the `clock` that a fake is given.
"""

import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from newsletter.errors import ProviderError
from newsletter.testing.fake_http import Fault, Response

#: Spares reading the machine's certificates for every request.
NO_TLS = False
START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


class FakeCases:
    """`post_one` sends one call of `size` mails, `look` reads; `serve` runs a fake for a person."""

    size = 1

    @pytest.mark.parametrize(
        ("fault", "status", "is_accepted"),
        [
            (Fault.ERROR_BEFORE, 500, False),
            (Fault.ERROR_AFTER, 500, True),
            (Fault.RATE_LIMITED, 429, False),
            (Fault.RATE_LIMITED_BARE, 429, False),
            (Fault.BAD_GATEWAY, 502, False),
            (Fault.EMPTY_ANSWER, 200, True),
        ],
    )
    def test_faults_say_what_was_accepted(self, fake, fault, status, is_accepted):
        fake.script.append(fault)
        answer = self.post_one(fake)
        assert (answer.status_code, len(fake.accepted)) == (status, self.size if is_accepted else 0)

    def test_reads_can_be_scripted_too(self, fake):
        fake.reading.extend([Response(503, b""), None])
        assert [self.look(fake).status_code for _ in range(3)] == [503, 200, 200]

    def test_a_port_in_use_is_named(self, fake):
        port = fake.url.rpartition(":")[2]
        with pytest.raises(ProviderError, match=f"cannot listen on port {port}"):
            type(self).serve(int(port), told=lambda _: None)


@contextmanager
def command_running(name, folder, *more):
    """Run `newsletter provider fake NAME`; give its URL."""
    argv = [sys.executable, "-m", "newsletter", "provider", "fake", name, "--port", "0", *more]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            first = process.stdout.readline()
            assert first.lower().startswith(f"fake {name} on http://127.0.0.1:")
            yield first.split(" ")[3].rstrip(";")
        finally:
            process.terminate()
