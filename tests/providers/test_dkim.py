"""Mails that a server received are verified by another implementation, dkimpy, by their bytes."""

import subprocess
import sys
from base64 import b64encode
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as curve_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cast import HOSTILE_NAMES, a_mailing, a_message, a_recipient, names

from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, open_provider
from newsletter.providers.dkim import Dkim, relaxed_body
from newsletter.providers.mime import compile_mime
from newsletter.providers.settings import MailServer, Secret
from newsletter.testing.fake_smtp import FakeSmtp

DOMAIN = "news.example.org"
RECORD = f"s1._domainkey.{DOMAIN}."
#: A verifier goes by the clock of its machine, and refuses what is signed in the future.
DATE = datetime(2026, 1, 6, 9, tzinfo=UTC)
RSA, ED = generate_private_key(65537, 2048), Ed25519PrivateKey.generate()


def pem(key, encryption=None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def published(key) -> bytes:
    if key is ED:
        return b"v=DKIM1; k=ed25519; p=" + b64encode(
            key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        )
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(der)


KEYS = {"rsa": RSA, "ed25519": ED}


def verifies(mail: bytes, key) -> bool:
    def record(name, timeout=5):
        return published(key) if name.decode() == RECORD else None

    return dkim.verify(mail, dnsfunc=record)


def settings_of(fake, key, **values):
    server = MailServer("127.0.0.1", fake.port, "none", dkim_selector="s1", **values)
    return ProviderSettings("smtp", environment={"SMTP_DKIM_KEY": key}, server=server)


def received(key, *people, message=None, **values):
    with FakeSmtp() as fake, closing(open_provider(settings_of(fake, key, **values))) as smtp:
        fill = smtp.compile(message or a_message())
        for one in people or [a_recipient()]:
            assert fill(mailing_to(one)).make().outcome == "accepted"
        return [mail.data for mail in fake.accepted]


def mailing_to(one):
    return replace(a_mailing(one), date=DATE)


def header(mail: bytes) -> str:
    return mail.partition(b"\r\nDate:")[0].decode().replace("\r\n ", " ")


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_what_the_server_receives_is_signed(key):
    people = [a_recipient(pos, name) for pos, name in enumerate(HOSTILE_NAMES)]
    mails = received(pem(key), *people)
    assert len(mails) == len(HOSTILE_NAMES)
    assert all(verifies(mail, key) for mail in mails)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@settings(max_examples=15, deadline=None)
@given(name=names, body=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_whatever_is_signed_verifies(key, name, body):
    message = a_message(text=(body,), subject=(body, " x"))
    [parts] = compile_mime(message)(DATE)([a_recipient(name=name)])
    assert verifies(Dkim(Secret(pem(key)), "s1").seal(b"".join(parts), DOMAIN, DATE), key)


@given(st.text(alphabet=" \tab\r\n", max_size=40))
def test_a_body_is_relaxed_as_another_implementation_does(text):
    body = text.replace("\r", "").replace("\n", "\r\n").encode()
    body = b"x" + body + b"\r\n"
    assert relaxed_body(body) == dkim.canonicalization.Relaxed.canonicalize_body(body)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_both_headers_of_one_click_are_covered_and_no_second_one_can_be_added(key):
    [mail] = received(pem(key))
    names = header(mail).partition("h=")[2].partition(";")[0].replace(" ", "").split(":")
    for name in ("from", "subject", "list-unsubscribe", "list-unsubscribe-post"):
        assert names.count(name) == 2, name
    assert {"to", "date", "message-id", "list-id", "feedback-id", "mime-version", "content-type"} <= set(
        names
    )
    for line in (b"List-Unsubscribe: <https://evil.example.org/>", b"From: <evil@example.org>"):
        assert not verifies(line + b"\r\n" + mail, key)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"One-Click", b"Two-Click"),
        (b"List-Unsubscribe: <https", b"List-Unsubscribe: <http"),
        (b"Subject: Lower", b"Subject: Upper"),
        (b"now", b"not"),
    ],
)
def test_what_is_changed_on_its_way_verifies_no_more(old, new):
    [mail] = received(pem(RSA))
    assert old in mail
    assert verifies(mail, RSA)
    assert not verifies(mail.replace(old, new, 1), RSA)


def test_spaces_and_folds_that_a_server_changes_are_no_matter():
    [mail] = received(pem(RSA))
    head, _, body = mail.partition(b"\r\n\r\n")
    changed = head.replace(b"Subject: ", b"Subject:   ") + b"\r\n\r\n" + body + b"\r\n\r\n"
    assert verifies(changed, RSA)


