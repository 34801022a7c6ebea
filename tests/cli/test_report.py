"""report: what became of an issue, as a terminal, a pipe, CSV and JSON say it."""

import csv
import json
import sys
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter.cli.printing import bar
from newsletter.domain.clicks import SIGNS, Click, Sign
from newsletter.domain.event import Event, EventKind, Reference
from newsletter.domain.report import BOUNCES, Tally
from newsletter.domain.subscriber import Verdict
from newsletter.store import events
from newsletter.store.tables import delivery


@pytest.fixture
def sent(queued):
    """Give a letter whose first issue went out to Ada and Ben."""
    queued.connect()
    queued.run(until=queued.app().queueing.rows()[0].due_at + timedelta(hours=1))
    return queued


def test_an_issue_is_a_table_of_people_and_shares(sent, terminal):
    said = terminal("report", "lower-back")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "back-pain/lower-back: Lower back: where the ache comes from"
    assert "accepted           2       100.0%" in said.out
    assert "unsubscribed       0         0.0%" in said.out
    assert "refused" not in said.out


def test_a_series_is_a_row_for_each_issue(sent, terminal):
    rows = [line.split() for line in terminal("report", "back-pain").out.splitlines()]
    assert rows[0] == [
        "issue", "first", "sent", "accepted", "delivered", "bounced", "complained", "unsubscribed",
    ]  # fmt: skip
    assert rows[1][0] == "back-pain/lower-back"
    assert rows[1][3:] == ["2", "0", "0", "0", "0"]
    assert rows[2] == ["back-pain/neck", "0", "0", "0", "0", "0"]


def test_a_pipe_gets_no_bar(sent, terminal):
    for words in (("report", "back-pain"), ("report", "lower-back")):
        assert "█" not in terminal(*words).out


def test_a_terminal_draws_shares_to_an_eighth_of_a_character(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert [bar(share, 2) for share in (0, 0.0001, 0.5, 0.6, 1, 2)] == ["", "▏", "█", "█▎", "██", "██"]


def test_csv_has_a_line_for_each_issue_and_the_same_columns_always(sent, terminal):
    first, second = csv.DictReader(terminal("report", "back-pain", "--csv").out.splitlines())
    assert (first["issue"], first["accepted"], first["rehearsed"]) == ("back-pain/lower-back", "2", "0")
    assert (second["issue"], second["accepted"], second["first_sent"]) == ("back-pain/neck", "0", "")
    assert {f"left_out_{verdict}" for verdict in Verdict if verdict is not Verdict.DUE} <= set(first)
    assert {f"bounced_{cause or 'without_cause'}" for cause in BOUNCES} <= set(first)


def test_json_has_the_releases_too(sent, terminal):
    found = json.loads(terminal("report", "lower-back", "--json").out)
    assert found["issues"][0]["tally"]["accepted"] == 2
    assert found["releases"][0]["state"] == "settled"


def test_a_rehearsal_says_that_it_was_one(queued, terminal):
    queued.run(until=queued.app().queueing.rows()[0].due_at + timedelta(hours=1))
    said = terminal("report", "lower-back")
    assert "only rehearsed, once: nothing left this machine" in said.out
    assert "only rehearsed" in terminal("report", "back-pain").out


def test_what_is_still_to_come_says_so(queued, terminal):
    assert "nothing of it has been sent" in terminal("report", "neck").out


@pytest.fixture
def clicked(sent):
    """Give the issue with three clicks, one of them a second after its delivery."""
    app = sent.app()
    at = app.clock.now()
    clicks = [(1, at), (1, at + timedelta(hours=2)), (0, at)]
    with app.database.writing() as tx:
        of_ada = (delivery.c.issue_id == 1, delivery.c.pos == 1)
        (batch_id,) = tx.execute(select(delivery.c.batch_id).where(*of_ada)).one()
        tx.execute(update(delivery).where(*of_ada).values(delivered_at=at))
        for number, (pos, moment) in enumerate(clicks):
            found = Event("service", str(number), EventKind.CLICKED, moment, "", click=Click("a", "b"))
            events.add(tx, [(found, Reference("d", batch_id, 0, pos))], at)
    return sent


def test_without_clicks_nothing_speaks_of_them(sent, terminal):
    assert "clicks" not in terminal("report", "lower-back").out
    assert "clicks" not in terminal("report", "back-pain").out


def test_clicks_are_shown_with_the_automatic_ones_beside_them(clicked, terminal):
    lines = [line.split() for line in terminal("report", "lower-back").out.splitlines()]
    for row in (["all", "3", "100.0%"], ["automatic", "1", "33.3%"], ["others", "2", "66.7%"]):
        assert row in lines
    words = f"automatic, {SIGNS[Sign.AT_ONCE]}: 1"
    assert words in terminal("report", "lower-back").out
    head, first, *_ = [line.split() for line in terminal("report", "back-pain").out.splitlines()]
    assert head[-2:] == ["clicks", "automatic"]
    assert first[-2:] == ["3", "1"]


def test_a_terminal_draws_clicks(clicked, terminal, monkeypatch):
    monkeypatch.setattr("newsletter.cli.reporting.bar", lambda share: "#" * round(10 * share))
    shown = [line.split()[-1] for line in terminal("report", "lower-back").out.splitlines() if "#" in line]
    assert shown[-3:] == ["#" * 10, "#" * 3, "#" * 7]


def test_csv_and_json_have_clicks_by_sign(clicked, terminal):
    first, second = csv.DictReader(terminal("report", "back-pain", "--csv").out.splitlines())
    assert (first["clicks"], first["clicks_automatic"], first["clicks_at_once"]) == ("3", "1", "1")
    assert {f"clicks_{sign}" for sign in Sign} <= set(second)
    found = json.loads(terminal("report", "lower-back", "--json").out)
    assert found["issues"][0]["clicks"] == {"raw": 3, "automatic": 1, "signs": {"at_once": 1}}


def test_every_number_and_cause_is_in_the_documents():
    text = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
    for field in fields(Tally):
        assert field.name == "bounces" or f"| `{field.name.replace('_', ' ')}` |" in text
    for cause, words in BOUNCES.items():
        assert f"| `{cause or 'without_cause'}` | {words} |" in text
    for sign, words in SIGNS.items():
        assert f"| `{sign}` | {words} |" in text


def test_two_forms_at_once_are_refused(sent, terminal):
    assert "two forms of one report" in terminal.refuses("report", "neck", "--csv", "--json")


def test_a_target_that_nothing_has_is_refused(queued, terminal):
    assert "no series or issue is called 'knees'" in terminal.refuses("report", "knees")
