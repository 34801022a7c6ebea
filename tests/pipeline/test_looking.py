from contextlib import closing
from pathlib import Path

import pytest
from letter_cast import ARTICLE_FILE, SERIES_FILE, Office, rewrite, write_letter

from newsletter.domain.finding import Severity
from newsletter.domain.studio import PERSONAS
from newsletter.errors import LetterError, Refused, UnknownTarget
from newsletter.pipeline.looking import Looking
from newsletter.studio import look_at


@pytest.fixture
def small(tmp_path):
    """Give a letter that nobody has subscribed to."""
    with closing(Office(write_letter(tmp_path))) as office:
        yield office


def looking(office: Office) -> Looking:
    return look_at(office.app())


def test_an_issue_is_rendered_once_until_a_file_changes(small):
    look = looking(small)
    first = look.page("neck", "")
    assert look.page("neck", "short").findings is first.findings
    rewrite(small.root / ARTICLE_FILE, "The neck asks", "Every neck asks")
    assert "Every neck asks" in look.page("neck", "").html


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("newsletter.toml", "Back Care Weekly", "The Back Letter"),
        (SERIES_FILE, "Neck: small movements", "The Back Letter"),
        (ARTICLE_FILE, "The neck asks", "The Back Letter asks"),
    ],
)
def test_whatever_file_changes_is_read_again(small, file, old, new):
    look = looking(small)
    assert "The Back Letter" not in look.page("neck", "").html
    rewrite(small.root / file, old, new)
    assert "The Back Letter" in look.page("neck", "").html


def test_a_template_of_the_letter_counts_as_soon_as_it_is_there(small):
    look = looking(small)
    look.page("neck", "")
    own = small.root / "templates" / "email" / "footer.mjml.j2"
    own.parent.mkdir(parents=True)
    own.write_text("<mj-section><mj-column><mj-text>A foot of our own</mj-text></mj-column></mj-section>")
    assert "A foot of our own" in look.page("neck", "").html
    own.unlink()
    assert "A foot of our own" not in look.page("neck", "").html


def test_the_list_knows_what_was_looked_at(small):
    look = looking(small)
    look.page("lower-back", "")
    assert [entry.findings for entry in look.entries(judged=False)] == [0, None]
    assert [entry.findings for entry in look.entries(judged=True)] == [0, 0]


def test_the_list_says_what_is_worst_and_what_cannot_be_shown(small):
    rewrite(small.root / ARTICLE_FILE, "The neck asks", "[Click here](https://example.org). The neck asks")
    rewrite(small.root / SERIES_FILE, "back#introduction", "back#nowhere")
    first, second = looking(small).entries(judged=True)
    assert "nowhere" in first.error
    assert (first.findings, second.error, second.worst) == (None, "", Severity.WARNING)


def test_a_letter_that_cannot_be_read_says_where(small):
    rewrite(small.root / SERIES_FILE, "[cadence]", "[cadence")
    with pytest.raises(LetterError, match=r"back-pain\.toml:4"):
        looking(small).entries(judged=False)


def test_a_finding_says_what_it_is_about(small):
    rewrite(small.root / ARTICLE_FILE, "The neck asks", "[Click here](https://example.org/x). The neck asks")
    (finding,) = [one for one in looking(small).page("neck", "").findings if "Click here" in one.what]
    assert finding.about == "https://example.org/x"


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.label)
def test_every_sample_reader_gets_a_mail_with_their_name_in_it(small, persona):
    rewrite(small.root / ARTICLE_FILE, "The neck asks", "Dear {{ name or 'friend' }}, the neck asks")
    page = looking(small).page("neck", persona.key)
    assert f"Dear {persona.name or 'friend'}, the neck asks" in page.text
    headers = dict(page.headers)
    assert headers["To"].endswith(f"{persona.key or 'reader'}@example.org" + (">" if persona.name else ""))
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_preview_unsubscribes_nobody(small):
    page = looking(small.join("ada")).page("neck", "ada@example.org")
    assert "https://preview.invalid/unsubscribe" in page.html
    assert "news.example.org/u/" not in page.html + page.text + str(page.headers)


def test_subscribers_are_offered_and_found_by_their_address(small):
    look = looking(small.join("ada", "ben"))
    assert [one.address for one in look.readers()] == ["ada@example.org", "ben@example.org"]
    assert look.page("neck", "ADA@example.org").reader.name == "Ada"


def test_looking_makes_no_database(small):
    look = looking(small)
    assert look.readers() == ()
    with pytest.raises(UnknownTarget, match="nobody has the address"):
        look.page("neck", "ada@example.org")
    assert not list(small.root.glob("newsletter.db*"))


def test_a_database_that_cannot_be_read_hides_no_letter(tmp_path):
    (write_letter(tmp_path) / "newsletter.db").write_bytes(b"no database" * 100)
    look = looking(Office(tmp_path))
    assert look.readers() == ()
    assert "The neck asks" in look.page("neck", "").text


def test_a_test_copy_goes_out_as_the_files_are_now_and_is_never_counted(small):
    look = looking(small.join("ada"))
    rewrite(small.root / ARTICLE_FILE, "The neck asks", "Every neck asks")
    assert look.send_test("neck", "me@example.org") == (
        "outbox: nothing leaves this machine; the mail to me@example.org is in outbox/"
    )
    (file,) = Path(small.root).glob("outbox/**/*.eml")
    assert b"Every neck asks" in file.read_bytes()
    assert small.states("neck") == {}


def test_a_test_copy_that_cannot_go_out_says_why(small):
    look = looking(small)
    with pytest.raises(Refused, match="is a series of 2 issues"):
        look.send_test("back-pain", "me@example.org")
    rewrite(
        small.root / "newsletter.toml",
        'postal_address = "1 High Street, Exampletown"',
        '[provider]\nname = "smtp"',
    )
    with pytest.raises(Exception, match="host"):
        look.send_test("neck", "me@example.org")
