"""What the weeks to come look like on a terminal, and what a simulation leaves alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from letter_cast import SERIES_FILE, rewrite

from newsletter.cli import simulating


def table(said) -> list[str]:
    """Return the lines of the weeks, each as its words."""
    assert (said.code, said.err) == (0, "")
    return [" ".join(line.split()) for line in said.out.splitlines()[1:-1]]


def last_line(said) -> str:
    return said.out.splitlines()[-1]


@pytest.fixture
def soon(letter, queued):
    """Give an office whose two issues come in the first two of the weeks to come."""
    queued.cancel("back-pain")
    rewrite(letter / SERIES_FILE, "starts = 2026-12-01", f"starts = {datetime.now(UTC).date()}")
    queued.queue()
    return queued


def test_each_week_is_shown_with_what_goes_out_and_weeks_without_anything_say_so(terminal, soon):
    said = terminal("simulate", "--weeks", "3")
    first, second, third = table(said)
    assert first.startswith("1 back-pain/lower-back Tue ")
    assert second.startswith("2 back-pain/neck Tue ")
    assert first.endswith("Z 2")
    assert third.startswith("3 nothing goes out ")
    assert last_line(said) == (
        "simulated on a copy: 4 mails in 2 of 3 weeks, to 2 people; nothing was sent, no row was changed"
    )


def test_json_has_what_the_eye_sees(terminal, soon):
    soon.leave("ben")
    found = json.loads(terminal("simulate", "--weeks", "3", "--json").out)
    assert (found["mails"], found["people"], len(found["weeks"])) == (2, 1, 3)
    [slot] = found["weeks"][1]["slots"]
    assert slot["issues"] == [{"target": "back-pain/neck", "recipients": 1, "waiting": 0}]
    assert (slot["left_out"], slot["held"], slot["is_paused"]) == ({"unsubscribed": 1}, "", False)
    assert slot["zone"] == "Europe/London"
    assert slot["due_at"].endswith("+00:00")


def test_who_is_left_out_is_counted(terminal, soon):
    soon.leave("ben")
    first, *_ = table(terminal("simulate"))
    assert first.endswith("Z 1 not for 1 unsubscribed")


def test_a_paused_series_waits_and_says_how_it_goes_on(terminal, soon):
    terminal("pause", "back-pain")
    said = terminal("simulate", "--weeks", "1")
    assert "0 2 wait; paused; let it go on with: newsletter resume back-pain" in table(said)[0]
    assert "no mail in 1 week;" in last_line(said)


def test_a_slot_that_is_found_too_late_is_held_with_its_reason(terminal, letter, queued):
    long_ago = datetime.now(UTC) - timedelta(days=10)
    queued.cancel("back-pain")
    rewrite(letter / SERIES_FILE, "starts = 2026-12-01", f"starts = {long_ago.date()}")
    queued.app().queueing.queue(["back-pain"], now=long_ago)
    first, *_ = table(terminal("simulate", "--weeks", "1"))
    assert first.startswith("1 back-pain/lower-back")
    assert "0 held: its slot was found " in first


def test_a_date_without_an_approved_issue_is_named(terminal, soon):
    soon.cancel("back-pain/lower-back")
    first, second = table(terminal("simulate", "--weeks", "2"))
    assert first.startswith("1 back-pain Tue ")
    assert first.endswith("0 no approved issue, nothing is sent")
    assert second.startswith("2 back-pain/neck")


def test_an_hour_of_each_zone_is_one_line_and_everybody_gets_it_once(terminal, letter, soon):
    rewrite(letter / SERIES_FILE, "starts =", "subscriber_zone = true\nstarts =")
    app = soon.app()
    app.enrolling.add("kiri@example.org", "Kiri", "Pacific/Kiritimati", None, "asked at reception")
    app.enrolling.add("nora@example.org", "Nora", "America/New_York", None, "asked at reception")
    soon.queue()
    said = terminal("simulate", "--weeks", "4")
    assert "09:00 each zone" in said.out
    assert "8 mails in 2 of 4 weeks, to 4 people" in last_line(said)


def test_a_sequence_shows_each_issue_that_somebody_is_sent(terminal, letter, soon):
    soon.cancel("back-pain")
    rewrite(letter / SERIES_FILE, 'title = "Back pain"', 'title = "Back pain"\nmode = "sequence"')
    soon.queue()
    first, second, third = table(terminal("simulate", "--weeks", "3"))
    assert first.startswith("1 back-pain/lower-back")
    assert second.startswith("2 back-pain/neck")
    assert third.startswith("3 back-pain Tue ")
    assert third.endswith("0 not for 2 finished")


def test_mails_are_kept_where_a_folder_is_named_and_nowhere_else(terminal, letter, soon):
    assert terminal("simulate").code == 0
    assert list(letter.rglob("*.eml")) == []
    said = terminal("simulate", "--out", "weeks")
    assert "the mails are in weeks" in said.out
    assert len(list((letter / "weeks").rglob("*.eml"))) == 4
    assert list(letter.rglob("*.eml")) == list((letter / "weeks").rglob("*.eml"))


@pytest.mark.parametrize("folder", ["taken", "taken/weeks", "/proc/weeks"])
def test_a_folder_that_cannot_be_used_is_refused_before_anything_is_done(terminal, letter, folder):
    (letter / "taken").write_text("a file")
    said = terminal.refuses("simulate", "--out", folder)
    assert said.endswith("; choose another --out")
    assert not (letter / "newsletter.db").exists()


@pytest.mark.parametrize("weeks", ["0", "105", "many"])
def test_weeks_that_nobody_plays_are_wrong_usage(terminal, weeks):
    assert terminal("simulate", "--weeks", weeks).code == 2


def test_a_letter_without_a_queue_says_that_nothing_goes_out(terminal, letter):
    said = terminal("simulate", "--weeks", "2")
    assert said.out.count("nothing goes out") == 2
    assert last_line(said) == (
        "simulated on a copy: no mail in 2 weeks; nothing was sent, no row was changed"
    )


def test_long_work_tells_a_log_how_far_it_is(terminal, soon, monkeypatch):
    monkeypatch.setattr(simulating, "_EVERY", 0.0)
    assert terminal("simulate", "--weeks", "2").err.splitlines() == [
        "1 of 2 weeks played",
        "2 of 2 weeks played",
    ]
    assert terminal("-q", "simulate", "--weeks", "2").err == ""
