"""A provider per series: whose mail goes where, and what becomes of it when that changes."""

from collections import Counter
from contextlib import closing
from datetime import timedelta
from random import Random

import pytest
from letter_cast import ACCEPTED, DEFERRED, MISCONFIGURED, UNKNOWN, once_each, rewrite
from several_cast import BULK, FIRST, KNEES_FILE, SERIES_FILE, Several
from sqlalchemy import select

from newsletter.domain.provider import Recovery
from newsletter.domain.release import ReleaseState
from newsletter.domain.routes import Routes
from newsletter.domain.subscriber import Evidence, Subscriber, address_hash
from newsletter.errors import LetterError
from newsletter.operating import rehearsed_engine, simulate
from newsletter.pipeline.preparing import Preparing
from newsletter.store import accounts, picking, series, subscribers
from newsletter.store.tables import batch

ONE_IS_ENOUGH = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LOWER_BACK = once_each(["lower-back"])
SOON = FIRST + timedelta(minutes=5)


@pytest.fixture
def empty(tmp_path, database_url):
    """Give a letter of two series that nobody reads."""
    with closing(Several(tmp_path / "letter", database_url)) as several:
        yield several


@pytest.fixture
def several(empty):
    """Give a letter of two series with five readers each, everything queued."""
    return empty.begin()


def got(service):
    return Counter(service.accepted)


def held(several):
    rows = several.app().queueing.rows()
    return {row.slot.target: row.release.reason for row in rows
            if row.release is not None and row.release.state is ReleaseState.HELD}  # fmt: skip


def providers_of_batches(several):
    with several.app().database.reading() as tx:
        return Counter(tx.execute(select(batch.c.provider)).scalars())


def each_goes_by_its_own(several):
    default, bulk = several.connect(batch_size=2), several.connect("bulk", batch_size=4)
    several.run()
    assert (got(default), got(bulk)) == (LOWER_BACK, LOWER_BACK)
    assert {call.label for call in default.calls} == {"2026-12-01-back-pain-lower-back"}
    assert {call.label for call in bulk.calls} == {"2026-12-01-knees-lower-back"}
    assert [len(call.recipients) for call in default.calls] == [2, 2, 1]
    assert [len(call.recipients) for call in bulk.calls] == [4, 1]


def test_each_series_goes_by_its_own_provider_and_by_what_that_can(several):
    each_goes_by_its_own(several)


@ONE_IS_ENOUGH
def test_without_the_rule_all_would_go_by_the_default(several, monkeypatch):
    monkeypatch.setattr(Routes, "of", lambda self, provider: self.default)
    with pytest.raises(AssertionError):
        each_goes_by_its_own(several)


def test_a_wrong_key_and_a_limit_of_one_account_leave_the_other_alone(several):
    several.settle_for(f"{BULK}per_day = 2\n")
    default, bulk = several.connect(), several.connect("bulk")
    default.script = [MISCONFIGURED]
    app = several.run()
    assert list(held(several)) == ["back-pain/lower-back"]
    assert len(bulk.accepted) == 2
    with app.database.reading() as tx:
        assert (accounts.get(tx, "bulk").used, accounts.get(tx, "service").used) == (2, 0)
    several.run(FIRST + timedelta(days=2))
    assert got(bulk) == LOWER_BACK


def changes_in_mid_send(several):
    default, bulk = several.connect(), several.connect("bulk")
    several.clock.advance_to(FIRST)
    app = several.app()
    app.engine.releasing.tick(FIRST)
    knees = app.engine.others[0]
    bulk.script = [UNKNOWN]
    assert knees.step()
    doubt = bulk.calls[0]
    several.let_name("")
    app = several.app()
    with app.sending():
        while app.engine.delivering.step():
            pass
    assert got(default) == LOWER_BACK
    several.run(SOON)
    assert [call.key for call in bulk.calls].count(doubt.key) == 2
    assert (got(default), got(bulk)) == (LOWER_BACK, LOWER_BACK)
    assert several.states("knees") == {"accepted": 5}
    several.run(FIRST + timedelta(weeks=1))
    assert got(default) == LOWER_BACK + once_each(["neck"]) + once_each(["neck"])


def test_what_was_formed_for_a_provider_stays_with_it(several):
    changes_in_mid_send(several)


