"""What somebody sees who brings a list of people, and what became of each row."""

import csv
import sqlite3

import pytest

from newsletter.cli import run

CONSENT = ("--consent", "paper form, reception, October 2026")
ZONES = (
    "line 6: there is no zone 'Europe/Lodnon'; "
    "did you mean 'Europe/London' or 'Europe/Lisbon' or 'Europe/Vienna'?"
)
CELLS = "it has 7 cells and the first line names 5: a cell with the delimiter in it stands in quotes"
SUM = (
    "4 added from people.csv, 1 had left and stay away, 1 suppressed and stay so, 1 in the file before, "
    "5 refused"
)
BROKEN = "\n".join([
    "Email;First name;Last name;Time zone;City",
    "ada@example.org;Ada;Lovelace;Europe/London;Ulm",
    "ben;Ben;;;",
    "ADA@example.org;Ada;;;",
    "cleo@gmial.com;Cleo;;;",
    "dev@example.org;Dev;;Europe/Lodnon;",
    '"eve@example.org\nBcc: all@example.org";Eve;;;',
    '"finn@example.org;Finn;;;',
    "gus@example.org;Gus;;;;;extra",
    "'=hal@example.org;'=Hal;;;",
    "left@example.org;Lea;;;",
    "bad@example.org;Bo;;;",
    "",
    'ivy@example.org;"I""vy";;;',
    "",
])  # fmt: skip


def rows(letter, statement):
    with sqlite3.connect(letter / "newsletter.db") as connection:
        found = connection.execute(statement).fetchall()
    connection.close()
    return found


@pytest.fixture
def people(letter, terminal):
    """Give a list with every kind of row; somebody of it has left, and another is suppressed."""
    terminal("subscribers", "add", "left@example.org", *CONSENT)
    with sqlite3.connect(letter / "newsletter.db") as connection:
        connection.execute("UPDATE subscription SET state = 'unsubscribed'")
    connection.close()
    terminal("subscribers", "add", "bad@example.org", *CONSENT)
    with sqlite3.connect(letter / "newsletter.db") as connection:
        connection.execute(
            "INSERT INTO suppression SELECT address_hash, 'complaint', '2026-01-01 00:00:00.000000'"
            " FROM subscriber WHERE address = 'bad@example.org'"
        )
    connection.close()
    (letter / "people.csv").write_text(BROKEN, encoding="utf-8")
    return letter


def test_every_kind_of_row_comes_to_its_own_end(people, terminal):
    said = terminal("subscribers", "import", "people.csv", *CONSENT, "--report", "report.csv")
    assert said.code == 0
    assert said.out.splitlines() == [
        "line 3: 'ben' is no address: an email address must have an @-sign",
        ZONES,
        "line 7: 'eve@example.org\\nBcc: all@example.org' is no address: it has a line break in it",
        "line 9: a quote is opened in it and never closed",
        f"line 10: {CELLS}",
        "line 5: cleo@gmial.com is cleo@gmail.com meant? it is kept as it is",
        'left out: the columns City; take one with --map attributes.city="Column"',
        SUM,
        "every row that was not just added is in report.csv",
    ]
    with (people / "report.csv").open(encoding="utf-8", newline="") as file:
        report = list(csv.reader(file))
    assert report[0] == ["line", "what", "address", "why"]
    assert [(row[0], row[1]) for row in report[1:]] == [
        ("12", "left"),
        ("13", "suppressed"),
        ("3", "refused"),
        ("6", "refused"),
        ("7", "refused"),
        ("9", "refused"),
        ("10", "refused"),
        ("4", "duplicate"),
        ("5", "hint"),
    ]
    assert rows(people, "SELECT address, name, zone FROM subscriber WHERE id > 2 ORDER BY id") == [
        ("ada@example.org", "Ada Lovelace", "Europe/London"),
        ("cleo@gmial.com", "Cleo", ""),
        ("=hal@example.org", "=Hal", ""),
        ("ivy@example.org", 'I"vy', ""),
    ]
    states = "SELECT state FROM subscription ORDER BY subscriber_id"
    assert [state for (state,) in rows(people, states)] == ["unsubscribed", *["active"] * 5]
    assert set(rows(people, "SELECT how, text FROM consent_event WHERE subscriber_id > 2")) == {
        ("import", CONSENT[1])
    }


def test_a_dry_run_says_the_same_and_changes_nothing(people, terminal):
    before = rows(people, "SELECT * FROM subscriber"), rows(people, "SELECT * FROM consent_event")
    dry = terminal("subscribers", "import", "people.csv", *CONSENT, "--dry-run").out.splitlines()
    assert dry[-1] == "nothing was changed"
    assert before == (rows(people, "SELECT * FROM subscriber"), rows(people, "SELECT * FROM consent_event"))
    real = terminal("subscribers", "import", "people.csv", *CONSENT).out.splitlines()
    assert [*dry[:-2], dry[-2].removeprefix("would be ")] == real


def test_people_without_a_word_of_consent_are_pending_and_asked(letter, terminal):
    (letter / "people.csv").write_text("mail\nada@example.org\nben@example.org\n")
    said = terminal("subscribers", "import", "people.csv")
    assert said.out.splitlines()[0] == "2 pending from people.csv"
    assert set(rows(letter, "SELECT state, confirmed_at FROM subscription")) == {("pending", None)}
    assert ("asked", "import", "named in people.csv") in rows(
        letter, "SELECT kind, how, text FROM consent_event"
    )
    again = terminal("subscribers", "import", "people.csv")
    assert again.out.splitlines()[0].endswith("2 were asked already")
    agreed = terminal("subscribers", "import", "people.csv", *CONSENT)
    assert agreed.out.startswith("2 added from people.csv")
    assert set(rows(letter, "SELECT state FROM subscription")) == {("active",)}


