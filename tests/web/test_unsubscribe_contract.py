"""The unsubscribe endpoint's contract in every detail (RFC 8058; the rules of Gmail and Yahoo)."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from joining_cast import ADA, Site, open_site
from web_cast import KEYS, NOW, MemoryDesk, leaving

from newsletter.domain.desk import PROBE_ANSWER
from newsletter.domain.subscriber import address_hash
from newsletter.domain.tokens import Grant, Purpose
from newsletter.store.tables import suppression

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = b"List-Unsubscribe=One-Click"
BOUNDARY = "FormBoundaryjWmhtjORrn"
MULTIPART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    f"One-Click\r\n--{BOUNDARY}--\r\n"
).encode()
MULTIPART_TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
TYPED = MULTIPART.replace(b"\r\n\r\nOne", b"\r\nContent-Type: text/plain\r\n\r\nOne")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (ONE_CLICK, FORM),
        (ONE_CLICK + b"\r\n", FORM),
        (b"List-Unsubscribe%3DOne-Click", FORM),
        (b"List%2DUnsubscribe=One%2DClick&id=1", FORM),
        (ONE_CLICK, {}),
        (MULTIPART, MULTIPART_TYPE),
        (TYPED, MULTIPART_TYPE),
        (MULTIPART.replace(b"\r\n", b"\n"), MULTIPART_TYPE),
    ],
)
def test_1_a_one_click_post_is_taken_in_every_encoding(
    http: httpx.Client, desk: MemoryDesk, body: bytes, headers: dict[str, str]
) -> None:
    answer = http.post(leaving(), content=body, headers=headers)
    assert (answer.status_code, desk.acts) == (200, [(1, "one_click")])


def test_1_a_one_click_post_in_chunks_is_taken(http: httpx.Client, desk: MemoryDesk) -> None:
    answer = http.post(leaving(), content=iter([ONE_CLICK[:9], ONE_CLICK[9:]]), headers=FORM)
    assert (answer.status_code, desk.acts) == (200, [(1, "one_click")])


def test_2_the_address_is_all_that_is_needed(http: httpx.Client, desk: MemoryDesk) -> None:
    bare = http.build_request(
        "POST", leaving(), content=ONE_CLICK, headers={"Origin": "https://mail.example"}
    )
    del bare.headers["user-agent"], bare.headers["accept"]
    answer = http.send(bare)
    assert (answer.status_code, desk.active[1]) == (200, False)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [leaving(), leaving() + "/"], ids=["bare", "slash"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_3_nothing_redirects_and_the_answer_is_small(http: httpx.Client, path: str, method: str) -> None:
    answer = http.request(method, path, content=ONE_CLICK if method == "POST" else None)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert len(answer.content) < (100 if method == "POST" else 20_000)


def test_4_again_is_the_same(http: httpx.Client, desk: MemoryDesk) -> None:
    answers = [http.post(leaving(), content=ONE_CLICK) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert desk.acts == [(1, "one_click")]


@pytest.mark.parametrize(
    "path",
    [
        "/u/nonsense",
        "/u/",
        leaving()[:-1],
        leaving()[:20],
        leaving().replace("v1.a.", "v1.b."),
        leaving() + "x",
        "/u/" + "a" * 5000,
        "/u/%00%ff",
        "/u/" + KEYS.sign(Purpose.VIEW, Grant(1, 7)),
    ],
    ids=["nonsense", "none", "cut", "short", "other-key", "longer", "huge", "bytes", "other-purpose"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_4_an_unknown_token_is_not_found_without_detail(
    http: httpx.Client, desk: MemoryDesk, path: str, method: str
) -> None:
    answer = http.request(method, path)
    assert (answer.status_code, desk.acts) == (404, [])
    assert "This link does not work" in answer.text
    assert "Back" not in answer.text
    assert "nothing" not in http.post(path, content=ONE_CLICK).text


def test_4_nobody_is_limited_by_address(http: httpx.Client) -> None:
    assert {http.post(leaving(2), content=ONE_CLICK).status_code for _ in range(60)} == {200}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_5_looking_never_acts(http: httpx.Client, desk: MemoryDesk, method: str) -> None:
    headers = {"User-Agent": "link scanner", "X-Purpose": "preview"}
    assert http.request(method, leaving() + "?List-Unsubscribe=One-Click", headers=headers).status_code == 200
    assert desk.acts == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_5_other_methods_never_act(http: httpx.Client, desk: MemoryDesk, method: str) -> None:
    answer = http.request(method, leaving(), content=ONE_CLICK)
    assert (answer.status_code, desk.acts) == (405, [])


def test_5_the_page_has_one_form_with_one_button(http: httpx.Client) -> None:
    page = http.get(leaving()).text
    assert page.count("<form") == page.count("<button") == 1
    assert '<form method="post">' in page
    assert "<input" not in page
    assert "Back Care &lt;Weekly&gt;" in page


def test_5_the_button_is_counted_apart(http: httpx.Client, desk: MemoryDesk) -> None:
    answer = http.post(leaving(), content=b"", headers=FORM)
    assert "You have left" in answer.text
    assert desk.acts == [(1, "page")]


def test_5_who_has_left_sees_so(http: httpx.Client, desk: MemoryDesk) -> None:
    http.post(leaving(), content=ONE_CLICK)
    assert http.get(leaving()).text == http.post(leaving()).text
    assert "<form" not in http.get(leaving()).text


def test_6_it_has_taken_effect_when_it_is_answered(http: httpx.Client, desk: MemoryDesk) -> None:
    http.post(leaving(), content=ONE_CLICK)
    assert desk.active[1] is False


def test_7_a_link_works_for_ever(http: httpx.Client, desk: MemoryDesk) -> None:
    desk.now = NOW + timedelta(days=3650)
    assert http.post(leaving(), content=ONE_CLICK).status_code == 200


def test_8_other_series_go_on(http: httpx.Client, desk: MemoryDesk) -> None:
    http.post(leaving(1), content=ONE_CLICK)
    assert desk.active == {1: False, 2: True}


def test_a_huge_body_is_refused_and_changes_nothing(http: httpx.Client, desk: MemoryDesk) -> None:
    answer = http.post(leaving(), content=ONE_CLICK + b"&" * 9000)
    assert (answer.status_code, desk.acts) == (413, [])


def test_a_body_without_end_is_refused(http: httpx.Client, desk: MemoryDesk) -> None:
    try:
        status = http.post(leaving(), content=(b"x" * 1000 for _ in range(100_000))).status_code
    except httpx.TransportError:
        status = 413  # the server hung up before this client listened
    assert (status, desk.acts) == (413, [])


def test_a_body_that_breaks_off_changes_nothing(http: httpx.Client, desk: MemoryDesk) -> None:
    where = urlsplit(str(http.base_url))
    with socket.create_connection((where.hostname, where.port)) as raw:
        raw.sendall(f"POST {leaving()} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nList".encode())
    assert http.get("/healthz").text == "ok"
    assert desk.acts == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_probe_is_answered_in_words_of_our_own(http: httpx.Client, desk: MemoryDesk, method: str) -> None:
    answer = http.request(method, "/u/" + KEYS.sign(Purpose.PROBE, Grant(0, 0)))
    assert (answer.status_code, answer.text, desk.acts) == (200, PROBE_ANSWER, [])


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    with open_site(tmp_path, database_url) as site:
        yield site


def test_a_suppressed_person_can_leave_too(site: Site) -> None:
    path = site.leaving()
    with site.app.database.writing() as tx:
        hash_ = address_hash(ADA, site.app.deployment.salt)
        tx.execute(suppression.insert(), {"address_hash": hash_, "reason": "complaint", "since": NOW})
    assert site.http.post(path, content=ONE_CLICK).status_code == 200
    assert site.state(ADA) == "unsubscribed"
