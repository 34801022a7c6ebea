"""`doctor` says whether a letter can be sent, and ends with 3 where it cannot."""

import json
import sqlite3
from contextlib import closing, contextmanager

import pytest
from letter_cast import SERIES_FILE, rewrite
from name_server import RFC_KEY, NameServer

from newsletter.app import App
from newsletter.testing.fake_resend import FakeResend
from newsletter.testing.fake_smtp import FakeSmtp
from newsletter.web.serving import public_pages

HOME = "news.example.org"
KEY = "re_0123456789abcdef"
RECORDS = {
    f"send.{HOME} TXT": ["v=spf1 include:_spf.example.net ~all"],
    "_spf.example.net TXT": ["v=spf1 ip4:192.0.2.0/24 -all"],
    f"resend._domainkey.{HOME} TXT": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    "_dmarc.example.org TXT": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"],
    f"{HOME} MX": ["10 mx.example.org."],
}


@pytest.fixture
def names():
    """Give a name server that knows a domain which is ready."""
    with NameServer(RECORDS) as running:
        yield running


@pytest.fixture
def resend(monkeypatch):
    """Give the fake account that the letter sends through."""
    with FakeResend() as fake:
        monkeypatch.setenv("RESEND_API_KEY", KEY)
        monkeypatch.setenv("NEWSLETTER_PROVIDER__NAME", "resend")
        monkeypatch.setenv("NEWSLETTER_PROVIDER__BASE_URL", fake.url)
        monkeypatch.setenv("NEWSLETTER_ALERT_TO", '["office@example.org"]')
        yield fake


@pytest.fixture
def pages(letter, monkeypatch, resend):
    """Serve the public pages, and let the letter lead there."""
    monkeypatch.setenv("NEWSLETTER_WEB__PORT", "0")
    app = App(letter)
    with public_pages(app) as url:
        monkeypatch.setenv("NEWSLETTER_PUBLIC_URL", url)
        yield url
    app.database.close()


@pytest.fixture
def doctor(terminal, names):
    """Type the command, and return its exit code and what it says of each thing."""

    def type_it(*words):
        said = terminal("doctor", "--name-server", names.address, "--json", *words)
        assert said.err == ""
        found = json.loads(said.out)
        assert found["ready"] is (said.code == 0)
        return said.code, {one["what"]: one["verdict"] for one in found["checked"]}

    return type_it


@contextmanager
def changed(names: NameServer, **records):
    """Publish other records for a while; a name without texts has none."""
    before = dict(names.records)
    names.records.update({name: texts for name, texts in records.items() if texts})
    for name in [name for name, texts in records.items() if not texts]:
        del names.records[name]
    yield
    names.records = before


def test_a_letter_that_is_ready_is_told_so(terminal, pages, names):
    said = terminal("doctor", "--name-server", names.address)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[-1] == "nothing blocks sending; 1 could not be checked"
    assert [line.split("  ")[0] for line in lines if line.startswith(("blocks", "problem"))] == []
    assert f"SPF of send.{HOME}" in said.out
    assert "~all, 1 of 10 look-ups" in said.out
    assert "p=quarantine, from _dmarc.example.org" in said.out
    assert "goes to mx.example.org" in said.out
    assert KEY not in said.out


def test_nothing_is_written_and_nobody_is_mailed(doctor, letter, resend):
    doctor()
    assert not (letter / "newsletter.db").exists()
    assert {one.method for one in resend.requests} == {"GET"}


def test_pages_that_do_not_answer_block(doctor, resend, monkeypatch):
    monkeypatch.setenv("NEWSLETTER_PUBLIC_URL", "http://127.0.0.1:9")
    code, found = doctor()
    assert (code, found["unsubscribe page"]) == (3, "blocks sending")


@pytest.mark.parametrize(
    ("records", "what", "verdict"),
    [
        ({f"send.{HOME} TXT": []}, f"SPF of send.{HOME}", "blocks sending"),
        ({f"send.{HOME} TXT": ["v=spf1 -all", "v=spf1 ~all"]}, f"SPF of send.{HOME}", "blocks sending"),
        ({"_spf.example.net TXT": []}, f"SPF of send.{HOME}", "blocks sending"),
        (
            {"_spf.example.net TXT": [f"v=spf1 include:send.{HOME} ~all"]},
            f"SPF of send.{HOME}",
            "blocks sending",
        ),
        ({"_spf.example.net TXT": [f"v=spf1 {'a ' * 10}~all"]}, f"SPF of send.{HOME}", "blocks sending"),
        ({f"send.{HOME} TXT": ["v=spf1 redirect=_spf.example.net"]}, f"SPF of send.{HOME}", "ok"),
        ({f"resend._domainkey.{HOME} TXT": []}, f"DKIM resend._domainkey.{HOME}", "blocks sending"),
        ({f"resend._domainkey.{HOME} TXT": [f"p={RFC_KEY}"]}, f"DKIM resend._domainkey.{HOME}", "problem"),
        ({"_dmarc.example.org TXT": []}, f"DMARC of {HOME}", "blocks sending"),
        ({f"_dmarc.{HOME} TXT": ["v=DMARC1; p=none"]}, f"DMARC of {HOME}", "problem"),
        ({f"{HOME} MX": ["0 ."]}, f"mail to {HOME}", "blocks sending"),
    ],
)
def test_a_record_that_is_wrong_is_found(doctor, pages, names, records, what, verdict):
    with changed(names, **records):
        code, found = doctor()
    assert found[what] == verdict
    assert (code == 3) is (verdict == "blocks sending")


