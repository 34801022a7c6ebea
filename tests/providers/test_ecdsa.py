"""The vector was made by another implementation; openssl is a third one."""

import subprocess
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.providers.ecdsa import FIELD, GENERATOR, KEY_HEAD, ORDER, Point, PublicKey, flat, sum_of
from newsletter.testing.certificates import can_make
from newsletter.testing.sendgrid_reports import SigningKey

KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERxw+dYxJBChbun5TEY7Q9SSt6wdX0lvS+Oew1236cUzdUg96yoqLkXrMN/Ud6PDJu+"
    "OthYOC5wLcJaEtCfeoWA=="
)
SIGNATURE = b64decode(
    "MEUCIAwC2EiAWX81zyYkkMYFW7ZR2M55TEcT0IP/HKnuUZOCAiEAm1wYewYLz8/coLqoicsiOeESZzXAKYDNXcp8MtfGJ7o="
)
SIGNED = b'1600112502[{"email":"hello@world.com","event":"dropped","sg_event_id":"x"}]\r\n'
PUBLIC = PublicKey.parse(b64decode(KEY))
OURS = SigningKey(7)


def pair(r: int, s: int) -> bytes:
    def integer(value):
        written = value.to_bytes(value.bit_length() // 8 + 1)
        return bytes([2, len(written)]) + written

    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


def test_the_vector_verifies_and_nothing_beside_it():
    assert PUBLIC.verifies(SIGNATURE, SIGNED)
    assert not PUBLIC.verifies(SIGNATURE, SIGNED.rstrip())
    assert not PublicKey.parse(b64decode(OURS.public)).verifies(SIGNATURE, SIGNED)


@settings(max_examples=60)
@given(st.integers(0, len(SIGNATURE) - 1), st.integers(0, 7))
def test_a_signature_with_one_bit_changed_does_not_verify(place, bit):
    changed = bytearray(SIGNATURE)
    changed[place] ^= 1 << bit
    assert not PUBLIC.verifies(bytes(changed), SIGNED)


@settings(max_examples=100)
@given(st.binary(max_size=80))
def test_rubbish_is_no_signature(rubbish):
    assert not PUBLIC.verifies(rubbish, SIGNED)


@settings(max_examples=20)
@given(st.integers(1, ORDER - 1), st.binary(max_size=200))
def test_whatever_is_signed_verifies(number, signed):
    key = SigningKey(number)
    assert PublicKey.parse(b64decode(key.public)).verifies(b64decode(key.sign(signed)), signed)


@pytest.mark.parametrize(
    "signature",
    [
        pair(0, 1),
        pair(1, 0),
        pair(ORDER, 1),
        pair(1, ORDER),
        pair(FIELD, FIELD),
        SIGNATURE + b"\0",
        b"\x30\x80" + SIGNATURE[2:],
        # The same numbers, with nothing put before them: there is one way to write a number.
        b"\x30\x46\x02\x21\x00" + SIGNATURE[4:],
        b"",
    ],
)
def test_numbers_out_of_range_and_other_writings_are_refused(signature):
    assert not PUBLIC.verifies(signature, SIGNED)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b64decode(KEY)[:-1],
        b64decode(KEY) + b"\0",
        b64decode(KEY)[:-1] + b"\0",
        KEY_HEAD + bytes(64),
        KEY_HEAD + b"\xff" * 64,
        b"\x30\x59" + bytes(89),
    ],
)
def test_a_key_that_is_no_point_of_the_curve_is_refused(der):
    with pytest.raises(ValueError):
        PublicKey.parse(der)


def test_points_add_up():
    assert not sum_of(ORDER, GENERATOR, 0, GENERATOR).z
    assert flat(sum_of(2, GENERATOR, 3, GENERATOR)) == flat(sum_of(0, GENERATOR, 5, GENERATOR))
    mirrored = Point(GENERATOR.x, FIELD - GENERATOR.y)
    assert not sum_of(1, GENERATOR, 1, mirrored).z


@pytest.mark.skipif(not can_make(), reason="needs openssl")
def test_openssl_agrees(tmp_path):
    private, public, signature, signed = (
        tmp_path / name for name in ("key", "public", "signature", "signed")
    )
    signed.write_bytes(SIGNED)

    def run(*argv):
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)

    run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private)
    run("pkey", "-in", private, "-pubout", "-outform", "DER", "-out", public)
    run("dgst", "-sha256", "-sign", private, "-out", signature, signed)
    assert PublicKey.parse(public.read_bytes()).verifies(signature.read_bytes(), SIGNED)
    public.write_bytes(b64decode(OURS.public))
    signature.write_bytes(b64decode(OURS.sign(SIGNED)))
    run("dgst", "-sha256", "-verify", public, "-keyform", "DER", "-signature", signature, signed)