def test_columns_become_attributes_where_they_are_named(letter, terminal):
    (letter / "people.csv").write_text("E-Mail-Adresse,Ort,plan,more\nada@example.org,Ulm,pro,x\n")
    said = terminal(
        "subscribers", "import", "people.csv", *CONSENT, "--map", "address=E-Mail-Adresse", "--map",
        "attributes.city=Ort", "--attributes", "plan",
    )  # fmt: skip
    assert said.code == 0, said
    assert rows(letter, "SELECT attributes FROM subscriber") == [('{"city":"Ulm","plan":"pro"}',)]


def test_only_the_first_of_many_refusals_are_shown(letter, terminal):
    lines = [f"nobody{n}" for n in range(3_000)]
    (letter / "people.csv").write_text("\n".join(["mail", "ada@example.org", *lines, "ben@example.org"]))
    said = terminal(
        "subscribers", "import", "people.csv", *CONSENT, "--report", "report.csv"
    ).out.splitlines()
    assert len(said) == 20 + 3
    assert said[20] == "and 2,980 more refused; --report FILE lists all"
    assert said[21] == "2 added from people.csv, 3,000 refused"
    assert len((letter / "report.csv").read_text().splitlines()) == 3_001


def test_the_same_address_far_below_is_one_person(letter, terminal):
    lines = [f"reader{n}@example.org" for n in range(4_500)]
    (letter / "people.csv").write_text("\n".join(["mail", *lines, *lines[:10]]))
    said = terminal("subscribers", "import", "people.csv", *CONSENT, "--dry-run")
    assert said.out.splitlines()[0] == "would be 4,500 added from people.csv, 10 in the file before"
    said = terminal("subscribers", "import", "people.csv", *CONSENT)
    assert said.out == "4,500 added from people.csv, 10 in the file before\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody.csv"], "nobody.csv: the file cannot be read: No such file or directory"),
        (["content"], "content: it is a directory; name a file"),
        (["people.csv", "--map", "address=Post"], "the first line names no column 'Post'"),
        (["people.csv", "--report", "content"], "cannot write content: it is a directory; name a file"),
        (["people.jsonl", "--consent", "asked"], "people.jsonl says itself who agreed to what, and when"),
        (["people.jsonl"], "people.jsonl:1: the file does not begin as"),
    ],
)
def test_what_cannot_be_imported_says_why_and_changes_nothing(letter, terminal, words, said):
    terminal("subscribers", "list")
    (letter / "people.csv").write_text("mail,name\nada@example.org,Ada\n")
    (letter / "people.jsonl").write_text('{"address": "ada@example.org"}\n')
    before = terminal("subscribers", "list", "--json").out
    error = terminal("subscribers", "import", *words)
    assert error.code == 1
    assert said in error.err
    assert error.err.count("\n") == 1
    assert terminal("subscribers", "list", "--json").out == before


def test_a_table_goes_out_without_formulas_and_comes_back(letter, terminal):
    (letter / "people.csv").write_text("mail,name,city\n+ada@example.org,'=cmd(),@Ulm\n")
    terminal("subscribers", "import", "people.csv", *CONSENT, "--attributes", "city")
    assert terminal("subscribers", "export", "--out", "out.csv").out == "1 person written to out.csv\n"
    line = (letter / "out.csv").read_text().splitlines()[1]
    assert line.startswith("'+ada@example.org,'=cmd(),,")
    assert line.endswith(",'@Ulm")
    before = rows(letter, "SELECT address, name, attributes FROM subscriber")
    (letter / "newsletter.db").unlink()
    for rest in letter.glob("newsletter.db*"):
        rest.unlink()
    assert terminal("subscribers", "import", "out.csv", *CONSENT).code == 0
    assert rows(letter, "SELECT address, name, attributes FROM subscriber") == before


def test_an_export_that_fails_leaves_what_was_there(letter, terminal):
    (letter / "out.csv").write_text("before")
    error = terminal("subscribers", "export", "--series", "back-pian", "--out", "out.csv")
    assert error.code == 1
    assert "nobody subscribes to a series 'back-pian'" in error.err
    assert (letter / "out.csv").read_text() == "before"
    assert not list(letter.glob(".out*"))


@pytest.mark.parametrize("out", [[], ["--out", "-"]], ids=["no file", "a dash"])
def test_an_export_goes_to_the_terminal_without_a_file(letter, capfdbinary, out):
    assert run(["subscribers", "add", "ada@example.org", *CONSENT]) == 0
    capfdbinary.readouterr()
    assert run(["subscribers", "export", *out]) == 0
    assert not (letter / "-").exists()
    out = capfdbinary.readouterr().out.decode()
    assert out.splitlines()[0].startswith("address,name,zone,series,state,")
    assert out.splitlines()[1].startswith("ada@example.org,,,back-pain,active,")


def test_a_row_without_an_address_or_with_a_zone_like_none_says_what_to_write(letter, terminal):
    (letter / "people.csv").write_text("email,zone\n,Europe/London\nada@example.org,Mars/Olympus\n")
    assert terminal("subscribers", "import", "people.csv", *CONSENT).out.splitlines()[:2] == [
        "line 2: there is no address",
        "line 3: there is no zone 'Mars/Olympus'; write a place, such as Europe/London",
    ]
