"""Where links lead is asked politely, and never inside a private network."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
from bad_online_cast import ONLINE, SOUND
from checks_cast import HERE, PUBLICATION, link, picture, revision
from web_of_others import Others, others

from newsletter.checks.fetching import Fetcher, Trouble, is_public
from newsletter.checks.online import Online
from newsletter.checks.sample import Sample
from newsletter.domain.finding import Finding
from newsletter.domain.pieces import Field, fence
from newsletter.errors import Refused

INSIDE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "2001:db8::1",
    "fe80::1%eth0",
    "rubbish",
]
#: So many bytes, one after another, does a slow server send in some three seconds.
PATIENCE = 60
CASES = [(name, path) for name, paths in ONLINE.items() for path in paths]


@pytest.fixture(scope="module")
def web() -> Iterator[Others]:
    with others() as running:
        yield running


@pytest.fixture(autouse=True)
def unasked(web: Others) -> None:
    web.asked.clear()


def sample(*urls: str, body: str = "") -> Sample:
    links = "".join(link(url, f"Step {number}") for number, url in enumerate(urls))
    return Sample("garden/soil", HERE, revision(body=links + body), PUBLICATION)


def fetcher(web: Others, **changes: object) -> Fetcher:
    known = {"resolve": web.resolve, "is_allowed": lambda address: address == "127.0.0.1"}
    return Fetcher("newsletter (test)", **{**known, **changes})


def found(
    web: Others, *samples: Sample, waited: list[float] | None = None, **changes: object
) -> list[Finding]:
    wait = waited.append if waited is not None else lambda seconds: None
    return list(Online(fetcher(web, **changes), wait)(samples))


@pytest.mark.parametrize(("name", "path"), CASES)
def test_where_a_link_leads_is_found_by_its_rule_alone(web, name, path):
    url = web.url(path)
    one = sample(body=picture(src=url)) if name.startswith("image") else sample(url)
    assert [finding.name for finding in found(web, one)] == [name]


@pytest.mark.parametrize("path", SOUND)
def test_a_link_that_answers_passes_clean(web, path):
    assert found(web, sample(web.url(path))) == []
    assert found(web, sample(body=picture(src=web.url("/a.png")))) == []


def test_a_link_that_moved_says_where_to(web):
    (finding,) = found(web, sample(web.url("/moved")))
    assert finding.mend == f"link to {web.url('/')}"


def test_who_asks_says_so_and_sends_nothing_else(web):
    found(web, sample(web.url("/no-head?a=b#/rows")))
    assert [(method, path) for method, path, _ in web.asked] == [
        ("HEAD", "/no-head?a=b"),
        ("GET", "/no-head?a=b"),
    ]
    for _, _, headers in web.asked:
        assert headers["User-Agent"] == "newsletter (test)"
        assert not {"Cookie", "Authorization", "Referer"} & set(headers)
    assert web.asked[1][2]["Range"] == "bytes=0-2047"


def test_each_address_is_asked_once_and_a_host_in_peace(web):
    waited: list[float] = []
    issues = sample(web.url("/"), web.url("/#/rows"), web.url("/a.png"), web.url("/", "www.example.net"))
    found(web, issues, issues, waited=waited)
    assert sorted(path for _, path, _ in web.asked) == ["/", "/", "/a.png"]
    assert waited == [1.0]


def test_a_page_is_read_once_for_all_its_places_and_after_a_pause(web):
    waited: list[float] = []
    issue = sample(web.url("/page#rows"), web.url("/page#old"), web.url("/page#tools"))
    (finding,) = found(web, issue, issue, waited=waited)[:1]
    assert finding.what == f"{web.url('/page')} has no 'tools'"
    assert [method for method, _, _ in web.asked] == ["HEAD", "GET"]
    assert waited == [1.0]


def test_a_page_is_read_where_a_redirect_ends_and_both_are_told(web):
    names = [one.name for one in found(web, sample(web.url("/detour#rows")))]
    assert names == ["link-redirects", "link-anchor-missing"]


def test_a_page_that_leads_inside_only_when_it_is_read_is_never_connected_to(web):
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    assert found(web, sample(web.url("/page#tools")), resolve=lambda host, port: next(answers)) == []
    assert [method for method, _, _ in web.asked] == ["HEAD"]


def test_what_may_pass_is_asked_again_after_a_while(web):
    waited: list[float] = []
    found(web, sample(web.url("/busy")), waited=waited)
    assert waited == [2.0, 4.0]
    assert len(web.asked) == 3


def test_a_ring_of_redirects_is_left_after_five(web):
    found(web, sample(web.url("/round")))
    assert len(web.asked) == 6


def test_what_readers_get_for_themselves_and_what_is_wrong_by_its_form_is_not_asked(web):
    nowhere = (
        web.url("/?who=") + fence(Field("name")),
        "https://localhost/",
        f"http://127.0.0.1:{web.port}/",
        "mailto:ada@example.org",
        "tel:+44123",
    )
    ours = picture(src="https://news.example.org/media/a.png")
    assert found(web, sample(*nowhere, body=ours), resolve=None) == []
    assert web.asked == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:10.0.0.1"]],
)
def test_a_name_that_leads_inside_is_never_connected_to(web, addresses):
    (finding,) = found(web, sample(web.url("/")), resolve=lambda host, port: addresses, is_allowed=is_public)
    assert finding.name == "link-not-public"
    assert web.asked == []


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_told(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_what_is_public_is_told(address):
    assert is_public(address)


def test_the_address_that_was_looked_at_is_the_one_connected_to(web):
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    reply = fetcher(web, resolve=lambda host, port: next(answers)).ask(web.url("/"))
    assert reply.status == 200


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("http://ada:secret@shop.example.org/", Trouble.PRIVATE),
        ("http://shop.example.org:99999/", Trouble.MALFORMED),
        ("http://[::1/", Trouble.MALFORMED),
        ("ftp://shop.example.org/", Trouble.MALFORMED),
        (f"http://{'a' * 70}.example.org/", Trouble.MALFORMED),
        ("http://empty.example.org/", Trouble.UNKNOWN),
        ("http://shop.example.org:1/", Trouble.SILENT),
    ],
)
def test_any_address_can_be_asked(web, url, trouble):
    assert fetcher(web).ask(url).trouble is trouble


def test_a_server_without_a_certificate_is_dead(web):
    (finding,) = found(web, sample(web.url("/").replace("http:", "https:")))
    assert (finding.name, "certificate is not good" in finding.what) == ("link-dead", True)


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 2", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200]
)
def test_a_server_that_dawdles_or_babbles_is_not_waited_for(web, sent):
    with dawdling(sent) as (port, dripped):
        reply = fetcher(web, seconds=0.3).ask(f"http://shop.example.org:{port}/")
    assert reply.trouble is Trouble.SILENT
    assert len(dripped) < PATIENCE


def test_a_page_that_does_not_come_to_its_end_in_time_is_not_taken_for_whole(web):
    with dawdling(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Sow") as (port, dripped):
        reply = fetcher(web, seconds=0.3).read(f"http://shop.example.org:{port}/")
    assert reply.body is None
    assert len(dripped) < PATIENCE


@contextmanager
def dawdling(sent: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Answer with something, and then with a byte again and again until the other side hangs up."""

    def serve() -> None:
        line, _ = server.accept()
        with line, suppress(OSError):
            line.recv(4096)
            line.sendall(sent)
            line.settimeout(0.05)
            while len(dripped) < PATIENCE:
                try:
                    if not line.recv(1):
                        return
                except TimeoutError:
                    line.sendall(b"a")
                    dripped.append(b"a")

    dripped: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], dripped
        thread.join()


def test_without_a_network_there_is_one_sentence(web):
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(
        Refused, match="no link answers: Temporary failure in name resolution; check the network"
    ):
        found(web, sample("https://a.example.org/", "https://b.example.net/"), resolve=unknown)


def test_one_name_that_is_unknown_is_a_dead_link(web):
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert [one.name for one in found(web, sample("https://a.example.org/"), resolve=unknown)] == [
        "link-dead"
    ]
