"""What openssl signs verifies, and nothing beside it does."""

import subprocess
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.providers.rsa import RsaKey
from newsletter.testing.certificates import can_make, make_certificate

pytestmark = pytest.mark.skipif(not can_make(), reason="openssl is not there")
SIGNED = b"Message\nhello\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("rsa"), rsa_bits=2048)


@pytest.fixture(scope="module")
def key(made):
    return RsaKey.of_certificate(made.file.read_bytes())


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + b64encode(der) + b"\n-----END CERTIFICATE-----\n"


def der(made) -> bytes:
    inner = made.file.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[2]
    return b64decode(b"".join(inner.partition(b"-----END")[0].split()))


def test_the_key_of_a_certificate_is_the_one_that_openssl_reads(made, key):
    said = subprocess.run(
        ["openssl", "x509", "-in", made.file, "-noout", "-modulus"], check=True, capture_output=True
    )
    assert f"Modulus={key.modulus:X}" == said.stdout.decode().strip()
    assert key.exponent == 65537


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_what_openssl_signs_verifies_and_nothing_beside_it(made, key, hash_name):
    signature = made.sign(SIGNED, hash_name)
    assert key.verifies(signature, SIGNED, hash_name)
    assert not key.verifies(signature, SIGNED + b"\n", hash_name)
    assert not key.verifies(signature, SIGNED, {"sha1": "sha256", "sha256": "sha1"}[hash_name])
    assert not key.verifies(b"\0" + signature, SIGNED, hash_name)
    assert not key.verifies(signature[:-1], SIGNED, hash_name)


@pytest.fixture(scope="module")
def signature(made):
    return made.sign(SIGNED, "sha256")


@settings(max_examples=60)
@given(st.integers(0, 255), st.integers(0, 7))
def test_a_signature_with_one_bit_changed_does_not_verify(key, signature, place, bit):
    changed = bytearray(signature)
    changed[place] ^= 1 << bit
    assert not key.verifies(bytes(changed), SIGNED, "sha256")


@given(st.binary(max_size=300))
def test_rubbish_is_no_signature(key, rubbish):
    assert not key.verifies(rubbish, SIGNED, "sha256")


def test_zero_and_one_sign_nothing(key):
    for number in (0, 1, key.modulus - 1, key.modulus):
        assert not key.verifies(number.to_bytes(256), SIGNED, "sha256")


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [(2**1024 + 1, 65537), (2**9000 + 1, 65537), (2**2048 + 2, 65537), (2**2048 + 1, 1), (2**2048 + 1, 4)],
)
def test_a_key_that_is_none_or_too_weak_is_refused(modulus, exponent):
    with pytest.raises(ValueError, match=r"bits|exponent"):
        RsaKey(modulus, exponent)


def test_a_certificate_of_another_kind_of_key_is_refused(tmp_path):
    with pytest.raises(ValueError, match="RSA"):
        RsaKey.of_certificate(make_certificate(tmp_path).file.read_bytes())


def test_a_certificate_that_is_cut_off_anywhere_is_refused(made):
    whole = der(made)
    # Behind the key there is nothing that we read.
    for length in range(0, 430, 7):
        with pytest.raises(ValueError):
            RsaKey.of_certificate(pem(whole[:length]))


@given(st.binary(max_size=200))
def test_rubbish_is_no_certificate(rubbish):
    for one in (rubbish, pem(rubbish), b"-----BEGIN CERTIFICATE-----" + rubbish):
        with pytest.raises(ValueError):
            RsaKey.of_certificate(one)
