import os

import pytest

from newsletter.content.letters import article_file, load_letter, read_text, series_file, write_texts
from newsletter.domain.letter import Publication, compose
from newsletter.errors import LetterError, UnknownTarget

ARTICLE = "---\ntitle: Backs\n---\n\nHello.\n\n## Lower back\n\nText.\n"
SERIES = """title = "Backs"
from = "a@example.org"
cadence = { weekday = "friday", time = "09:00", zone = "UTC", starts = 2026-12-01 }
[[issue]]
id = "first"
subject = "First"
sections = ["backs#introduction", "backs#lower-back"]
"""


@pytest.fixture
def root(tmp_path):
    for path, text in ((article_file(tmp_path, "backs"), ARTICLE), (series_file(tmp_path, "weeks"), SERIES)):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path


def test_an_empty_folder_is_an_empty_letter(tmp_path):
    letter = load_letter(tmp_path)
    assert (letter.articles, letter.series) == ({}, {})


def test_articles_and_series_come_in_the_order_of_their_names(root):
    article_file(root, "arms").write_text(ARTICLE)
    letter = load_letter(root)
    assert (list(letter.articles), list(letter.series)) == (["arms", "backs"], ["weeks"])
    assert letter.articles["backs"].place.file == "content/articles/backs.md"


def test_what_is_no_content_is_left_alone(root):
    (root / "content/articles/.backs.md.swp").write_bytes(b"\xff")
    (root / "content/articles/.#new.md").write_bytes(b"\xff")
    (root / "content/articles/notes.txt").write_bytes(b"\xff")
    (root / "content/articles/folder.md").mkdir()
    assert list(load_letter(root).articles) == ["backs"]


def test_bytes_that_are_no_utf_8_are_named(root):
    article_file(root, "backs").write_bytes(b"---\ntitle: Caf\xe9\n---\n")
    with pytest.raises(LetterError, match=r"content/articles/backs.md:2: byte 15 of the file is not UTF-8"):
        load_letter(root)


def test_a_file_name_that_is_no_slug_is_refused_with_a_better_one(root):
    (root / "content/articles/My Article.md").write_text(ARTICLE)
    with pytest.raises(LetterError, match=r"'My Article.md' cannot be used .*; rename it to my-article\.md"):
        load_letter(root)


def test_a_file_that_cannot_be_read_is_named(root):
    article_file(root, "dangling").symlink_to(root / "nowhere")
    with pytest.raises(
        LetterError, match=r"content/articles/dangling.md: the file cannot be read: No such file"
    ):
        load_letter(root)


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "content").mkdir()
    (tmp_path / "content/articles").write_text("")
    with pytest.raises(LetterError, match="content/articles: the folder cannot be read: Not a directory"):
        load_letter(tmp_path)


def test_a_removed_section_that_a_series_uses_is_named_with_its_issue(root):
    article_file(root, "backs").write_text(ARTICLE.replace("## Lower back", "## Lower backs"))
    letter = load_letter(root)
    series = letter.series["weeks"]
    with pytest.raises(UnknownTarget) as caught:
        compose(letter, Publication("B", "https://b.example.org", "1 High St"), series, series.issues[0])
    assert str(caught.value) == (
        "content/series/weeks.toml:4: issue 'first' uses the section 'backs#lower-back', "
        "which does not exist; did you mean 'backs#lower-backs'?"
    )


def test_files_are_written_together_and_keep_their_mode(root):
    one, two = article_file(root, "backs"), root / "new" / "two.toml"
    one.chmod(0o600)
    write_texts(root, {one: "a\r\n", two: "ü"})
    assert (one.read_bytes(), two.read_bytes()) == (b"a\r\n", "ü".encode())
    assert one.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in root.rglob("*.new")] == []


def test_nothing_is_written_where_one_file_cannot_be(root):
    (root / "blocked").write_text("a file, no folder")
    with pytest.raises(LetterError, match=r"blocked/x\.md: the file cannot be written"):
        write_texts(root, {article_file(root, "backs"): "changed", root / "blocked" / "x.md": "x"})
    assert read_text(root, article_file(root, "backs")) == ARTICLE
    assert [path for path in root.rglob("*") if path.name.endswith(".new")] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_sentence(root):
    (root / "content/articles").chmod(0o500)
    with pytest.raises(LetterError, match="Permission denied"):
        write_texts(root, {article_file(root, "backs"): "changed"})
