import re
import time
from pathlib import Path

import httpx
import pytest
from web_cast import PIXEL, TEMPLATES, FolderStudio

from newsletter.web.server import Server
from newsletter.web.studio.pages import studio_app
from newsletter.web.studio.schemes import Scheme, in_scheme
from newsletter.web.watching import Changes


def test_the_page_lists_every_issue_and_shows_the_first(preview: httpx.Client) -> None:
    page = preview.get("/").text
    assert "Back pain, week by week" in page
    assert page.index("Lower back") < page.index("Neck")
    assert 'data-target="back-pain/1-lower" aria-current="page"' in page
    assert "weekly@news.example.org" in page


def test_a_mail_is_framed_without_scripts(preview: httpx.Client) -> None:
    answer = preview.get("/frame/back-pain/1-lower.html")
    policy = answer.headers["content-security-policy"]
    assert "Where the ache comes from." in answer.text
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-scripts" not in preview.get("/").text


def test_links_of_a_mail_open_beside_it(preview: httpx.Client) -> None:
    assert "<head><base target=_blank>" in preview.get("/frame/back-pain/1-lower.html").text


def test_the_page_runs_its_own_script_only(preview: httpx.Client) -> None:
    answer = preview.get("/")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    for name in ("studio.js", "studio_mail.js", "studio.css"):
        assert preview.get(f"/{name}").status_code == 200


def test_text_and_pictures_are_served(preview: httpx.Client) -> None:
    assert preview.get("/text/back-pain/2-neck").text == "Neck\nIt carries a lot.\n"
    assert preview.get("/media/back.png").content == PIXEL
    assert preview.get("/media/none.png").status_code == 404


def test_a_saved_file_shows_up_within_a_second(preview: httpx.Client, letter: Path) -> None:
    with preview.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        (letter / "1-lower.txt").write_text("Lower back\nNewly written.\n")
        began = time.monotonic()
        news = next(line for line in lines if line.startswith("data:"))
        page = preview.get("/frame/back-pain/1-lower.html").text
        took = time.monotonic() - began
    assert news != first
    assert "Newly written." in page
    assert took < 1


def test_a_broken_file_is_shown_in_place_and_recovers(preview: httpx.Client, letter: Path) -> None:
    (letter / "1-lower.txt").write_text("Lower back\nfine\nDear {{ name\n")
    page = preview.get("/")
    assert page.status_code == 200
    assert "content/1-lower.txt:3" in page.text
    assert "The field is not closed" in page.text
    assert "Write }} behind it" in page.text
    assert "cannot be shown" in page.text
    assert "state broken" in preview.get("/list").text
    frame = preview.get("/frame/back-pain/1-lower.html")
    assert frame.status_code == 422
    assert frame.text == "content/1-lower.txt:3: the field is not closed; write }} behind it\n"
    (letter / "1-lower.txt").write_text("Lower back\nfine again\n")
    assert "not closed" not in preview.get("/").text


def test_findings_stand_beside_the_mail(preview: httpx.Client, letter: Path) -> None:
    (letter / "1-lower.txt").write_text("Lower back\nFIXME\n")
    page = preview.get("/").text
    assert "1 finding<" in page
    assert "A FIXME is left" in page
    assert "Finish it" in page
    assert "state error" in preview.get("/list").text


def test_what_does_not_exist_is_said(preview: httpx.Client) -> None:
    assert "No series or issue is called &#39;nope&#39;" in preview.get("/?target=nope").text
    assert preview.get("/frame/nope.html").status_code == 404
    assert preview.get("/nowhere").status_code == 404


def test_an_empty_letter_says_how_to_begin(tmp_path: Path) -> None:
    with Server(studio_app(FolderStudio(tmp_path), Changes([]), TEMPLATES)) as server:
        assert "No issues yet" in httpx.get(server.url).text


def test_a_page_of_another_name_cannot_read_it(preview: httpx.Client) -> None:
    assert preview.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_an_open_page_does_not_hold_up_the_end(letter: Path) -> None:
    changes = Changes([letter])
    server = Server(studio_app(FolderStudio(letter), changes, TEMPLATES))
    server.start()
    changes.start()
    with httpx.stream("GET", f"{server.url}/events", timeout=5) as stream:
        next(stream.iter_lines())
        began = time.monotonic()
        changes.stop()
        server.stop()
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("written", "dark", "light"),
    [
        (
            "@media (prefers-color-scheme: dark){a{}}",
            "@media (min-width:0){a{}}",
            "@media (max-width:0){a{}}",
        ),
        (
            "@media screen and ( prefers-color-scheme:DARK ){a{}}",
            "@media screen and (min-width:0){a{}}",
            "@media screen and (max-width:0){a{}}",
        ),
        ("<style>:root{color-scheme:light dark}</style>",) + ("<style>:root{color-scheme:%s}</style>",) * 2,
        ('<meta name="color-scheme" content="light dark">',)
        + ('<meta name="color-scheme" content="%s">',) * 2,
        ("<p>color-scheme: yes</p>",) * 3,
        ("<style>a{x-color-scheme:light}</style>",) * 3,
    ],
)
def test_a_mail_is_answered_as_the_scheme_would(written: str, dark: str, light: str) -> None:
    assert in_scheme(written, Scheme.DARK) == dark.replace("%s", "dark")
    assert in_scheme(written, Scheme.LIGHT) == light.replace("%s", "light")


