"""A plan as a calendar, and compared with an earlier one."""

import json

import pytest
from letter_cast import SERIES_FILE, rewrite


@pytest.fixture
def planned(terminal, letter):
    """Give a letter with both issues queued, and its plan in a file."""
    assert terminal("queue", "back-pain").code == 0
    (letter / "monday.json").write_text(terminal("plan", "--json").out)
    return letter


def test_nothing_changed_since_the_plan_of_a_moment_ago(terminal, planned):
    assert terminal("plan", "--diff", "monday.json").out == "nothing changed\n"


def test_what_moved_and_who_joined_since_is_listed(terminal, planned):
    rewrite(planned / SERIES_FILE, '"tuesday"', '"thursday"')
    assert terminal("queue", "back-pain").code == 0
    assert terminal("subscribers", "add", "ada@example.org", "--consent", "asked").code == 0
    lines = terminal("plan", "--diff", "monday.json").out.splitlines()
    first = json.loads((planned / "monday.json").read_text())["slots"][0]
    assert any(first["due_at"][:10] in line and "back-pain/lower-back: slot" in line for line in lines)
    assert "back-pain/neck: recipients 0 → 1" in lines
    said = json.loads(terminal("plan", "--diff", "monday.json", "--json").out)
    assert {"due_at", "recipients"} <= {one["what"] for one in said}


def test_an_issue_that_is_no_longer_queued_is_listed(terminal, planned):
    assert terminal("--yes", "cancel", "back-pain/neck").code == 0
    out = terminal("plan", "--diff", "monday.json").out
    assert out.startswith("back-pain/neck: slot ")
    assert out.endswith("→ none\n")


@pytest.mark.parametrize("text", ["", "[]", '{"slots": [{}]}', '{"slots": [{"target": "a", "due_at": "x"}]}'])
def test_a_file_that_is_no_plan_is_refused(terminal, planned, text):
    (planned / "rubbish.json").write_text(text)
    assert terminal.refuses("plan", "--diff", "rubbish.json") == (
        "rubbish.json: this is no plan; write one with: newsletter plan --json"
    )


def test_a_file_that_is_not_there_is_refused(terminal, planned):
    assert "cannot read none.json" in terminal.refuses("plan", "--diff", "none.json")


def test_a_plan_is_printed_as_a_calendar(terminal, planned):
    out = terminal("plan", "--ics").out
    assert out.startswith("BEGIN:VCALENDAR\r\n")
    assert out.count("BEGIN:VEVENT") == 2
    assert "SUMMARY:back-pain/neck: Neck: small movements\\, gentle hands" in out.replace("\r\n ", "")


def test_a_calendar_goes_with_no_other_form(terminal, planned):
    assert "--ics" in terminal.refuses("plan", "--ics", "--json")
