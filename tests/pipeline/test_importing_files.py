from datetime import date
from pathlib import Path

import pytest

from newsletter.errors import LetterError, Refused
from newsletter.pipeline.importing import Importing

TODAY = date(2026, 11, 21)
TEXT = "A Title\n\nSome text that says something.\n\nComments\n"


def source(tmp_path: Path, text: str = TEXT) -> Path:
    file = tmp_path / "My Text.txt"
    file.write_text(text)
    return file


def test_the_article_and_what_was_left_out_are_written(tmp_path: Path) -> None:
    importing = Importing(tmp_path)
    article, left_out = importing.write(importing.read(source(tmp_path), slug=None, today=TODAY))
    assert article == tmp_path / "content" / "articles" / "my-text.md"
    assert "updated: 2026-11-21" in article.read_text()
    assert left_out is not None
    assert left_out.read_text() == "5\tComments\t(after 'Comments')\n"


def test_an_article_that_differs_shows_the_difference_first(tmp_path: Path) -> None:
    importing = Importing(tmp_path)
    first = importing.read(source(tmp_path), slug="a", today=TODAY)
    assert first.difference == ""
    importing.write(first)
    again = importing.read(source(tmp_path, TEXT.replace("something", "more")), slug="a", today=TODAY)
    assert "+Some text that says more." in again.difference


def test_a_file_that_is_missing_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        Importing(tmp_path).read(tmp_path / "nothing.txt", slug=None, today=TODAY)


def test_what_makes_no_article_is_refused_with_the_line_of_its_source(tmp_path: Path) -> None:
    file = source(tmp_path, "# A Title\n\nSome text.\n\n## Neck {#bad id}\n\nMore.\n").rename(
        tmp_path / "a.md"
    )
    with pytest.raises(LetterError) as refused:
        Importing(tmp_path).read(file, slug=None, today=TODAY)
    assert str(refused.value) == f"{file}:5: the id 'bad id' cannot be used; write {{#bad-id}}"


def test_a_web_page_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="a web page is not fetched; save it as HTML, and import that file"):
        Importing(tmp_path).read(Path("https://example.org/page"), slug=None, today=TODAY)


def test_a_slug_that_cannot_be_one_is_refused_with_one_that_can(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--slug my-text"):
        Importing(tmp_path).read(source(tmp_path), slug="My Text", today=TODAY)


def test_the_same_text_on_another_day_changes_no_file(tmp_path: Path) -> None:
    importing = Importing(tmp_path)
    article, _ = importing.write(importing.read(source(tmp_path), slug="a", today=TODAY))
    written = article.stat()
    again = importing.read(source(tmp_path), slug="a", today=date(2026, 12, 24))
    importing.write(again)
    assert again.difference == ""
    assert article.stat().st_ino == written.st_ino


def test_pinned_ids_survive_an_import(tmp_path: Path) -> None:
    importing = Importing(tmp_path)
    text = "T\n\nA Heading\n\nA sentence that is text.\n"
    article, _ = importing.write(importing.read(source(tmp_path, text), slug="a", today=TODAY))
    article.write_text(article.read_text().replace("## A Heading", "## A Heading {#a-heading}"))
    assert importing.read(source(tmp_path, text), slug="a", today=TODAY).difference == ""
    more = importing.read(source(tmp_path, text + "\nAnd more of it.\n"), slug="a", today=TODAY)
    assert "## A Heading {#a-heading}" in more.text
