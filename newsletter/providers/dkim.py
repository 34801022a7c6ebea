"""Sign a mail with DKIM (RFC 6376), by RSA or Ed25519 (RFC 8463), relaxed in headers and body.

`cryptography` makes the signature, in a thousandth of what Python alone needs; it is the extra `dkim`.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from newsletter.domain.dkim import SHORTEST_KEY, is_aligned, record_name
from newsletter.errors import ProviderError
from newsletter.providers.settings import MailServer, Secret, read_block

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

VARIABLE = "SMTP_DKIM_KEY"
#: What is signed where it is there. RFC 8058 §4 asks for both of List-Unsubscribe.
SIGNED = (
    "from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type", "list-id",
    "list-unsubscribe", "list-unsubscribe-post", "feedback-id",
)  # fmt: skip
#: Named once more than they are there, so that nobody can add a second one (RFC 6376 §8.15).
SEALED = ("from", "to", "subject", "reply-to", "list-unsubscribe", "list-unsubscribe-post")
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_SPACES = re.compile(rb"[ \t]+")
_FOLDS = re.compile(rb"(?:\r\n)?[ \t]+")
_TRAILING = re.compile(rb" +\r\n")
_HEADER = re.compile(rb"([^:\r\n]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
#: Of a line, whose first one has the name of the header before it.
_LINE, _NAME = 72, len("DKIM-Signature:")

#: Signs what is handed to it, and needs nothing else.
Sign = Callable[[bytes], bytes]


class Dkim:
    """A key, and the selector that it is published under; without a domain it signs for that of the sender.

    Raises ProviderError for a selector, a domain or a key that is none.
    """

    def __init__(self, key: Secret, selector: str, domain: str = "") -> None:
        if not _SELECTOR.fullmatch(selector):
            raise ProviderError(
                f"{selector!r} is no selector of DKIM",
                mend=f'write dkim_selector = "s1", and publish the key at {record_name("s1", "your.domain")}',
            )
        if domain and not _DOMAIN.fullmatch(domain):
            raise ProviderError(f"{domain!r} is no domain in ASCII", mend="write dkim_domain as DNS has it")
        self.selector = selector
        self._domain = domain.lower()
        self._algorithm, self._sign = _signer(key)

    def signs_for(self, sender_domain: str) -> str:
        """Return the domain that mails of a sender are signed for.

        Raises ProviderError for one that DMARC would not count.
        """
        domain = self._domain or sender_domain
        if not is_aligned(domain, sender_domain):
            raise ProviderError(
                f"DKIM signs for {domain}, and mails are from {sender_domain}: DMARC would not count it",
                mend="write dkim_domain as the domain of from, or leave it out",
            )
        return domain

    def names(self, sender_domain: str) -> list[str]:
        """Name the record of the key, where mails of a domain are signed with it."""
        domain = self._domain or sender_domain
        return [record_name(self.selector, domain)] if is_aligned(domain, sender_domain) else []

    def seal(self, mail: bytes, domain: str, at: datetime) -> bytes:
        """Return a mail with its signature above it."""
        head, _, body = mail.partition(b"\r\n\r\n")
        names, signed = _headers(head + b"\r\n")
        digest = b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
        tags = [
            "v=1", f"a={self._algorithm}", "c=relaxed/relaxed", f"d={domain}", f"s={self.selector}",
            f"t={int(at.timestamp())}", f"h={':'.join(names)}", f"bh={digest}", "b=",
        ]  # fmt: skip
        line = _folded(tags)
        # Its own header counts, too: with an empty signature, and without its end.
        written = self._sign(signed + relaxed_header(b"DKIM-Signature", line.encode())[:-2])
        value = "\r\n ".join(_pieces(b64encode(written).decode()))
        return f"DKIM-Signature:{line}{value}\r\n".encode() + mail


def open_dkim(server: MailServer, environment: Mapping[str, str]) -> Dkim | None:
    """Open the key of SMTP_DKIM_KEY where a selector is set; None where neither is.

    Raises ProviderError where one of the two is missing, or the key is none.
    """
    if server.dkim_selector:
        return Dkim(
            read_block(environment, VARIABLE, what="the private key of DKIM"),
            server.dkim_selector,
            server.dkim_domain,
        )
    if server.dkim_domain or environment.get(VARIABLE) or environment.get(f"{VARIABLE}_FILE"):
        raise ProviderError(
            "DKIM has no selector, so that nothing would be signed",
            mend='write dkim_selector = "s1" into [provider], or take dkim_domain and SMTP_DKIM_KEY away',
        )
    return None


def relaxed_header(name: bytes, value: bytes) -> bytes:
    """Write a header as it is signed (RFC 6376 §3.4.2)."""
    return name.strip().lower() + b":" + _FOLDS.sub(b" ", value).strip() + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """Write a body as it is signed (RFC 6376 §3.4.4)."""
    # To look whether there is anything to do is far quicker than to do it.
    if b"  " in body or b"\t" in body:
        body = _SPACES.sub(b" ", body)
    if b" \r\n" in body:
        body = _TRAILING.sub(b"\r\n", body)
    whole = body.rstrip(b" ").rstrip(b"\r\n")
    return whole + b"\r\n" if whole else b""


def _headers(head: bytes) -> tuple[list[str], bytes]:
    found: dict[str, list[bytes]] = {}
    for match in _HEADER.finditer(head):
        name = match[1].strip().lower().decode("ascii", "replace")
        found.setdefault(name, []).append(relaxed_header(match[1], match[2]))
    names, signed = [], b""
    for name in SIGNED:
        # From the last one upwards (RFC 6376 §5.4.2).
        signed += b"".join(reversed(found.get(name, [])))
        names += [name] * (len(found.get(name, [])) + (name in SEALED))
    return names, signed


def _folded(tags: list[str]) -> str:
    """Write tags in lines that are short enough, the last with room for the signature behind it."""
    lines: list[str] = []
    line = ""
    for word in "; ".join(tags).replace(":", ": ").split(" "):
        glue = "" if line.endswith(":") or not line else " "
        room = _LINE if lines else _LINE - _NAME
        if line and len(line) + len(glue) + len(word) > room:
            lines.append(line)
            line = word
        else:
            line += glue + word
    return " " + "\r\n ".join([*lines, line])


def _pieces(text: str) -> list[str]:
    return ["", *(text[at : at + _LINE] for at in range(0, len(text), _LINE))]


def _signer(key: Secret) -> tuple[str, Sign]:
    """Return the algorithm and what signs; raises ProviderError without any of the key."""
    loaded = _load(key)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    if isinstance(loaded, Ed25519PrivateKey):
        # RFC 8463 §3: what is signed is the hash.
        return "ed25519-sha256", lambda signed: loaded.sign(hashlib.sha256(signed).digest())
    if isinstance(loaded, RSAPrivateKey) and loaded.key_size >= SHORTEST_KEY:
        return "rsa-sha256", lambda signed: loaded.sign(signed, PKCS1v15(), SHA256())
    raise _no_key(f"is no RSA key of {SHORTEST_KEY:,} bits or more, and no Ed25519 key")


def _load(key: Secret) -> "PrivateKeyTypes":
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
    except ImportError as error:
        raise ProviderError(
            "DKIM needs the library cryptography", mend="install it: pip install 'newsletter-series[dkim]'"
        ) from error
    written = key.reveal()
    try:
        if "-----BEGIN" in written:
            return load_pem_private_key(written.encode(), None)
        # Ed25519 keys are also kept as their 32 bytes in base64.
        return Ed25519PrivateKey.from_private_bytes(b64decode(written, validate=True))
    except TypeError as error:
        raise _no_key("is a key with a password") from error
    except (ValueError, Base64Error, UnsupportedAlgorithm) as error:
        raise _no_key("holds something that is no private key") from error


def _no_key(what: str) -> ProviderError:
    return ProviderError(
        f"{VARIABLE} {what}", mend="make one without a password: openssl genrsa -out dkim.pem 2048"
    )
