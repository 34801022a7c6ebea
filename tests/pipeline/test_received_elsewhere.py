"""People who come from another system bring what they have had, and are not sent it again."""

from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from letter_cast import FIRST, SERIES_FILE, SETTINGS, Office, rewrite, write_letter
from sqlalchemy import select, text

from newsletter.cli import run
from newsletter.domain.delivery import DeliveryState
from newsletter.domain.receiving import received
from newsletter.domain.why import Why
from newsletter.errors import NewsletterError, Refused
from newsletter.operating import moving
from newsletter.store.tables import delivery, issue, subscriber

GUIDE = (Path(__file__).parents[2] / "docs/scheduling.md").read_text(encoding="utf-8")
WHEN = "came with us from the old system"


@pytest.fixture
def office(tmp_path, database_url):
    """Give an office on each kind of database, with nobody in it and both issues queued."""
    write_letter(tmp_path)
    (tmp_path / "newsletter.toml").write_text(f'{SETTINGS}\n[database]\nurl = "{database_url}"\n')
    with closing(Office(tmp_path)) as office:
        office.queue()
        yield office


def bring(office, *lines, header="address,received"):
    file = office.root / "people.csv"
    file.write_text("\n".join([header, *lines, ""]))
    return office.app().enrolling.import_file(file, None, WHEN)


def ledger(office):
    """List who has which issue, in which state and why."""
    rows = (
        select(subscriber.c.address, issue.c.slug, delivery.c.state, delivery.c.reason)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
        .join(issue, issue.c.id == delivery.c.issue_id)
        .where(delivery.c.occasion == 0)
        .order_by(subscriber.c.id, issue.c.position)
    )
    with office.app().database.reading() as tx:
        return [(row.address.partition("@")[0], *row[1:]) for row in tx.execute(rows)]


def had(office):
    return [(name, slug) for name, slug, *_ in ledger(office)]


def explain(office, name, target):
    (found,) = office.app().explaining.explain(f"{name}@example.org", target, office.clock.now())
    return found


def test_what_somebody_has_received_is_in_the_ledger_as_accepted_and_of_no_release(office):
    result = bring(office, "ada@example.org,..neck", "ben@example.org,lower-back", "cleo@example.org,")
    assert (result.added, result.received, result.received_by_kept) == (3, 3, 0)
    reason = (DeliveryState.ACCEPTED, "received elsewhere")
    assert ledger(office) == [
        ("ada", "lower-back", *reason),
        ("ada", "neck", *reason),
        ("ben", "lower-back", *reason),
    ]
    blank = select(delivery.c.release_id, delivery.c.batch_id, delivery.c.pos, delivery.c.accepted_at)
    with office.app().database.reading() as tx:
        assert {tuple(row) for row in tx.execute(blank)} == {(None, None, None, None)}


def test_nobody_is_sent_what_they_have_received_elsewhere(office):
    bring(office, "ada@example.org,..neck", "ben@example.org,lower-back", "cleo@example.org,")
    service = office.connect()
    plan = {one.target: one.recipients for one in office.app().planning.plan(office.clock.now(), 8).slots}
    office.run()
    assert sorted(service.accepted) == [("lower-back", "cleo"), ("neck", "ben"), ("neck", "cleo")]
    assert plan == {"back-pain/lower-back": 1, "back-pain/neck": 2}


def test_what_was_received_elsewhere_is_in_no_count_of_a_send(office):
    bring(office, "ada@example.org,..neck", "ben@example.org,")
    office.connect()
    office.run()
    rows = office.app().queueing.rows()
    assert [(row.slot.issue, row.planned, row.counts) for row in rows] == [
        ("lower-back", 1, {"accepted": 1}),
        ("neck", 1, {"accepted": 1}),
    ]
    status = office.app().reporting.status()
    assert (status.settled, status.attention, status.unknown) == (2, (), ())


def test_people_who_were_subscribed_are_given_what_is_missing_and_keep_what_is_there(office):
    office.connect()
    office.join("ada").run(until=FIRST)
    result = bring(office, "ada@example.org,..neck")
    assert (result.added, result.kept, result.received, result.received_by_kept) == (0, 1, 1, 1)
    assert ledger(office) == [
        ("ada", "lower-back", DeliveryState.PLANNED, None),
        ("ada", "neck", DeliveryState.ACCEPTED, "received elsewhere"),
    ]
    assert bring(office, "ada@example.org,..neck").received == 0


def test_who_left_stays_away_with_what_was_known(office):
    office.join("ada").leave("ada")
    result = bring(office, "ada@example.org,neck")
    assert (result.left, result.received, ledger(office)) == (1, 0, [])


def test_lines_of_one_person_add_up(office):
    result = bring(office, "ada@example.org,lower-back", "ADA@example.org,neck", "ada@example.org,neck")
    assert (result.added, result.received) == (1, 2)


def test_commas_that_nobody_quoted_are_between_issues_all_the_same(office):
    bring(office, "ada@example.org,lower-back, neck", 'ben@example.org,"lower-back,neck"')
    assert had(office) == [(name, slug) for name in ("ada", "ben") for slug in ("lower-back", "neck")]


def test_a_cell_too_many_is_never_lost_in_another_column(office):
    result = bring(office, "ada@example.org,lower-back,neck,Ada", header="address,received,name")
    assert result.refused[0].reason.startswith("there is no issue 'Ada'")
    assert had(office) == []


