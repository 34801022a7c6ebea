"""The pages of an archive and its feed, as browsers, caches and readers of feeds get them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import httpx
import pytest
from web_cast import MAIL, TEMPLATES, MemoryDesk

from newsletter.domain.archive import Link, Listing, Published, relabelled, with_links, without_link
from newsletter.web import atom
from newsletter.web.archive import publish
from newsletter.web.pages import pages
from newsletter.web.server import Server

FIRST = datetime(2026, 12, 1, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
ISSUES = tuple(
    Published(number, slug, number, "r" * 64, f"{slug} & <more>", "What helps.", at, at)
    for number, slug, at in ((1, "lower-back", FIRST), (2, "neck", FIRST + WEEK))
)
LISTING = Listing(
    1, "back-pain", "Back pain <1>", "Back Care", "en-GB", "https://news.example.org", "Europe/London",
    FIRST - timedelta(days=30), ISSUES,
)  # fmt: skip
PATHS = {"list": "/a/back-pain", "issue": "/a/back-pain/neck", "feed": "/a/back-pain/feed.xml"}
NAMES = {"atom": "http://www.w3.org/2005/Atom"}


class MemoryArchive:
    """One series with two issues."""

    def listing(self, series: str) -> Listing | None:
        return LISTING if series == LISTING.slug else None

    def page(self, series: str, issue: str) -> str | None:
        return MAIL % issue if series == LISTING.slug and issue in {one.slug for one in ISSUES} else None


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    app = pages(MemoryDesk(), [TEMPLATES])
    publish(app, MemoryArchive(), [TEMPLATES])
    with Server(app) as server, httpx.Client(base_url=server.url) as client:
        yield client


def test_the_list_has_title_date_and_preheader_of_every_issue(http: httpx.Client) -> None:
    page = http.get("/a/back-pain").text
    for shown in ("Back pain &lt;1&gt;", "1 December 2026", "8 December 2026", "neck &amp; &lt;more&gt;"):
        assert shown in page
    assert '<a href="/a/back-pain/neck">' in page
    assert '<a href="/subscribe/back-pain">' in page
    assert page.count("<h1>") == 1
    assert len(page.encode()) < 20_000


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_answer_may_be_kept_and_has_the_security_headers(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x-robots-tag" not in answer.headers
    assert "noindex" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_what_was_kept_and_is_still_right_is_not_sent_again(http: httpx.Client, path: str) -> None:
    tag = http.get(path).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "public, max-age=300"
    assert http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/a/knees", "/a/knees/feed.xml", "/a/back-pain/knee", "/a/", "/a/x/y/z"])
def test_what_is_not_there_is_a_page_that_says_so(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"


def test_an_issue_runs_nothing(http: httpx.Client) -> None:
    policy = http.get("/a/back-pain/neck").headers["content-security-policy"]
    assert "sandbox allow-popups" in policy
    assert "form-action 'none'" in policy


def only(parent: ET.Element, name: str) -> str:
    (found,) = parent.findall(f"atom:{name}", NAMES)
    assert found.text
    return found.text


def check_feed(root: ET.Element) -> list[ET.Element]:
    """Check what RFC 4287 §4.1 demands; return the entries."""
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    assert {link.get("rel") for link in root.findall("atom:link", NAMES)} == {"self", "alternate"}
    assert root.findtext("atom:author/atom:name", namespaces=NAMES)
    entries = root.findall("atom:entry", NAMES)
    for one in (root, *entries):
        assert only(one, "title")
        assert only(one, "id").startswith(("tag:", "https://"))
        assert datetime.fromisoformat(only(one, "updated")).tzinfo is not None
    for one in entries:
        (link,) = one.findall("atom:link", NAMES)
        assert link.get("rel") == "alternate"
        assert str(link.get("href")).startswith("https://news.example.org/a/back-pain/")
    assert len({only(one, "id") for one in entries}) == len(entries)
    return entries


def test_the_feed_is_atom_with_the_latest_issue_first(http: httpx.Client) -> None:
    answer = http.get("/a/back-pain/feed.xml")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    entries = check_feed(ET.fromstring(answer.content))
    assert [only(one, "title") for one in entries] == ["neck & <more>", "lower-back & <more>"]
    assert only(entries[0], "summary") == "What helps."


def test_a_feed_of_nothing_is_valid_too() -> None:
    assert check_feed(ET.fromstring(atom.feed(replace(LISTING, issues=())))) == []


def test_no_character_of_a_subject_breaks_a_feed() -> None:
    odd = replace(ISSUES[0], title="\x00\x0b]]>&\ufffe😀", preheader="\x1f<b>")
    (entry,) = check_feed(ET.fromstring(atom.feed(replace(LISTING, issues=(odd,)))))
    assert only(entry, "title") == "]]>&😀"


def test_an_issue_keeps_its_name_in_a_feed_when_it_is_renamed() -> None:
    before, after = (
        check_feed(ET.fromstring(atom.feed(replace(LISTING, issues=(replace(ISSUES[0], slug=slug),)))))[0]
        for slug in ("old", "new")
    )
    assert only(before, "id") == only(after, "id")


def test_links_stand_under_a_mail_and_are_escaped() -> None:
    page = with_links("<html><body><p>Hi</p></body></html>", "Earlier parts", [Link("/w/x?a&b", "<One>")])
    assert '<a href="/w/x?a&amp;b">&lt;One&gt;</a>' in page
    assert page.endswith("</nav></body></html>")
    assert with_links("<p>Hi</p>", "Earlier parts", []) == "<p>Hi</p>"


def test_only_the_links_to_an_address_get_another_label() -> None:
    html = '<a class="x" href="/s?a&amp;b"><b>Leave</b></a> <a href="/other">Leave</a>'
    assert relabelled(html, "/s?a&b", "Join") == (
        '<a class="x" href="/s?a&amp;b">Join</a> <a href="/other">Leave</a>'
    )


def test_a_link_is_taken_away_with_the_dot_before_it() -> None:
    dot = '<span class="dot" style="x">&nbsp;&middot; </span>'
    html = f'<a href="/s">Join</a>{dot}<a style="y" href="#mine"><b>Mine</b></a>{dot}<a href="/w">Online</a>'
    assert without_link(html, "#mine") == f'<a href="/s">Join</a>{dot}<a href="/w">Online</a>'
    assert without_link('<a href="#mine">Mine</a> <a href="/w">W</a>', "#mine") == ' <a href="/w">W</a>'
