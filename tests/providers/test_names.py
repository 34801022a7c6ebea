"""Real questions to a name server on this machine."""

import pytest
from name_server import NameServer

from newsletter.domain.names import Unanswered
from newsletter.errors import ProviderError
from newsletter.providers.names import open_names

RECORDS = {
    "example.org TXT": ["v=spf1 -all", "x" * 700],
    "example.org MX": ["10 mx.example.org."],
    "web.example.org A": ["192.0.2.1"],
    "six.example.org AAAA": ["2001:db8::1"],
    "none.example.org MX": ["0 ."],
}


@pytest.fixture
def server():
    """Give a name server that knows a few names."""
    with NameServer(RECORDS, broken=["broken.example.org"]) as running:
        yield running


def test_texts_come_in_one_piece_each(server):
    assert sorted(open_names(server.address).texts("example.org")) == ["v=spf1 -all", "x" * 700]


@pytest.mark.parametrize("name", ["web.example.org", "unknown.example.org"])
def test_a_name_without_texts_has_none(server, name):
    assert open_names(server.address).texts(name) == []


@pytest.mark.parametrize(
    ("name", "servers"),
    [
        ("example.org", ["mx.example.org"]),
        ("web.example.org", ["web.example.org"]),
        ("six.example.org", ["six.example.org"]),
        ("none.example.org", []),
        ("unknown.example.org", []),
    ],
)
def test_mail_goes_to_the_mx_or_to_the_domain_itself(server, name, servers):
    assert open_names(server.address).mail_servers(name) == servers


@pytest.mark.parametrize("name", ["broken.example.org", "a..example.org", f"{'x' * 70}.example.org"])
def test_what_nobody_tells_is_no_absence(server, name):
    with pytest.raises(Unanswered):
        open_names(server.address).texts(name)


@pytest.mark.parametrize("server", ["dns.example.org", "127.0.0.1:port", "", "1.2.3"])
def test_a_name_server_is_named_by_its_address(server):
    with pytest.raises(ProviderError, match="no address of a name server"):
        open_names(server)


@pytest.mark.parametrize("server", ["127.0.0.1", "127.0.0.1:5353", "[::1]:5353", "::1"])
def test_an_address_may_have_a_port(server):
    open_names(server)
