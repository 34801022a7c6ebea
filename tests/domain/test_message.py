import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.message import message_of, sender_domain
from newsletter.domain.pieces import Field, fill
from newsletter.domain.revision import Revision, dump, load
from newsletter.domain.subscriber import MAX_NAME, address_hash, clean_name
from newsletter.errors import NewsletterError

REVISION = Revision(
    source_hash="s" * 64,
    sender="Back Care <weekly@news.example.org>",
    reply_to="editors@news.example.org",
    subject=("Hello ", Field("name", "you")),
    preheader="What helps.",
    html=("<p>", Field("name"), "</p>"),
    text=("Hello",),
    links=("https://example.org/",),
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
pieces = st.lists(st.one_of(texts, st.builds(Field, st.sampled_from(["name", "view_url"]), texts))).map(tuple)


def headers(**values):
    given = {"series": "back-pain", "series_title": "Back pain", "issue": "neck", "kind": "issue"}
    return dict(message_of(REVISION, **{**given, **values}).headers)


def test_a_mail_can_be_left_with_one_click():
    found = headers()
    url = "https://news.example.org/u/token"
    assert fill(found["List-Unsubscribe"], {"unsubscribe_url": url}) == f"<{url}>"
    assert found["List-Unsubscribe-Post"] == ("List-Unsubscribe=One-Click",)


def test_a_mail_names_its_list_and_its_campaign():
    assert headers()["List-Id"] == ("Back pain <back-pain.news.example.org>",)
    assert headers()["Feedback-ID"] == ("neck:back-pain:issue:newsexampleorg",)


@given(texts)
def test_no_title_breaks_out_of_the_list_id(title):
    (value,) = headers(series_title=title)["List-Id"]
    assert value.isascii()
    assert value.isprintable()
    assert value.endswith("<back-pain.news.example.org>")
    assert value.count("<") == value.count(">") == 1


def test_a_title_without_a_plain_letter_leaves_the_id_alone():
    assert headers(series_title="背中")["List-Id"] == ("<back-pain.news.example.org>",)


@pytest.mark.parametrize(
    ("sender", "last"), [("a@b.io", "bio00"), ("a@a-very-long-domain.example", "a-very-long-dom")]
)
def test_the_sender_id_has_the_length_that_gmail_wants(sender, last):
    made = message_of(replace(REVISION, sender=sender), series="s", series_title="T", issue="i", kind="test")
    (value,) = dict(made.headers)["Feedback-ID"]
    assert value == f"i:s:test:{last}"


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("Back Care <weekly@News.Example.org>", "news.example.org"),
        ("weekly@example.org", "example.org"),
        ('"a@b" <c@example.com>', "example.com"),
    ],
)
def test_a_sender_has_a_domain(sender, domain):
    assert sender_domain(sender) == domain


def test_a_message_carries_the_revision_and_its_tags():
    made = message_of(REVISION, series="back-pain", series_title="T", issue="neck", kind="issue")
    assert (made.revision, made.html, made.subject) == (REVISION.hash, REVISION.html, REVISION.subject)
    assert made.tags == (("series", "back-pain"), ("issue", "neck"))


@given(pieces)
def test_pieces_are_read_as_they_were_written(kept):
    assert load(dump(kept)) == kept


def test_the_same_content_has_the_same_hash():
    assert replace(REVISION).hash == REVISION.hash
    assert len(REVISION.hash) == 64


@pytest.mark.parametrize(
    "changed",
    [
        {"sender": "Other <weekly@news.example.org>"},
        {"reply_to": "other@news.example.org"},
        {"subject": ("Hello ", Field("name", "there"))},
        {"subject": ("Hello you",)},
        {"preheader": "What helps"},
        {"html": ("<p>", Field("address"), "</p>")},
        {"text": ("Hello ",)},
    ],
)
def test_whatever_a_subscriber_sees_changes_the_hash(changed):
    assert replace(REVISION, **changed).hash != REVISION.hash


def test_what_a_revision_was_made_from_does_not_change_the_hash():
    assert replace(REVISION, source_hash="t" * 64).hash == REVISION.hash


def test_a_subject_is_read_without_a_name():
    assert REVISION.subject_line == "Hello you"


@pytest.mark.parametrize("name", ["Ann\r\nBcc: all@example.org", "Ann\nB", "Ann\rB"])
def test_a_name_that_would_become_a_header_is_refused(name):
    with pytest.raises(NewsletterError, match="line break"):
        clean_name(name)


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("  Ann   Example \n", "Ann Example"),
        ("Zoë 😀 O'Neil", "Zoë 😀 O'Neil"),
        ("A\x00B\x1bC\u2028D\x85E", "A B C D E"),
        ("\ue000name\ue001x\ue002", "name x"),
        ("", ""),
    ],
)
def test_a_name_is_made_one_clean_line(written, clean):
    assert clean_name(written) == clean


@given(texts)
def test_no_name_keeps_a_control_character_or_grows_too_long(name):
    try:
        clean = clean_name(name * 9)
    except NewsletterError:
        return
    assert len(clean) <= MAX_NAME
    assert len(clean.splitlines()) <= 1
    assert not set(clean) & set("\ue000\ue001\ue002\x00")


def test_an_address_has_one_hash_in_any_case_and_another_elsewhere():
    hashed = address_hash("Ann@Example.org ", b"salt")
    assert hashed == address_hash("ann@example.org", b"salt")
    assert hashed != address_hash("ann@example.org", b"other")
    assert hashed != address_hash("bob@example.org", b"salt")
    assert len(hashed) == 32
    assert "ann" not in hashed


@given(texts, st.binary(max_size=200))
def test_the_hash_of_an_address_is_its_hmac(text, salt):
    expected = hmac.digest(salt, text.strip().lower().encode(), "sha256").hex()
    assert address_hash(text, salt) == expected[:32]
