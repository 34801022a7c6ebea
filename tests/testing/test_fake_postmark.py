from datetime import timedelta

import httpx
import pytest
from fake_cases import NO_TLS, FakeCases, command_running

from newsletter.testing.fake_postmark import (
    TEST_TOKEN,
    FakePostmark,
    Server,
    read_log,
    serve,
)

HEADERS = {"Accept": "application/json", "X-Postmark-Server-Token": "any"}


@pytest.fixture
def fake(clock):
    with FakePostmark(now=clock, index_lag=timedelta(minutes=1)) as running:
        yield running


def a_mail(to="a@example.org", **values):
    given = {
        "From": "Back Care <weekly@news.example.org>",
        "To": to,
        "Subject": "Lower back",
        "TextBody": "Hello",
        "HtmlBody": "<p>Hello</p>",
        "MessageStream": "broadcast",
        "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://news.example.org/u/1>"}],
        "Metadata": {"mailing": "k-1", "number": 7},
    }
    return {name: value for name, value in {**given, **values}.items() if value is not None}


def post(fake, *mails, path="/email/batch", **headers):
    body = list(mails) if path == "/email/batch" else mails[0]
    return httpx.post(fake.url + path, json=body, headers={**HEADERS, **headers}, verify=NO_TLS)


def get(fake, path="/messages/outbound", **query):
    given = {"count": "50", "offset": "0", "messagestream": "broadcast", **query}
    wanted = {name: value for name, value in given.items() if value is not None}
    return httpx.get(fake.url + path, params=wanted, headers=HEADERS, verify=NO_TLS)


def test_a_batch_is_answered_row_by_row_in_order(fake):
    fake.server.inactive.add("b@example.org")
    answer = post(fake, a_mail(), a_mail("b@example.org"), a_mail("nobody"))
    assert answer.status_code == 200
    rows = answer.json()
    assert [row["ErrorCode"] for row in rows] == [0, 406, 300]
    assert rows[0]["MessageID"] == fake.accepted[0].id
    assert (rows[0]["To"], rows[0]["Message"]) == ("a@example.org", "OK")
    assert not {"To", "MessageID"} & rows[1].keys()


def test_a_single_mail_is_answered_by_its_status(fake):
    assert post(fake, a_mail(), path="/email").json()["ErrorCode"] == 0
    answer = post(fake, a_mail("nobody"), path="/email")
    assert (answer.status_code, answer.json()["ErrorCode"]) == (422, 300)


def test_a_mail_to_several_shows_each_to_all(fake):
    post(fake, a_mail("a@example.org, B <b@example.org>"), a_mail())
    assert [mail.to for mail in fake.leaks] == [("a@example.org", "b@example.org")]


def test_a_mail_that_names_no_stream_goes_on_the_transactional_one(fake):
    post(fake, a_mail(MessageStream=None))
    assert fake.accepted[0].stream == "outbound"
    assert fake.accepted[0].headers["List-Unsubscribe"] == "<https://news.example.org/u/1>"


