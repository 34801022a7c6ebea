import orjson
from hypothesis import given
from hypothesis import strategies as st
from provider_cast import a_recipient

from newsletter.domain.pieces import Field
from newsletter.providers.encoding import json_html, json_line, json_text
from newsletter.providers.stencil import Slot, Stencil, cut, pour

NAME = Field("name", "there")


def filled(*parts, **values) -> bytes:
    [filled_parts] = Stencil(parts).fill([a_recipient(**values)])
    return b"".join(filled_parts)


def test_one_value_fills_all_its_places():
    parts = pour(("Hello ", NAME, " and ", NAME), json_text, json_text)
    assert filled(*parts, name="Ann") == b"Hello Ann and Ann"


def test_an_empty_value_takes_the_fallback_of_its_place():
    parts = pour((NAME, "/", Field("name", "you"), "/", Field("name")), json_text, json_text)
    assert filled(*parts, name="") == b"there/you/"


def test_a_fallback_is_encoded_like_a_value():
    assert filled(Slot(Field("name", "<you>"), json_html), name="") == b"&lt;you&gt;"


def test_each_place_has_its_own_encoding():
    name = 'A "B" & C'
    assert filled(Slot(NAME, json_text), b"|", Slot(NAME, json_html), name=name) == (
        b'A \\"B\\" & C|A &quot;B&quot; &amp; C'
    )


def test_what_needs_the_whole_recipient_stands_in_order():
    parts = [b"a", lambda one: str(one.pos).encode(), b"b", Slot(NAME, json_text), lambda one: b"!", b"c"]
    assert filled(*parts, pos=7, name="N") == b"a7bN!c"


def test_a_message_may_have_no_field_or_nothing_but_one():
    assert filled(b"same for all") == b"same for all"
    assert filled(Slot(NAME, json_text), name="Ann") == b"Ann"
    assert filled() == b""


def test_a_value_is_encoded_once_per_encoding():
    seen = []

    def encode(value):
        seen.append(value)
        return value.encode()

    stencil = Stencil([Slot(NAME, encode), b"-", Slot(NAME, encode), b"-", Slot(NAME, encode)])
    assert list(map(b"".join, stencil.fill([a_recipient(name="Ann B")]))) == [b"Ann B-Ann B-Ann B"]
    assert seen == ["Ann B"]


@given(st.text())
def test_a_json_string_reads_back_as_it_was(value):
    sound = value.encode("utf-8", "replace").decode()
    assert orjson.loads(b'"' + json_text(value) + b'"') == sound
    assert "\n" not in orjson.loads(b'"' + json_line(value) + b'"')


@given(st.lists(st.binary(max_size=30)), st.integers(1, 20))
def test_pieces_hold_everything_in_order_and_keep_the_limit(parts, limit):
    pieces = list(cut(parts, limit))
    assert b"".join(pieces) == b"".join(parts)
    assert all(len(piece) <= limit for piece in pieces)
