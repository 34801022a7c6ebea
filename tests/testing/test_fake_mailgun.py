import json
from datetime import timedelta

import httpx
import pytest
from fake_cases import NO_TLS, START, FakeCases, command_running

from newsletter.testing.fake_mailgun import FakeMailgun, read_log, serve

TWO = ["a@example.org", "b@example.org"]


@pytest.fixture
def fake(clock):
    with FakeMailgun(now=clock, index_lag=timedelta(minutes=10)) as running:
        yield running


def a_form(to=TWO, **values):
    given = {
        "from": "Back Care <weekly@news.example.org>",
        "to": to,
        "subject": "For %recipient.name%",
        "text": "Hello %recipient.name%, %recipient.unknown%",
        "html": "<p>%recipient.name%</p>",
        "h:X-Name": "<%recipient.name%>",
        "v:reference": "%recipient.name%-1",
        "o:tag": ["k-1"],
    }
    return {name: value for name, value in {**given, **values}.items() if value is not None}


def variables(*addresses):
    return json.dumps({address: {"name": f"N{index}"} for index, address in enumerate(addresses or TWO)})


def post(fake, form, path="/v3/news.example.org/messages", auth=("api", "any"), *, as_files=True):
    parts = [
        (name, one) for name, value in form.items() for one in (value if isinstance(value, list) else [value])
    ]
    if as_files:
        return httpx.post(
            fake.url + path, files=[(name, (None, one)) for name, one in parts], auth=auth, verify=NO_TLS
        )
    return httpx.post(fake.url + path, data=form, auth=auth, verify=NO_TLS)


def get(fake, path="/v3/news.example.org/events", auth=("api", "any"), **query):
    url = path if path.startswith("http") else fake.url + path
    return httpx.get(url, params=query or None, auth=auth, verify=NO_TLS)


def message_of(answer):
    return answer.status_code, answer.json()["message"]


@pytest.mark.parametrize("as_files", [True, False])
def test_each_recipient_gets_their_own_values_everywhere(fake, as_files):
    answer = post(fake, a_form(**{"recipient-variables": variables()}), as_files=as_files)
    assert answer.json()["message"] == "Queued. Thank you."
    assert [mail.id for mail in fake.accepted] == [answer.json()["id"]] * 2
    second = fake.accepted[1]
    assert (second.address, second.to, second.key, second.at) == (TWO[1], (TWO[1],), "k-1", START)
    assert (second.subject, second.html) == ("For N1", "<p>N1</p>")
    assert second.text == "Hello N1, %recipient.unknown%"
    assert second.headers["X-Name"] == "<N1>"
    assert second.variables == {"reference": "N1-1"}


@pytest.mark.parametrize("given", [None, variables(TWO[0])])
def test_without_everybodys_variables_everybody_sees_everybody(fake, given):
    post(fake, a_form(**{"recipient-variables": given}))
    assert [mail.to for mail in fake.leaks] == [tuple(TWO)] * 2
    assert fake.accepted[0].subject == "For %recipient.name%"


def test_variables_are_shown_to_the_reader_unless_they_are_suppressed(fake):
    post(fake, a_form(**{"recipient-variables": variables()}))
    assert json.loads(fake.accepted[0].headers["X-Mailgun-Variables"]) == {"reference": "N0-1"}
    post(fake, a_form(**{"o:suppress-headers": "X-Mailgun-Variables"}))
    assert "X-Mailgun-Variables" not in fake.accepted[-1].headers


def test_a_repeated_address_is_ignored_silently(fake):
    post(
        fake, a_form(["a@example.org,A@example.org", "b@example.org"], **{"recipient-variables": variables()})
    )
    assert [mail.address for mail in fake.accepted] == TWO


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"from": None}, "from parameter is missing"),
        ({"from": "nobody"}, "from parameter is not a valid address"),
        ({"to": ["a@example.org", "nobody"]}, "to parameter is not a valid address"),
        ({"to": [f"r{n}@example.org" for n in range(1001)]}, "more than 1000"),
        ({"text": None, "html": None}, "Need at least one"),
        ({"h:X-Long": "x" * 16_384}, "16KB"),
        ({"h:X-Two": "one\r\ntwo"}, "not valid"),
        ({"o:tag": ["a", "b", "c", "d"]}, "o:tag"),
        ({"recipient-variables": "{"}, "recipient-variables"),
        ({"recipient-variables": '{"a@example.org": 1}'}, "recipient-variables"),
    ],
)
def test_a_form_that_breaks_a_rule_is_refused_whole(fake, change, words):
    status, said = message_of(post(fake, {k: v for k, v in {**a_form(), **change}.items() if v is not None}))
    assert status == 400
    assert words in said
    assert not fake.accepted


