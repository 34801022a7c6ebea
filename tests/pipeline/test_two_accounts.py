"""The whole way: from the queue through two accounts of one service, and their reports back."""

import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from datetime import timedelta

import httpx
import pytest
from letter_cast import FRIDAY
from several_cast import FIRST, PEOPLE, Several
from sqlalchemy import select

from newsletter import scheduler
from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.scheduler import Schedule
from newsletter.store.tables import batch, delivery, issue, provider_event, series
from newsletter.testing.fake_http import Fault
from newsletter.testing.fake_mailgun import FakeMailgun
from newsletter.testing.reports import mailgun_report
from newsletter.web.server import Server
from newsletter.web.serving import public_app

EVERYBODY = Counter(f"{name}@example.org" for name in PEOPLE)
SIGNING = {"mailgun": "signs-for-the-default", "bulk": "signs-for-the-other"}
KEYS = {
    "MAILGUN_API_KEY": "of-the-default",
    "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING["mailgun"],
    "BULK_MAILGUN_API_KEY": "of-the-other",
    "BULK_MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING["bulk"],
}
WITHIN = timedelta(hours=3)


class MachineClock(PlayedClock):
    """Tells played instants, and the seconds that every process of this machine counts."""

    def elapsed(self) -> float:
        return time.monotonic()


class Accounts(Several):
    """The letter of two series, with accounts that answer at ports of this machine."""

    def open(self) -> "Accounts":
        self.environment = dict(KEYS)
        self.stack = ExitStack()
        self.fakes = {
            name: self.stack.enter_context(FakeMailgun(api_key=key, now=self.clock.now, domains=None))
            for name, key in (("mailgun", "of-the-default"), ("bulk", "of-the-other"))
        }
        self.settle_for(
            f'[provider]\nname = "mailgun"\nbase_url = "{self.fakes["mailgun"].url}"\n'
            f'[providers.bulk]\nname = "mailgun"\nenv_prefix = "BULK_"\n'
            f'base_url = "{self.fakes["bulk"].url}"\n'
        )
        return self

    def app(self) -> App:
        app = App(self.root, clock=self.clock, environment=self.environment, database_url=self.url)
        self.stack.callback(app.routing.close)
        self.apps.append(app)
        return app

    def got(self, name: str) -> Counter[str]:
        return Counter(mail.address for mail in self.fakes[name].accepted)

    def subjects(self, name: str) -> set[str]:
        return {mail.headers["List-Id"].partition("<")[0].strip() for mail in self.fakes[name].accepted}

    def rows(self, statement):
        with self.app().database.reading() as tx:
            return [tuple(row) for row in tx.execute(statement)]


@pytest.fixture
def accounts(tmp_path, database_url):
    with (
        closing(Accounts(tmp_path / "letter", database_url, MachineClock(FRIDAY)).open()) as several,
        several.stack,
    ):
        yield several.begin()


def delivered(accounts):
    """Count what is known as delivered by series and provider."""
    found = (
        select(series.c.slug, batch.c.provider)
        .join(issue, issue.c.series_id == series.c.id)
        .join(delivery, delivery.c.issue_id == issue.c.id)
        .join(batch, batch.c.id == delivery.c.batch_id)
        .where(delivery.c.delivered_at.is_not(None))
    )
    return Counter(accounts.rows(found))


def test_each_account_has_its_series_and_its_reports_and_looks_into_its_own_doubts(accounts):
    accounts.fakes["bulk"].script.append(Fault.ACCEPT_THEN_DROP)
    accounts.run(FIRST + WITHIN)
    assert (accounts.got("mailgun"), accounts.got("bulk")) == (EVERYBODY, EVERYBODY)
    assert (accounts.subjects("mailgun"), accounts.subjects("bulk")) == ({"Back pain"}, {"Knees"})
    assert accounts.states("knees") == accounts.states("back-pain") == {"accepted": 5}
    with Server(public_app(accounts.app())) as server, httpx.Client(base_url=server.url) as client:

        def post(path, signed_by, mail):
            report = mailgun_report(
                SIGNING[signed_by],
                "delivered",
                mail.variables["reference"],
                mail.address,
                accounts.clock.now(),
            )
            answer = client.post(f"/webhooks/{path}", content=report.body, headers=dict(report.headers))
            return answer.status_code

        assert post("bulk", "mailgun", accounts.fakes["bulk"].accepted[0]) == 406
        assert delivered(accounts) == {}
        for name, fake in accounts.fakes.items():
            assert {post(name, name, mail) for mail in fake.accepted} == {200}
    assert delivered(accounts) == {("back-pain", "mailgun"): 5, ("knees", "bulk"): 5}
    told = accounts.rows(select(provider_event.c.provider))
    assert Counter(told) == {("mailgun",): 5, ("bulk",): 5}


def test_threads_of_each_account_send_at_once(accounts, monkeypatch):
    monkeypatch.setattr(scheduler, "TICK_SECONDS", 0.01)
    accounts.clock.advance_to(FIRST)
    # One account answers nothing until the other is done: who waited for it would wait in vain.
    accounts.fakes["mailgun"].script.append(Fault.NEVER_ANSWER)
    schedule = Schedule(accounts.app().engine, tick_seconds=0.05, senders=1)
    schedule.start()
    try:
        found, pause = Counter(), threading.Event()
        for _ in range(500):
            found = accounts.states("knees")
            if found == {"accepted": 5} or pause.wait(0.02):
                break
        assert found == {"accepted": 5}
        assert accounts.states("back-pain") == {"sending": 5}
    finally:
        accounts.fakes["mailgun"].stopping.set()
        schedule.ask_to_stop()
        schedule.stop()
    assert accounts.states("back-pain") == {"unknown": 5}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_account_is_called_from_a_process_of_its_own(accounts, monkeypatch):
    monkeypatch.setattr(scheduler, "TICK_SECONDS", 0.01)
    accounts.clock.advance_to(FIRST)
    app = accounts.app()
    processes = app.engines.caller_processes(app.routing)
    schedule = Schedule(app.engine, tick_seconds=0.05, processes=processes)
    schedule.start()
    try:
        pause = threading.Event()
        for _ in range(500):
            if accounts.states("knees") == accounts.states("back-pain") == {"accepted": 5}:
                break
            pause.wait(0.02)
        assert all(one.is_ready for one in processes.values())
    finally:
        schedule.ask_to_stop()
        schedule.stop()
    assert (accounts.got("mailgun"), accounts.got("bulk")) == (EVERYBODY, EVERYBODY)
    assert accounts.states("knees") == accounts.states("back-pain") == {"accepted": 5}


def test_the_missing_key_of_an_account_is_named_as_it_is_read(accounts):
    accounts.environment = {"MAILGUN_API_KEY": "of-the-default"}
    app = accounts.app()
    with pytest.raises(Exception, match="BULK_MAILGUN_API_KEY is not set"):
        app.refuse_unready()
