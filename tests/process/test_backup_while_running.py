"""A backup while a real process sends: whole, held as a copy, and the send goes on."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from process_cast import ISSUES, PEOPLE, due_letter, free_port, newsletter, run, wait_until

from newsletter.testing.fake_resend import FakeResend

pytestmark = pytest.mark.process
EVERYBODY = ISSUES * PEOPLE
MOMENTS = 3


def settings_of(service, port):
    return {
        "NEWSLETTER_PROVIDER__NAME": "resend",
        "NEWSLETTER_PROVIDER__BASE_URL": service.url,
        "NEWSLETTER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "NEWSLETTER_WEB__PORT": str(port),
        "RESEND_API_KEY": "re_test",
    }


def read(file, statement):
    with closing(sqlite3.connect(file)) as copy:
        return copy.execute(statement).fetchall()


def test_a_backup_during_a_send_is_whole_and_held_and_the_send_goes_on(tmp_path):
    root = due_letter(tmp_path / "letter")
    with FakeResend(latency=0.3) as service:
        settings = settings_of(service, free_port())
        with newsletter(root, "run", **settings) as process:
            names: list[str] = []
            assert wait_until(lambda: len(service.accepted) > 0, process)
            while (before := len(service.accepted)) < EVERYBODY:
                if len(names) < MOMENTS:
                    names.append(f"backup-{before}.db")
                    code, said = run(root, "db", "backup", names[-1], **settings)
                    assert code == 0, said
                assert wait_until(lambda before=before: len(service.accepted) > before, process), before
                assert process.poll() is None
            assert names
        sent = Counter((mail.message["subject"], mail.message["to"][0]) for mail in service.accepted)
        assert (len(sent), set(sent.values())) == (EVERYBODY, {1})
        for name in names:
            is_whole_and_held(root, name, service, settings)


def is_whole_and_held(root, name, service, settings):
    assert read(root / name, "PRAGMA integrity_check") == [("ok",)]
    assert read(root / name, "SELECT count(*) FROM subscriber") == [(PEOPLE,)]
    assert read(root / name, "SELECT count(*) FROM attempt")[0][0] > 0
    on_copy = settings | {"NEWSLETTER_DATABASE__URL": f"sqlite:///{name}"}
    code, said = run(root, "run", "--once", **on_copy)
    assert code == 1, said
    assert f"{name}.last-call is missing" in said
    assert len(service.accepted) == EVERYBODY


def test_a_backup_of_a_server_is_left_to_its_own_tool(tmp_path, postgres):
    root = due_letter(tmp_path / "letter")
    with postgres.database() as url:
        code, said = run(root, "db", "move", "sqlite:///newsletter.db", url)
        assert code == 0, said
        code, said = run(root, "db", "backup", "backup.db", NEWSLETTER_DATABASE__URL=url)
    assert code == 1
    assert "pg_dump" in said
    assert not (root / "backup.db").exists()
