"""Who moves in or out with all that is known of people loses nothing."""

import json
from contextlib import closing
from datetime import timedelta

import pytest
from letter_cast import FIRST, SETTINGS, Office, write_letter
from sqlalchemy import insert, text

from newsletter.domain.subscriber import Evidence, address_hash
from newsletter.errors import Refused
from newsletter.pipeline.exporting import Format
from newsletter.store import pausing
from newsletter.store.tables import suppression

WHEN = "came with us from the old system"


@pytest.fixture
def office(tmp_path, database_url):
    """Give an office on each kind of database."""
    with closing(an_office(tmp_path / "one", database_url)) as office:
        yield office


@pytest.fixture
def another(tmp_path):
    """Give a letter with the same series and nobody in it."""
    with closing(an_office(tmp_path / "two", f"sqlite:///{tmp_path}/two.db")) as office:
        yield office


def an_office(folder, url):
    folder.mkdir()
    write_letter(folder)
    (folder / "newsletter.toml").write_text(f'{SETTINGS}\n[database]\nurl = "{url}"\n')
    return Office(folder)


def export(office, name="out.jsonl", series=None):
    form = Format.CSV if name.endswith(".csv") else Format.JSONL
    office.app().exporting.export(office.root / name, form, series)
    return (office.root / name).read_bytes()


def restore(office, content, **options):
    (office.root / "people.jsonl").write_bytes(content)
    return office.app().restoring.restore(office.root / "people.jsonl", **options)


def a_life(office):
    """Let people join, receive, pause, leave, and be suppressed, one of whom was forgotten."""
    office.queue()
    office.connect()
    office.join("ada", "ben", "cleo", "dev").run(until=FIRST + timedelta(hours=1))
    office.leave("ben")
    (office.root / "people.csv").write_text(
        "mail,name,zone,city\nzoe@example.org,Zoë,Asia/Tokyo,Ulm\nwaits@example.org,,,\n"
    )
    app = office.app()
    app.enrolling.import_file(office.root / "people.csv", None, columns={"attributes.city": "city"})
    salt = app.deployment.salt
    with app.database.writing() as tx:
        until = FIRST + timedelta(weeks=3)
        pausing.pause(tx, 1, 3, until, Evidence(office.clock.now(), "command line", "until then"))
        for name, reason in (("dev", "complaint"), ("gone", "forgotten")):
            hash_ = address_hash(f"{name}@example.org", salt)
            tx.execute(insert(suppression), {"address_hash": hash_, "reason": reason, "since": FIRST})


def test_an_export_comes_back_into_an_empty_letter_and_is_the_same(office, another):
    a_life(office)
    before = export(office)
    result = restore(another, before)
    assert (result.added, result.suppressed, result.refused) == (6, 1, [])
    assert export(another) == before


def test_it_holds_evidence_suppressions_and_what_was_received(office):
    a_life(office)
    first, *people, last = map(json.loads, export(office).splitlines())
    assert first["series"] == {"back-pain": ["lower-back", "neck"]}
    ada, ben, cleo, dev, zoe, _ = people
    (theirs,) = ada["subscriptions"]
    assert [one["issue"] for one in theirs["received"]] == ["lower-back"]
    assert theirs["events"][0]["text"] == "asked at reception"
    assert ben["subscriptions"][0]["state"] == "unsubscribed"
    assert ben["subscriptions"][0]["events"][-1]["kind"] == "unsubscribed"
    assert cleo["subscriptions"][0]["paused_until"].startswith("2026")
    assert dev["suppressed"]["reason"] == "complaint"
    assert (zoe["zone"], zoe["attributes"]) == ("Asia/Tokyo", {"city": "Ulm"})
    assert zoe["subscriptions"][0]["state"] == "pending"
    assert last["suppressed"]["reason"] == "forgotten"


def test_nobody_gets_again_what_they_had_before_they_moved(office, another):
    a_life(office)
    restore(another, export(office))
    another.clock.advance_to(office.clock.now())
    service = another.connect()
    another.queue()
    another.run()
    assert ("lower-back", "ada") not in service.accepted
    assert {name for _, name in service.accepted} <= {"ada", "cleo"}