def test_lines_of_the_signature_are_short_and_its_instant_is_that_of_the_mailing():
    [mail] = received(pem(RSA))
    lines = mail.partition(b"\r\nDate:")[0].split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert f"t={int(DATE.timestamp())};" in header(mail)
    assert header(mail).startswith("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;")


def test_a_domain_above_the_senders_can_sign():
    [mail] = received(pem(RSA), dkim_domain="example.org")
    assert "d=example.org;" in header(mail)


def test_a_domain_that_does_not_count_is_refused_before_anything_is_sent():
    with pytest.raises(ProviderError, match="DMARC"):
        received(pem(RSA), dkim_domain="example.com")


def test_an_international_sender_is_signed_for_in_ascii():
    message = a_message(sender="Rücken <weekly@bücher.example.org>")
    [mail] = received(pem(RSA), message=message)
    assert "d=xn--bcher-kva.example.org;" in header(mail)


def test_keys_are_read_in_every_usual_form(tmp_path):
    raw = b64encode(ED.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode()
    old = RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    for written, key in ((raw, ED), (old, RSA), (f"\n{pem(RSA)}\n", RSA)):
        [mail] = received(written)
        assert verifies(mail, key)
    file = tmp_path / "dkim.pem"
    file.write_text(pem(ED))
    with FakeSmtp() as fake:
        server = MailServer("127.0.0.1", fake.port, "none", dkim_selector="s1")
        given_ = ProviderSettings("smtp", environment={"SMTP_DKIM_KEY_FILE": str(file)}, server=server)
        with closing(open_provider(given_)) as smtp:
            smtp.compile(a_message())(mailing_to(a_recipient())).make()
        assert verifies(fake.accepted[0].data, ED)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("", "SMTP_DKIM_KEY is not set"),
        ("nonsense", "no private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no private key"),
        (b64encode(b"short").decode(), "no private key"),
        (pem(RSA, BestAvailableEncryption(b"secret")), "password"),
        (pem(curve_key(SECP256R1())), "no RSA key"),
    ],
)
def test_what_is_no_key_is_refused_and_never_shown(key, says):
    with FakeSmtp() as fake:
        with pytest.raises(ProviderError, match=says) as caught:
            open_provider(settings_of(fake, key))
    for line in [line for line in key.splitlines() if not line.startswith("-----")]:
        assert line not in str(caught.value)
        assert line not in caught.value.mend


@pytest.mark.parametrize("values", [{"dkim_domain": DOMAIN}, {}])
def test_a_key_without_a_selector_is_a_mistake_and_not_unsigned_mail(values):
    given_ = ProviderSettings(
        "smtp", environment={"SMTP_DKIM_KEY": pem(RSA)}, server=MailServer("127.0.0.1", 25, "none", **values)
    )
    with pytest.raises(ProviderError, match="no selector"):
        open_provider(given_)


@pytest.mark.parametrize(
    ("selector", "domain"), [("s 1", ""), ("-s1", ""), ("s1;", ""), ("s1", "bücher.example")]
)
def test_a_selector_or_a_domain_that_is_none_is_refused(selector, domain):
    with pytest.raises(ProviderError, match="is no"):
        Dkim(Secret(pem(RSA)), selector, domain)


def test_without_its_library_the_extra_is_named(monkeypatch):
    key = Secret(pem(RSA))
    for name in [one for one in sys.modules if one.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ProviderError, match="cryptography") as caught:
        Dkim(key, "s1")
    assert "newsletter-series[dkim]" in caught.value.mend


def test_a_key_shows_itself_to_nobody():
    assert "PRIVATE" not in repr(Dkim(Secret(pem(RSA)), "s1")) + str(vars(Dkim(Secret(pem(RSA)), "s1")))


def test_doctor_is_told_the_record_of_the_key():
    with FakeSmtp() as fake, closing(open_provider(settings_of(fake, pem(RSA)))) as smtp:
        found = smtp.examine([DOMAIN, "other.example.org"])
        assert fake.accepted == []
    assert found.dkim == {
        DOMAIN: [RECORD.rstrip(".")],
        "other.example.org": ["s1._domainkey.other.example.org"],
    }


def test_a_rehearsal_shows_the_signed_mail():
    with FakeSmtp() as fake, closing(open_provider(settings_of(fake, pem(RSA)))) as smtp:
        call = smtp.compile(a_message())(mailing_to(a_recipient()))
        shown = call.request().body
        call.make()
        assert fake.accepted[0].data == shown


def test_openssl_makes_keys_that_are_taken(tmp_path):
    file = tmp_path / "key.pem"
    for command in (
        ["genrsa", "-out", str(file), "2048"],
        ["genpkey", "-algorithm", "ed25519", "-out", str(file)],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
        Dkim(Secret(file.read_text()), "s1")