def test_an_unknown_issue_refuses_its_line_and_nobody_else(office):
    lines = (
        "ada@example.org,..nek",
        "ben@example.org,neck",
        "cleo@example.org,back-pain/neck",
        "dev@example.org,..",
    )
    result = bring(office, *lines)
    assert [(one.line, one.text) for one in result.refused] == [
        (2, "ada@example.org"),
        (4, "cleo@example.org"),
        (5, "dev@example.org"),
    ]
    assert result.refused[0].reason == "there is no issue 'nek' to have received; did you mean 'neck'?"
    assert (result.added, had(office)) == (1, [("ben", "neck")])


def test_a_series_that_was_never_queued_refuses_the_whole_file(tmp_path):
    with closing(Office(write_letter(tmp_path))) as office:
        with pytest.raises(Refused) as refused:
            bring(office, "ada@example.org,", "ben@example.org,neck")
        assert str(refused.value) == (
            "nothing of back-pain was ever queued, so nobody can have received issues of it; "
            "run newsletter queue back-pain first, or leave out the column 'received'"
        )
        assert office.app().subscribing.rows() == []
        assert bring(office, "ada@example.org", header="address").added == 1
        with pytest.raises(Refused):
            bring(office, "ben@example.org,neck")


def test_a_database_that_was_moved_takes_nothing_more(office):
    bring(office, "ada@example.org,")
    with office.app().database.writing() as tx:
        tx.execute(text("UPDATE deployment SET moved_to = 'elsewhere'"))
    with pytest.raises(Refused, match="the database was moved to elsewhere"):
        bring(office, "ada@example.org,neck")


def test_the_count_says_what_was_noted_and_of_whom(tmp_path, monkeypatch, capsys):
    with closing(Office(write_letter(tmp_path))) as office:
        office.join("ada").queue()
    monkeypatch.chdir(tmp_path)
    lines = ("ada@example.org,neck", "ben@example.org,..neck", "cleo@example.org,nek")
    (tmp_path / "people.csv").write_text("\n".join(["address,received", *lines]))
    assert run(["subscribers", "import", "people.csv", "--consent", WHEN]) == 0
    noted = "3 issues noted as received elsewhere (1 by people who were subscribed already)"
    assert capsys.readouterr().out.splitlines() == [
        "line 4: there is no issue 'nek' to have received; did you mean 'neck'?",
        f"1 added from people.csv, 1 were subscribed already, {noted}, 1 refused",
    ]


def test_the_explanation_says_that_it_came_from_elsewhere(office):
    bring(office, "ada@example.org,lower-back")
    found = explain(office, "ada", "lower-back")
    assert found.verdict is Why.RECEIVED_ELSEWHERE
    assert found.sentence == "received elsewhere, before this system sent anything of it to them"
    assert ("reason", "received elsewhere") in {(one.what, one.detail) for one in found.evidence}
    assert explain(office, "ada", "neck").verdict is Why.DUE
    office.connect()
    office.run()
    assert explain(office, "ada", "lower-back").verdict is Why.RECEIVED_ELSEWHERE
    assert explain(office, "ada", "neck").verdict is Why.ACCEPTED


def test_an_issue_that_somebody_has_received_is_not_lost_with_its_place_in_the_file(office):
    office.cancel("back-pain")
    bring(office, "ada@example.org,neck")
    series_file = office.root / SERIES_FILE
    series_file.write_text(series_file.read_text().partition('[[issue]]\nid = "neck"')[0])
    rewrite(series_file, "\n[cadence]", 'leave_out = ["back#neck"]\n\n[cadence]')
    with pytest.raises(NewsletterError, match="issue 'neck' was queued and is gone from the file"):
        office.queue("lower-back")
    assert had(office) == [("ada", "neck")]


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
def test_a_move_takes_along_what_was_received_elsewhere(office, tmp_path, request, to):
    bring(office, "ada@example.org,..neck", "ben@example.org,")
    before = ledger(office)
    with another_url(request, tmp_path, to) as url:
        app = office.app()
        with moving(app, app.settings.database.url, url) as one:
            one.move()
        (tmp_path / "newsletter.toml").write_text(f'{SETTINGS}\n[database]\nurl = "{url}"\n')
        assert ledger(office) == before
        office.close()


def another_url(request, folder, kind):
    """Give the URL of another database."""
    if kind == "sqlite":
        return nullcontext(f"sqlite:///{folder}/moved.db")
    return request.getfixturevalue("postgres").database()


def test_a_file_of_many_people_is_read_in_chunks(office):
    lines = [f"reader{n}@example.org,..neck" for n in range(2_500)]
    assert bring(office, *lines).received == 5_000
    assert len(ledger(office)) == 5_000


def rows_of_the_guide():
    _, _, rest = GUIDE.partition("\n| `received` |")
    cells = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in rest.split("\n\n")[0].splitlines()[2:]
    ]
    return [(text.strip("`"), answer) for text, answer in cells]


@pytest.mark.parametrize(("given", "answer"), rows_of_the_guide())
def test_what_the_guide_says_was_received_is_what_an_import_takes(given, answer):
    issues = ["lower-back", "upper-back", "neck", "what-to-expect"]
    if answer.startswith("refused: "):
        with pytest.raises(NewsletterError) as refused:
            received(given, issues)
        assert refused.value.mend == answer.removeprefix("refused: ")
    else:
        assert received(given, issues) == set(answer.split())


def test_the_file_of_the_guide_can_be_imported(office):
    (office.root / "people.csv").write_text(GUIDE.split("```csv\n")[1].split("```")[0])
    result = office.app().enrolling.import_file(office.root / "people.csv", "back-pain", WHEN)
    assert (result.added, result.received, result.refused) == (3, 4, [])
