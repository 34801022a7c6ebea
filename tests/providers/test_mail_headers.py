from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.providers.headers import mailbox_line, split_mailbox, text_line

subjects = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], include_characters=" "), max_size=150)


def read(line: bytes, name="Subject"):
    return message_from_bytes(line + b"\r\n", policy=policy.default)[name]


@given(subjects)
def test_a_subject_survives_and_keeps_the_limits_of_encoded_words(text):
    line = text_line("Subject", text)
    assert str(read(line)) == " ".join(text.split(" ")).strip(" ") or "  " in text
    assert max(map(len, line.split(b"\r\n"))) <= 76
    assert b"?==?" not in line
    assert not [word for word in line.split() if word.startswith(b"=?") and len(word) > 75]


@pytest.mark.parametrize(
    "text", ["Short", "A long subject, all of it plain, that does not fit on one line " * 2]
)
def test_a_plain_subject_is_never_encoded(text):
    line = text_line("Subject", text)
    assert b"=?" not in line
    assert str(read(line)) == text.strip()


@pytest.mark.parametrize("text", ["x" * 90, "y" * 70, "=?utf-8?q?x?="])
def test_a_plain_subject_that_cannot_be_folded_or_would_mislead_is_encoded(text):
    line = text_line("Subject", text)
    assert line.startswith(b"Subject: =?utf-8?")
    assert str(read(line)) == text


def test_the_shorter_encoding_is_taken():
    assert b"=?utf-8?q?R=C3=BCcken_und_Nacken" in text_line("Subject", "Rücken und Nacken")
    assert b"=?utf-8?b?" in text_line("Subject", "背中の痛み")


@pytest.mark.parametrize(
    ("person", "written"),
    [
        ("", b"To: a@example.org\r\n"),
        ("Ann", b"To: Ann <a@example.org>\r\n"),
        ("Smith, Ann", b'To: "Smith, Ann" <a@example.org>\r\n'),
        ('A "B" \\ C', b'To: "A \\"B\\" \\\\ C" <a@example.org>\r\n'),
        ("Zoë", b"To: =?utf-8?q?Zo=C3=AB?= <a@example.org>\r\n"),
    ],
)
def test_a_name_is_quoted_or_encoded_only_where_it_must_be(person, written):
    assert mailbox_line("To", person, "a@example.org") == written


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("a@example.org, b@example.org", '"a@example.org, b"@example.org'),
        ("a@example.org>\r\nBcc: <b@example.org", '"a@example.org> Bcc: <b"@example.org'),
        ('"a b"@example.org', '"a b"@example.org'),
        ("zoë@example.org", "zoë@example.org"),
    ],
)
def test_an_address_is_one_address_whatever_it_holds(address, written):
    assert mailbox_line("To", "", address).decode() == f"To: {written}\r\n"


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("a@example.org", ("", "a@example.org")),
        ("Ann <a@example.org>", ("Ann", "a@example.org")),
        ('"Smith, \\"Ann\\"" <a@example.org>', ('Smith, "Ann"', "a@example.org")),
    ],
)
def test_a_mailbox_splits_into_name_and_address(written, parts):
    assert split_mailbox(written) == parts
