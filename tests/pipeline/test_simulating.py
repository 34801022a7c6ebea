"""A simulation plays on a copy, beside whoever uses the database."""

from contextlib import closing

import pytest
from letter_cast import FIRST, FRIDAY, SECOND, write_letter

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.operating import simulate
from newsletter.store import copying, moving


@pytest.fixture
def app(tmp_path, database_url):
    """Give a letter with three subscribers and both issues queued, on either database."""
    root = write_letter(tmp_path / "letter")
    app = App(root, clock=PlayedClock(FRIDAY), environment={}, database_url=database_url)
    with closing(app.database):
        for name in ("ada", "ben", "cleo"):
            app.enrolling.add(f"{name}@example.org", name, "", None, "asked at reception")
        app.queueing.queue(["back-pain"], now=FRIDAY)
        yield app


def rows(app: App) -> dict:
    """Tell what every table holds, by hash."""
    with app.database.reading() as tx:
        return {table.name: copying.contents(tx, table) for table in moving.TABLES}


def test_no_row_is_changed_while_weeks_are_played(app, tmp_path):
    before = rows(app)
    found = simulate(app, 3, tmp_path / "mails")
    assert (found.mails, found.people) == (6, 3)
    assert [slot.due_at for week in found.weeks for slot in week.slots] == [FIRST, SECOND]
    assert len(list((tmp_path / "mails").rglob("*.eml"))) == 6
    assert rows(app) == before


def test_others_write_while_weeks_are_played(app):
    joined = []

    def join(done: int, _weeks: int) -> None:
        name = f"late{len(joined)}"
        joined.append(app.enrolling.add(f"{name}@example.org", name, "", None, "asked at reception"))

    # Whoever joins meanwhile is none of those who were copied.
    assert simulate(app, 3, None, join).people == 3
    assert len(joined) >= 3
    assert simulate(app, 3, None).people == 3 + len(joined)


def test_weeks_end_at_the_instant_they_were_asked_for(app):
    [week] = simulate(app, 1, None).weeks
    assert [one.target for slot in week.slots for one in slot.issues] == ["back-pain/lower-back"]
    assert week.starts_at == FRIDAY
