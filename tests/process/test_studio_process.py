"""`newsletter preview` as a process: it opens the issue that was named, and ends in order."""

import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from letter_cast import write_letter
from process_cast import newsletter

pytestmark = pytest.mark.process


def test_the_studio_opens_on_an_issue_for_this_machine_alone_and_ends_in_order(tmp_path: Path) -> None:
    write_letter(tmp_path)
    with newsletter(tmp_path, "preview", "neck", "--port", "0", PYTHONUNBUFFERED="1") as process:
        said = process.stdout.readline()
        url = re.search(r"http://\S+(?=;)", said)[0]
        assert urlsplit(url).hostname == "127.0.0.1"
        assert 'data-target="back-pain/neck" aria-current="page"' in httpx.get(url).text
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert not list(tmp_path.glob("newsletter.db*"))
