"""Ask name servers, as this machine does or one that is named."""

from collections.abc import Sequence
from ipaddress import ip_address

import dns.exception
import dns.name
import dns.resolver
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from newsletter.domain.names import Unanswered
from newsletter.errors import ProviderError

_SECONDS = 3.0
_PORT = 53


class NameServers:
    """Looks up records; an empty answer is one that says there are none."""

    def __init__(self, resolver: dns.resolver.Resolver) -> None:
        self._resolver = resolver
        self._resolver.lifetime = _SECONDS
        self._is_silent = False

    def texts(self, name: str) -> Sequence[str]:
        """Return the TXT records of a name, each in one piece; raises Unanswered."""
        return [
            b"".join(record.strings).decode("utf-8", "replace")
            for record in self._ask(name, RdataType.TXT)
            if isinstance(record, TXT)
        ]

    def mail_servers(self, name: str) -> Sequence[str]:
        """Return who takes mail for a domain, its own address included (RFC 5321 §5.1); raises Unanswered.

        A domain that says that it takes none (RFC 7505) has none.
        """
        records = self._ask(name, RdataType.MX)
        named = [str(record.exchange).rstrip(".") for record in records if isinstance(record, MX)]
        if named:
            return [one for one in named if one]
        return [name] if self._ask(name, RdataType.A) or self._ask(name, RdataType.AAAA) else []

    def _ask(self, name: str, kind: RdataType) -> list[Rdata]:
        if self._is_silent:
            raise Unanswered("no name server answers")
        try:
            return list(self._resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.LifetimeTimeout as error:
            # Nobody wants to wait so long for each of a dozen names.
            self._is_silent = True
            raise Unanswered("no name server answers") from error
        except dns.resolver.NoNameservers as error:
            raise Unanswered(f"the name servers refuse to tell {name}") from error
        except (dns.exception.DNSException, UnicodeError, ValueError, OSError) as error:
            raise Unanswered(f"{name} cannot be asked for") from error


def open_names(server: str | None) -> NameServers:
    """Ask the name servers of this machine, or one: an address, with or without `:port`.

    Raises ProviderError for one that is no address, or where this machine has none.
    """
    if server is None:
        try:
            return NameServers(dns.resolver.Resolver())
        except dns.resolver.NoResolverConfiguration as error:
            raise ProviderError(
                "this machine has no name server", mend="name one with --name-server"
            ) from error
    host, port = _parse(server)
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [host], port
    return NameServers(resolver)


def _parse(server: str) -> tuple[str, int]:
    host, mark, port = server.rpartition(":")
    if not mark or (":" in host and not host.startswith("[")):
        host, port = server, str(_PORT)
    try:
        return str(ip_address(host.strip("[]"))), int(port)
    except ValueError as error:
        raise ProviderError(
            f"{server!r} is no address of a name server", mend="write it as 192.0.2.1 or 192.0.2.1:5353"
        ) from error
