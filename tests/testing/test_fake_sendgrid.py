from datetime import timedelta

import httpx
import pytest
from fake_cases import NO_TLS, START, FakeCases, command_running

from newsletter.testing.fake_sendgrid import RETENTION, Account, FakeSendGrid, read_log, serve

TWO = ["a@example.org", "b@example.org"]
LAG = timedelta(minutes=1)
LONG = "x" * 10_000


@pytest.fixture
def fake(clock):
    with FakeSendGrid(now=clock, index_lag=LAG) as running:
        yield running


def one(address="a@example.org", **values):
    name = address.partition("@")[0]
    given = {
        "to": [{"email": address}],
        "headers": {"X-Name": name, "List-Unsubscribe": f"<https://news.example.org/{name}>"},
        "substitutions": {"-name-": name},
        "custom_args": {"newsletter_reference": f"k-1-{name}"},
    }
    return {**given, **values}


def a_call(*people, **values):
    given = {
        "from": {"email": "weekly@news.example.org", "name": "Back Care"},
        "subject": "For -name-",
        "content": [
            {"type": "text/plain", "value": "Hello -name-"},
            {"type": "text/html", "value": "<p>-name-</p>"},
        ],
        "categories": ["lower-back"],
        "tracking_settings": {"subscription_tracking": {"enable": False}},
        "personalizations": list(people or map(one, TWO)),
    }
    return {name: value for name, value in {**given, **values}.items() if value is not None}


def post(fake, said, path="/v3/mail/send", key="any"):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = {"content": said} if isinstance(said, bytes) else {"json": said}
    return httpx.post(fake.url + path, headers=headers, verify=NO_TLS, **body)


def search(fake, query="", **values):
    return post(fake, {"query": query, "limit": 1000, **values}, "/v3/logs")


def tell(fake, id_, key="any"):
    return httpx.get(f"{fake.url}/v3/logs/{id_}", headers={"Authorization": f"Bearer {key}"}, verify=NO_TLS)


def flaws(answer):
    return answer.status_code, [row["field"] for row in answer.json()["errors"]]


class TestSendGrid(FakeCases):
    serve = staticmethod(serve)
    size = 2

    def post_one(self, fake):
        return post(fake, a_call())

    def look(self, fake):
        return search(fake)


def test_each_gets_their_own_values_and_one_id_is_for_all(fake):
    answer = post(fake, a_call())
    assert (answer.status_code, answer.content) == (202, b"")
    assert [mail.id for mail in fake.accepted] == [answer.headers["x-message-id"]] * 2
    second = fake.accepted[1]
    assert (second.to, second.subject, second.text) == (("b@example.org",), "For b", "Hello b")
    assert (second.html, second.headers["X-Name"], second.at) == ("<p>b</p>", "b", START)
    assert (second.key, second.reference) == ("k-1", "k-1-b")


def test_a_personalization_to_several_shows_each_to_all(fake):
    post(fake, a_call(one(to=[{"email": address} for address in TWO])))
    assert [mail.to for mail in fake.leaks] == [tuple(TWO)]


@pytest.mark.parametrize(
    "values",
    [
        {"tracking_settings": None},
        {"tracking_settings": {"subscription_tracking": {"enable": True}}},
        {"asm": {"group_id": 7}},
    ],
)
def test_subscription_tracking_puts_another_way_out_in_its_place(fake, values):
    post(fake, a_call(**values))
    assert fake.accepted[0].headers["List-Unsubscribe"] == "<https://unsubscribe.sendgrid.example/u>"


def test_unless_the_account_has_it_off(fake):
    fake.account.tracks_subscriptions = False
    post(fake, a_call(tracking_settings=None))
    assert fake.accepted[0].headers["List-Unsubscribe"] == "<https://news.example.org/a>"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"from": None}, "from.email"),
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"reply_to": {"email": "nobody"}}, "reply_to.email"),
        ({"subject": None}, "subject"),
        ({"subject": ""}, "subject"),
        ({"content": None}, "content"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/html", "value": ""}]}, "content.0.value"),
        (
            {"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]},
            "content",
        ),
        ({"categories": [str(number) for number in range(11)]}, "categories"),
        ({"categories": ["x", "x"]}, "categories"),
        ({"categories": ["x" * 256]}, "categories"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [one(f"r{n}@example.org") for n in range(1001)]}, "personalizations"),
        ({"personalizations": [one(), one("A@example.org")]}, "personalizations"),
        ({"personalizations": [one(), one("nobody")]}, "personalizations.1.to.0.email"),
        ({"personalizations": [one(), one("jörg@example.org")]}, "personalizations.1.to.0.email"),
        ({"personalizations": [one(), one(to=[])]}, "personalizations.1.to"),
        (
            {"personalizations": [one(substitutions={"-a-": "x" * 10_000})]},
            "personalizations.0.substitutions",
        ),
        ({"personalizations": [one(custom_args={"a": LONG})]}, "personalizations.0.custom_args"),
        ({"personalizations": [one(custom_args={"a": 7})]}, None),
        ({"personalizations": [one(headers={"Reply-To": "x@example.org"})]}, "personalizations.0.headers"),
        ({"personalizations": [one(headers={"X-A": "a\r\nb"})]}, "personalizations.0.headers"),
    ],
)
def test_one_fault_refuses_the_whole_call_and_names_the_place(fake, values, field):
    assert flaws(post(fake, a_call(**values))) == (400, [field])
    assert not fake.accepted