@ONE_IS_ENOUGH
def test_without_the_rule_the_default_would_take_it(several, monkeypatch):
    monkeypatch.setattr(picking, "_listed", lambda names: "||")
    with pytest.raises(AssertionError):
        changes_in_mid_send(several)


@ONE_IS_ENOUGH
@pytest.mark.parametrize("seed", range(1, 4))
def test_whatever_changes_in_mid_send_everybody_gets_it_once(several, seed):
    rng = Random(seed)
    services = several.connect(), several.connect("bulk")
    for service in services:
        service.script = rng.choices([ACCEPTED, UNKNOWN, DEFERRED], k=4)
    several.clock.advance_to(FIRST)
    for _ in range(8):
        app = several.app()
        app.engine.tick()
        for one in app.engine.deliveries:
            for _ in range(rng.randrange(3)):
                one.step()
        match rng.randrange(3):
            case 0:
                several.let_name(rng.choice(["", "bulk"]), rng.choice([KNEES_FILE, SERIES_FILE]))
            case 1:
                several.clock.advance_to(several.clock.now() + timedelta(minutes=rng.randrange(90)))
    several.run(FIRST + timedelta(days=2))
    assert sum(map(got, services), Counter()) == LOWER_BACK + LOWER_BACK
    assert several.states("knees") == several.states("back-pain") == {"accepted": 5}


def test_a_doubt_is_looked_into_where_it_was_called(several):
    default = several.connect(recovery=Recovery.NONE)
    bulk = several.connect("bulk", recovery=Recovery.KEY)
    default.script, bulk.script = [UNKNOWN], [UNKNOWN]
    several.run(SOON)
    assert (several.states("back-pain"), several.states("knees")) == (
        {"accepted": 3, "unknown": 2},
        {"accepted": 5},
    )
    assert {row.provider for row in several.app().resolving.unknown("back-pain")} == {"service"}


def test_a_provider_that_is_gone_holds_what_comes_due_and_keeps_what_is_planned(several):
    default, bulk = several.connect(), several.connect("bulk")
    several.clock.advance_to(FIRST - timedelta(minutes=1))
    several.app().holding.pause("back-pain", several.clock.now())
    several.clock.advance_to(FIRST)
    app = several.app()
    app.engine.releasing.tick(FIRST)
    assert app.engine.others[0].step()
    several.settle_for("")
    several.providers.pop("bulk")
    several.run(FIRST + timedelta(weeks=1))
    assert default.accepted == []
    assert several.states("knees")["planned"] == 3
    assert held(several) == {"knees/neck": "newsletter.toml had no [providers.bulk] when this began to run"}
    [astray, *_] = several.app().reporting.status().attention
    assert (astray.target, "[providers.bulk]" in astray.what) == ("knees", True)
    several.let_name("")
    several.app().holding.resume("knees", several.clock.now())
    several.run(several.clock.now())
    assert got(bulk) + got(default) == once_each()


def rehearses_one(several):
    bulk = several.connect("bulk")
    several.run()
    assert got(bulk) == LOWER_BACK
    rows = {row.slot.series: row.release for row in several.app().queueing.rows() if row.release}
    assert (rows["back-pain"].is_rehearsal, rows["knees"].is_rehearsal) == (True, False)
    default = several.connect()
    several.queue()
    several.run(FIRST + timedelta(weeks=3))
    assert (got(default), got(bulk)) == (once_each(), once_each())


def test_a_rehearsal_of_one_series_never_counts_for_it_and_the_other_is_real(several):
    rehearses_one(several)


@ONE_IS_ENOUGH
def test_if_the_default_told_for_all_it_would_count(several, monkeypatch):
    monkeypatch.setattr(Preparing, "occasion", lambda self, tx, slot_id: 0)
    with pytest.raises(AssertionError):
        rehearses_one(several)


def test_and_the_other_way_round(several):
    default = several.connect()
    several.settle_for('[providers.bulk]\nname = "outbox"\nfolder = "knees"\n')
    several.run()
    assert got(default) == LOWER_BACK
    assert len(list((several.root / "knees").rglob("*.eml"))) == 5
    bulk = several.connect("bulk")
    several.queue()
    several.run(FIRST + timedelta(weeks=3))
    assert (got(default), got(bulk)) == (once_each(), once_each())


