import logging
import re
from pathlib import Path

import httpx
import pytest
from web_cast import KEYS, PIXEL, TEMPLATES, MemoryDesk, leaving

from newsletter.domain.tokens import Grant, Purpose
from newsletter.errors import TemplateError
from newsletter.web.pages import is_one_click, pages
from newsletter.web.server import Server

VIEW = "/w/" + KEYS.sign(Purpose.VIEW, Grant(1, 7, 3))
EVERYWHERE = {
    "leave": leaving(),
    "issue": VIEW,
    "picture": "/media/back.png",
    "no-picture": "/media/none.png",
    "health": "/healthz",
    "root": "/",
    "broken": "/u/x",
    "docs": "/docs",
    "openapi": "/openapi.json",
}


@pytest.mark.parametrize("path", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_answer_has_the_security_headers(http: httpx.Client, path: str, method: str) -> None:
    headers = http.request(method, path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert "set-cookie" not in headers
    assert "server" not in headers


@pytest.mark.parametrize("path", [leaving(), "/u/x", "/nowhere"], ids=["leave", "broken", "nowhere"])
def test_a_page_is_small_and_brings_nothing_along(http: httpx.Client, path: str) -> None:
    page = http.get(path).text
    assert len(page.encode()) < 20_000
    assert "<script" not in page
    assert not re.findall(r"https?://", page)
    assert re.search(r'<html lang="en" dir="ltr">', page)
    assert page.count("<h1>") == 1


def test_the_other_methods_that_a_path_takes_are_named(http: httpx.Client) -> None:
    answer = http.post("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_everything_else_is_a_page_that_says_what_to_do(http: httpx.Client) -> None:
    answer = http.get("/wp-login.php")
    assert answer.status_code == 404
    assert "There is no page here" in answer.text


def test_an_issue_is_shown_without_scripts_and_forms(http: httpx.Client) -> None:
    answer = http.get(VIEW)
    assert "Lower back" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "form-action 'none'" in policy


def test_an_issue_that_is_not_ours_is_not_found(http: httpx.Client) -> None:
    assert http.get("/w/" + KEYS.sign(Purpose.UNSUBSCRIBE, Grant(1, 7))).status_code == 404


def test_a_picture_is_kept_for_ever(http: httpx.Client) -> None:
    answer = http.get("/media/back.png")
    assert answer.content == PIXEL
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", [leaving(), "/u/x", "/media/none.png"], ids=["leave", "broken", "picture"])
def test_nothing_else_is_kept(http: httpx.Client, path: str) -> None:
    assert http.get(path).headers["cache-control"] == "no-store"


def test_head_has_the_headers_and_no_body(http: httpx.Client) -> None:
    answer = http.head("/media/back.png")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(PIXEL))


def test_an_error_inside_is_a_page_for_people_and_a_log_for_us(
    desk: MemoryDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.fails = True
    with Server(pages(desk, [TEMPLATES])) as server:
        answer = httpx.get(server.url + leaving())
    assert answer.status_code == 500
    assert "try again in a few minutes" in answer.text
    assert "database" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "the database is gone" in caplog.text


def test_no_log_keeps_a_token(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        http.get(leaving())
        http.post(leaving())
    assert leaving() not in "".join(r.getMessage() for r in caplog.records if not r.name.startswith("http"))


def test_a_letters_own_page_replaces_the_shipped_one(desk: MemoryDesk, tmp_path: Path) -> None:
    own = (
        '{% extends "base.html.j2" %}{% block language %}de{% endblock %}{% block main %}Tschüs{% endblock %}'
    )
    (tmp_path / "unsubscribed.html.j2").write_text(own)
    with Server(pages(desk, [tmp_path, TEMPLATES])) as server:
        page = httpx.post(server.url + leaving()).text
    assert "Tschüs" in page
    assert '<html lang="de"' in page


def test_a_broken_page_is_named_with_its_line_before_anything_starts(
    desk: MemoryDesk, tmp_path: Path
) -> None:
    (tmp_path / "unsubscribe.html.j2").write_text("fine\n{% if %}\n")
    with pytest.raises(TemplateError) as caught:
        pages(desk, [tmp_path, TEMPLATES])
    assert str(caught.value.place) == "templates/web/unsubscribe.html.j2:2"


def test_a_missing_page_is_named(desk: MemoryDesk, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="is missing"):
        pages(desk, [tmp_path])


def test_a_page_that_fails_when_filled_in_still_lets_people_go(desk: MemoryDesk, tmp_path: Path) -> None:
    (tmp_path / "unsubscribed.html.j2").write_text("\n{{ nobody }}")
    (tmp_path / "message.html.j2").write_text("{{ nobody }}")
    with Server(pages(desk, [tmp_path, TEMPLATES])) as server:
        answer = httpx.post(server.url + leaving())
    assert (answer.status_code, desk.active[1]) == (500, False)
    assert "Something went wrong here" in answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"a=List-Unsubscribe", b"List-Unsubscribe=No", b"x=1&xList-Unsubscribe=One-Click", b"\xff\xfe\x00"],
)
def test_only_the_two_words_are_a_one_click(body: bytes) -> None:
    assert not is_one_click(body)
