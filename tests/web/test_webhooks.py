"""Reports over HTTP, from the signed bytes to the tables."""

import json
import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, text
from web_cast import TEMPLATES, MemoryDesk

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.domain.subscriber import address_hash
from newsletter.providers import ses_events
from newsletter.providers.sns import Certificates
from newsletter.store.tables import provider_event, suppression
from newsletter.testing.certificates import can_make, make_certificate
from newsletter.testing.reports import Report, mailgun_report, resend_report
from newsletter.testing.ses_reports import ARN, FakeTopic, ses_event
from newsletter.web.pages import pages
from newsletter.web.server import Server
from newsletter.web.webhooks import LARGER_BODIES, MAX_BODY, listen

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
RESEND, MAILGUN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "test-signing-key"
SECRETS = {"RESEND_WEBHOOK_SECRET": RESEND, "MAILGUN_WEBHOOK_SIGNING_KEY": MAILGUN}
MESSAGE = {"from": "weekly@news.example.org", "to": ["ann@example.org"], "tags": []}


class Office:
    """A letter whose web pages take reports."""

    def __init__(self, root, environment) -> None:
        (root / "newsletter.toml").write_text('name = "Back Care Weekly"\n')
        self.app = App(root, clock=PlayedClock(NOW), environment=environment)
        application = pages(MemoryDesk(), [TEMPLATES])
        listen(application, self.app.hearing)
        self.server = Server(application)
        self.server.start()
        self.client = httpx.Client(base_url=self.server.url)

    def close(self) -> None:
        self.client.close()
        self.server.stop()
        self.app.database.close()

    def post(self, provider: str, report: Report, **headers: str) -> httpx.Response:
        given = {**report.headers, **headers}
        return self.client.post(f"/webhooks/{provider}", content=report.body, headers=given)

    @property
    def kept(self) -> list[tuple[str, str]]:
        with self.app.database.reading() as tx:
            found = tx.execute(select(provider_event.c.provider, provider_event.c.kind))
            return [tuple(row) for row in found]

    @property
    def suppressed(self) -> list[tuple[str, str]]:
        with self.app.database.reading() as tx:
            return [
                tuple(row) for row in tx.execute(select(suppression.c.address_hash, suppression.c.reason))
            ]


@pytest.fixture
def office(tmp_path):
    office = Office(tmp_path, SECRETS)
    with closing(office):
        yield office


def complaint(at=NOW, **values) -> Report:
    return resend_report(RESEND, "email.complained", MESSAGE, at, **values)


def mailgun_complaint(**values) -> Report:
    return mailgun_report(MAILGUN, "complained", "", "ann@example.org", values.pop("at", NOW), **values)


def test_a_signed_report_is_applied_before_it_is_answered(office):
    answer = office.post("resend", complaint())
    assert (answer.status_code, answer.text) == (200, "taken\n")
    assert office.kept == [("resend", "complained")]
    assert office.suppressed == [(address_hash("ann@example.org", office.app.deployment.salt), "complaint")]


def test_mailguns_reports_are_taken_the_same_way(office):
    assert office.post("mailgun", mailgun_complaint()).status_code == 200
    assert office.kept == [("mailgun", "complained")]
    assert len(office.suppressed) == 1


def test_the_same_report_again_is_taken_and_changes_nothing(office):
    report = complaint()
    assert [office.post("resend", report).status_code for _ in range(3)] == [200, 200, 200]
    assert office.kept == [("resend", "complained")]


def test_a_token_with_another_body_changes_nothing(office):
    office.post("mailgun", mailgun_report(MAILGUN, "opened", "", "bob@example.org", NOW, token="t" * 50))
    assert office.post("mailgun", mailgun_complaint(token="t" * 50)).status_code == 200
    assert office.kept == [("mailgun", "opened")]
    assert office.suppressed == []


@pytest.mark.skipif(not can_make(), reason="openssl is not there")
def test_a_topic_of_amazon_is_confirmed_once_it_is_known_and_its_reports_count_once(tmp_path, monkeypatch):
    topic = FakeTopic(make_certificate(tmp_path, rsa_bits=2048))
    monkeypatch.setattr(ses_events, "_CERTIFICATES", Certificates(topic.fetch))
    complained = topic.notification(ses_event("Complaint", "", "ann@example.org", NOW), NOW)
    with closing(Office(tmp_path, SECRETS)) as office:
        assert office.post("ses", topic.confirmation(NOW)).status_code == 503
    with closing(Office(tmp_path, {"SES_SNS_TOPIC_ARN": ARN})) as office:
        topic.is_away = True
        assert office.post("ses", complained).status_code == 503
        topic.is_away = False
        office.app.clock.advance_to(NOW + timedelta(minutes=1))
        assert [
            office.post("ses", one).status_code for one in (topic.confirmation(NOW), *[complained] * 3)
        ] == ([200] * 4)
        assert topic.confirmed == ["2336412f37"]
        assert sorted(office.kept) == [("ses", "complained"), ("ses", "other")]
        assert [reason for _, reason in office.suppressed] == ["complaint"]
        topic.arn = f"{ARN}-other"
        assert office.post("ses", topic.confirmation(NOW)).status_code == 401
        assert topic.confirmed == ["2336412f37"]


