"""One person pauses: what they are told, what the ledger keeps, and what they get meanwhile."""

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from letter_cast import FRIDAY, SERIES, SETTINGS, Office
from sqlalchemy import select

from newsletter.domain.pausing import end_of
from newsletter.errors import Refused
from newsletter.store.tables import consent_event, subscription

GUIDE = (Path(__file__).parents[2] / "docs/scheduling.md").read_text(encoding="utf-8")
ADA = "ada@example.org"
#: Far ahead for any clock that a test is run by.
LATER = "2099-12-20"


@pytest.fixture
def office(letter):
    """Give an office with two people, on the database of the terminal."""
    with closing(Office(letter)) as office:
        yield office.join("ada", "ben")


@pytest.fixture
def stored(letter, database_url):
    """Give the same on each kind of database."""
    (letter / "newsletter.toml").write_text(f'{SETTINGS}\n[database]\nurl = "{database_url}"\n')
    with closing(Office(letter)) as office:
        yield office.join("ada", "ben")


def kept(office):
    wanted = select(subscription.c.paused_until).order_by(subscription.c.subscriber_id)
    with office.app().database.reading() as tx:
        return list(tx.execute(wanted).scalars())


def events(office):
    wanted = select(consent_event.c.kind, consent_event.c.how, consent_event.c.text).order_by(
        consent_event.c.id
    )
    with office.app().database.reading() as tx:
        return [tuple(row) for row in tx.execute(wanted) if row.kind != "confirmed"]


def pause(office, name="ada", slug=None, **values):
    return office.app().pausing.pause(f"{name}@example.org", slug, office.clock.now(), **values)


def resume(office, name="ada", slug=None):
    return office.app().pausing.resume(f"{name}@example.org", slug, office.clock.now())


def second_series(office, state="active"):
    """Let Ada subscribe to another series, too."""
    (office.root / "content/series/sleep.toml").write_text(
        SERIES.replace("Back pain", "Sleep").replace("Europe/London", "Asia/Tokyo")
    )
    app = office.app()
    app.enrolling.add(ADA, "Ada", "", "sleep", "asked at reception")
    if state != "active":
        with app.database.writing() as tx:
            tx.execute(subscription.update().where(subscription.c.series_id == 2).values(state=state))


def test_a_pause_says_until_when_and_of_which_series(office, terminal):
    said = terminal("subscribers", "pause", ADA, "--until", LATER)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "ada@example.org gets nothing of back-pain until Sun 20 Dec 2099 00:00 Europe/London",
        "to end it before: newsletter subscribers resume ada@example.org",
    ]


def test_a_pause_is_listed_with_its_date(office, terminal):
    terminal("subscribers", "pause", ADA, "--until", LATER)
    _, ada, ben, _ = terminal("subscribers", "list").out.splitlines()
    assert ada.endswith("back-pain  paused until 2099-12-20")
    assert ben.endswith("back-pain  active")
    ada, ben = json.loads(terminal("subscribers", "list", "--json").out)
    assert (ada["state"], ada["paused_until"]) == ("active", "2099-12-20T00:00:00+00:00")
    assert ben["paused_until"] is None


def test_a_pause_and_its_end_are_json_if_wanted(office, terminal):
    (row,) = json.loads(terminal("subscribers", "pause", ADA, "--until", LATER, "--json").out)
    assert row == {
        "address": ADA,
        "series": "back-pain",
        "paused_until": "2099-12-20T00:00:00+00:00",
        "zone": "Europe/London",
    }
    (row,) = json.loads(terminal("subscribers", "resume", ADA, "--json").out)
    assert (row["series"], row["paused_until"]) == ("back-pain", None)


def test_who_resumes_is_told_so_and_listed_as_before(office, terminal):
    terminal("subscribers", "pause", ADA, "--until", LATER)
    assert terminal("subscribers", "resume", ADA).out == "ada@example.org gets back-pain again\n"
    assert "paused" not in terminal("subscribers", "list").out
    assert kept(office) == [None, None]


