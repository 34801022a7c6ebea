"""Every public route, taken from the application itself, under requests that nobody sane would make."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from town_cast import (
    ACTS,
    ADDRESSES,
    METHODS,
    SAFE,
    TYPES,
    Town,
    bodies_of,
    fields,
    headers,
    open_town,
    paths_of,
    reports_of,
    signed,
    tokens_of,
    words,
)

from newsletter.domain.tokens import Grant, Purpose

EXAMPLES = settings(max_examples=12)


@pytest.fixture
def town(tmp_path: Path, database_url: str) -> Iterator[Town]:
    with open_town(tmp_path, database_url) as town:
        yield town


def test_every_route_is_known_here_and_leads_somewhere(town: Town) -> None:
    assert {one.path for one in town.routes} == set(town.right)
    assert {method for one in town.routes for method in one.methods or ()} <= {*SAFE, "POST"}
    for one in town.routes:
        if "GET" in (one.methods or ()):
            found = town.ask("GET", town.right[one.path])
            assert (found.status_code, one.path) == (404 if "media" in one.path else 200, one.path)


def test_no_request_breaks_a_page_and_looking_changes_nothing(town: Town) -> None:
    tokens = tokens_of(town.site)
    for path in town.right:
        urls = paths_of(path, town.right[path], tokens)

        @EXAMPLES
        @given(urls, st.sampled_from(SAFE), headers, fields)
        def look(url: str, method: str, said: dict[str, str], query: list[tuple[str, str]]) -> None:
            asked = urlencode(query, errors="surrogatepass")
            town.ask(method, f"{url}?{asked}", headers=said)

        before = town.site.everything()
        look()
        assert town.site.everything() == before, path

        @EXAMPLES
        @given(urls, st.sampled_from(METHODS), headers, st.sampled_from(TYPES), bodies_of(tokens))
        def post(url: str, method: str, said: dict[str, str], kind: str | None, body: bytes) -> None:
            typed = {} if kind is None else {"content-type": kind.encode("latin-1")}
            town.ask(method, url, headers={**said, **typed}, content=body)

        post()


def test_forms_of_our_own_fields_are_answered_whatever_they_hold(town: Town) -> None:
    site, now = town.site, town.site.office.clock.now()
    shown = Grant(1, 0, 0, int(now.timestamp()) - 3600)
    token = site.app.keys.sign(Purpose.FORM, shown, expires=now + timedelta(days=1))
    ways = [town.right["/subscribe/{series}"], town.right["/p/{token}"], f"/p/{site.token(Purpose.CHOOSE)}"]

    @settings(max_examples=40)
    @given(
        st.sampled_from(ways),
        st.sampled_from([one for one in ACTS if one != "erase"]),
        st.fixed_dictionaries(
            {},
            optional={
                "address": st.sampled_from(ADDRESSES) | words,
                "name": words,
                "zone": words | st.just("Europe/London"),
                "series": words | st.just("1"),
                "weeks": words | st.integers().map(str),
            },
        ),
        st.ip_addresses().map(str),
    )
    def fill_in(way: str, act: str, typed: dict[str, str], ip: str) -> None:
        sent = urlencode({"token": token, "act": act, **typed}, errors="surrogatepass")
        assert town.ask("POST", way, content=sent, headers={"x-forwarded-for": ip}).status_code in (
            200,
            422,
            429,
        )

    fill_in()
    site.run()
    for mail in site.mails("example.org"):
        assert not mail.defects
        assert "Bcc" not in mail


def test_whatever_a_signed_report_says_it_is_taken(town: Town) -> None:
    now = town.site.office.clock.now()

    @settings(max_examples=60)
    @given(st.sampled_from(["resend", "mailgun", "postmark"]), reports_of(town.reference))
    def report(provider: str, said: dict[str, object]) -> None:
        given = signed(provider, said, now)
        answer = town.ask("POST", f"/webhooks/{provider}", content=given.body, headers=dict(given.headers))
        assert answer.text == "taken\n", said

    report()


def test_ten_megabytes_are_refused_by_every_page_and_change_nothing(town: Town) -> None:
    before = town.site.everything()
    for one in town.routes:
        for method in {"GET", "POST"} & (one.methods or set()):
            try:
                answer = town.ask(method, town.right[one.path], content=b"x" * 10_000_000)
            except httpx.TransportError:
                # The server has hung up before all of it was written, which is what is wanted.
                continue
            assert answer.status_code == 413 or method in SAFE
    assert town.site.everything() == before
