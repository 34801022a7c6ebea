"""What a DKIM key record means (RFC 6376 §3.6.1, RFC 8301, RFC 8463)."""

import binascii
from base64 import b64decode
from collections.abc import Sequence

from newsletter.domain.diagnosis import Checked, blocks, ok, problem
from newsletter.domain.tags import read_tags

#: RFC 8301 §3.2, and what Gmail and Yahoo ask for.
SHORTEST_KEY, RECOMMENDED_KEY = 1024, 2048
_SEQUENCE, _INTEGER, _BIT_STRING = 0x30, 0x02, 0x03
_MENDED = "publish the record again as the provider shows it"


def record_name(selector: str, domain: str) -> str:
    """Return where the key of a selector is published."""
    return f"{selector}._domainkey.{domain}"


def judge_dkim(name: str, sending_domain: str, records: Sequence[str]) -> Checked:
    """Say what the key at a name is worth for mails from a domain."""
    what = f"DKIM {name}"
    if not records:
        return blocks(what, "there is no record", "publish the record that the provider shows")
    if len(records) > 1:
        return blocks(what, f"there are {len(records)} records, so none counts", "leave one")
    tags = read_tags(records[0])
    if tags is None or "p" not in tags or tags.get("v", "DKIM1") != "DKIM1":
        return blocks(what, "the record cannot be read", _MENDED)
    if not tags["p"]:
        return blocks(what, "the key was withdrawn", "make a new key at the provider, and publish it")
    kind = tags.get("k", "rsa")
    bits = 256 if kind == "ed25519" else rsa_bits(tags["p"])
    if bits is None:
        return blocks(what, "the key cannot be read", _MENDED)
    signer = name.partition("._domainkey.")[2]
    if not is_aligned(signer, sending_domain):
        return problem(
            what,
            f"it signs for {signer}, which is not {sending_domain}: DMARC does not count it",
            f"let the provider sign for {sending_domain}",
        )
    said = f"{kind}, {bits:,} bits"
    if kind == "rsa" and bits < SHORTEST_KEY:
        return blocks(what, f"{said}: too short to count", f"make a key of {RECOMMENDED_KEY:,} bits")
    if kind == "rsa" and bits < RECOMMENDED_KEY:
        return problem(what, said, f"make a key of {RECOMMENDED_KEY:,} bits")
    if "y" in tags.get("t", "").split(":"):
        return problem(what, f"{said}, in a test (t=y)", "take t=y out of the record")
    return ok(what, said)


def is_aligned(one: str, other: str) -> bool:
    """Tell whether one domain is the other or lies under it, as relaxed alignment asks for."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def rsa_bits(key: str) -> int | None:
    """Return the length of a key, in base64 of a SubjectPublicKeyInfo or RSAPublicKey; None if it is none."""
    try:
        tag, inner, _ = _take(b64decode(key, validate=True))
        first, value, rest = _take(inner)
        if tag == first == _SEQUENCE:
            tag, bits, _ = _take(rest)
            if tag != _BIT_STRING:
                return None
            # The first byte counts the bits that are not used.
            first, value, _ = _take(_take(bits[1:])[1])
        return int.from_bytes(value).bit_length() if first == _INTEGER else None
    except (binascii.Error, IndexError, ValueError):
        return None


def _take(data: bytes) -> tuple[int, bytes, bytes]:
    """Split DER into the first tag, its value, and what is behind it."""
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        at = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:at])
    if at + length > len(data):
        raise ValueError("cut off")
    return tag, data[at : at + length], data[at + length :]