def test_a_form_that_was_cut_is_refused(fake):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="to"\r\n\r\na@example.org\r\n'
    answer = httpx.post(
        f"{fake.url}/v3/d/messages", content=body, headers=headers, auth=("api", "k"), verify=NO_TLS
    )
    assert message_of(answer) == (400, "the form is not valid")


def test_the_door_is_kept():
    with FakeMailgun(api_key="mine", domains={"news.example.org"}) as fake:
        assert (post(fake, a_form()).status_code, post(fake, a_form()).text) == (401, "Forbidden")
        assert get(fake, auth=None).status_code == 401
        assert post(fake, a_form(), auth=("user", "mine")).status_code == 401
        assert post(fake, a_form(), auth=("api", "mine")).status_code == 200
        elsewhere = post(fake, a_form(), "/v3/other.example/messages", ("api", "mine"))
        assert message_of(elsewhere) == (404, "Domain not found: other.example")


@pytest.mark.parametrize("path", ["/", "/v3/v3/news.example.org/messages", "/v3/news.example.org/message"])
def test_a_wrong_path_answers_well_and_takes_nothing(fake, path):
    answer = post(fake, a_form(), path)
    assert (answer.status_code, answer.text) == (200, "Mailgun Magnificent API")
    assert not fake.accepted


def test_events_come_after_the_lag_and_go_with_the_retention(fake, clock):
    post(fake, a_form(**{"recipient-variables": variables()}))
    assert get(fake).json()["items"] == []
    clock.now += timedelta(minutes=10)
    items = get(fake, tags="K-1", ascending="yes").json()["items"]
    assert [item["recipient"] for item in items] == TWO
    assert items[0]["message"]["headers"]["message-id"] == fake.accepted[0].id.strip("<>")
    assert items[0]["user-variables"] == {"reference": "N0-1"}
    clock.now += timedelta(days=3)
    assert get(fake).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"tags": "k-1"}, 2),
        ({"tags": "k-2"}, 0),
        ({"recipient": "A@example.org"}, 1),
        ({"event": "delivered"}, 0),
        ({"begin": str(int(START.timestamp()))}, 2),
        ({"begin": str(int(START.timestamp()) + 1)}, 0),
    ],
)
def test_events_are_filtered(fake, clock, query, count):
    post(fake, a_form())
    clock.now += timedelta(hours=1)
    assert len(get(fake, **query).json()["items"]) == count
    assert get(fake, "/v3/other.example/events", **query).json()["items"] == []


def test_pages_are_turned_until_one_is_empty(fake, clock):
    everybody = [f"r{number}@example.org" for number in range(5)]
    post(fake, a_form(everybody))
    clock.now += timedelta(hours=1)
    seen, url, query = [], "/v3/news.example.org/events", {"limit": "2", "ascending": "yes"}
    while items := (page := get(fake, url, **query).json())["items"]:
        seen += [item["recipient"] for item in items]
        url, query = page["paging"]["next"], {}
    assert seen == everybody


@pytest.mark.parametrize("limit", ["0", "301", "x"])
def test_a_page_has_300_events_at_most(fake, limit):
    assert get(fake, limit=limit).status_code == 400


def test_a_page_token_that_is_none_is_refused(fake):
    assert get(fake, "/v3/news.example.org/events/nonsense").status_code == 400


def test_a_log_outlives_the_fake_and_leaves_out_a_cut_line(tmp_path, clock):
    log = tmp_path / "mailgun.jsonl"
    with FakeMailgun(log=log, now=clock) as fake:
        post(fake, a_form(**{"recipient-variables": variables()}))
    log.write_bytes(log.read_bytes() + b'[{"id": "cut')
    assert [mail.address for mail in read_log(log)] == TWO
    with FakeMailgun(log=log, now=clock) as again:
        assert (again.accepted[1].key, again.accepted[1].at, again.accepted[1].text) == ("k-1", START, "")
        post(again, a_form(["c@example.org"]))
    assert [mail.address for mail in read_log(log)] == [*TWO, "c@example.org"]


def test_it_can_be_served_and_tells_what_comes(tmp_path):
    log = tmp_path / "log"
    with command_running("mailgun", tmp_path, "--log", str(log)) as url:
        answer = httpx.post(
            f"{url}/v3/news.example.org/messages", data=a_form(), auth=("api", "k"), verify=NO_TLS
        )
        assert answer.status_code == 200
    assert [mail.address for mail in read_log(log)] == TWO


class TestMailgun(FakeCases):
    serve = serve
    size = 2

    def post_one(self, fake):
        return post(fake, a_form())

    def look(self, fake):
        return get(fake)
