"""Signatures on the curve P-256 (FIPS 186-5 §6, SEC 1 §4.1), verified.

Verifying handles nothing secret, so it may take as long as it takes: about two milliseconds.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

#: The field, the curve's second coefficient, and the order of its generator (SEC 2 §2.4.2).
FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: What stands before the point of a public key of this curve (RFC 5480 §2).
KEY_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_SIZE = 32
_SEQUENCE, _INTEGER = 0x30, 0x02
_SIGN_BIT = 0x80


class Point(NamedTuple):
    """A point in Jacobian coordinates; where `z` is nothing it is the one at infinity."""

    x: int
    y: int
    z: int = 1


GENERATOR = Point(
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_INFINITY = Point(1, 1, 0)


@dataclass(frozen=True)
class PublicKey:
    """Who signs; raises ValueError for a point that is not on the curve."""

    point: Point

    def __post_init__(self) -> None:
        x, y, _ = self.point
        if not (x < FIELD and y < FIELD) or (y * y - (x * x * x - 3 * x + _B)) % FIELD:
            raise ValueError("no point of the curve P-256")

    @classmethod
    def parse(cls, der: bytes) -> "PublicKey":
        """Read a SubjectPublicKeyInfo with an uncompressed point; raises ValueError for anything else."""
        if not der.startswith(KEY_HEAD) or len(der) != len(KEY_HEAD) + 2 * _SIZE:
            raise ValueError("no public key of the curve P-256")
        x, y = der[len(KEY_HEAD) : -_SIZE], der[-_SIZE:]
        return cls(Point(int.from_bytes(x), int.from_bytes(y)))

    def verifies(self, signature: bytes, signed: bytes) -> bool:
        """Tell whether a signature in DER is by this key, of these bytes under SHA-256."""
        pair = _read_pair(signature)
        if pair is None or not all(0 < one < ORDER for one in pair):
            return False
        r, s = pair
        inverse = pow(s, -1, ORDER)
        first, second = digest(signed) * inverse % ORDER, r * inverse % ORDER
        point = sum_of(first, GENERATOR, second, self.point)
        return bool(point.z) and flat(point)[0] % ORDER == r


def digest(signed: bytes) -> int:
    """Return what is signed in the place of some bytes."""
    return int.from_bytes(hashlib.sha256(signed).digest())


def sum_of(first: int, one: Point, second: int, other: Point) -> Point:
    """Multiply two points and add the products, both at once."""
    table = (_INFINITY, one, other, _add(one, other))
    found = _INFINITY
    for bit in reversed(range(max(first.bit_length(), second.bit_length()))):
        found = _double(found)
        if index := (first >> bit & 1) | (second >> bit & 1) << 1:
            found = _add(found, table[index])
    return found


def flat(point: Point) -> tuple[int, int]:
    """Return the two coordinates of a point."""
    inverse = pow(point.z, -1, FIELD)
    square = inverse * inverse % FIELD
    return point.x * square % FIELD, point.y * square * inverse % FIELD


def _double(point: Point) -> Point:
    x, y, z = point
    if not z:
        return _INFINITY
    squared, zz = y * y % FIELD, z * z % FIELD
    s, m = 4 * x * squared % FIELD, 3 * (x - zz) * (x + zz) % FIELD
    new = (m * m - 2 * s) % FIELD
    return Point(new, (m * (s - new) - 8 * squared * squared) % FIELD, 2 * y * z % FIELD)


def _add(one: Point, other: Point) -> Point:
    if not one.z or not other.z:
        return other if not one.z else one
    zz, other_zz = one.z * one.z % FIELD, other.z * other.z % FIELD
    x, other_x = one.x * other_zz % FIELD, other.x * zz % FIELD
    y, other_y = one.y * other_zz * other.z % FIELD, other.y * zz * one.z % FIELD
    if x == other_x:
        return _double(one) if y == other_y else _INFINITY
    h, r = (other_x - x) % FIELD, (other_y - y) % FIELD
    hh = h * h % FIELD
    hhh, v = h * hh % FIELD, x * hh % FIELD
    new = (r * r - hhh - 2 * v) % FIELD
    return Point(new, (r * (v - new) - y * hhh) % FIELD, h * one.z * other.z % FIELD)


def _read_pair(der: bytes) -> tuple[int, int] | None:
    """Read two positive integers in DER, whose lengths all fit into one byte; None for anything else."""
    if len(der) < 2 or der[0] != _SEQUENCE or der[1] != len(der) - 2:
        return None
    first, rest = _read_integer(der[2:])
    second, rest = _read_integer(rest)
    return None if first is None or second is None or rest else (first, second)


def _read_integer(der: bytes) -> tuple[int | None, bytes]:
    size = der[1] if len(der) > 1 else 0
    value = der[2 : 2 + size]
    is_sound = der[:1] == bytes([_INTEGER]) and 0 < size == len(value) <= _SIZE + 1
    if not is_sound or value[0] & _SIGN_BIT or (size > 1 and not value[0] and not value[1] & _SIGN_BIT):
        return None, b""
    return int.from_bytes(value), der[2 + size :]
