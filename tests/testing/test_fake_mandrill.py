from datetime import timedelta

import httpx
import pytest
from fake_cases import NO_TLS, START, FakeCases

from newsletter.testing.fake_mandrill import FakeMandrill, Fault, read_log, serve

TWO = ("a@example.org", "b@example.org")


@pytest.fixture
def fake(clock):
    with FakeMandrill(now=clock, index_lag=timedelta(minutes=5)) as running:
        yield running


def a_message(*to, **values):
    given = {
        "from_email": "weekly@news.example.org",
        "from_name": "Back Care",
        "to": [{"email": one} for one in to or TWO],
        "subject": "Hello",
        "html": "<p>*|NAME|*</p>",
        "text": "Hello *|name|* *|UNKNOWN|*",
        "headers": {"X-A": "*|NAME|*"},
        "preserve_recipients": False,
        "metadata": {"mailing": "nl-1"},
        "tags": ["back-pain"],
    }
    return {**given, **values}


def post(fake, message, path="/api/1.3/messages/send", key="any"):
    return httpx.post(fake.url + path, json={"key": key, "message": message}, verify=NO_TLS)


def search(fake, key="any", **query):
    return httpx.post(f"{fake.url}/api/1.3/messages/search", json={"key": key, **query}, verify=NO_TLS)


class TestFake(FakeCases):
    size = 1
    serve = staticmethod(serve)

    def post_one(self, fake):
        return post(fake, a_message("a@example.org"))

    def look(self, fake):
        return search(fake)


@pytest.mark.parametrize("path", ["/api/1.3/messages/send", "/api/1.0/messages/send.json"])
def test_everybody_has_a_row_in_another_order(fake, path):
    rows = post(fake, a_message(), path).json()
    assert [row["email"] for row in rows] == list(reversed(TWO))
    assert [mail.id for mail in fake.accepted] == [row["_id"] for row in reversed(rows)]
    assert (fake.accepted[0].at, fake.accepted[0].key) == (START, "nl-1")


def test_without_a_word_about_it_everybody_sees_everybody(fake):
    message = a_message()
    del message["preserve_recipients"]
    post(fake, message)
    assert [mail.to for mail in fake.leaks] == [TWO, TWO]


def test_variables_are_filled_where_they_are_given_and_never_in_headers(fake):
    own = [{"rcpt": TWO[1], "vars": [{"name": "name", "content": "Bob"}]}]
    post(fake, a_message(merge_vars=own, global_merge_vars=[{"name": "NAME", "content": "you"}]))
    first, second = fake.accepted
    assert (first.html, second.html, second.text) == ("<p>you</p>", "<p>Bob</p>", "Hello Bob ")
    assert second.headers == {"X-A": "*|NAME|*"}
    post(fake, a_message())
    assert fake.accepted[-1].html == "<p>*|NAME|*</p>"


@pytest.mark.parametrize(
    "message",
    [
        None,
        a_message(from_email="nobody"),
        a_message(to=[]),
        a_message(*[f"r{n}@example.org" for n in range(1001)]),
        a_message(headers={"X": "a\nb"}),
        a_message(html="", text=""),
    ],
)
def test_what_the_service_refuses_is_refused(fake, message):
    answer = post(fake, message)
    assert (answer.status_code, answer.json()["name"]) == (500, "ValidationError")
    fake.account.errors_are_500 = False
    assert post(fake, message).status_code == 422
    assert not fake.accepted


def test_who_is_denied_or_invalid_is_said_in_a_row(fake):
    fake.account.denied["a@example.org"] = "spam"
    rows = {
        row["email"]: row for row in post(fake, a_message("a@example.org", "nobody", "c@example.org")).json()
    }
    assert [row["status"] for row in rows.values()] == ["sent", "invalid", "rejected"]
    assert rows["a@example.org"]["reject_reason"] == "spam"


def test_more_than_ten_are_queued_and_so_is_what_may_not_leave(fake):
    rows = post(fake, a_message(*[f"r{n}@example.org" for n in range(11)])).json()
    assert {row["status"] for row in rows} == {"queued"}
    fake.account.queues = "sending-paused"
    assert post(fake, a_message("a@example.org")).json()[0]["queued_reason"] == "sending-paused"


@pytest.mark.parametrize("change", [{"is_unpaid": True}, {"domains": {"other.example"}}])
def test_an_account_has_limits(fake, change):
    for name, value in change.items():
        setattr(fake.account, name, value)
    said = post(fake, a_message("a@example.org")).json()
    assert (said["name"] if isinstance(said, dict) else said[0]["reject_reason"]) in (
        "PaymentRequired",
        "unsigned",
    )
    assert not fake.accepted


def test_another_key_is_refused():
    with FakeMandrill(key="right") as fake:
        assert post(fake, a_message(), key="wrong").json()["name"] == "Invalid_Key"
        assert post(fake, a_message(), key="right").status_code == 200
        assert post(fake, a_message(), "/api/1.3/other", key="right").json()["name"] == "Unknown_Method"
        assert httpx.post(f"{fake.url}/api/1.3/messages/send", content=b"{", verify=NO_TLS).status_code == 500


def test_mails_are_found_once_they_are_listed(fake, clock):
    post(fake, a_message())
    assert search(fake).json() == []
    clock.now += timedelta(minutes=5)
    for query, count in [
        ({}, 2),
        ({"query": "full_email:A@example.org"}, 1),
        ({"query": "u_mailing:nl-1"}, 2),
        ({"query": "nonsense:x"}, 0),
        ({"tags": ["other"]}, 0),
        ({"date_from": "2026-12-02"}, 0),
        ({"limit": 1}, 1),
    ]:
        assert len(search(fake, **query).json()) == count
    clock.now += timedelta(days=7)
    assert search(fake, date_from="2026-12-01").json() == []


def test_searches_have_a_limit_and_meet_no_fault_of_the_sends(fake, clock):
    fake.script.append(Fault.ERROR_BEFORE)
    assert [search(fake).status_code for _ in range(21)] == [200] * 20 + [429]
    clock.now += timedelta(minutes=1)
    assert search(fake).status_code == 200


def test_what_was_accepted_outlives_the_fake(tmp_path):
    log = tmp_path / "log.jsonl"
    with FakeMandrill(log=log) as fake:
        post(fake, a_message())
    with FakeMandrill(log=log) as fake:
        assert [mail.address for mail in fake.accepted] == list(TWO)
    assert read_log(log) == fake.accepted


def test_a_call_is_told_in_a_line():
    lines = []
    with FakeMandrill(told=lines.append) as fake:
        fake.account.denied["b@example.org"] = "spam"
        post(fake, a_message())
        search(fake)
        post(fake, None)
    assert lines == [
        "POST /api/1.3/messages/send -> 200 accepted 1, rejected 1",
        "POST /api/1.3/messages/search -> 200 1 messages",
        "POST /api/1.3/messages/send -> 500 ValidationError",
    ]
