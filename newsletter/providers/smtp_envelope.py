"""Who a mail is from and for, as a mail server is told, and what it is asked to tell later (RFC 3461)."""

import re
from dataclasses import dataclass

from newsletter.errors import ProviderError
from newsletter.providers.headers import ascii_address

_HOST = re.compile(r"[A-Za-z0-9:](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?")
#: What may stand between < and >: nothing that ends the address, the command or the line.
_ADDRESS = re.compile(r"[^\s\x00-\x20\x7f-\x9f<>@\\\"]{1,64}@[A-Za-z0-9.:\[\]-]{1,255}")
_SEPARATING = re.compile(r"[\s\x00-\x20\x7f-\x9f<>,;]")
#: In its written form (RFC 3461 §4.4).
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Envelope:
    """Who a mail is from and for, as the server is told; both are addresses and nothing else.

    With a name the server is asked to tell of failures and delays, by that name (RFC 3461).
    """

    sender: str
    recipient: str
    name: str = ""

    @property
    def is_international(self) -> bool:
        return not (self.sender.isascii() and self.recipient.isascii())

    @property
    def mail_wishes(self) -> str:
        """Ask for headers alone in what is told of the mail, and for its name."""
        written = _xtext(self.name)
        # One character is three at most.
        written = written if len(written) <= _LONGEST_NAME else _xtext(self.name[: _LONGEST_NAME // 3])
        return f" RET=HDRS ENVID={written}" if self.name else ""

    @property
    def recipient_wishes(self) -> str:
        """Ask to be told of failures and delays of a recipient."""
        if not self.name:
            return ""
        # Other addresses have a type of their own (RFC 6533), which few servers know.
        original = f" ORCPT=rfc822;{_xtext(self.recipient)}" if self.recipient.isascii() else ""
        return f" NOTIFY=FAILURE,DELAY{original}"


def is_host(host: str) -> bool:
    """Tell whether a name, or an address, may be one of a server."""
    try:
        return bool(_HOST.fullmatch(host) and host.encode("idna"))
    except UnicodeError:
        return False


def return_path(written: str) -> str:
    """Return where bounces go; raises ProviderError for what is no address."""
    sender = spot(written)
    if not sender:
        raise ProviderError(f"bounces cannot go to {written!r}", mend="write return_path as one address")
    return sender


def spot(written: str) -> str:
    """Write an address for the envelope, its domain in ASCII; empty where it cannot be one."""
    # What a header mends is another address here.
    address = "" if _SEPARATING.search(written) else ascii_address(written)
    return address if _ADDRESS.fullmatch(address) else ""


def _xtext(text: str) -> str:
    """Write what a parameter may not hold as hexadecimal numbers (RFC 3461 §4)."""
    return "".join(
        chr(one) if 33 <= one <= 126 and one not in b"+=" else f"+{one:02X}"
        for one in text.encode("ascii", "replace")
    )
