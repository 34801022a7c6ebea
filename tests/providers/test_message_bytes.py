"""The bytes of a mail on any Python: the way out as it stands, the subject as it was written."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provider_cast import SUBJECTS, a_mailing, a_message, a_recipient
from raw_mail import one_click_lines, one_click_lines_for, subject_of

from newsletter import providers
from newsletter.providers.mime import compile_mime
from newsletter.providers.outbox import Outbox, file_name

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], include_characters=" "), min_size=1)


def raw(recipient=None, **values) -> bytes:
    [parts] = compile_mime(a_message(**values))(NOW)([recipient or a_recipient()])
    return b"".join(parts)


@pytest.mark.parametrize("subject", SUBJECTS, ids=range(len(SUBJECTS)))
def test_a_difficult_subject_is_in_the_outbox_as_it_was_written(tmp_path, subject):
    message, recipient = a_message(subject=(subject,)), a_recipient()
    Outbox(tmp_path).compile(message)(a_mailing(recipient)).make()
    data = (tmp_path / a_mailing().label / file_name(recipient)).read_bytes()
    assert subject_of(data) == subject
    assert one_click_lines(data) == one_click_lines_for(recipient)


@given(TEXTS)
def test_a_subject_can_be_read_by_the_letter_of_its_rules(text):
    said = " ".join(text.split(" ")).strip(" ")
    assert subject_of(raw(subject=(text,))).split() == said.split()


@pytest.mark.parametrize("length", [1, 40, 60, 75, 76, 78, 200, 400, 800])
def test_the_way_out_is_neither_encoded_nor_folded_at_any_length(length):
    recipient = a_recipient(unsubscribe_url=f"https://news.example.org/u/{'a' * length}")
    assert one_click_lines(raw(recipient)) == one_click_lines_for(recipient)


@pytest.mark.parametrize("subject", SUBJECTS, ids=range(len(SUBJECTS)))
def test_every_header_is_ascii_and_none_but_texts_are_encoded(subject):
    data = raw(a_recipient(name="Zoë \u202eRTL"), subject=(subject,))
    head = data.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    for line in head.split(b"\r\n"):
        if line.startswith((b"List-", b"Message-ID", b"Content-", b"Date", b"Feedback-ID")):
            assert b"=?" not in line


def test_no_mail_is_written_by_the_standard_library_whose_folding_changes_by_version():
    folder = Path(providers.__file__).parent
    for name in ("mime.py", "headers.py", "encoding.py", "outbox.py", "smtp.py"):
        tree = ast.parse((folder / name).read_text(encoding="utf-8"))
        names = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
        names |= {alias.name for one in ast.walk(tree) if isinstance(one, ast.Import) for alias in one.names}
        # A date has one form, whoever writes it.
        assert {one for one in names if one and one.startswith(("email", "smtplib"))} <= {"email.utils"}