def test_every_bad_address_is_named(fake):
    said = a_call(one("x"), one(), one("y"))
    assert flaws(post(fake, said)) == (
        400,
        ["personalizations.0.to.0.email", "personalizations.2.to.0.email"],
    )


@pytest.mark.parametrize("body", [b"{", b"[]", b"7"])
def test_what_is_no_call_is_refused(fake, body):
    assert flaws(post(fake, body)) == (400, [None])


def test_a_call_that_is_too_large_is_refused(fake):
    assert post(fake, b" " * 30_000_001).status_code == 413


def test_a_call_of_another_kind_is_refused(fake):
    headers = {"Authorization": "Bearer any"}
    assert httpx.post(f"{fake.url}/v3/mail/send", headers=headers, verify=NO_TLS).status_code == 415


@pytest.mark.parametrize(
    ("account", "status"),
    [
        ({"senders": {"elsewhere.example"}}, 403),
        ({"senders": {"news.example.org"}}, 202),
        ({"senders": {"weekly@news.example.org"}}, 202),
        ({"credits": 1}, 401),
        ({"credits": 2}, 202),
    ],
)
def test_an_account_may_not_send(account, status):
    with FakeSendGrid(account=Account(**account)) as fake:
        assert post(fake, a_call()).status_code == status


def test_credits_are_used_up(fake):
    fake.account.credits = 3
    assert [post(fake, a_call()).status_code for _ in range(2)] == [202, 401]


def test_sandbox_mode_takes_nothing(fake):
    answer = post(fake, a_call(mail_settings={"sandbox_mode": {"enable": True}}))
    assert (answer.status_code, len(fake.accepted)) == (200, 0)


def test_the_door_is_kept():
    with FakeSendGrid(key="mine") as fake:
        assert post(fake, a_call()).status_code == 401
        assert tell(fake, "x").status_code == 401
        assert post(fake, a_call(), key="mine").status_code == 202
        assert httpx.post(f"{fake.url}/v3/mail/send", auth=("api", "mine"), verify=NO_TLS).status_code == 401


def test_another_path_is_not_found(fake):
    assert post(fake, a_call(), "/v3/mail").status_code == 404


def test_mails_are_listed_after_the_lag_and_until_they_are_forgotten(fake, clock):
    post(fake, a_call())
    assert search(fake).json() == {"messages": []}
    clock.now += LAG
    row = search(fake, "to_email = 'a@example.org'").json()["messages"][0]
    assert row["sg_message_id"].startswith(f"{fake.accepted[0].id}.")
    assert not {"custom_args", "category"} & row.keys()
    told = tell(fake, row["sg_message_id"]).json()
    assert told["custom_args"] == {"newsletter_reference": "k-1-a"}
    clock.now += RETENTION
    assert search(fake).json() == {"messages": []}
    assert tell(fake, row["sg_message_id"]).status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("to_email = 'b@example.org'", 1),
        ("to_email = 'B@example.org'", 0),
        ("categories IN ('lower-back')", 2),
        ("categories IN ('neck', 'lower-back')", 2),
        ("categories IN ('neck')", 0),
        ('sg_message_id_created_at >= TIMESTAMP "2026-12-01T09:00:00Z"', 2),
        ('sg_message_id_created_at > TIMESTAMP "2026-12-01T09:00:00Z"', 0),
        ("to_email = 'a@example.org' AND categories IN ('neck')", 0),
    ],
)
def test_a_search_is_filtered(fake, clock, query, count):
    post(fake, a_call())
    clock.now += timedelta(hours=1)
    assert len(search(fake, query).json()["messages"]) == count


@pytest.mark.parametrize(
    "values", [{"query": "to_email LIKE 'a'"}, {"query": "x = 'a'"}, {"limit": 0}, {"limit": 1001}]
)
def test_a_search_that_breaks_a_rule_is_refused(fake, values):
    assert search(fake, **values).status_code == 400


def test_whoever_is_suppressed_is_taken_and_dropped(fake, clock):
    fake.account.suppressed["a@example.org"] = "Bounced Address"
    assert post(fake, a_call()).status_code == 202
    clock.now += LAG
    rows = search(fake).json()["messages"]
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("processed", ""),
        ("dropped", "Bounced Address"),
    ]


def test_a_log_survives(tmp_path):
    with FakeSendGrid(log=tmp_path / "log") as fake:
        post(fake, a_call())
    assert [mail.address for mail in read_log(tmp_path / "log")] == TWO


def test_the_command_runs_one_until_it_is_interrupted(tmp_path):
    log = tmp_path / "log"
    with command_running("sendgrid", tmp_path, "--log", str(log)) as url:
        headers = {"Authorization": "Bearer any"}
        answer = httpx.post(f"{url}/v3/mail/send", json=a_call(), headers=headers, verify=NO_TLS)
        assert answer.status_code == 202
    assert [mail.address for mail in read_log(log)] == TWO


def test_serving_tells_a_line_for_every_call():
    lines = []
    with FakeSendGrid(told=lines.append) as fake:
        post(fake, a_call())
        post(fake, a_call(one("nobody")))
        search(fake)
    assert lines == [
        "POST /v3/mail/send -> 202",
        "POST /v3/mail/send -> 400 Does not contain a valid address.",
        "POST /v3/logs -> 200 2 messages",
    ]