def test_a_forgotten_address_stays_away_after_the_move(office, another):
    a_life(office)
    restore(another, export(office))
    (another.root / "people.csv").write_text("mail\ngone@example.org\nnew@example.org\n")
    result = another.app().enrolling.import_file(another.root / "people.csv", None, WHEN)
    assert (result.added, result.suppressed) == (1, 1)


def test_a_second_time_changes_nothing(office, another):
    a_life(office)
    before = export(office)
    restore(another, before)
    result = restore(another, before)
    assert (result.added, result.kept) == (0, 6)
    assert export(another) == before


def test_a_dry_run_changes_nothing(office, another):
    a_life(office)
    before = export(another)
    result = restore(another, export(office), dry_run=True)
    assert (result.added, result.suppressed) == (6, 1)
    assert export(another) == before


def test_nobody_comes_back_and_leaving_is_taken_over(office, another):
    a_life(office)
    another.join("ada", "zoe").leave("ada")
    content = export(office)
    another.clock.advance_to(office.clock.now())
    result = restore(another, content)
    rows = {row.address: row.state for row in another.app().subscribing.rows()}
    assert rows["ada@example.org"] == "unsubscribed"
    assert rows["ben@example.org"] == "unsubscribed"
    assert rows["zoe@example.org"] == "active"
    assert (result.kept, result.refusals) == (2, 1)
    assert result.refused[0].reason.startswith("its hash means nothing here")


def test_who_left_there_later_than_they_agreed_here_leaves_here(office, another):
    another.join("ben")
    a_life(office)
    restore(another, export(office))
    rows = {row.address: row.state for row in another.app().subscribing.rows()}
    assert rows["ben@example.org"] == "unsubscribed"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "the line is not a JSON object"),
        (b"[1]", "the line is not a JSON object"),
        (b'{"name": "Ada"}', "'zone' is missing"),
        (b'{"address": "ada", "name": "", "zone": "", "locale": ""}', "'ada' is no address"),
        (b'{"address": "a@example.org", "name": 1, "zone": "", "locale": ""}', "'name' is no text"),
        (b'{"suppressed_hash": "x", "suppressed": {"reason": "x", "since": "soon"}}', "'since' is no time"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_number(office, line, reason):
    result = restore(office, export(office) + line + b"\n")
    assert result.added == 0
    assert result.refused[0].line == 2
    assert result.refused[0].reason.startswith(reason)


def test_somebody_active_without_evidence_is_refused(office):
    office.join("ada")
    first, ada = export(office).splitlines()
    person = json.loads(ada)
    person["address"] = "eve@example.org"
    person["subscriptions"][0]["events"] = []
    result = restore(office, first + b"\n" + json.dumps(person).encode())
    assert "no event says that they confirmed it" in result.refused[0].reason


def test_a_series_that_the_letter_does_not_have_refuses_the_file(office, another):
    office.join("ada")
    content = export(office).replace(b'"back-pain"', b'"sleep"')
    with pytest.raises(Refused, match="the letter has no series 'sleep'"):
        restore(another, content)


def test_a_table_has_a_row_for_each_subscription(office):
    a_life(office)
    lines = export(office, "out.csv").decode().splitlines()
    assert lines[0] == (
        "address,name,zone,series,state,confirmed_at,paused_until,suppressed,received,attributes.city"
    )
    assert lines[1].startswith("ada@example.org,Ada,,back-pain,active,2026-")
    assert lines[1].endswith(",,,lower-back,")
    assert lines[5] == "zoe@example.org,Zoë,Asia/Tokyo,back-pain,pending,,,,,Ulm"


def test_a_table_that_comes_back_brings_nobody_back(office, another):
    a_life(office)
    (another.root / "out.csv").write_bytes(export(office, "out.csv"))
    another.queue()
    result = another.app().enrolling.import_file(another.root / "out.csv", None, WHEN)
    assert (result.added, result.received) == (4, 2)
    assert {one.reason for one in result.refused} == {
        "the file says of them: unsubscribed",
        "the file says of them: complaint",
    }


def test_a_series_can_be_exported_alone(office):
    office.join("ada")
    with office.app().database.writing() as tx:
        tx.execute(text("INSERT INTO subscriber (address, address_hash, name, zone, locale, attributes)"
                        " VALUES ('alone@example.org', 'h', '', '', '', '{}')"))  # fmt: skip
    assert len(export(office, series="back-pain").splitlines()) == 2
    assert len(export(office).splitlines()) == 3
