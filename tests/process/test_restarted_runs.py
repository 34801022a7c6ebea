"""Real processes: one kill and one restart finish a send, and what may not send calls nobody."""

import re
import shutil
from collections import Counter

import pytest
from process_cast import ISSUES, PEOPLE, coming_letter, due_letter, free_port, kill_when, mails, run

from newsletter.testing.fake_resend import FakeResend

pytestmark = pytest.mark.process
EVERYBODY = ISSUES * PEOPLE


@pytest.fixture(scope="module")
def coming(tmp_path_factory):
    """Give a letter whose four issues are to come."""
    return coming_letter(tmp_path_factory.mktemp("coming") / "letter")


@pytest.fixture(scope="module")
def due(tmp_path_factory):
    """Give a letter whose four issues are due."""
    return due_letter(tmp_path_factory.mktemp("due") / "letter")


@pytest.fixture
def service():
    """Give a fake Resend."""
    with FakeResend() as fake:
        yield fake


def resend(service, public_url):
    return {
        "NEWSLETTER_PROVIDER__NAME": "resend",
        "NEWSLETTER_PROVIDER__BASE_URL": service.url,
        "NEWSLETTER_PUBLIC_URL": public_url,
        "RESEND_API_KEY": "re_not_to_be_shown",
    }


def address_of(mail):
    return re.search(rb"^To: .*?(\S+@\S+?)>?\r?$", mail.read_bytes(), re.MULTILINE)[1]


@pytest.mark.parametrize("count", [1, 121, 400])
def test_one_restart_finishes_a_played_run_that_was_killed(coming, tmp_path, count):
    root = shutil.copytree(coming, tmp_path / "letter")
    kill_when(root, lambda: len(mails(root)) >= count, "run", "--play", "4")
    assert len(mails(root)) < EVERYBODY
    code, said = run(root, "run", "--play", "4")
    assert code == 0, said
    assert list(Counter(mail.parent.name for mail in mails(root)).values()) == [PEOPLE] * ISSUES
    assert len({(mail.parent.name, address_of(mail)) for mail in mails(root)}) == EVERYBODY
    assert list((root / "outbox").glob("*/.*")) == []


def test_a_pass_for_real_needs_the_way_out_to_answer(due, tmp_path, service):
    root = shutil.copytree(due, tmp_path / "letter")
    code, said = run(root, "run", "--once", **resend(service, f"http://127.0.0.1:{free_port()}"))
    assert (code, len(service.accepted)) == (1, 0)
    assert "public_url" in said
    assert "Traceback" not in said


def test_a_dry_pass_calls_nobody_hides_the_key_and_changes_no_row(due, tmp_path, service):
    root = shutil.copytree(due, tmp_path / "letter")
    before = (root / "newsletter.db").read_bytes()
    settings = resend(service, "https://news.example.org")
    code, said = run(root, "run", "--once", "--dry-run", "--out", "calls", **settings)
    assert code == 0, said
    assert "POST" in said
    assert "re_not_to_be_shown" not in said
    # The later issues wait, for everybody, until the first is settled.
    assert {file.name[6:] for file in (root / "calls").iterdir()} == {"back-pain-lower-back.body"}
    assert len(list((root / "calls").iterdir())) == 2
    assert list(service.requests) == []
    assert (root / "newsletter.db").read_bytes() == before
