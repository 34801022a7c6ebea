"""A message compiled once: bytes that never change, and slots that one recipient's values fill.

Each distinct value of a recipient is encoded once; nothing else is. The parts of a whole batch are joined by
the piece, on their way out.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import attrgetter

from newsletter.domain.message import Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.errors import ProviderError
from newsletter.providers.encoding import Encode, are_plain, encode_all

#: A request body goes out in pieces no larger than this, in bytes.
PIECE = 256 * 1024


@dataclass(frozen=True)
class Slot:
    """A place for one field, encoded for where it stands."""

    field: Field
    encode: Encode


@dataclass(frozen=True)
class Column:
    """What is encoded in another way, for all recipients at once."""

    encode_each: Callable[[Sequence[Recipient]], Sequence[bytes]]


#: What needs more than one value of a recipient, such as a name with an address.
Composed = Callable[[Recipient], bytes]
Part = bytes | Slot | Column | Composed
#: A part whose slot is known by its number.
_Placed = bytes | int | Column | Composed


def pour(pieces: Pieces, literal: Encode, value: Encode) -> list[Part]:
    """Encode the text of pieces now and leave slots for their fields."""
    return [Slot(piece, value) if isinstance(piece, Field) else literal(piece) for piece in pieces]


def reader_of_each(pieces: Pieces) -> Callable[[Sequence[Recipient]], list[str]]:
    """Make the function that reads pieces as the text of each of many recipients.

    Raises ProviderError for a field that recipients do not have.
    """
    for piece in pieces:
        if isinstance(piece, Field):
            _check(piece)

    def read_each(recipients: Sequence[Recipient]) -> list[str]:
        columns: list[Iterable[str]] = [
            _values(piece, recipients) if isinstance(piece, Field) else repeat(piece, len(recipients))
            for piece in pieces
        ]
        return list(map("".join, zip(*columns, strict=True))) if columns else [""] * len(recipients)

    return read_each


def whole(pieces: Pieces, encode: Encode) -> Part:
    """Encode pieces as one text: a value may change how the words around it are written.

    Raises ProviderError for a field that recipients do not have.
    """
    read_each = reader_of_each(pieces)
    if not any(isinstance(piece, Field) for piece in pieces):
        return encode("".join(map(str, pieces)))
    return Column(lambda people: list(map(encode, read_each(people))))


class Stencil:
    """Parts in order, ready to be filled.

    Raises ProviderError for a field that recipients do not have.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        merged = _merge(parts)
        slots = list(dict.fromkeys(part for part in merged if isinstance(part, Slot)))
        self._encoders: dict[Field, list[tuple[int, Encode]]] = {}
        for number, slot in enumerate(slots):
            _check(slot.field)
            self._encoders.setdefault(slot.field, []).append((number, slot.encode))
        # A slot by its number is found many times as fast as by itself.
        self._parts: list[_Placed] = [slots.index(one) if isinstance(one, Slot) else one for one in merged]
        self._slots = len(slots)

    def fill(self, recipients: Sequence[Recipient]) -> Iterator[tuple[bytes, ...]]:
        """Yield the parts of each recipient's message, to be joined.

        It works by the column, one place of all messages at a time, and deals the columns out at the end.
        """
        columns: list[list[bytes]] = [[]] * self._slots
        for field, encoders in self._encoders.items():
            values = _values(field, recipients)
            plain = are_plain(values)
            for number, encode in encoders:
                columns[number] = encode_all(encode, values, plain=plain)
        return zip(*(_column(part, columns, recipients) for part in self._parts), strict=True)


def cut(parts: Sequence[bytes], limit: int = PIECE) -> Iterator[bytes]:
    """Join parts into pieces of at most `limit` bytes."""
    ends = list(accumulate(map(len, parts)))
    first, sent = 0, 0
    while first < len(parts):
        last = bisect_right(ends, sent + limit, first)
        if last > first:
            yield b"".join(parts[first:last])
        else:
            yield from _slices(parts[first], limit)
            last = first + 1
        first, sent = last, ends[last - 1]


def _slices(part: bytes, limit: int) -> Iterator[bytes]:
    for start in range(0, len(part), limit):
        yield part[start : start + limit]


def _merge(parts: Iterable[Part]) -> list[Part]:
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            merged[-1] = last + part
        else:
            merged.append(part)
    return merged or [b""]


def _values(field: Field, recipients: Sequence[Recipient]) -> list[str]:
    read, fallback = attrgetter(field.name), field.fallback
    return [read(recipient) or fallback for recipient in recipients]


def _column(
    part: _Placed, columns: Sequence[list[bytes]], recipients: Sequence[Recipient]
) -> Iterable[bytes]:
    if isinstance(part, bytes):
        return repeat(part, len(recipients))
    if isinstance(part, int):
        return columns[part]
    return part.encode_each(recipients) if isinstance(part, Column) else map(part, recipients)


def _check(field: Field) -> None:
    if field.name not in Recipient._fields:
        raise ProviderError(
            f"the message has a field {field.name!r}, which no recipient has",
            mend="write " + " or ".join(Recipient._fields[2:]),
        )
