from datetime import timedelta

import httpx
import pytest
from fake_cases import NO_TLS, START, FakeCases

from newsletter.testing.fake_sparkpost import Account, FakeSparkPost, Fault, Response, read_log, serve

TWO = ("a@example.org", "b@example.org")


@pytest.fixture
def fake(clock):
    with FakeSparkPost(now=clock, index_lag=timedelta(minutes=5)) as running:
        yield running


def one(address, /, **values):
    name = address.partition("@")[0]
    given = {
        "address": {"email": address},
        "substitution_data": {"name": name},
        "metadata": {"reference": name},
    }
    return {**given, **values}


def a_transmission(*recipients, **content):
    given = {
        "from": {"email": "weekly@news.example.org", "name": "Back Care"},
        "subject": "For {{name}}",
        "html": '<p>{{name}} {{{name}}}</p><a href="https://x.example/?n={{name}}">x</a>{{missing}}',
        "text": "Hello {{ name }}",
        "headers": {"X-Name": "<{{name}}>", "List-Unsubscribe": "<https://news.example.org/{{name}}>"},
    }
    kept = {name: value for name, value in {**given, **content}.items() if value is not None}
    return {
        "campaign_id": "nl-1",
        "options": {"transactional": True},
        "content": kept,
        "recipients": list(recipients or map(one, TWO)),
    }


def post(fake, said, key="any", path="/api/v1/transmissions"):
    body = {"content": said} if isinstance(said, bytes) else {"json": said}
    return httpx.post(fake.url + path, headers={"authorization": key}, verify=NO_TLS, **body)


def get(fake, path="/api/v1/events/message", key="any", **query):
    return httpx.get(fake.url + path, params=query or None, headers={"authorization": key}, verify=NO_TLS)


def first_error(answer):
    return answer.status_code, answer.json()["errors"][0].get("code", "")


class TestFake(FakeCases):
    size = 2
    serve = staticmethod(serve)

    def post_one(self, fake):
        return post(fake, a_transmission())

    def look(self, fake):
        return get(fake)


def test_each_recipient_gets_their_own_values_everywhere(fake):
    recipients = [one("a@example.org"), one("b@example.org", substitution_data={"name": "B & <C>"})]
    answer = post(fake, a_transmission(*recipients)).json()["results"]
    assert (answer["total_accepted_recipients"], answer["total_rejected_recipients"]) == (2, 0)
    second = fake.accepted[1]
    assert (second.id, second.to, second.key, second.at) == (answer["id"], (TWO[1],), "nl-1", START)
    assert (second.subject, second.text, second.reference) == ("For B & <C>", "Hello B & <C>", "b")
    assert second.html.startswith("<p>B &amp; &lt;C&gt; B & <C></p>")
    assert second.html.endswith('?n=B%20%26%20%3CC%3E">x</a>')
    assert second.headers["X-Name"] == "<B & <C>>"


@pytest.mark.parametrize(
    ("transactional", "adds", "is_ours"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_only_a_transactional_mail_keeps_its_way_out_and_nothing_is_said(fake, transactional, adds, is_ours):
    fake.account.adds_unsubscribe = adds
    said = {**a_transmission(), "options": {"transactional": transactional}}
    assert post(fake, said).status_code == 200
    assert ("news.example.org" in fake.accepted[0].headers["List-Unsubscribe"]) is is_ours


def test_a_shown_recipient_is_a_leak(fake):
    shown = one(
        "b@example.org", address={"email": "b@example.org", "header_to": "a@example.org,b@example.org"}
    )
    post(fake, a_transmission(one("a@example.org"), shown))
    assert [mail.address for mail in fake.leaks] == ["b@example.org"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"{", (422, "1300")),
        (b"[]", (422, "1400")),
        ({"content": {}}, (422, "1400")),
        ({**a_transmission(), "recipients": []}, (422, "1400")),
        ({**a_transmission(), "campaign_id": "x" * 65}, (422, "1300")),
        (a_transmission(subject=None), (422, "1400")),
        (a_transmission(html=None, text=None), (422, "1400")),
        (a_transmission(**{"from": "nobody"}), (400, "7001")),
        (a_transmission(headers={"Content-Type": "x"}), (422, "1300")),
        (a_transmission(html="{{if x}}y{{end}}"), (422, "3000")),
        (a_transmission(html="{{{x}}"), (422, "3000")),
        (a_transmission(text="{{x"), (422, "3000")),
        (a_transmission(one("nobody")), (400, "5001")),
    ],
)
def test_what_the_service_refuses_is_refused(fake, said, error):
    assert first_error(post(fake, said)) == error
    assert not fake.accepted


