import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.pieces import (
    EDITOR_FIELDS,
    FIELDS,
    Field,
    fence,
    fence_written,
    fill,
    plain,
    split,
    strip_fences,
)

NAME = Field("name", "there")
FENCES = "\ue000\ue001\ue002"

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=FENCES), max_size=60)
hostile = st.text(
    st.one_of(st.sampled_from(FENCES + "{}<>\"'&name or_\n"), st.characters(exclude_categories=["Cs"]))
)
fields = st.builds(Field, st.sampled_from(sorted(FIELDS)), texts)


@given(st.lists(st.one_of(texts.filter(bool), fields)))
def test_what_is_fenced_is_split_again(parts):
    written = "".join(fence(part) if isinstance(part, Field) else part for part in parts)
    pieces = split(written)
    assert plain(pieces) == plain(parts)
    assert [one for one in pieces if isinstance(one, Field)] == [
        one for one in parts if isinstance(one, Field)
    ]


@given(hostile)
def test_splitting_any_text_loses_nothing_but_fences(text):
    whole = "".join(fence(one) if isinstance(one, Field) else one for one in split(text))
    assert whole == text


@given(hostile)
def test_text_without_fences_has_no_fields(text):
    clean = strip_fences(text)
    assert split(clean) == ((clean,) if clean else ())
    assert not set(clean) & set(FENCES)


@given(texts, texts)
def test_a_fallback_in_html_is_neutral_again(before, fallback):
    escaped = fence(Field("name", html.escape(fallback)))
    assert split(html.escape(before) + escaped, is_html=True)[-1] == Field("name", fallback)


@pytest.mark.parametrize(
    ("written", "pieces"),
    [
        ("Hello {{ name }}!", ("Hello ", Field("name"), "!")),
        ('{{name or "there"}}', (NAME,)),
        ("{{ name or 'there' }}", (NAME,)),
        ("{{ name or there }}", (NAME,)),
        ("{{ name or “dear reader” }}", (Field("name", "dear reader"),)),
        ("{{ name }}{{ name }}", (Field("name"), Field("name"))),
        ("{{ nam }} {{ unsubscribe_url }}", ("{{ nam }} {{ unsubscribe_url }}",)),
        ("{{ name | upper }}", ("{{ name | upper }}",)),
        ("{ name }", ("{ name }",)),
        ("", ()),
    ],
)
def test_editors_write_fields_in_double_braces(written, pieces):
    assert split(fence_written(written)) == pieces


@given(hostile)
def test_an_editor_can_write_no_field_but_theirs(text):
    found = [one for one in split(fence_written(strip_fences(text))) if isinstance(one, Field)]
    assert {one.name for one in found} <= EDITOR_FIELDS


def test_a_field_is_filled_with_the_value_or_its_fallback():
    pieces = ("Hello ", NAME, "!")
    assert fill(pieces, {"name": "Ann"}) == "Hello Ann!"
    assert fill(pieces, {"name": ""}) == fill(pieces, {}) == plain(pieces) == "Hello there!"


def test_only_what_is_filled_in_is_escaped():
    assert fill(("<p>", NAME, "</p>"), {"name": "<b>"}, html.escape) == "<p>&lt;b&gt;</p>"
    assert fill((Field("name", "A & B"),), {}, html.escape) == "A &amp; B"


@given(hostile)
def test_a_value_is_never_read_as_a_field(value):
    assert fill((NAME,), {"name": value or "x"}) == (value or "x")
