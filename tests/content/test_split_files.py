from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.content.letters import article_file, load_letter, series_file
from newsletter.errors import Refused, UnknownTarget
from newsletter.pipeline.splitting import Draft, Splitting

ARTICLE = """---
title: Backs
---

Hello.

## Sports massage for the lower back

It aches there for most people now and then.

## Neck

Gently, gently, and with a good deal of patience.
"""
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = article_file(tmp_path, "backs")
    path.parent.mkdir(parents=True)
    path.write_text(ARTICLE)
    return tmp_path


def draft(root: Path, names: list[str] | None = None, now: datetime = NOW, article: str = "backs") -> Draft:
    return Splitting(root).draft(article, names, now=now, sender="B <b@example.org>", series_slug="weeks")


def test_a_draft_writes_nothing(root):
    found = draft(root)
    assert not found.unchanged
    assert found.difference == ""
    assert found.pinned == ("sports-massage-for-the-lower-back", "neck")
    assert not series_file(root, "weeks").exists()
    assert article_file(root, "backs").read_text() == ARTICLE


def test_a_split_makes_a_series_that_loads_and_pins_the_article(root):
    Splitting(root).write(draft(root, ["lower-back", "neck"]))
    letter = load_letter(root)
    series = letter.series["weeks"]
    assert [issue.id for issue in series.issues] == ["lower-back", "neck"]
    assert series.cadence.starts.isoformat() == "2026-12-01"
    assert letter.unplaced(series) == []
    assert "## Neck {#neck}\n" in article_file(root, "backs").read_text()


def test_sections_that_no_issue_uses_are_shown_and_left_out(root):
    found = draft(root, ["neck"])
    assert [str(ref) for ref in found.left_out] == ["backs#sports-massage-for-the-lower-back"]
    Splitting(root).write(found)
    assert load_letter(root).unplaced(load_letter(root).series["weeks"]) == []


def test_a_second_split_changes_nothing_even_weeks_later(root):
    Splitting(root).write(draft(root))
    again = draft(root, now=datetime(2027, 3, 1, tzinfo=UTC))
    assert again.unchanged
    Splitting(root).write(again)
    assert draft(root).unchanged


def test_line_ends_alone_are_no_change(root):
    Splitting(root).write(draft(root))
    path = series_file(root, "weeks")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert draft(root).unchanged


def test_an_edited_file_is_shown_as_a_difference(root):
    Splitting(root).write(draft(root))
    path = series_file(root, "weeks")
    path.write_text(path.read_text().replace('subject = "Neck"', 'subject = "Your neck"'))
    found = draft(root)
    assert '-subject = "Your neck"\n+subject = "Neck"\n' in found.difference
    assert 'subject = "Your neck"' in path.read_text()


def test_a_redraft_keeps_the_settings_of_the_file(root):
    Splitting(root).write(draft(root))
    path = series_file(root, "weeks")
    path.write_text(
        path.read_text().replace('"09:00"', '"18:30"').replace('title = "Backs"', 'title = "Weeks"')
    )
    series = draft(root, ["neck"]).series
    assert (series.title, series.cadence.time.isoformat()) == ("Weeks", "18:30:00")
    assert [issue.id for issue in series.issues] == ["neck"]


def test_a_file_that_cannot_be_read_is_drafted_anew_and_shown(root):
    series_file(root, "weeks").parent.mkdir()
    series_file(root, "weeks").write_text("title = broken")
    assert "-title = broken\n" in draft(root).difference


def test_a_file_edited_since_the_draft_is_not_overwritten(root):
    found = draft(root)
    article_file(root, "backs").write_text(ARTICLE + "\nMore.\n")
    with pytest.raises(
        Refused, match=r"content/articles/backs\.md was edited in the meantime; split once more"
    ):
        Splitting(root).write(found)
    assert not series_file(root, "weeks").exists()


def test_the_article_keeps_its_line_ends(root):
    article_file(root, "backs").write_bytes(ARTICLE.replace("\n", "\r\n").encode())
    Splitting(root).write(draft(root))
    assert b"## Neck {#neck}\r\n" in article_file(root, "backs").read_bytes()


def test_an_unknown_article_offers_the_nearest(root):
    with pytest.raises(UnknownTarget, match="no article is called 'back'; did you mean 'backs'"):
        draft(root, article="back")


def test_a_name_that_leads_elsewhere_is_no_article(root):
    with pytest.raises(UnknownTarget, match="no article is called"):
        draft(root, article="../articles/backs")


def test_a_series_name_that_is_no_slug_is_refused(root):
    with pytest.raises(Refused, match="write 'my-weeks'"):
        Splitting(root).draft("backs", now=NOW, sender="b@example.org", series_slug="My weeks")
