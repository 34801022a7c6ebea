"""The commands for what waits for a person: status, resolve, db adopt."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from letter_cast import SERVICE, UNKNOWN, Service

from newsletter.domain.provider import Recovery


def after_the_first(office):
    return office.app().queueing.rows()[0].due_at + timedelta(hours=1)


@pytest.fixture
def doubtful(letter, queued):
    """Give a letter whose first issue was called for two people, without an answer."""
    queued.provider = Service(
        queued.clock, script=[UNKNOWN], capabilities=replace(SERVICE, recovery=Recovery.NONE)
    )
    queued.run(until=after_the_first(queued))
    return queued


def test_status_names_the_command_that_settles_an_unknown_outcome(doubtful, terminal):
    said = terminal("status", "--check")
    assert said.code == 3
    assert "the outcome for 2 recipients is unknown" in said.out
    assert "newsletter resolve back-pain/lower-back" in said.out


def test_resolve_lists_whom_it_is_about_and_changes_nothing(doubtful, terminal):
    said = terminal("resolve", "back-pain/lower-back")
    assert said.code == 0
    assert "ada@example.org" in said.out
    assert "--mark-sent or --send-again" in said.out
    assert doubtful.states()["unknown"] == 2


def test_resolve_as_json_is_a_list_of_recipients(doubtful, terminal):
    rows = json.loads(terminal("resolve", "back-pain", "--json").out)
    assert [(row["issue"], row["address"]) for row in rows] == [
        ("lower-back", "ada@example.org"),
        ("lower-back", "ben@example.org"),
    ]


def test_a_dry_run_settles_nothing(doubtful, terminal):
    said = terminal("resolve", "back-pain", "--mark-sent", "--dry-run")
    assert "nothing was changed" in said.out
    assert doubtful.states()["unknown"] == 2


def test_without_a_terminal_resolve_asks_nobody_and_refuses(doubtful, terminal):
    assert "Nobody is there to answer" in terminal.refuses("resolve", "back-pain", "--mark-sent")


@pytest.mark.parametrize(("option", "state"), [("--mark-sent", "accepted"), ("--send-again", "planned")])
def test_resolve_settles_what_it_is_told(doubtful, terminal, option, state):
    assert terminal("-y", "resolve", "back-pain", option).code == 0
    assert doubtful.states()[state] == 2


def test_contradicting_options_are_refused(doubtful, terminal):
    said = terminal.refuses("resolve", "back-pain", "--mark-sent", "--send-again")
    assert "contradict" in said


def test_nothing_unknown_is_said(queued, terminal):
    assert "no outcome of back-pain is unknown" in terminal("resolve", "back-pain").out


def test_a_database_that_sent_last_needs_no_adopting(queued, terminal):
    assert "nothing to do" in terminal("db", "adopt").out


def test_a_restored_backup_is_held_until_it_is_adopted(letter, queued, terminal, monkeypatch):
    backup = letter / "backup.db"
    assert terminal("db", "backup", str(backup)).code == 0
    queued.connect()
    queued.run(until=after_the_first(queued))
    queued.close()
    for name in ("newsletter.db", "newsletter.db-wal", "newsletter.db-shm"):
        (letter / name).unlink(missing_ok=True)
    shutil.copyfile(backup, letter / "newsletter.db")
    monkeypatch.setenv("NEWSLETTER_PROVIDER__NAME", "resend")
    monkeypatch.setenv("RESEND_API_KEY", "re_" + "x" * 20)
    said = terminal("status", "--check")
    assert said.code == 3
    assert "newsletter db adopt" in said.out
    assert "nothing is sent" in terminal.refuses("run", "--once")
    assert terminal("-y", "db", "adopt").code == 0
    assert "db adopt" not in terminal("status").out


def test_a_plan_says_how_long_a_send_takes_at_the_pace_of_the_account(letter, queued, terminal, monkeypatch):
    monkeypatch.setenv("NEWSLETTER_PROVIDER__NAME", "resend")
    monkeypatch.setenv("RESEND_API_KEY", "re_" + "x" * 20)
    monkeypatch.setenv("NEWSLETTER_PROVIDER__PER_DAY", "1")
    assert "takes " in terminal("plan").out
    (first, *_) = json.loads(terminal("plan", "--json").out)["slots"]
    assert 0 < first["length"] <= timedelta(days=1).total_seconds()


@pytest.fixture
def searching(letter, queued):
    """Give a letter with two recipients whose outcome the provider's key will tell."""
    queued.provider = Service(queued.clock, script=[replace(UNKNOWN, retry_after=timedelta(hours=9))])
    queued.run(until=after_the_first(queued))
    return queued


def test_what_is_still_being_found_out_is_left_alone(searching, terminal):
    said = terminal("-y", "resolve", "back-pain", "--send-again")
    assert "left alone: 2 recipients that will be looked into again" in said.out
    assert searching.states()["unknown"] == 2


def test_unless_a_person_wants_all_of_it_settled(searching, terminal):
    said = terminal("-y", "resolve", "back-pain", "--mark-sent", "--all")
    assert "2 recipients of back-pain: marked as sent" in said.out
    assert searching.states()["unknown"] == 0
