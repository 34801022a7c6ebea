"""The bytes of a message break no rule of the standards; each broken rule is found, and no other."""

from binascii import b2a_base64

import pytest
from checks_cast import MESSAGE, rules

from newsletter.checks.message_bytes import check_bytes

SUBJECT = b"Subject: "
SENDER = b"From: The Kitchen Garden"
WAY_OUT = b"<https://news.example.org/u/v1.token>"


def changed(old: bytes, new: bytes) -> bytes:
    assert old in MESSAGE
    return MESSAGE.replace(old, new, 1)


def without(name: bytes) -> bytes:
    lines = MESSAGE.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(name + b":"))


def test_a_sound_message_breaks_no_rule():
    assert check_bytes(MESSAGE) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"alternative", b"mixed", "parts-not-alternative (MIME-1)"),
        (b"rake.", b"rake.\r\n" + b"a" * 77, "encoded-line-too-long (MIME-4)"),
        (SUBJECT, b"X-Long: " + b"word " * 20 + b"\r\nSubject: ", "header-line-long (MIME-4)"),
        (b"Sow.", b"So\rw.", "stray-control-character (MIME-5)"),
        (b"Sow.", b"So\nw.", "stray-control-character (MIME-5)"),
        (b"Sow.", b"So\0w.", "stray-control-character (MIME-5)"),
        (b"Sow.", b"So=C2=92w.", "stray-control-character (MIME-5)"),
        (b"charset=utf-8", b"charset=iso-8859-1", "charset-not-utf-8 (MIME-6)"),
        (b"=_1a2b", b"=_1a2b" + b"c" * 70, "bad-boundary (MIME-8)"),
        (SUBJECT, b"Subject: One\r\nSubject: ", "header-twice (HDR-1)"),
        (b"weekly@news", b"a@news.example.org>, <b@news", "from-not-usable (HDR-2)"),
        (SENDER, b'From: "Re: Garden"', "sender-name-misleading (HDR-3)"),
        (SENDER, b"From: =?utf-8?q?Garden_=E2=9C=93?=", "sender-name-misleading (HDR-3)"),
        (SUBJECT, b"Subject: RE: ", "subject-looks-like-a-reply (HDR-4)"),
        (SUBJECT, b"Subject: \xc3\xa9 ", "header-not-plain (HDR-5)"),
        (b"Four weeks", b"=?utf-8?q?Four_weeks?=", "header-not-plain (HDR-5)"),
        (SUBJECT, b"Subject: =?utf-8?q?a?==?utf-8?q?b?= ", "bad-encoded-word (HDR-6)"),
        (SUBJECT, b"Subject: =?utf-8?q?" + b"a" * 65 + b"?=\r\n ", "bad-encoded-word (HDR-6)"),
        (b"Tue, 01 Dec 2026", b"2026-12-01", "bad-date (HDR-7)"),
        (b"<abc@news.example.org>", b"abc", "bad-message-id (HDR-8)"),
        (b"<abc@news.example.org>", b"<abc@provider.example.com>", "bad-message-id (HDR-8)"),
        (b"<ada@example.com>", b"<ada@example.com>, <bob@example.com>", "bad-recipient (HDR-10)"),
        (b"Ada <ada@example.com>", b"undisclosed-recipients:;", "bad-recipient (HDR-10)"),
        (b"<https://news", b"<http://news", "list-unsubscribe-not-usable (UNS-1)"),
        (b"<https://news", b"<https:// news", "list-unsubscribe-not-usable (UNS-1)"),
        (WAY_OUT, WAY_OUT + b",\r\n " + WAY_OUT, "list-unsubscribe-not-usable (UNS-1)"),
        (WAY_OUT, b"<mailto:a@example.org>", "unsubscribe-by-mail-alone (UNS-7)"),
        (b"=One-Click", b"=one-click", "one-click-not-announced (UNS-2)"),
        (b"<garden.news.example.org>", b"<garden.example.com>", "list-id-not-usable (LST-1)"),
        (b"soil:garden", b"a:b:soil:garden", "feedback-id-not-usable (LST-2)"),
        (b"newsexampleorg", b"news", "feedback-id-not-usable (LST-2)"),
    ],
)
def test_a_broken_rule_is_found_and_no_other(old, new, rule):
    raw = MESSAGE.replace(old, new) if rule.startswith("bad-boundary") else changed(old, new)
    assert rules(check_bytes(raw)) == [rule]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (b"Date", "header-missing (HDR-1)"),
        (b"MIME-Version", "header-missing (HDR-1)"),
        (b"Subject", "header-missing (HDR-1)"),
        (b"Message-ID", "header-missing (HDR-1)"),
        (b"To", "header-missing (HDR-1)"),
        (b"List-Unsubscribe", "list-unsubscribe-not-usable (UNS-1)"),
        (b"List-Unsubscribe-Post", "one-click-not-announced (UNS-2)"),
        (b"List-Id", "list-id-not-usable (LST-1)"),
        (b"Feedback-ID", "feedback-id-not-usable (LST-2)"),
    ],
)
def test_a_missing_header_is_found_and_nothing_else(name, rule):
    assert rules(check_bytes(without(name))) == [rule]


def test_a_list_without_a_name_is_a_list():
    assert rules(check_bytes(changed(b"Four weeks <garden", b"<garden"))) == []


def test_an_endless_line_is_found_with_its_line():
    (found,) = check_bytes(changed(SUBJECT, b"X-Long: " + b"a" * 999 + b"\r\nSubject: "))
    assert found.rule == "line-too-long (MIME-3)"
    assert str(found.place) == "message.eml:4"


def test_a_text_in_base64_is_found():
    plain = b"Rake the bed level and firm it with the back of the rake."
    raw = changed(plain, b2a_base64(plain, newline=False)[:76])
    coded = raw.replace(b"quoted-printable", b"base64", 1)
    assert rules(check_bytes(coded)) == ["text-in-base64 (MIME-7)"]


def test_a_boundary_in_a_body_is_found():
    assert rules(check_bytes(changed(b"Sow.", b"Sow --=_1a2b."))) == ["bad-boundary (MIME-8)"]


def test_a_mail_of_html_alone_lacks_its_text():
    found = rules(check_bytes(changed(b"text/plain", b"text/enriched")))
    assert found == ["parts-not-alternative (MIME-1)", "text-part-missing (MIME-2)"]


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"no header at all", b"\0\xff\r\n\r\n", MESSAGE[:500]])
def test_anything_can_be_checked(raw):
    assert check_bytes(raw) != []
