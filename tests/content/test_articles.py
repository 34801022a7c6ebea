import pytest

from newsletter.content.articles import parse_article
from newsletter.domain.article import Article
from newsletter.domain.blocks import Paragraph
from newsletter.errors import LetterError

FILE = "content/articles/backs.md"


def article(body: str, front: str = "title: Backs") -> Article:
    return parse_article(f"---\n{front}\n---\n{body}", slug="backs", file=FILE)


def refusal(text: str) -> str:
    with pytest.raises(LetterError) as caught:
        parse_article(text, slug="backs", file=FILE)
    return str(caught.value)


def test_front_matter_is_read():
    lists = "sources: [https://a.example.org]\ntags: [a, b]"
    front = f'title: "Backs: a guide"\ndescription: Why\nupdated: 2026-11-21\n{lists}'
    found = article("Hi.", front)
    assert (found.title, found.description, found.updated) == ("Backs: a guide", "Why", "2026-11-21")
    assert (found.sources, found.tags) == (("https://a.example.org",), ("a", "b"))


def test_text_before_the_first_heading_is_the_introduction():
    found = article("Hello.\n\n## Neck\n\nText.\n")
    assert [section.id for section in found.sections] == ["introduction", "neck"]
    assert found.sections[0].heading is None


def test_an_article_without_text_has_no_sections():
    assert article("").sections == ()


def test_deeper_headings_stand_inside_their_section():
    found = article("## A\n\none\n\n#### Deep\n\n### B\n\n## C\n\n# Top\n")
    shape = [(top.id, [inner.id for inner in top.sections]) for top in found.sections]
    assert shape == [("a", ["deep", "b"]), ("c", []), ("top", [])]


def test_a_renamed_heading_keeps_its_id():
    assert article("## Your lower back {#lower-back}\n").sections[0].id == "lower-back"
    assert article("## Something else {#lower-back}\n").sections[0].title == "Something else"


def test_a_derived_id_ignores_links_and_fields():
    found = article('## Hi {{ name or "friend" }}, see [this](https://example.org/page)\n')
    assert found.sections[0].id == "hi-friend-see-this"


@pytest.mark.parametrize(
    ("heading", "written"),
    [
        ("Ваша спина", "vasha-spina"),
        ("Шаг 2", "shag-2"),
        ("الظهر", "ldhhr"),
        ("腰痛", "yao-tong"),
        ("Πόνος", "ponos"),
        ("MRI и спина", "mri"),
        ("Déjà vu à Łódź", "deja-vu-a-odz"),
        ("2026", "2026"),
        ("🎉", "section"),
    ],
)
def test_a_heading_without_a_latin_letter_is_spelled_in_them_and_any_other_keeps_its_id(heading, written):
    assert article(f"## {heading}\n").sections[0].id == written


def test_a_first_heading_that_repeats_the_title_is_no_section():
    found = article("# Backs\n\nHello.\n\n## Neck\n")
    assert [section.id for section in found.sections] == ["introduction", "neck"]


def test_places_count_from_the_top_of_the_file():
    found = article("\nHello.\n\n## Neck\n\nText.\n")
    assert [section.place.line for section in found.sections] == [5, 7]
    assert found.sections[1].blocks[0].place.line == 9


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_any_line_end_gives_the_same_article(end):
    text = "---\ntitle: Backs\n---\n\n## Neck\n\nOne\ntwo.\n"
    plain = parse_article(text, slug="backs", file=FILE)
    assert parse_article(text.replace("\n", end), slug="backs", file=FILE) == plain
    assert parse_article("\ufeff" + text.replace("\n", end), slug="backs", file=FILE) == plain


def test_private_characters_cannot_forge_a_field():
    block = article("a \ue000name\ue001x\ue002 b").sections[0].blocks[0]
    assert isinstance(block, Paragraph)
    assert block.content.text == "a namex b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello", f"{FILE}:1: the article has no front matter"),
        ("", f"{FILE}:1: the article has no front matter"),
        ("---\ntitle: x\nHello", f"{FILE}:1: the front matter has no end"),
        ("---\ndescription: x\n---\n", f"{FILE}:1: the title is missing"),
        ("---\n\n---\n", "the title is missing"),
        ("---\ntitle: a\ntilte: b\n---\n", f"{FILE}:3: unknown key 'tilte'; did you mean 'title'"),
        ("---\ntitle: a\ndescription: b: c\n---\n", f"{FILE}:3: the front matter is broken"),
        ("---\n\ntitle: 'a\n---\n", f"{FILE}:4: the front matter is broken"),
        ("---\ntitle: a\ntags: back\n---\n", f"{FILE}:3: 'tags' must be a list of texts"),
        ("---\ntitle: 2026\n---\n", f"{FILE}:2: 'title' must be a text; put it in quotes"),
        ("---\ntitle: a\nupdated: soon\n---\n", f"{FILE}:3: 'updated' must be a date"),
        ("---\n- a\n---\n", "it must be lines of key: value"),
        ("---\ntitle: !!python/object:os.system x\n---\n", f"{FILE}:2: the front matter is broken"),
        ("---\ntitle: " + "[" * 50_000 + "\n---\n", "the front matter is broken"),
        ("---\ntitle: a\n---\nx\0y\n", f"{FILE}:4: the file has a NUL byte in it"),
        ("---\ntitle: a\n---\n## N {#A b}\n", f"{FILE}:4: the id 'A b' cannot be used; write {{#a-b}}"),
        ("---\ntitle: a\n---\n## N {#}\n", f"{FILE}:4: the id '' cannot be used"),
        ("---\ntitle: a\n---\n" + ">" * 2000 + " x", f"{FILE}:4: lists and quotes are nested too deeply"),
        ("---\ntitle: a\n---\n" + "- " * 2000 + "x", f"{FILE}:4: lists and quotes are nested too deeply"),
        ("---\ntitle: a\n---\n" + "<div>" * 50_000, f"{FILE}:4: this HTML is nested too deeply"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(text, said):
    message = refusal(text)
    assert said in message
    assert "\n" not in message


def test_two_sections_with_one_id_are_named_with_both_lines():
    text = "---\ntitle: a\n---\n## Neck\n\n## Back\n\n### Neck\n"
    assert refusal(text).startswith(f"{FILE}:8: two sections have the id 'neck', at lines 4 and 8")


def test_a_heading_cannot_take_the_introduction_s_id():
    assert "at lines 4 and 6" in refusal("---\ntitle: a\n---\nHi.\n\n## Introduction\n")


def test_a_long_article_is_read_in_time_that_grows_with_its_length():
    paragraph = "Some *text* with **strong** [links](https://example.org/a?b=c&d) and `code`.\n\n"
    body = "".join(f"## Heading {n}\n\n{paragraph * 3}" for n in range(300))
    assert len(article(body).sections) == 300


@pytest.mark.parametrize(
    "odd", ["[" * 5000, "*a " * 5000, "`a``" * 5000, "<a " * 5000, "[a](b){" * 3000, "![[" * 3000]
)
def test_unfinished_marks_are_text(odd):
    assert len(article(odd).sections[0].blocks) == 1


@pytest.mark.parametrize("heading", ["Is it safe?", "هل هو آمن؟", "安全ですか\uff1f"])
def test_a_heading_that_asks_is_a_question_in_any_script(heading):
    text = f"---\ntitle: A\n---\n\n## {heading} {{#safe}}\n\nMostly.\n"
    [section] = parse_article(text, slug="a", file="content/articles/a.md").sections
    assert section.is_question