def test_each_pause_and_each_end_has_its_evidence(stored):
    pause(stored, until=date(2026, 12, 20))
    resume(stored)
    assert events(stored) == [
        ("paused", "command line", "until 2026-12-20 00:00Z"),
        ("resumed", "command line", "was paused until 2026-12-20 00:00Z"),
    ]


def test_the_evidence_of_a_pause_is_in_the_explanation(office, terminal):
    terminal("subscribers", "pause", ADA, "--until", LATER)
    office.queue()
    said = terminal("explain", ADA, "neck").out
    assert said.startswith("ada@example.org, back-pain/neck: paused until 2099-12-20 00:00Z\n")
    assert "paused        command line: until 2099-12-20 00:00Z" in said


def test_who_pauses_gets_nothing_before_the_day_and_everything_from_it_on(stored):
    service = stored.connect()
    stored.queue()
    pause(stored, until=date(2026, 12, 8))
    stored.run()
    assert sorted(service.accepted) == [("lower-back", "ben"), ("neck", "ada"), ("neck", "ben")]


def test_who_resumes_gets_what_comes_next(stored):
    service = stored.connect()
    stored.queue()
    pause(stored, weeks=8)
    stored.run(until=FRIDAY + timedelta(days=6))
    resume(stored)
    stored.run()
    assert [issue for issue, name in service.accepted if name == "ada"] == ["neck"]


def test_a_pause_ends_at_midnight_where_the_person_lives(stored):
    stored.app().enrolling.add("eva@example.org", "Eva", "America/New_York", None, "asked")
    (row,) = pause(stored, "eva", until=date(2026, 12, 20))
    assert (row.paused_until, row.zone) == (datetime(2026, 12, 20, 5, tzinfo=UTC), "America/New_York")


def test_weeks_are_counted_from_today_there(stored):
    # It is 12:00 on Friday the 27th in London, and Saturday in Auckland.
    stored.app().enrolling.add("kim@example.org", "Kim", "Pacific/Auckland", None, "asked")
    assert pause(stored, weeks=2)[0].paused_until == datetime(2026, 12, 11, tzinfo=UTC)
    assert pause(stored, "kim", weeks=2)[0].paused_until == datetime(2026, 12, 11, 11, tzinfo=UTC)


def test_a_second_pause_takes_the_place_of_the_first(stored):
    pause(stored, weeks=1)
    pause(stored, until=date(2026, 12, 1))
    assert kept(stored) == [datetime(2026, 12, 1, tzinfo=UTC), None]


def test_a_pause_without_a_series_is_of_all_that_they_get(stored):
    second_series(stored)
    rows = pause(stored, until=date(2026, 12, 20))
    assert [(row.series, row.paused_until) for row in rows] == [
        ("back-pain", datetime(2026, 12, 20, tzinfo=UTC)),
        ("sleep", datetime(2026, 12, 19, 15, tzinfo=UTC)),
    ]
    assert [row.series for row in resume(stored, slug="sleep")] == ["sleep"]
    assert [row.series for row in resume(stored)] == ["back-pain"]


@pytest.mark.parametrize("state", ["pending", "unsubscribed"])
def test_what_they_do_not_get_is_not_paused_with_the_rest(stored, state):
    second_series(stored, state)
    assert [row.series for row in pause(stored, weeks=1)] == ["back-pain"]


def test_who_left_a_series_or_has_not_confirmed_cannot_pause_it(office, terminal):
    second_series(office, "pending")
    office.leave("ada")
    words = ("subscribers", "pause", ADA, "--until", LATER)
    see = "; see: newsletter subscribers list"
    assert terminal.refuses(*words, "--series", "back-pain") == f"{ADA} has left back-pain{see}"
    assert terminal.refuses(*words, "--series", "sleep") == f"{ADA} has not confirmed sleep yet{see}"
    assert terminal.refuses(*words) == f"{ADA} has left back-pain and has not confirmed sleep yet{see}"
    assert (
        terminal.refuses("subscribers", "pause", "ben@example.org", "--weeks", "1", "--series", "sleep")
        == f"ben@example.org does not subscribe to sleep{see}"
    )
    assert [kind for kind, *_ in events(office)] == ["unsubscribed"]