def test_whoever_reads_is_chosen_by_key_or_address(preview: httpx.Client) -> None:
    assert "reader@example.org" in preview.get("/").text
    assert "<bdi>Al</bdi>" in preview.get("/?as=short").text
    assert "<bdi>Ada</bdi>" in preview.get("/?as=ada@example.org").text
    assert "Nobody has the address &#39;eva@example.org&#39;" in preview.get("/?as=eva@example.org").text


def test_every_name_of_a_sample_reader_is_shown_as_text(preview: httpx.Client) -> None:
    assert "Anna &amp; Tom &lt;O’Neill&gt;" in preview.get("/?as=signs").text


def test_without_images_a_mail_asks_for_none(preview: httpx.Client) -> None:
    policy = preview.get("/frame/back-pain/1-lower.html?images=false").headers["content-security-policy"]
    assert "img-src" not in policy
    assert "default-src 'none'" in policy


def test_the_frame_shows_what_was_asked_for(preview: httpx.Client) -> None:
    path = "/frame/back-pain/1-lower.html?colours="
    assert "@media (max-width:0){body{background:#0f1315" in preview.get(f"{path}light").text
    assert "@media (min-width:0){body{background:#0f1315" in preview.get(f"{path}dark").text
    assert "background:#13110c;color:#d1dce0" in preview.get(f"{path}forced").text
    assert preview.get(f"{path}purple").status_code == 422


def test_source_and_headers_are_shown(preview: httpx.Client) -> None:
    assert preview.get("/source/back-pain/1-lower").text.startswith("<!doctype html>")
    assert preview.get("/source/back-pain/1-lower").headers["content-type"].startswith("text/plain")
    assert "<dt>Subject</dt><dd>Lower back</dd>" in preview.get("/").text


def test_the_size_is_measured_against_the_clipping_limit(preview: httpx.Client) -> None:
    size = len(preview.get("/source/back-pain/1-lower").content)
    page = preview.get("/").text
    assert f'max="102400" low="81920.0" high="100352.0" optimum="0" value="{size}"' in page
    assert f"<b>{size / 1000:.1f} kB</b> of HTML; Gmail clips at 102 kB" in page


def _own(preview: httpx.Client) -> dict[str, str]:
    token = re.search(r'data-token="([^"]+)"', preview.get("/").text)
    assert token
    return {"Origin": str(preview.base_url).rstrip("/"), "X-Studio-Token": token[1]}


def test_the_page_sends_a_test(preview: httpx.Client, folder_studio: FolderStudio) -> None:
    form = {"target": "back-pain/1-lower", "address": " me@example.org "}
    answer = preview.post("/send-test", data=form, headers=_own(preview))
    assert (answer.status_code, answer.text) == (200, "outbox accepted the mail to me@example.org\n")
    assert folder_studio.sent == [("back-pain/1-lower", "me@example.org")]


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"X-Studio-Token": "guessed"},
        {"X-Studio-Token": ""},
        {"X-Studio-Token": "\xe4"},
    ],
)
def test_no_other_page_can_send_a_test(
    preview: httpx.Client, folder_studio: FolderStudio, changed: dict[str, str]
) -> None:
    headers = {**_own(preview), **changed}
    form = {"target": "back-pain/1-lower", "address": "me@example.org"}
    answer = preview.post(
        "/send-test",
        data=form,
        headers={name: value.encode("latin-1") for name, value in headers.items() if value},
    )
    assert answer.status_code == 403
    assert folder_studio.sent == []


def test_a_link_to_send_a_test_sends_nothing(preview: httpx.Client, folder_studio: FolderStudio) -> None:
    assert preview.get("/send-test?target=back-pain/1-lower&address=me@example.org").status_code in (404, 405)
    assert folder_studio.sent == []


def test_nothing_is_loaded_from_elsewhere(preview: httpx.Client) -> None:
    for path in ("/", "/studio.css", "/studio.js", "/studio_mail.js"):
        assert re.findall(r"(?:https?:)?//[a-z]+\.", preview.get(path).text) == []
