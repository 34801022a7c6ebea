"""Rows that nobody checked, straight in the database: each ends for itself, and the others get their mail."""

from contextlib import closing
from email import message_from_bytes, policy

import pytest
from letter_cast import ARTICLE, ARTICLE_FILE, FRIDAY, SETTINGS, Office, write_letter
from sqlalchemy import insert, select, text

from newsletter.domain.delivery import DeliveryState
from newsletter.domain.release import ReleaseState
from newsletter.domain.subscriber import Consent
from newsletter.providers.outbox import Outbox
from newsletter.providers.resend import Resend
from newsletter.providers.settings import Secret
from newsletter.store.tables import batch, delivery, release, subscriber, subscription
from newsletter.testing.fake_resend import FakeResend

BAD_ADDRESSES = {
    "empty": "",
    "a space": " ",
    "no @": "not an address",
    "two @": "a@b@example.org",
    "nobody": "@example.org",
    "nowhere": "a@",
    "no dot": "a@localhost",
    "a header": "a@example.org\r\nBcc: all@evil.example",
    "a line feed": "a\n@example.org",
    "a recipient more": "a@example.org, all@evil.example",
    "a recipient more in brackets": "a@example.org> <all@evil.example",
    "a name": "Ann <a@example.org>",
    "quoted": '"a b"@example.org',
    "a tab": "a\t@example.org",
    "an escape": "a\x1b[31m@example.org",
    "a line separator": "a\u2028@example.org",
    "a long local part": "a" * 65 + "@example.org",
    "a long domain": "a@" + "b." * 130 + "org",
}
BAD_NAMES = {
    "a header": "Ann\r\nBcc: all@evil.example",
    "a body": "Ann\r\n\r\n<h1>Bcc: all@evil.example</h1>",
    "a line feed": "Ann\nBcc: all@evil.example",
    "a bare return": "Ann\rBcc: all@evil.example",
    "a line separator": "Ann\u2028Bcc: all@evil.example",
    "a next line": "Ann\x85Bcc: all@evil.example",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x9f",
    "long": "n" * 200,
    "long and wide": "😀" * 200,
    "an address": '"Ann" <all@evil.example>, <b@evil.example>',
    "an encoded word": "=?utf-8?q?=0D=0ABcc:_all=40evil.example?=",
    "JSON": '","bcc":["all@evil.example"],"x":"',
    "HTML": "</p><script>alert(1)</script>",
    "a template": "{{ config }}{% for x in y %} %s {0} %recipient.name%",
    "tokens": "\ue000name\ue001\ue002",
    "right to left": "\u202eAnn",
    "nothing": "",
}
GOOD = ("ada", "ben", "zoe")
#: Only SQLite keeps these.
ONLY_SQLITE = {"endless": "n" * 10_000, "a zero": "Ann\x00Bcc: all@evil.example"}


@pytest.fixture
def office(tmp_path, database_url):
    """Give a letter that names its readers in the subject and the text, with three good readers."""
    write_letter(tmp_path)
    (tmp_path / ARTICLE_FILE).write_text(ARTICLE.replace("A sore", 'Dear {{ name or "reader" }}, a sore'))
    (tmp_path / "newsletter.toml").write_text(f'{SETTINGS}[database]\nurl = "{database_url}"\n')
    with closing(Office(tmp_path)) as office:
        yield office.join("ada", "ben")


def add_rows(office, rows):
    """Write people into the database as they stand: (address, name); return their ids in order."""
    with office.app().database.writing() as tx:
        found = []
        for number, (address, name) in enumerate(rows):
            values = {"address": address, "address_hash": f"hash-{number}", "name": name}
            found += tx.execute(insert(subscriber).returning(subscriber.c.id), values).scalars()
        active = {"series_id": 1, "state": Consent.ACTIVE, "confirmed_at": FRIDAY}
        tx.execute(insert(subscription), [{**active, "subscriber_id": id_} for id_ in found])
    return found


def is_sqlite(office):
    return office.app().database.is_sqlite


def outcomes(office):
    """Tell what became of everybody's first issue: (state, reason) by subscriber."""
    rows = (
        select(delivery.c.subscriber_id, delivery.c.state, delivery.c.reason, batch.c.state)
        .join(batch, batch.c.id == delivery.c.batch_id)
        .where(delivery.c.issue_id == 1)
    )
    with office.app().database.reading() as tx:
        return {who: (of if own == "planned" else own, why) for who, own, why, of in tx.execute(rows)}