def test_who_leaves_in_a_pause_and_comes_back_is_not_paused(stored):
    pause(stored, weeks=8)
    stored.leave("ada")
    assert kept(stored) == [None, None]


def test_nobody_resumes_who_has_not_paused(office, terminal):
    said = "has not paused {}; see: newsletter subscribers list"
    assert terminal.refuses("subscribers", "resume", ADA) == f"{ADA} {said.format('anything')}"
    assert (
        terminal.refuses("subscribers", "resume", ADA, "--series", "back-pain")
        == f"{ADA} {said.format('back-pain')}"
    )


def test_a_pause_that_has_ended_cannot_be_ended(stored):
    pause(stored, weeks=1)
    stored.clock.advance_to(FRIDAY + timedelta(days=8))
    with pytest.raises(Refused, match="has not paused anything"):
        resume(stored)
    assert [row.standing(stored.clock.now()) for row in stored.app().subscribing.rows()] == ["active"] * 2


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("aba@example.org", "did you mean 'ada@example.org'?"),
        ("aa@example.org", "did you mean 'ada@example.org'?"),
        ("ADA@exmple.org", "did you mean 'ada@example.org'?"),
        ("100%_@example.org", "see: newsletter subscribers list"),
        ("nobody@example.com", "see: newsletter subscribers list"),
        ("nobody", "see: newsletter subscribers list"),
        ("", "see: newsletter subscribers list"),
    ],
)
def test_an_unknown_address_offers_the_nearest_and_no_other(office, terminal, address, mend):
    for words in (["pause", address, "--weeks", "1"], ["resume", address]):
        assert terminal.refuses("subscribers", *words) == f"nobody has the address {address!r}; {mend}"


def test_an_address_is_found_in_any_spelling(stored):
    assert stored.app().pausing.pause(" Ada@EXAMPLE.org ", None, FRIDAY, weeks=1)[0].address == ADA


def test_an_unknown_series_offers_the_nearest(office, terminal):
    said = terminal.refuses("subscribers", "pause", ADA, "--weeks", "1", "--series", "back-pian")
    assert said == "nobody subscribes to a series 'back-pian'; did you mean 'back-pain'?"


@pytest.mark.parametrize("words", [[], ["--weeks", "1", "--until", LATER]])
def test_a_pause_has_one_end(office, terminal, words):
    said = "a pause has one end; add --until DATE, or --weeks N"
    assert terminal.refuses("subscribers", "pause", ADA, *words) == said


def test_a_day_that_has_come_is_refused(office, terminal):
    said = terminal.refuses("subscribers", "pause", ADA, "--until", "2020-01-01")
    assert said.startswith("2020-01-01 is no day to come in Europe/London; pause until 20")
    with pytest.raises(Refused, match="pause until 2026-11-28 or later"):
        pause(office, until=FRIDAY.date())
    assert events(office) == []


@pytest.mark.parametrize("words", [["--weeks", "0"], ["--weeks", "1000000000"], ["--until", "20 Dec"]])
def test_an_end_that_cannot_be_read_is_wrong_usage(office, terminal, words):
    assert terminal("subscribers", "pause", ADA, *words).code == 2


def test_the_last_day_of_the_calendar_is_no_traceback(office, terminal):
    assert terminal("subscribers", "pause", ADA, "--until", "9999-12-31").code == 0
    assert "paused until 9999-12-31" in terminal("subscribers", "list").out


def rows_of_the_guide():
    _, _, rest = GUIDE.partition("\n| `--until` |")
    return [
        [cell.strip() for cell in row.strip("|").split("|")] for row in rest.split("\n\n")[0].splitlines()[2:]
    ]


@pytest.mark.parametrize(("until", "zone", "ends"), rows_of_the_guide())
def test_a_pause_of_the_guide_ends_when_it_says(until, zone, ends):
    at = end_of(date.fromisoformat(until), None, zone, FRIDAY)
    assert f"{at:%Y-%m-%d %H:%M UTC}" == ends
