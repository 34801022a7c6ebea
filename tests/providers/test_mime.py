import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given
from provider_cast import DATE, HOSTILE_NAMES, a_message, a_recipient, names, reference

from newsletter.domain.pieces import Field
from newsletter.errors import ProviderError
from newsletter.providers.mime import compile_mime

NAME = Field("name", "there")


def raw(recipient=None, **values) -> bytes:
    return made(a_message(**values), recipient)


def made(message, recipient=None, date=DATE) -> bytes:
    [parts] = compile_mime(message)(date)([recipient or a_recipient()])
    return b"".join(parts)


def parsed(data: bytes):
    return message_from_bytes(data, policy=policy.default)


def lines_of(data: bytes) -> list[bytes]:
    return data.split(b"\r\n")


@given(names)
def test_bodies_are_what_they_should_be_after_a_round_trip(name):
    recipient, message = a_recipient(name=name), a_message()
    text, html = (part.get_payload(decode=True).decode() for part in parsed(raw(recipient)).iter_parts())
    assert html == reference(message.html, recipient, is_html=True, newline="\r\n")
    assert text == reference(message.text, recipient, newline="\r\n")


@given(names)
def test_the_raw_bytes_keep_the_rules(name):
    data = raw(a_recipient(name=name), subject=("For ", NAME, ", with love"))
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert data.isascii()
    assert max(map(len, lines_of(data))) <= 998
    assert not [line for line in lines_of(data) if line.startswith((b".", b"From "))]
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"?==?" not in head
    assert max(map(len, lines_of(body))) <= 76
    assert not [line for line in lines_of(body) if line.endswith((b" ", b"\t"))]


@given(names)
def test_a_subject_with_a_name_survives_on_one_line(name):
    subject = parsed(raw(a_recipient(name=name), subject=("For ", NAME, ", with love")))["Subject"]
    said = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", f"For {name or 'there'}, with love")
    assert str(subject) == said


@given(names)
def test_the_mail_goes_to_one_person_with_their_name(name):
    to = message_from_bytes(raw(a_recipient(name=name)))["To"].replace("\r\n ", " ")
    said = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", name).strip(" ")[:100].rstrip()
    # The parser of the newer policies puts a space between encoded words of a name, against RFC 2047 §6.2.
    seen = str(make_header(decode_header(to))).rpartition(" <")[0] if "=?" in to else parseaddr(to)[0]
    assert seen == said
    assert to.endswith("reader0@example.org>" if said else "reader0@example.org")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_header_appears_that_we_did_not_write(name):
    assert parsed(raw(a_recipient(name=name), subject=(NAME,))).keys() == parsed(raw()).keys()


def test_the_headers_are_those_of_a_newsletter():
    mail = parsed(raw())
    assert mail.keys() == [
        *("Date", "From", "Reply-To", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type"),
        *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"),
    ]
    assert mail["From"] == "Back Care Weekly <weekly@news.example.org>"
    assert (mail["To"], mail["Date"]) == (
        "Ann Example <reader0@example.org>",
        "Tue, 01 Dec 2026 09:00:00 +0000",
    )
    assert mail["Message-ID"] == "<m0.abc@news.example.org>"


def test_text_stands_before_html_and_both_are_quoted_printable():
    mail = parsed(raw())
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert {part["Content-Transfer-Encoding"] for part in mail.iter_parts()} == {"quoted-printable"}
    assert {part.get_content_charset() for part in mail.iter_parts()} == {"utf-8"}


def test_a_long_unsubscribe_link_is_neither_encoded_nor_broken():
    url = f"https://news.example.org/u/{'x' * 400}"
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in raw(a_recipient(unsubscribe_url=url))


def test_a_list_of_two_links_is_folded_between_them():
    headers = (("List-Unsubscribe", ("<", Field("unsubscribe_url"), ">, <mailto:leave@news.example.org>")),)
    assert b">,\r\n <mailto:leave@news.example.org>\r\n" in raw(headers=headers)


def test_a_link_that_would_break_the_line_limit_is_left_out():
    data = raw(a_recipient(unsubscribe_url="https://news.example.org/" + "x" * 2000))
    assert b"\r\nList-Unsubscribe: <>\r\n" in data


@pytest.mark.parametrize(
    "header",
    [("X-Note", ("zwölf",)), ("X-Note", ("a\r\nBcc: b",)), ("X Note", ("a",)), ("X-Note", ("a" * 1000,))],
)
def test_a_header_without_a_legal_form_is_refused_before_anything_is_sent(header):
    with pytest.raises(ProviderError, match="header"):
        compile_mime(a_message(headers=(header,)))


def test_an_unknown_field_is_refused_before_anything_is_sent():
    with pytest.raises(ProviderError, match="'shoe_size'"):
        compile_mime(a_message(html=(Field("shoe_size"),)))
    with pytest.raises(ProviderError, match="'shoe_size'"):
        compile_mime(a_message(subject=(Field("shoe_size"),)))


def test_the_boundary_is_the_revisions_and_in_no_body():
    message = a_message(text=("--=_ =_ \n", NAME, "\n"))
    data = made(message, a_recipient(name="--=_"))
    boundary = parsed(data).get_boundary().encode()
    assert data.count(boundary) == 4
    assert raw(revision="another") != raw()


def test_the_same_inputs_give_the_same_bytes():
    assert raw() == raw()


def test_only_the_date_line_follows_the_date():
    later = made(a_message(), date=DATE + timedelta(hours=1))
    assert later.partition(b"\r\n")[2] == raw().partition(b"\r\n")[2]


def test_a_body_that_ends_in_a_value_ends_in_a_line_break():
    text, _ = parsed(raw(text=("Yours, ", NAME))).iter_parts()
    assert text.get_payload(decode=True) == b"Yours, Ann Example\r\n"


@pytest.mark.parametrize(
    "line", ["." * 300, "From " * 60, "=" * 300, "ü." * 150, "x" * 74 + ".." + "y" * 74, " " * 200]
)
def test_a_line_of_our_own_survives_whatever_it_is_made_of(line):
    data = raw(text=(line, NAME, line, "\n"))
    text, _ = parsed(data).iter_parts()
    assert text.get_payload(decode=True).decode() == f"{line}Ann Example{line}\r\n"
    assert max(map(len, lines_of(data.partition(b"\r\n\r\n")[2]))) <= 76
    assert not [one for one in lines_of(data) if one.startswith((b".", b"From "))]


def test_half_a_surrogate_pair_becomes_a_question_mark():
    text, _ = parsed(raw(a_recipient(name="\ud83d!"), text=("Hello ", NAME, "\n"))).iter_parts()
    assert text.get_payload(decode=True) == b"Hello ?!\r\n"