def test_a_broadcast_stream_takes_the_way_out_into_its_own_hands(fake):
    post(fake, a_mail(), a_mail(TextBody="Leave: {{{ pm:unsubscribe }}}", HtmlBody=None))
    first, second = fake.accepted
    assert first.headers == {
        "List-Unsubscribe": "<https://unsubscribe.postmark.example/u>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert first.html.endswith('<a href="https://unsubscribe.postmark.example/u">Unsubscribe</a>\n')
    assert (second.html, second.text) == ("", "Leave: https://unsubscribe.postmark.example/u")


def test_unless_it_is_left_to_the_sender(fake):
    fake.server.unsubscribes = "Custom"
    post(fake, a_mail())
    assert fake.accepted[0].headers == {"List-Unsubscribe": "<https://news.example.org/u/1>"}
    assert fake.accepted[0].text == "Hello"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"From": None}, 300),
        ({"From": "nobody"}, 300),
        ({"To": None}, 300),
        ({"To": 7}, 300),
        ({"To": ", ".join(f"r{number}@example.org" for number in range(51))}, 300),
        ({"ReplyTo": "nobody"}, 300),
        ({"TextBody": None, "HtmlBody": None}, 300),
        ({"TextBody": 7}, 403),
        ({"HtmlBody": "x" * 5_000_001}, 300),
        ({"Headers": {"X": "y"}}, 403),
        ({"Headers": [{"Name": "X"}]}, 300),
        ({"Headers": [{"Name": "X", "Value": "a\r\nb"}]}, 300),
        ({"Metadata": "x"}, 403),
        ({"Metadata": {"x" * 21: "y"}}, 300),
        ({"Metadata": {"x": "y" * 81}}, 300),
        ({"Metadata": {str(number): "x" for number in range(11)}}, 300),
        ({"Metadata": {"x": "1", "X": "2"}}, 300),
        ({"Tag": "x" * 1001}, 300),
        ({"TrackLinks": "Some"}, 300),
        ({"MessageStream": "nowhere"}, 1235),
    ],
)
def test_a_mail_that_breaks_a_rule_is_refused_alone(fake, change, code):
    rows = post(fake, {**a_mail(), **change}, a_mail("b@example.org")).json()
    assert [row["ErrorCode"] for row in rows] == [code, 0]
    assert [mail.to for mail in fake.accepted] == [("b@example.org",)]


def test_what_is_no_message_is_refused_alone(fake):
    assert [row["ErrorCode"] for row in post(fake, "x", a_mail()).json()] == [403, 0]


@pytest.mark.parametrize(
    ("server", "code"),
    [
        ({"signatures": {"elsewhere.example"}}, 400),
        ({"signatures": {"news.example.org"}}, 0),
        ({"signatures": {"weekly@news.example.org"}}, 0),
        ({"credits": 0}, 405),
        ({"is_pending": True}, 412),
        ({"refusing": {"a@example.org": (413, "no")}}, 413),
    ],
)
def test_a_server_may_not_send(server, code):
    with FakePostmark(server=Server(**server)) as fake:
        assert post(fake, a_mail()).json()[0]["ErrorCode"] == code


def test_credits_run_out_in_the_middle_of_a_batch(fake):
    fake.server.credits = 1
    assert [row["ErrorCode"] for row in post(fake, a_mail(), a_mail()).json()] == [0, 405]


def test_the_door_is_kept():
    with FakePostmark(token="mine") as fake:
        refused = post(fake, a_mail())
        assert (refused.status_code, refused.json()["ErrorCode"]) == (401, 10)
        assert get(fake).status_code == 401
        assert post(fake, a_mail(), **{"X-Postmark-Server-Token": "mine"}).status_code == 200


@pytest.mark.parametrize("header", ["Accept", "Content-Type"])
def test_json_has_to_be_asked_for_and_announced(fake, header):
    answer = post(fake, a_mail(), **{header: "text/plain"})
    assert (answer.status_code, answer.json()["ErrorCode"]) == (415, 409)


def test_the_token_for_tests_takes_nothing(fake):
    (row,) = post(fake, a_mail(), **{"X-Postmark-Server-Token": TEST_TOKEN}).json()
    assert (row["ErrorCode"], row["Message"], len(fake.accepted)) == (0, "Test job accepted", 0)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"{", 422, 402), (b"{}", 422, 403), (b"[" + b"{}," * 500 + b"{}]", 422, 410)],
)
def test_what_is_no_batch_is_refused_whole(fake, body, status, code):
    headers = {**HEADERS, "Content-Type": "application/json"}
    answer = httpx.post(f"{fake.url}/email/batch", content=body, headers=headers, verify=NO_TLS)
    assert (answer.status_code, answer.json()["ErrorCode"]) == (status, code)