def release_states(office):
    with office.app().database.reading() as tx:
        return set(tx.execute(select(release.c.state)).scalars())


def send_by_resend(office):
    """Send both issues; return the mails of the first one as the service took them."""
    with FakeResend(now=office.clock.now) as fake, closing(Resend(fake.url, Secret("re_1"))) as provider:
        office.provider = provider
        office.run()
        return [mail.message for mail in fake.accepted if "Lower back" in mail.message["subject"]]


def send_by_outbox(office, folder):
    """Rehearse both issues; return the mails of the first one as they were written."""
    with closing(Outbox(folder)) as provider:
        office.provider = provider
        office.run()
    return [file.read_bytes() for file in sorted(folder.glob("*lower-back/*.eml"))]


def is_clean(value):
    return not any(ord(char) < 32 or char in "\x7f\x85\u2028\u2029" for char in value)


def bad_names(office):
    return BAD_NAMES | ONLY_SQLITE if is_sqlite(office) else BAD_NAMES


def numbered(names):
    return [(f"p{number}@example.org", name) for number, name in enumerate(names.values())]


def test_bad_addresses_end_for_themselves_and_the_others_are_sent(office):
    office.queue()
    bad = add_rows(office, [(address, "Ann") for address in BAD_ADDRESSES.values()])
    office.join("zoe")
    mails = send_by_resend(office)
    assert sorted(mail["to"][0] for mail in mails) == [f"{name}@example.org" for name in GOOD]
    known = outcomes(office)
    assert {who: known.pop(who) for who in bad} == dict.fromkeys(
        bad, (DeliveryState.REJECTED, "the address cannot be mailed")
    )
    assert set(known.values()) == {("accepted", None)}
    assert release_states(office) == {ReleaseState.SETTLED}


def test_a_forgotten_person_is_left_out_with_the_reason(office):
    office.queue()
    (gone,) = add_rows(office, [(None, "Ann")])
    assert len(send_by_resend(office)) == 2
    assert outcomes(office)[gone] == (DeliveryState.SUPPRESSED, "forgotten")


def test_bad_names_bring_nothing_into_a_request(office):
    office.queue()
    names = bad_names(office)
    people = add_rows(office, numbered(names))
    mails = send_by_resend(office)
    assert len(mails) == len(people) + 2
    assert {outcomes(office)[who] for who in people} == {("accepted", None)}
    assert len({(frozenset(mail), frozenset(mail["headers"])) for mail in mails}) == 1
    for mail in mails:
        (to,) = mail["to"]
        assert to.count("@") == 1
        assert all(
            is_clean(value) for value in (to, mail["subject"], mail["from"], *mail["headers"].values())
        )
        assert not any(line.startswith("Bcc:") for line in mail["text"].splitlines())
        assert "<script" not in mail["html"]
        assert "<h1>Bcc" not in mail["html"]


def test_bad_names_bring_nothing_into_a_written_mail(office, tmp_path):
    office.queue()
    names = bad_names(office)
    add_rows(office, numbered(names))
    written = send_by_outbox(office, tmp_path / "out")
    assert len(written) == len(names) + 2
    mails = [message_from_bytes(raw, policy=policy.SMTP) for raw in written]
    assert len({tuple(mail.keys()) for mail in mails}) == 1
    for raw, mail in zip(written, mails, strict=True):
        assert not mail.defects
        assert len(mail["To"].addresses) == 1
        assert mail["To"].addresses[0].domain == "example.org"
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        said = mail.get_body(("plain",)).get_content()
        assert not any(line.startswith("Bcc:") for line in said.splitlines())
        assert b"\nbcc:" not in raw.lower()
        assert b"\r" not in raw.replace(b"\r\n", b"")


def test_bad_addresses_write_no_file(office, tmp_path):
    office.queue()
    add_rows(office, [(address, "Ann") for address in BAD_ADDRESSES.values()])
    assert len(send_by_outbox(office, tmp_path / "out")) == 2


def test_text_that_is_not_unicode_stops_nobody_else(office):
    if not is_sqlite(office):
        pytest.skip("PostgreSQL does not take it")
    office.queue()
    as_bytes = text("UPDATE subscriber SET name = CAST(X'eda080' AS TEXT) WHERE id = :id")
    (broken,) = add_rows(office, [("x@example.org", "Ann")])
    with office.app().database.writing() as tx:
        tx.execute(as_bytes, {"id": broken})
    mails = send_by_resend(office)
    assert {"ada@example.org", "ben@example.org"} <= {mail["to"][0] for mail in mails}
