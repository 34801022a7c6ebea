import json
import re
from collections import Counter
from contextlib import closing, suppress

import pytest
from letter_cast import ACCEPTED, DEFERRED, FIRST, PEOPLE, UNKNOWN, Office, once_each

from newsletter.errors import Refused
from newsletter.operating import moving
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.sender_lock import sender_lock

OLD, NEW = "sqlite:///newsletter.db", "sqlite:///big.db"


@pytest.fixture
def server_url(postgres):
    """Give the URL of a new database on a server."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def office(letter):
    """Give an office that sends through a real service; five people, both issues queued."""
    with closing(Office(letter)) as office:
        office.service = office.connect()
        office.join(*PEOPLE).queue()
        yield office


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request):
    """Give the URL of a new database of each kind."""
    if request.param == "sqlite":
        yield NEW
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


def send_one_call(office, answer):
    """Release the first issue, and make one call of its three."""
    office.release()
    app = office.app()
    with app.sending():
        office.service.script.append(answer)
        assert app.engine.delivering.step()


def move(office, source, target):
    app = office.app()
    with moving(app, source, target) as one:
        return one.move()


def use(office, url):
    """Write the url under [database]."""
    with (office.root / "newsletter.toml").open("a") as settings:
        settings.write(f'\n[database]\nurl = "{url}"\n')


@pytest.mark.parametrize("answer", [ACCEPTED, UNKNOWN, DEFERRED], ids=lambda answer: answer.outcome.value)
def test_what_was_left_is_sent_once_from_the_target_and_nothing_from_the_source(new_url, office, answer):
    send_one_call(office, answer)
    move(office, OLD, new_url)
    calls = len(office.service.calls)
    # Where a call was due the pass itself is refused; after a deferral there was none.
    with suppress(Refused):
        office.run(FIRST)
    assert len(office.service.calls) == calls
    with pytest.raises(Refused, match=r"nothing is sent: this database was moved to .*; write its url"):
        office.app().belonging.refuse_foreign()
    use(office, new_url)
    app = office.app()
    app.belonging.refuse_foreign()
    office.run()
    assert Counter(office.service.accepted) == once_each()


def test_back_on_a_file_everything_goes_on(server_url, office):
    send_one_call(office, UNKNOWN)
    move(office, OLD, server_url)
    move(office, server_url, NEW)
    use(office, NEW)
    office.run()
    assert Counter(office.service.accepted) == once_each()


def test_an_outcome_that_was_kept_aside_is_recorded_before_the_move(server_url, office):
    send_one_call(office, UNKNOWN)
    app = office.app()
    aside = Aside(app.root / "newsletter.db.outcomes.jsonl")
    aside.keep(1, 1, 0, ACCEPTED, office.clock.now(), (0, 1))
    move(office, OLD, server_url)
    use(office, server_url)
    assert aside.waiting() == []
    assert office.states()["accepted"] == 2


def test_the_command_shows_every_table_and_the_next_step(queued, terminal):
    said = terminal("db", "move", OLD, NEW)
    assert said.code == 0
    assert re.search(r"^subscriber +2  [0-9a-f]{12}$", said.out, re.MULTILINE)
    assert re.search(r"rows copied in .* s, [\d,]+ a second", said.out)
    assert f'next: write  url = "{NEW}"  under [database]' in said.out
    assert "subscriber: 2 of 2 rows copied\n" in said.err
    assert "subscriber: 2 of 2 rows compared\n" in said.err
    assert "this database was moved to" in terminal("status").out
    use(queued, NEW)
    assert terminal("status").code == 0
    assert "ada@example.org" in terminal("subscribers", "list").out


def test_the_next_step_is_to_run_where_the_settings_name_the_target(queued, terminal):
    use(queued, NEW)
    assert "next: newsletter run" in terminal("db", "move", OLD, NEW).out


def test_the_tables_as_json(queued, terminal):
    said = terminal("-q", "db", "move", OLD, NEW, "--json")
    found = json.loads(said.out)
    assert said.err == ""
    assert {part["table"]: part["rows"] for part in found["tables"]}["subscription"] == 2
    assert all(len(part["sha256"]) == 64 for part in found["tables"])
    assert found["url"] == NEW


def test_a_dry_run_writes_nothing(queued, terminal):
    before = (queued.root / "newsletter.db").read_bytes()
    said = terminal("db", "move", OLD, NEW, "--dry-run")
    assert said.code == 0
    assert re.search(r"^subscriber +2 +\d+$", said.out, re.MULTILINE)
    assert "nothing was written" in said.out
    assert json.loads(terminal("db", "move", OLD, NEW, "--dry-run", "--json").out)["copied"] == 0
    assert not (queued.root / "big.db").exists()
    assert (queued.root / "newsletter.db").read_bytes() == before


def test_a_move_is_refused_in_one_sentence(queued, terminal):
    assert "the same database" in terminal.refuses("db", "move", OLD, OLD)
    assert "there is nothing in" in terminal.refuses("db", "move", "sqlite:///none.db", NEW)
    with sender_lock(queued.root / "newsletter.db"):
        assert "another `newsletter run` is sending" in terminal.refuses("db", "move", OLD, NEW)
    assert not (queued.root / "big.db").exists()


def test_people_are_not_added_at_the_old_place(queued, terminal):
    assert terminal("db", "move", OLD, NEW).code == 0
    said = terminal.refuses("subscribers", "add", "eva@example.org", "--consent", "asked")
    assert "was moved to" in said
    assert "[database]" in said


def test_an_unfinished_move_is_refused_by_every_command(queued, terminal, monkeypatch):
    from newsletter.store import copying

    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copying, "write", fail)
        assert terminal("db", "move", OLD, NEW).code != 0
    use(queued, NEW)
    for command in ("status", "run --once", "queue", "db upgrade", "db adopt", "db backup copy.db"):
        said = terminal(*command.split())
        assert said.code == 1
        assert said.err == (
            "newsletter: a move into big.db is not finished; run again: newsletter db move FROM TO\n"
        )
    assert terminal("db", "move", OLD, NEW).code == 0
    assert terminal("status").code == 0


def test_what_changed_meanwhile_is_told(queued, terminal, monkeypatch):
    from newsletter.store import copying

    real = copying.write

    def until_slots(tx, table, rows):
        if table.name == "slot":
            raise KeyboardInterrupt
        real(tx, table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(copying, "write", until_slots)
        assert terminal("db", "move", OLD, NEW).code != 0
    queued.leave("ada")
    said = terminal("db", "move", OLD, NEW)
    assert "subscription: was copied again, as the source went on\n" in said.out
    assert "subscription: 2 of 2 rows copied again, as the source went on\n" in said.err


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:hunter2@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=ada&password=hunter2",
        "postgres://ada:hunter2@127.0.0.1/db",
        "mysql://ada:hunter2@127.0.0.1/db",
    ],
)
@pytest.mark.parametrize("is_source", [True, False])
def test_a_password_is_never_shown(queued, terminal, url, is_source):
    said = terminal.refuses("db", "move", *((url, NEW) if is_source else (OLD, url)))
    assert "hunter2" not in said


def test_a_password_is_not_shown_where_the_move_succeeds(server_url, queued, terminal):
    said = terminal("db", "move", OLD, server_url.replace("postgres@", "postgres:hunter2@"))
    assert said.code == 0
    assert "hunter2" not in said.out + said.err
    assert "postgresql://postgres:***@" in said.out
    with closing(Database(f"sqlite:///{queued.root}/newsletter.db")) as old, old.reading() as tx:
        assert "hunter2" not in str(tx.exec_driver_sql("SELECT moved_to FROM deployment").all())


def test_a_bar_is_shown_on_a_terminal(queued, terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    said = terminal("db", "move", OLD, NEW)
    assert said.code == 0
    assert "rows copied\n" not in said.err
