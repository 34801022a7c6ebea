import errno
import os
from email import message_from_bytes, policy

import pytest
from provider_cases import ProviderCases
from provider_cast import a_mailing, a_message, a_recipient

from newsletter.domain.provider import Outcome, Recovery
from newsletter.providers.outbox import Outbox, file_name


class TestOutbox(ProviderCases):
    newline = "\r\n"

    @pytest.fixture(autouse=True)
    def provider(self, tmp_path):
        self.folder = tmp_path / "outbox"
        return Outbox(self.folder)

    def received(self, recipient):
        file = self.folder / a_mailing().label / file_name(recipient)
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        text, html = (part.get_payload(decode=True).decode() for part in mail.iter_parts())
        return html, text, mail

    def how_many(self):
        return len([file for file in self.folder.rglob("*") if file.is_file()])

    def test_a_repeat_writes_the_same_bytes(self, provider):
        self.send(provider, a_mailing())
        before = {file: file.read_bytes() for file in self.folder.rglob("*.eml")}
        self.send(provider, a_mailing())
        assert before == {file: file.read_bytes() for file in self.folder.rglob("*.eml")}

    def test_what_a_killed_writer_left_is_cleared_by_the_repeat(self, provider):
        self.send(provider, a_mailing())
        (self.folder / a_mailing().label / f".{file_name(a_recipient(0))}.part").write_bytes(b"half")
        self.send(provider, a_mailing())
        assert self.how_many() == 3


def test_files_are_named_by_subscriber_and_address(tmp_path):
    answer = Outbox(tmp_path).compile(a_message())(a_mailing(a_recipient(2))).make()
    assert answer.ids == {2: "2026-12-01-back-pain-lower-back/000003-reader2@example.org.eml"}


def test_an_address_cannot_leave_the_folder():
    assert "/" not in file_name(a_recipient(address="../../etc/passwd@example.org"))


def test_addresses_that_differ_in_odd_characters_have_files_of_their_own():
    assert file_name(a_recipient(address="a/b@example.org")) != file_name(
        a_recipient(address="a?b@example.org")
    )


def test_a_label_cannot_leave_the_folder(tmp_path):
    Outbox(tmp_path / "outbox").compile(a_message())(a_mailing(label="../../x")).make()
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]


def test_a_folder_that_cannot_be_made_needs_a_person(tmp_path):
    (tmp_path / "taken").write_text("a file")
    answer = Outbox(tmp_path / "taken").compile(a_message())(a_mailing()).make()
    assert answer.outcome is Outcome.MISCONFIGURED
    assert "cannot be written" in answer.reason


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (errno.ENOSPC, Outcome.DEFERRED),
        (errno.EACCES, Outcome.MISCONFIGURED),
        (errno.EROFS, Outcome.MISCONFIGURED),
    ],
)
def test_a_disk_that_refuses_is_an_answer(tmp_path, monkeypatch, code, outcome):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", refuse)
    answer = Outbox(tmp_path).compile(a_message())(a_mailing()).make()
    assert (answer.outcome, answer.ids) == (outcome, {})
    assert os.strerror(code).lower() in answer.reason


def test_it_is_a_rehearsal_that_may_always_be_repeated(tmp_path):
    capabilities = Outbox(tmp_path).capabilities
    assert capabilities.rehearsal
    assert capabilities.recovery is Recovery.RECIPIENT_DEDUPE