def test_a_body_that_is_too_large_is_refused(fake):
    assert post(fake, a_transmission(html="x" * 20_000_001)).status_code == 413


@pytest.mark.parametrize(
    "flaw", [{"metadata": {"x": "y" * 10_001}}, {"substitution_data": {"each": "x"}}, {"address": "x y"}]
)
def test_one_flaw_is_counted_and_not_named(fake, flaw):
    said = post(fake, a_transmission(one("a@example.org"), one("b@example.org", **flaw))).json()["results"]
    assert (said["total_accepted_recipients"], said["total_rejected_recipients"]) == (1, 1)
    assert "b@example.org" not in str(said)


@pytest.mark.parametrize(
    ("account", "error"),
    [
        (Account(domains={"other.example"}), (400, "7001")),
        (Account(left=1), (420, "2101")),
        (Account(left=1, period="daily"), (420, "2102")),
        (Account(is_suspended=True), (403, "")),
    ],
)
def test_an_account_has_limits(fake, account, error):
    fake.account = account
    assert first_error(post(fake, a_transmission())) == error


def test_what_is_left_goes_down(fake):
    fake.account.left = 3
    assert post(fake, a_transmission()).status_code == 200
    assert post(fake, a_transmission()).status_code == 420


@pytest.mark.parametrize("key", ["", "Bearer right", "wrong"])
def test_another_key_is_refused(key):
    with FakeSparkPost(key="right") as fake:
        assert post(fake, a_transmission(), key).status_code == 401
        assert post(fake, a_transmission(), "right").status_code == 200
        assert post(fake, a_transmission(), "Basic cmlnaHQ6").status_code == 200
        assert get(fake, path="/api/v1/nothing", key="right").status_code == 404


def test_events_are_found_by_campaign_recipient_and_time_once_they_are_listed(fake, clock):
    post(fake, a_transmission())
    assert get(fake).json()["total_count"] == 0
    clock.now += timedelta(minutes=5)
    assert [row["rcpt_to"] for row in get(fake).json()["results"]] == list(reversed(TWO))
    for query, count in [
        ({"campaigns": "nl-1"}, 2),
        ({"campaigns": "1"}, 2),
        ({"campaigns": "nl-2"}, 0),
        ({"recipients": "A@example.org"}, 1),
        ({"events": "delivery"}, 0),
        ({"from": "2026-12-01T09:01"}, 0),
    ]:
        assert get(fake, **query).json()["total_count"] == count
    clock.now += timedelta(days=10)
    assert get(fake).json()["total_count"] == 0


def test_events_come_in_pages(fake, clock):
    post(fake, a_transmission())
    clock.now += timedelta(hours=1)
    page = get(fake, per_page="1").json()
    (following,) = [link["href"] for link in page["links"] if link["rel"] == "next"]
    last = get(fake, path=following).json()
    assert [page["results"][0]["rcpt_to"], last["results"][0]["rcpt_to"]] == list(reversed(TWO))
    assert not [link for link in last["links"] if link["rel"] == "next"]
    assert get(fake, per_page="10001").status_code == 400


def test_faults_are_played_in_order_and_reading_is_not_disturbed(fake):
    fake.script.extend([Fault.RATE_LIMITED, Response(503, b""), Fault.BAD_GATEWAY])
    assert get(fake).status_code == 200
    assert [post(fake, a_transmission()).status_code for _ in range(4)] == [429, 503, 502, 200]


def test_what_was_accepted_outlives_the_fake(tmp_path):
    log = tmp_path / "log.jsonl"
    with FakeSparkPost(log=log) as fake:
        post(fake, a_transmission())
    with log.open("ab") as half:
        half.write(b'[{"id": "cut')
    with FakeSparkPost(log=log) as fake:
        assert [mail.address for mail in fake.accepted] == list(TWO)
        assert fake.accepted[0].html == ""
    assert read_log(log) == fake.accepted


def test_a_call_is_told_in_a_line():
    lines = []
    with FakeSparkPost(told=lines.append) as fake:
        post(fake, a_transmission())
        post(fake, b"{")
        get(fake)
    assert lines == [
        "POST /api/v1/transmissions -> 200 accepted 2",
        "POST /api/v1/transmissions -> 422 invalid data format/type",
        "GET /api/v1/events/message -> 200 0 events",
    ]