def test_name_servers_that_do_not_tell_block_nothing(doctor, pages, names):
    names.broken = {one.split()[0] for one in RECORDS} | {f"_dmarc.{HOME}"}
    code, found = doctor()
    assert code == 0
    assert found[f"SPF of send.{HOME}"] == found[f"DMARC of {HOME}"] == "could not check"
    assert found[f"DKIM resend._domainkey.{HOME}"] == found[f"mail to {HOME}"] == "could not check"


def test_a_key_that_a_person_names_is_looked_up(doctor, pages):
    assert doctor("--selector", "s1")[1][f"DKIM s1._domainkey.{HOME}"] == "blocks sending"


def test_a_missing_key_blocks_and_the_rest_is_still_looked_at(doctor, pages, monkeypatch):
    monkeypatch.delenv("RESEND_API_KEY")
    code, found = doctor()
    assert (code, found["provider"]) == (3, "blocks sending")
    assert found[f"DMARC of {HOME}"] == found["unsubscribe page"] == "ok"
    assert found[f"SPF of {HOME}"] == "problem"
    assert found[f"DKIM of {HOME}"] == "could not check"


def test_missing_settings_block_a_real_send_and_name_their_key(doctor, letter, resend, monkeypatch):
    rewrite(letter / "newsletter.toml", 'postal_address = "1 High Street, Exampletown"\n', "")
    rewrite(letter / "newsletter.toml", 'public_url = "https://news.example.org"\n', "")
    monkeypatch.delenv("NEWSLETTER_ALERT_TO")
    code, found = doctor("--offline")
    assert code == 3
    assert found["public_url"] == found["postal_address"] == "blocks sending"
    assert found["alert_to"] == "problem"


def test_a_rehearsal_is_blocked_by_nothing_of_the_outside(terminal, letter):
    rewrite(letter / "newsletter.toml", 'postal_address = "1 High Street, Exampletown"\n', "")
    said = terminal("doctor")
    assert said.code == 0
    assert "outbox: nothing leaves this machine" in said.out
    assert "a rehearsal needs none of them" in said.out


def test_offline_asks_nobody(doctor, resend, names):
    code, found = doctor("--offline")
    assert code == 0
    assert (list(resend.requests), names.asked) == ([], [])
    assert found["unsubscribe page"] == found[f"domain {HOME}: provider and DNS"] == "could not check"


def test_a_series_that_cannot_be_read_blocks(doctor, letter):
    rewrite(letter / SERIES_FILE, "[cadence]", "[cadenza]")
    code, found = doctor()
    assert (code, found["letter"]) == (3, "blocks sending")


def test_an_alert_that_would_be_lost_is_a_problem(doctor, resend, monkeypatch):
    monkeypatch.setenv("NEWSLETTER_ALERT_TO", '["office"]')
    assert doctor("--offline")[1]["alert_to"] == "problem"


def test_a_database_of_a_newer_version_and_a_copy_block(doctor, letter, queued, resend):
    assert doctor("--offline")[1]["database"] == "ok"
    with closing(sqlite3.connect(letter / "newsletter.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    code, found = doctor("--offline")
    assert (code, found["database"]) == (3, "blocks sending")


def test_smtp_asks_the_server_and_looks_where_mails_bounce_to(doctor, names, letter, monkeypatch):
    with FakeSmtp(password="secret") as fake:
        for name, value in {
            "NAME": "smtp",
            "HOST": "127.0.0.1",
            "PORT": str(fake.port),
            "SECURITY": "none",
            "USER": "newsletter",
            "RETURN_PATH": "bounces@example.org",
        }.items():
            monkeypatch.setenv(f"NEWSLETTER_PROVIDER__{name}", value)
        monkeypatch.setenv("NEWSLETTER_PUBLIC_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("SMTP_PASSWORD", "secret")
        with changed(names, **{"example.org TXT": ["v=spf1 mx -all"]}):
            found = doctor()[1]
    assert (found["key"], found["SPF of example.org"]) == ("ok", "ok")


def test_a_name_server_is_an_address(terminal, resend):
    assert "no address of a name server" in terminal.refuses("doctor", "--name-server", "dns.example.org")