def cut(report: Report) -> Report:
    return Report(report.body[:-1], report.headers)


FORGED = {
    "no-signature": ("resend", Report(complaint().body)),
    "another-secret": ("resend", resend_report("whsec_AAAA", "email.complained", MESSAGE, NOW)),
    "another-body": ("resend", Report(b"{}", complaint().headers)),
    "truncated": ("resend", cut(complaint())),
    "stale": ("resend", complaint(NOW - timedelta(minutes=6))),
    "from-the-future": ("resend", complaint(NOW + timedelta(minutes=6))),
    "empty": ("resend", Report(b"")),
    "mailgun-another-key": ("mailgun", mailgun_report("other", "complained", "", "ann@example.org", NOW)),
    "mailgun-truncated": ("mailgun", cut(mailgun_complaint())),
    "mailgun-stale": ("mailgun", mailgun_complaint(at=NOW - timedelta(hours=13))),
    "mailgun-empty": ("mailgun", Report(b"")),
    "mailgun-a-form": ("mailgun", Report(b"signature=x&token=y")),
    "mailgun-deep": ("mailgun", Report(b"[" * 60_000)),
    "mailgun-signed-by-resend": ("mailgun", complaint()),
}


@pytest.mark.parametrize(("provider", "report"), FORGED.values(), ids=FORGED)
def test_a_forged_report_is_refused_and_changes_nothing(office, provider, report):
    # Mailgun repeats what is refused by any other status.
    assert office.post(provider, report).status_code == (406 if provider == "mailgun" else 401)
    assert office.kept == []


def test_a_refusal_is_logged_without_what_it_held(office, caplog):
    with caplog.at_level(logging.WARNING):
        office.post("resend", Report(b'{"to": "ann@example.org"}', {**complaint().headers}))
    assert "ann@" not in caplog.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""])
def test_the_content_type_does_not_matter(office, content_type):
    assert office.post("resend", complaint(), **{"content-type": content_type}).status_code == 200


@pytest.mark.parametrize("provider", ["resend", "mailgun", "nobody"])
def test_ten_megabytes_are_not_read(office, provider):
    sent = []

    def pieces():
        for number in range(160):
            sent.append(number)
            yield b" " * MAX_BODY

    try:
        answer = office.client.post(f"/webhooks/{provider}", content=pieces())
    except httpx.TransportError:
        # The server has hung up before all of it was written, which is what is wanted.
        assert len(sent) < 160
    else:
        assert answer.status_code == 413
    assert office.kept == []


def test_the_largest_body_is_read(office):
    report = mailgun_complaint(padding="x" * (MAX_BODY - 1000))
    assert office.post("mailgun", report).status_code == 200
    assert office.post("mailgun", mailgun_complaint(padding="x" * MAX_BODY)).status_code == 413


def test_whoever_reports_many_events_at_once_may_say_more(office):
    def answered(size):
        return office.client.post("/webhooks/sendgrid", content=b" " * size).status_code

    # Read whole, and then there is no key that it could be verified with.
    assert answered(768 * 1024) == 503
    assert answered(LARGER_BODIES["sendgrid"] + 1) == 413


def test_an_address_may_be_tried_before_it_is_used(office):
    answer = office.client.head("/webhooks/mandrill")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("provider", ["nobody", "Resend", "resend%00", "outbox", "..%2fhealthz"])
def test_an_unknown_provider_is_not_found(office, provider):
    assert office.post(provider, complaint()).status_code == 404


def test_reading_the_address_changes_nothing(office):
    answer = office.client.get("/webhooks/resend")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("resend", "RESEND_WEBHOOK_SECRET"), ("mailgun", "MAILGUN_WEBHOOK_SIGNING_KEY")],
)
def test_without_a_secret_a_report_comes_again_and_the_log_names_the_variable(
    tmp_path, provider, variable, capsys
):
    office = Office(tmp_path, {})
    with closing(office):
        answer = office.post(provider, complaint())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "600")
        assert office.kept == []
    said = capsys.readouterr()
    assert variable in said.out + said.err


def test_a_secret_in_a_file_counts_as_soon_as_it_is_there(tmp_path):
    office = Office(tmp_path, {"RESEND_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")})
    with closing(office):
        assert office.post("resend", complaint()).status_code == 503
        (tmp_path / "secret").write_text(RESEND)
        assert office.post("resend", complaint()).status_code == 200


def test_a_report_that_the_database_cannot_take_comes_again(office):
    with office.app.database.writing() as tx:
        tx.execute(text("DROP TABLE provider_event"))
    assert office.post("resend", complaint()).status_code >= 500


def test_an_event_that_nobody_knows_is_kept(office):
    assert office.post("resend", resend_report(RESEND, "domain.updated", {}, NOW)).status_code == 200
    assert office.kept == [("resend", "other")]
    with office.app.database.reading() as tx:
        (raw,) = tx.execute(select(provider_event.c.raw)).scalars()
    assert json.loads(raw)["type"] == "domain.updated"


def test_every_answer_has_the_security_headers(office):
    for answer in (office.post("resend", complaint()), office.post("nobody", complaint())):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
