"""What mailbox providers expect of a link to unsubscribe, in eight points, each by the header of a mail."""

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from joining_cast import ADA, Site, open_site
from letter_cast import FIRST, SECOND

BEN = "ben@example.org"
ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
IN_PARTS = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    with open_site(tmp_path, database_url) as site:
        site.office.run(until=FIRST)
        yield site


def link_in_header(site: Site, address: str = ADA) -> str:
    """Return the path that a mail client would post to."""
    mail = site.mail("Lower back", address)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (url,) = re.findall(r"<(https:[^<>\s]+)>", mail["List-Unsubscribe"])
    assert urlsplit(url).hostname == "news.example.org"
    assert "@" not in url
    return urlsplit(url).path


def test_1_a_one_click_post_is_taken_in_both_encodings(site: Site) -> None:
    assert len(ONE_CLICK) == 26
    for address, body, headers in ((ADA, ONE_CLICK, FORM), (BEN, PARTS, IN_PARTS)):
        assert site.http.post(link_in_header(site, address), content=body, headers=headers).status_code == 200
        assert site.state(address) == "unsubscribed"
    assert site.events() == [("unsubscribed", "one_click")] * 2


def test_2_the_address_is_all_that_is_needed(site: Site) -> None:
    where = urlsplit(str(site.http.base_url))
    said = f"POST {link_in_header(site)} HTTP/1.1\r\nHost: news.example.org\r\nContent-Length: 26\r\n\r\n"
    with socket.create_connection((where.hostname, where.port), timeout=10) as raw:
        raw.sendall(said.encode() + ONE_CLICK)
        answer = raw.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"set-cookie" not in answer.lower()
    assert site.state(ADA) == "unsubscribed"


def test_3_the_answer_is_small_and_never_a_redirect(site: Site) -> None:
    path = link_in_header(site)
    for written in (path, path + "/"):
        answer = site.http.post(written, content=ONE_CLICK, headers=FORM, follow_redirects=False)
        assert (answer.status_code, answer.text) == (200, "You have left.\n")
        assert "location" not in answer.headers


def test_4_again_is_the_same_and_an_unknown_token_says_nothing(site: Site) -> None:
    path = link_in_header(site)
    unknown = [site.http.post(f"{path[:-4]}{end:04}", content=ONE_CLICK, headers=FORM) for end in range(60)]
    assert {(one.status_code, one.text) for one in unknown} == {(404, "not found\n")}
    # Nobody is limited by where they come from: mailbox providers share a few places.
    answers = [site.http.post(path, content=ONE_CLICK, headers=FORM) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert site.events() == [("unsubscribed", "one_click")]


def test_5_looking_changes_nothing_and_the_button_is_counted_apart(site: Site) -> None:
    path = link_in_header(site)
    before = site.everything()
    page = site.http.get(path)
    assert site.http.head(path).status_code == page.status_code == 200
    assert site.everything() == before
    assert page.text.count('<form method="post">') == page.text.count("<button") == 1
    assert "You have left" in site.http.post(path, data={}).text
    assert site.events() == [("unsubscribed", "page")]


def test_6_who_leaves_while_an_issue_is_released_does_not_get_it(site: Site) -> None:
    path = link_in_header(site)
    site.office.release(SECOND)
    site.http.post(path, content=ONE_CLICK, headers=FORM)
    site.office.run(until=SECOND)
    assert [mail["Subject"][:4] for mail in site.mails(ADA)] == ["Lowe"]
    assert [mail["Subject"][:4] for mail in site.mails(BEN)] == ["Lowe", "Neck"]


@pytest.mark.parametrize("days", [60, 3650])
def test_7_the_link_works_for_ever(site: Site, days: int) -> None:
    path = link_in_header(site)
    site.office.clock.advance_to(FIRST + timedelta(days=days))
    assert site.http.post(path, content=ONE_CLICK, headers=FORM).status_code == 200
    assert site.state(ADA) == "unsubscribed"


def test_8_one_click_leaves_that_list_and_no_other(site: Site) -> None:
    site.app.enrolling.add(ADA, "", "", "sleep", "asked")
    site.http.post(link_in_header(site), content=ONE_CLICK, headers=FORM)
    assert site.states(ADA) == {"back-pain": "unsubscribed", "sleep": "active"}
    assert site.state(BEN) == "active"
