"""Signatures of RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2), verified with the key of a certificate (RFC 5280 §4.1).

Verifying handles nothing secret. What was signed is made anew and compared as a whole, so that nothing of a
signature is ever parsed. Who vouches for a certificate is not looked at: that is for whoever fetched it.
"""

import hashlib
from base64 import b64decode
from dataclasses import dataclass
from hmac import compare_digest

#: What stands before the hash, by its name (RFC 8017 §9.2, note 1).
_HEADS = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}
_RSA = bytes.fromhex("06092a864886f70d0101010500")
_INTEGER, _BIT_STRING, _SEQUENCE, _VERSION = 0x02, 0x03, 0x30, 0xA0
#: In bits. A shorter key proves little, and a far longer one costs whoever verifies.
SHORTEST, LONGEST = 2048, 8192
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


@dataclass(frozen=True)
class RsaKey:
    """Who signs; raises ValueError for a key that is none, or too weak."""

    modulus: int
    exponent: int

    def __post_init__(self) -> None:
        if not SHORTEST <= self.modulus.bit_length() <= LONGEST or not self.modulus & 1:
            raise ValueError(f"no key of {SHORTEST} to {LONGEST} bits")
        if not 3 <= self.exponent < 2**32 or not self.exponent & 1:
            raise ValueError("no exponent of a public key")

    @classmethod
    def of_certificate(cls, pem: bytes) -> "RsaKey":
        """Read the key of the first certificate in a PEM file; raises ValueError for anything else."""
        _, begin, rest = pem.partition(_BEGIN)
        inner, end, _ = rest.partition(_END)
        if not begin or not end:
            raise ValueError("no certificate")
        certificate, _ = _take(b64decode(b"".join(inner.split()), validate=True), _SEQUENCE)
        fields, _ = _take(certificate, _SEQUENCE)
        if fields[:1] == bytes([_VERSION]):
            _, fields = _take(fields, _VERSION)
        # The serial number, then who signs how, who vouches, from when until when, and whose it is.
        for tag in (_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE):
            _, fields = _take(fields, tag)
        about, _ = _take(fields, _SEQUENCE)
        algorithm, about = _take(about, _SEQUENCE)
        if algorithm != _RSA:
            raise ValueError("no key of RSA")
        bits, _ = _take(about, _BIT_STRING)
        # The first byte counts the bits that are not used.
        key, _ = _take(bits[1:], _SEQUENCE)
        modulus, key = _take(key, _INTEGER)
        exponent, _ = _take(key, _INTEGER)
        return cls(int.from_bytes(modulus), int.from_bytes(exponent))

    def verifies(self, signature: bytes, signed: bytes, hash_name: str) -> bool:
        """Tell whether a signature is by this key, of these bytes under `sha1` or `sha256`."""
        size = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature)
        if len(signature) != size or number >= self.modulus:
            return False
        told = _HEADS[hash_name] + hashlib.new(hash_name, signed, usedforsecurity=False).digest()
        expected = b"\0\1" + b"\xff" * (size - len(told) - 3) + b"\0" + told
        return compare_digest(pow(number, self.exponent, self.modulus).to_bytes(size), expected)


def _take(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Split DER into the value of its first element, which has this tag, and what is behind it."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("another structure")
    size, at = der[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(der[2:at])
    if len(der) < at + size:
        raise ValueError("cut off")
    return der[at : at + size], der[at + size :]