def test_more_than_fifty_megabytes_are_too_many(fake):
    headers = {**HEADERS, "Content-Type": "application/json"}
    body = b" " * 50_000_001
    assert httpx.post(f"{fake.url}/email/batch", content=body, headers=headers, verify=NO_TLS).is_client_error


def test_another_path_is_not_found(fake):
    assert post(fake, a_mail(), path="/emails").status_code == 404


def test_mails_are_found_after_the_lag_and_until_they_are_forgotten(fake, clock):
    post(fake, a_mail(), a_mail("b@example.org"))
    assert get(fake).json() == {"TotalCount": 0, "Messages": []}
    clock.now += timedelta(minutes=1)
    said = get(fake, metadata_mailing="k-1", count="1").json()
    assert (said["TotalCount"], len(said["Messages"])) == (2, 1)
    row = said["Messages"][0]
    assert row["Recipients"] == ["b@example.org"]
    assert (row["MessageID"], row["Metadata"]) == (fake.accepted[1].id, {"mailing": "k-1", "number": "7"})
    clock.now += timedelta(days=45)
    assert get(fake).json()["TotalCount"] == 0


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"metadata_mailing": "k-2"}, 0),
        ({"metadata_MAILING": "k-1"}, 2),
        ({"metadata_number": "7"}, 2),
        ({"recipient": "A@example.org"}, 1),
        ({"tag": "x"}, 0),
        ({"messagestream": "outbound"}, 0),
        ({"messagestream": None}, 0),
        ({"offset": "1"}, 2),
    ],
)
def test_a_search_is_filtered(fake, clock, query, count):
    post(fake, a_mail(), a_mail("b@example.org"))
    clock.now += timedelta(hours=1)
    assert get(fake, **query).json()["TotalCount"] == count


@pytest.mark.parametrize(
    "query",
    [
        {"count": None},
        {"offset": None},
        {"count": "501"},
        {"count": "0"},
        {"count": "500", "offset": "9501"},
        {"metadata_a": "1", "metadata_b": "2"},
    ],
)
def test_a_search_that_breaks_a_rule_is_refused(fake, query):
    assert get(fake, **query).status_code == 422


def test_a_log_survives_and_a_line_that_was_cut_was_never_accepted(tmp_path):
    log = tmp_path / "log"
    with FakePostmark(log=log) as fake:
        post(fake, a_mail())
        post(fake, a_mail("nobody"))
    with log.open("ab") as out:
        out.write(b'[{"id": "cut')
    with FakePostmark(log=log, keeps_bodies=False) as fake:
        assert [mail.to for mail in fake.accepted] == [("a@example.org",)]
        assert (fake.accepted[0].key, fake.accepted[0].html) == ("k-1", "")
        post(fake, a_mail("b@example.org"))
    assert [mail.to for mail in read_log(log)] == [("a@example.org",), ("b@example.org",)]


def test_serving_tells_a_line_for_every_call():
    lines = []
    with FakePostmark(told=lines.append, index_lag=timedelta(minutes=1)) as fake:
        post(fake, a_mail(), a_mail("nobody"))
        get(fake)
        httpx.get(f"{fake.url}/x", headers=HEADERS, verify=NO_TLS)
        post(fake, a_mail("nobody"), path="/email")
    assert lines[0] == "POST /email/batch -> 200 accepted 1, rejected 1"
    assert lines[1] == "GET /messages/outbound -> 200 0 messages"
    assert lines[2] == "GET /x -> 404 "
    assert lines[3].startswith("POST /email -> 422 Invalid 'To'")


def test_the_command_runs_one_until_it_is_interrupted(tmp_path):
    with command_running("postmark", tmp_path) as url:
        answer = httpx.post(f"{url}/email/batch", json=[a_mail()], headers=HEADERS, verify=NO_TLS)
        assert answer.json()[0]["ErrorCode"] == 0


class TestPostmark(FakeCases):
    serve = serve

    def post_one(self, fake):
        return post(fake, a_mail())

    def look(self, fake):
        return get(fake)
