"""A series for some of its subscribers: plan, release, explain and the list mean the same people."""

from contextlib import closing
from datetime import timedelta

import pytest
from letter_cast import FIRST, SECOND, SERIES_FILE, Office, rewrite, write_letter
from sequence_cast import open_sequence, weeks_until
from sqlalchemy import update

from newsletter.domain.subscriber import address_hash
from newsletter.domain.why import Why
from newsletter.errors import LetterError
from newsletter.store.tables import subscriber

HOUR = timedelta(hours=1)
BATH = """audience = 'city == "Bath"'"""


@pytest.fixture
def office(tmp_path, database_url):
    write_letter(tmp_path)
    with (tmp_path / "newsletter.toml").open("a") as settings:
        settings.write(f'\n[database]\nurl = "{database_url}"\n')
    rewrite(tmp_path / SERIES_FILE, "\n[cadence]", f"{BATH}\n\n[cadence]")
    with closing(Office(tmp_path)) as office:
        office.join("ada", "ben", "cleo")
        live_in(office, "ada", "Bath")
        live_in(office, "ben", "Leeds")
        yield office


def live_in(office, name, city):
    app = office.app()
    hash_ = address_hash(f"{name}@example.org", app.deployment.salt)
    with app.database.writing() as tx:
        row = update(subscriber).where(subscriber.c.address_hash == hash_)
        tx.execute(row.values(attributes={"city": city}))


def explained(office, name, issue="lower-back"):
    (found,) = office.app().explaining.explain(f"{name}@example.org", issue, office.clock.now())
    return found


def test_what_is_planned_is_what_is_sent(office):
    service = office.connect()
    office.queue()
    plan = office.app().planning.plan(office.clock.now(), 2)
    assert [(one.recipients, dict(one.excluded)) for one in plan.slots] == [(1, {"outside": 2})] * 2
    assert explained(office, "ben").sentence == "not in the audience of back-pain"
    office.run(FIRST + HOUR)
    assert service.accepted == [("lower-back", "ada")]


def test_who_comes_into_an_audience_gets_what_is_released_from_then_on(office):
    service = office.connect()
    office.queue()
    office.run(FIRST + HOUR)
    live_in(office, "ben", "Bath")
    office.run(SECOND + HOUR)
    assert sorted(service.accepted) == [("lower-back", "ada"), ("neck", "ada"), ("neck", "ben")]


def test_who_was_left_out_of_a_release_is_told_so_as_far_as_it_is_known(office):
    office.connect()
    office.queue()
    office.run(FIRST + HOUR)
    found = explained(office, "cleo")
    assert (found.verdict, found.sentence) == (
        Why.OUTSIDE,
        "not in the audience of back-pain as it is now",
    )
    assert explained(office, "ada").verdict is Why.ACCEPTED


def test_an_audience_that_was_changed_counts_once_it_is_queued(office):
    service = office.connect()
    office.queue()
    rewrite(office.root / SERIES_FILE, BATH, """audience = 'city in ("Bath", "Leeds")'""")
    office.run(FIRST + HOUR)
    office.queue()
    office.run(SECOND + HOUR)
    assert sorted(service.accepted) == [("lower-back", "ada"), ("neck", "ada"), ("neck", "ben")]


def test_a_sequence_has_an_audience_too(tmp_path, database_url):
    with closing(open_sequence(tmp_path, database_url, "ada", "ben")) as office:
        rewrite(tmp_path / SERIES_FILE, "\n[cadence]", f"{BATH}\n\n[cadence]")
        live_in(office, "ada", "Bath")
        office.queue()
        (first, *_) = office.app().planning.plan(office.clock.now(), 1).slots
        assert (first.recipients, dict(first.excluded)) == (1, {"outside": 1})
        weeks_until(office, 1)
        live_in(office, "ben", "Bath")
        weeks_until(office, 2)
        assert sorted(office.provider.accepted) == [("one", "ada"), ("one", "ben"), ("two", "ada")]


def test_the_list_shows_whom_an_expression_means(office):
    rows = office.app().subscribing.rows("back-pain", 'city in ("Bath", "Leeds")')
    assert [row.name for row in rows] == ["Ada", "Ben"]
    assert office.app().subscribing.rows("back-pain", "joined > 2030-01-01") == []


def test_an_expression_that_cannot_be_read_is_refused_with_its_line_and_column(office):
    rewrite(office.root / SERIES_FILE, BATH, "audience = 'city = \"Bath\"'")
    with pytest.raises(LetterError) as refused:
        office.queue()
    line = (office.root / SERIES_FILE).read_text().splitlines().index("audience = 'city = \"Bath\"'") + 1
    assert str(refused.value) == (
        f"{SERIES_FILE}:{line}: the audience cannot be read: column 6 of the expression: "
        "'=' means nothing here; write == to compare"
    )
