"""What a browser posts, and who the visitor is."""

from collections.abc import Sequence
from ipaddress import ip_network
from urllib.parse import parse_qsl

from fastapi import Request

from newsletter.domain.limits import address_of

#: More fields than any form of ours has.
_MOST_FIELDS = 20


def fields(body: bytes) -> dict[str, str]:
    """Read a form as application/x-www-form-urlencoded; what is no such form has no fields."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return {}
    # The first of a name counts, as on the page.
    return dict(reversed(pairs))


def visitor(request: Request, proxies: Sequence[str]) -> str:
    """Return the address of a visitor; only a proxy that is ours is believed whom it speaks for."""
    peer = request.client.host if request.client else ""
    said = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    chain = [one.strip() for one in said if one.strip()]
    while chain and _is_ours(peer, proxies):
        found = address_of(chain.pop())
        if found is None:
            break
        peer = str(found)
    return peer


def _is_ours(peer: str, proxies: Sequence[str]) -> bool:
    address = address_of(peer)
    return address is not None and any(address in ip_network(one) for one in proxies)
