"""The demo through a fake, as `make` runs it; of its commands only the fake is real."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from process_cast import environment, free_port

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
#: Takes the place of `newsletter`: notes each command, and its settings; the one called `$FAILS` fails.
STAND_IN = f"""#!/bin/sh
[ "$1" = provider ] && exec {sys.executable} -m newsletter "$@"
echo "$NEWSLETTER_PROVIDER__NAME $NEWSLETTER_PROVIDER__BASE_URL $*" >>commands.txt
case " $* " in *" $FAILS "*) exit 1;; esac
"""


@pytest.fixture
def demo(tmp_path):
    """Run the demo in a folder of its own; give what it came to, and whether its port is free again."""
    command = tmp_path / "bin" / "newsletter"
    command.parent.mkdir()
    command.write_text(STAND_IN)
    command.chmod(0o755)
    port = free_port()

    def make(provider, fails="nothing"):
        made = subprocess.run(
            ["make", "-f", ROOT / "Makefile", "-o", ".venv/.installed", "demo", "BIN=bin",
             f"PROVIDER={provider}", f"PORT={port}"],
            cwd=tmp_path, env=environment(FAILS=fails), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        return made, port

    return make


def is_free(port):
    try:
        with HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler):
            return True
    except OSError:
        return False


def test_the_demo_goes_through_a_fake_which_is_gone_afterwards(demo, tmp_path):
    made, port = demo("mailgun")
    assert made.returncode == 0, made.stdout + made.stderr
    said = (tmp_path / "commands.txt").read_text().splitlines()
    assert f"mailgun http://127.0.0.1:{port} -C demo run --play 4" in said
    assert "the fake mailgun: 0 mails accepted, a preview is in demo/preview/index.html" in made.stdout
    assert is_free(port)


def test_a_demo_that_fails_leaves_no_fake_behind(demo):
    made, port = demo("mailgun", fails="queue")
    assert made.returncode != 0
    assert "mails accepted," not in made.stdout
    assert is_free(port)


def test_a_demo_through_an_unknown_provider_says_so(demo):
    made, _ = demo("mailgum")
    assert made.returncode != 0
    assert "there is no fake of 'mailgum'" in made.stdout


def test_the_demo_without_a_provider_starts_no_fake(demo, tmp_path):
    made, _ = demo("")
    assert made.returncode == 0, made.stderr
    assert "provider fake" not in made.stdout
    assert "  -C demo run --play 4" in (tmp_path / "commands.txt").read_text().splitlines()
