"""One person is shown, let go and forgotten at the command line."""

import json
from contextlib import closing

import pytest
from letter_cast import Office
from sqlalchemy import select

from newsletter.store.tables import subscriber, suppression

ADA = "ada@example.org"


@pytest.fixture
def office(letter):
    """Give an office with two people, on the database of the terminal."""
    with closing(Office(letter)) as office:
        yield office.join("ada", "ben")


def test_a_person_is_shown_with_how_they_agreed(office, terminal):
    said = terminal("subscribers", "show", ADA)
    assert said.out.splitlines()[:2] == ["ada@example.org, Ada", "back-pain: active"]
    assert "back-pain confirmed by command line: asked at reception" in said.out
    shown = json.loads(terminal("subscribers", "show", ADA, "--json").out)
    assert shown["subscriptions"] == [{"series": "back-pain", "state": "active", "paused_until": None}]
    assert shown["events"][0]["text"] == "asked at reception"


def test_a_person_is_unsubscribed_and_stays_away(office, terminal):
    assert terminal("subscribers", "unsubscribe", ADA).out == f"{ADA} gets no more of back-pain\n"
    said = terminal.refuses("subscribers", "unsubscribe", ADA)
    assert said == f"{ADA} does not subscribe to any series; see: newsletter subscribers list"
    terminal("subscribers", "add", ADA, "--consent", "on paper")
    assert "unsubscribed" in terminal("subscribers", "show", ADA).out.splitlines()[1]


def test_an_unknown_series_offers_the_nearest(office, terminal):
    said = terminal.refuses("subscribers", "unsubscribe", ADA, "--series", "back-pian")
    assert said == "nobody subscribes to a series 'back-pian'; did you mean 'back-pain'?"


def test_nobody_is_forgotten_without_a_word(office, terminal):
    said = terminal.refuses("subscribers", "forget", ADA)
    assert said == (
        f"Forget {ADA}? It cannot be undone. Nobody is there to answer; add -y before the command to say yes"
    )


def test_a_person_is_forgotten_and_no_list_brings_them_back(office, terminal):
    assert terminal("-y", "subscribers", "forget", ADA).out == f"{ADA} is forgotten\n"
    with office.app().database.reading() as tx:
        assert tx.execute(select(subscriber.c.address).order_by(subscriber.c.id)).scalars().all() == [
            None,
            "ben@example.org",
        ]
        assert tx.execute(select(suppression.c.reason)).scalars().all() == ["forgotten"]
    terminal("subscribers", "add", ADA, "--consent", "on paper")
    assert ADA not in terminal("subscribers", "list").out
    assert "nobody has the address" in terminal.refuses("subscribers", "show", ADA)


def test_nobody_unknown_is_forgotten_or_let_go(office, terminal):
    for command in ("show", "unsubscribe", "forget"):
        said = terminal.refuses("-y", "subscribers", command, "aba@example.org")
        assert said == "nobody has the address 'aba@example.org'; did you mean 'ada@example.org'?"


def test_a_form_for_any_website_is_printed(office, terminal):
    said = terminal("subscribers", "form", "--series", "back-pain")
    assert '<form action="https://news.example.org/subscribe/back-pain" method="post">' in said.out
    assert "<script" not in said.out


def test_a_form_needs_somewhere_to_lead(letter, terminal):
    assert "back-pain was ever queued; run: newsletter queue" in terminal.refuses("subscribers", "form")
    (letter / "newsletter.toml").write_text('name = "Back Care Weekly"\n')
    said = terminal.refuses("subscribers", "form")
    assert said == "public_url is missing, so no form can lead here; write it into newsletter.toml"
