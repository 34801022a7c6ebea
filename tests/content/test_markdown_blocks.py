import pytest

from newsletter.content.markdown import FoundHeading, read_markdown
from newsletter.domain.blocks import (
    Block,
    BulletedList,
    Button,
    Callout,
    Code,
    Divider,
    Html,
    Image,
    Inline,
    NumberedList,
    Paragraph,
    Quote,
    Table,
)
from newsletter.errors import LetterError, Place


def blocks(text: str) -> list[Block]:
    found = read_markdown(text, file="a.md")
    return [block for block in found if not isinstance(block, FoundHeading)]


def only(text: str) -> Block:
    (block,) = blocks(text)
    return block


def texts(items: tuple[Block, ...]) -> list[str]:
    return [block.content.text for block in items if isinstance(block, Paragraph)]


def test_lists_hold_blocks_and_lists():
    found = only("- a\n- b\n\n  more\n  - deep\n")
    assert isinstance(found, BulletedList)
    assert texts(found.items[1]) == ["b", "more"]
    assert isinstance(found.items[1][2], BulletedList)


def test_a_numbered_list_keeps_its_first_number():
    found = only("3. a\n4. b\n")
    assert isinstance(found, NumberedList)
    assert (found.start, len(found.items)) == (3, 2)
    assert only("0. a\n") == NumberedList(((Paragraph(_inline("a"), _place(1)),),), _place(1), 0)


def test_a_table_keeps_alignments_and_empty_cells():
    found = only("| a | b | c |\n|:--|:-:|--:|\n| 1 | **2** |\n")
    assert isinstance(found, Table)
    assert found.alignments == ("left", "center", "right")
    assert [cell.text for cell in found.head] == ["a", "b", "c"]
    assert [cell.html for cell in found.rows[0]] == ["1", "<strong>2</strong>", ""]


def test_a_quote_holds_blocks():
    found = only("> a\n>\n> - b\n")
    assert isinstance(found, Quote)
    assert [block.kind for block in found.blocks] == ["paragraph", "bulleted_list"]


@pytest.mark.parametrize("tone", ["note", "tip", "important", "warning", "caution"])
def test_a_marked_quote_is_a_callout(tone):
    found = only(f"> [!{tone.upper()}]\n> Take **care**.\n>\n> More.\n")
    assert isinstance(found, Callout)
    assert (found.tone, texts(found.blocks)) == (tone, ["Take care.", "More."])
    assert [block.place.line for block in found.blocks] == [2, 4]


def test_a_callout_may_leave_a_line_free_after_its_mark():
    found = only("> [!NOTE]\n>\n> Text.\n")
    assert isinstance(found, Callout)
    assert texts(found.blocks) == ["Text."]


def test_an_unknown_callout_offers_the_nearest():
    with pytest.raises(LetterError, match=r"a.md:3: unknown callout 'NOTICE'; did you mean 'NOTE'"):
        blocks("Hi.\n\n> [!NOTICE]\n> x\n")


def test_a_paragraph_of_one_button_link_is_a_button():
    found = only("[Book a **session**](https://example.org/book?a=1&b=2){.button}\n")
    assert found == Button("Book a session", "https://example.org/book?a=1&b=2", _place(1))


def test_two_buttons_may_share_a_paragraph():
    found = blocks("[A](https://a.example.org){.button}\n[B](https://b.example.org){.button}\n")
    assert [block.label for block in found if isinstance(block, Button)] == ["A", "B"]


def test_a_button_inside_a_sentence_is_a_link():
    found = only("Please [book](https://example.org){.button} now.\n")
    assert isinstance(found, Paragraph)
    assert found.content.html == 'Please <a href="https://example.org">book</a> now.'


def test_a_paragraph_of_one_picture_is_an_image():
    assert only("![A *calm* back](images/back.jpg)\n") == Image("images/back.jpg", "A calm back", _place(1))


def test_pictures_on_lines_of_their_own_are_images():
    assert [block.kind for block in blocks("![a](images/a.png)\n![b](images/b.png)\n")] == ["image", "image"]


@pytest.mark.parametrize(
    "text", ["See ![a](images/a.png) here", "| a |\n|---|\n| ![a](images/a.png) |", "## ![a](b.png)"]
)
def test_a_picture_inside_a_line_is_refused(text):
    with pytest.raises(LetterError, match="a picture stands inside a line"):
        read_markdown(text, file="a.md")


def test_code_is_kept_as_it_is():
    found = blocks('```python\nx = "{{ name }}" < 1\n```\n\n    indented\n')
    assert found == [Code('x = "{{ name }}" < 1', _place(1)), Code("indented", _place(5))]


def test_a_rule_is_a_divider():
    assert only("***\n") == Divider(_place(1))


def test_an_html_block_is_sanitised_and_read_as_text():
    found = only(
        '<div onclick="x()"><p>Hi <a href="https://example.org">you</a></p><ul><li>a<li>b</ul></div>\n'
    )
    assert isinstance(found, Html)
    assert "onclick" not in found.content.html
    assert found.content.text == "Hi you <https://example.org>\na\nb"


@pytest.mark.parametrize(
    "text", ["<!-- hidden -->", "<script>alert(1)</script>", "<style>p{}</style>", "<img src=x>"]
)
def test_html_that_leaves_nothing_leaves_no_block(text):
    assert blocks(text) == []


def test_a_heading_inside_a_list_or_quote_is_strong_text():
    found = only("> ## Calm\n")
    assert isinstance(found, Quote)
    assert found.blocks[0] == Paragraph(_inline("Calm", "<strong>Calm</strong>"), _place(1))


def test_twenty_lists_inside_each_other_are_fewer_than_too_many():
    text = "\n".join("  " * depth + "- x" for depth in range(18))
    assert only(text).kind == "bulleted_list"


def test_nothing_is_lost_up_to_the_deepest_nesting():
    for depth in range(1, 60):
        try:
            block = only(">" * depth + " x")
        except LetterError:
            continue
        while isinstance(block, Quote):
            (block,) = block.blocks
        assert isinstance(block, Paragraph)


def _place(line: int) -> Place:
    return Place("a.md", line)


def _inline(text: str, html: str = "") -> Inline:
    return Inline(html or text, text)