def test_confirmations_of_a_series_go_by_its_provider_and_alerts_by_the_default(empty):
    default, bulk = empty.connect(), empty.connect("bulk")
    rewrite(empty.root / "newsletter.toml", "\n[providers", 'alert_to = ["office@example.org"]\n\n[providers')
    empty.queue()
    app = empty.app()
    app.enrolling.add("ada@example.org", "", "", "knees", "asked")
    with app.database.writing() as tx:
        for slug in ("back-pain", "knees"):
            address = f"{slug}@example.org"
            hash_ = address_hash(address, app.deployment.salt)
            id_ = subscribers.add_people(tx, {hash_: Subscriber(address)})[hash_]
            said = Evidence(empty.clock.now(), "form", "Yes.")
            app.pages.sign_ups.request(tx, series.find(tx, slug), id_, said)
    empty.run(empty.clock.now())
    assert [name for _, name in default.accepted] == ["back-pain"]
    assert [name for _, name in bulk.accepted] == ["knees"]
    bulk.script = [MISCONFIGURED]
    empty.run()
    assert ("_alert", "office") in default.accepted
    assert list(held(empty)) == ["knees/lower-back"]


def test_a_test_copy_goes_by_the_provider_that_the_file_names(empty):
    default, bulk = empty.connect(), empty.connect("bulk")
    tests = empty.app().tests
    tests.send("knees/neck", ["boss@example.com"])
    tests.send("back-pain/neck", ["boss@example.com"])
    assert (default.accepted, bulk.accepted) == ([("neck", "boss")], [("neck", "boss")])


def test_plan_status_simulation_and_dry_run_tell_by_which_provider(several):
    several.settle_for(f"{BULK}per_day = 1\n")
    several.connect()
    several.connect("bulk")
    app = several.app()
    planned = {one.target: one for one in app.planning.plan(several.clock.now(), 1).slots}
    assert (planned["back-pain/lower-back"].provider, planned["knees/lower-back"].provider) == ("", "bulk")
    assert planned["knees/lower-back"].length > timedelta(days=3)
    assert planned["back-pain/lower-back"].length < timedelta(hours=1)
    assert app.reporting.status().providers == {"knees": "bulk"}
    found = simulate(app, 1, several.root / "played")
    assert (found.mails, len(list((several.root / "played").rglob("*.eml")))) == (10, 10)
    several.clock.advance_to(FIRST)
    with rehearsed_engine(several.app()) as engine:
        calls = Counter((call.target, call.provider, call.recipients) for call in engine.due_calls())
    assert {(target, by) for target, by, _ in calls} == {
        ("back-pain/lower-back", "service"),
        ("knees/lower-back", "bulk"),
    }
    assert providers_of_batches(several) == {}
    several.settle_for("")
    del several.providers["bulk"]
    weeks = simulate(several.app(), 1, None).weeks
    assert {slot.series: slot.held for week in weeks for slot in week.slots if slot.held} == {
        "knees": "newsletter.toml had no [providers.bulk] when this began to run"
    }


def test_an_unknown_name_is_refused_with_its_line_and_the_nearest(tmp_path):
    several = Several(tmp_path, f"sqlite:///{tmp_path}/newsletter.db")
    rewrite(tmp_path / KNEES_FILE, '"bulk"', '"bulkk"')
    with pytest.raises(LetterError) as unknown:
        several.app().composing.check()
    assert str(unknown.value) == (
        "content/series/knees.toml:2: there is no provider 'bulkk' in newsletter.toml; did you mean 'bulk'?"
    )
    several.settle_for("")
    with pytest.raises(LetterError, match=r"write it there as \[providers.bulkk\]"):
        several.app().composing.letter()


@ONE_IS_ENOUGH
def test_a_file_that_names_another_says_so_in_the_plan_until_it_is_queued(several):
    rewrite(several.root / SERIES_FILE, 'title = "Back pain"', 'title = "Back pain"\nprovider = "bulk"')
    several.connect()
    several.connect("bulk")

    def notes():
        slots = several.app().planning.plan(several.clock.now(), 1).slots
        return [note for one in slots for note in one.notes if one.target == "back-pain/lower-back"]

    assert notes() == ["by its file it goes through bulk, after: newsletter queue back-pain"]
    several.queue()
    assert notes() == []
