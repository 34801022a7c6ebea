"""explain: why a person got an issue or did not, as a terminal and as JSON says it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from letter_cast import SERIES_FILE, rewrite

from newsletter.domain.why import Why

DOCUMENT = Path(__file__).parents[2] / "docs" / "delivery.md"


def first_slot(office):
    return office.app().queueing.rows()[0].due_at


@pytest.fixture
def sent(queued):
    """Give a letter whose first issue went out, and whose second is still to come."""
    queued.connect()
    queued.run(until=first_slot(queued) + timedelta(hours=1))
    return queued


def test_one_issue_is_one_sentence_and_the_evidence_below_it(sent, terminal):
    said = terminal("explain", "ada@example.org", "lower-back")
    assert (said.code, said.err) == (0, "")
    sentence, *evidence = said.out.splitlines()
    accepted = f"accepted at {first_slot(sent):%Y-%m-%d %H:%M}Z by service"
    assert sentence == (
        f"ada@example.org, back-pain/lower-back: {accepted} under provider id id-ada@example.org"
    )
    whats = [line[21:].split("  ")[0] for line in evidence]
    assert whats == ["confirmed", "due", "released", "called", "provider id"]
    assert len({line.index(line[21:].split("  ")[-1].strip()) for line in evidence}) == 1
    assert "command line: asked at reception" in evidence[0]


@pytest.mark.parametrize("target", [["back-pain"], []])
def test_a_series_is_a_list_of_answers(sent, terminal, target):
    said = terminal("explain", "ada@example.org", *target)
    header, first, second, hint = said.out.splitlines()
    assert header.split() == ["issue", "answer"]
    assert first.startswith("back-pain/lower-back  accepted at ")
    assert second.startswith("back-pain/neck        due at ")
    assert hint.endswith("newsletter explain ada@example.org back-pain/neck")


def test_as_json_every_answer_has_its_evidence(sent, terminal):
    first, second = json.loads(terminal("explain", "ada@example.org", "--json").out)
    assert (first["target"], first["verdict"]) == ("back-pain/lower-back", "accepted")
    assert (second["target"], second["verdict"]) == ("back-pain/neck", "due")
    assert first["sentence"].endswith("under provider id id-ada@example.org")
    assert {tuple(one) for one in first["evidence"]} == {("at", "what", "detail")}


def test_one_answer_as_json_is_a_list_too(sent, terminal):
    (found,) = json.loads(terminal("explain", "ben@example.org", "neck", "--json").out)
    assert found["verdict"] == "due"


def test_who_left_by_a_mail_is_told_when_and_how(sent, terminal):
    sent.leave("ada")
    said = terminal("explain", "ada@example.org", "neck")
    assert ": unsubscribed on " in said.out
    assert "one-click" in said.out


def test_who_came_late_is_told_where_they_join(sent, terminal):
    sent.join("cleo")
    said = terminal("explain", "cleo@example.org", "lower-back")
    assert "after it was released at " in said.out
    assert "; joins at the next slot, back-pain/neck at " in said.out


def test_what_the_outbox_took_was_only_rehearsed(queued, terminal):
    queued.run(until=first_slot(queued) + timedelta(hours=1))
    assert ": only rehearsed, on " in terminal("explain", "ada@example.org", "lower-back").out


def test_an_address_that_nobody_has_is_refused(queued, terminal):
    reason = "no subscriber has the address 'nobody@example.org'; see: newsletter subscribers list"
    assert terminal.refuses("explain", "nobody@example.org") == reason


def test_a_target_that_nothing_has_is_refused_with_the_nearest(queued, terminal):
    assert "did you mean 'back-pain/neck'" in terminal.refuses("explain", "ada@example.org", "back-pain/nek")


def test_who_got_a_test_copy_never_subscribed(queued, terminal):
    terminal("send-test", "neck", "boss@example.com")
    said = terminal("explain", "boss@example.com")
    assert said.out.startswith("boss@example.com, back-pain: never subscribed to back-pain")


def test_a_series_of_which_nothing_is_queued_is_said_to_be_so(letter, terminal):
    terminal("subscribers", "add", "ada@example.org", "--consent", "asked at reception")
    for target in ([], ["back-pain"], ["neck"]):
        said = terminal("explain", "ada@example.org", *target)
        assert said.code == 0
        assert ": not queued; it gets a slot with: newsletter queue back-pain" in said.out


def test_files_that_cannot_be_read_keep_nobody_from_an_answer(letter, queued, terminal):
    rewrite(letter / SERIES_FILE, "[cadence]", "[cadence")
    assert terminal("explain", "ada@example.org", "neck").code == 0
    assert "no series or issue is called 'nope'" in terminal.refuses("explain", "ada@example.org", "nope")


@pytest.mark.parametrize("verdict", Why)
def test_every_verdict_is_in_the_documents(verdict):
    assert f"| `{verdict}` |" in DOCUMENT.read_text(encoding="utf-8")
