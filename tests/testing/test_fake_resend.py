import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fake_cases import NO_TLS
from hands import Hands

from newsletter.errors import ProviderError
from newsletter.testing.fake_resend import FakeResend, Fault, Limits, read_log, serve

START = datetime(2026, 12, 1, 23, 59, tzinfo=UTC)


@pytest.fixture
def clock():
    return Hands(START)


@pytest.fixture
def fake(clock):
    with FakeResend(now=clock) as running:
        yield running


def a_mail(to="reader@example.org", **values):
    given = {
        "from": "Back Care <weekly@news.example.org>",
        "to": [to],
        "subject": "Lower back",
        "text": "Hello",
    }
    return {**given, **values}


def post(fake, body, path="/emails/batch", key=None, **headers):
    given = {
        "Authorization": "Bearer re_any",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    if key is not None:
        given["Idempotency-Key"] = key
    return httpx.post(fake.url + path, json=body, headers=given, verify=NO_TLS)


def get(fake, path):
    return httpx.get(fake.url + path, headers={"Authorization": "Bearer re_any"}, verify=NO_TLS)


def name_of(response):
    return response.status_code, response.json()["name"]


def test_a_batch_is_accepted_with_ids_in_its_order(fake):
    answer = post(fake, [a_mail("a@example.org"), a_mail("b@example.org")], key="k")
    assert [row["id"] for row in answer.json()["data"]] == [mail.id for mail in fake.accepted]
    assert [(mail.to, mail.key, mail.at) for mail in fake.accepted] == [
        (("a@example.org",), "k", START),
        (("b@example.org",), "k", START),
    ]


def test_one_mail_can_be_sent_alone(fake):
    assert post(fake, a_mail(), "/emails").json() == {"id": fake.accepted[0].id}


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("", (401, "missing_api_key")),
        ("Basic abc", (401, "missing_api_key")),
        ("Bearer nonsense", (403, "invalid_api_key")),
    ],
)
def test_the_door_is_kept(fake, authorization, expected):
    assert name_of(post(fake, [a_mail()], Authorization=authorization)) == expected


def test_only_the_accounts_own_key_opens():
    with FakeResend(api_key="re_mine") as fake:
        assert name_of(post(fake, [a_mail()])) == (403, "invalid_api_key")
        assert post(fake, [a_mail()], Authorization="Bearer re_mine").status_code == 200


def test_a_client_without_a_name_is_turned_away_by_the_edge(fake):
    answer = post(fake, [a_mail()], User_Agent="")
    assert (answer.status_code, answer.text) == (403, "error code: 1010")


@pytest.mark.parametrize(
    "mail",
    [
        a_mail(to="not an address"),
        a_mail(to="a@example.org, b@example.org"),
        {**a_mail(), "to": ["a@example.org"] * 51},
        {**a_mail(), "from": "nobody"},
        {**a_mail(), "from": None},
        {**a_mail(), "subject": ""},
        {**a_mail(), "text": None},
        a_mail(reply_to="nowhere"),
        a_mail(headers={"X-Count": 1}),
        a_mail(headers={"X-Evil": "a\r\nBcc: b@example.org"}),
        a_mail(headers=["X-Count"]),
        a_mail(tags=[{"name": "issue", "value": "a.b"}]),
        a_mail(tags=[{"name": "issue"}]),
        a_mail(tags="issue"),
        a_mail(attachments=[{"filename": "a.pdf"}]),
        a_mail(scheduled_at="2026-12-02T09:00:00Z"),
        "a text",
    ],
)
def test_a_bad_mail_fails_a_strict_batch_and_only_itself_in_a_permissive_one(fake, mail):
    assert post(fake, [a_mail(), mail]).status_code == 422
    assert len(fake.accepted) == 0
    answer = post(fake, [mail, a_mail()], x_batch_validation="permissive").json()
    assert [refused["index"] for refused in answer["errors"]] == [0]
    assert len(answer["data"]) == len(fake.accepted) == 1


@pytest.mark.parametrize("body", [[], {"to": "x"}, [a_mail()] * 101])
def test_a_batch_is_an_array_of_one_to_a_hundred(fake, body):
    assert name_of(post(fake, body)) == (422, "validation_error")


def test_sample_addresses_are_blocked_only_if_wanted(fake):
    assert post(fake, [a_mail("x@example.com")]).status_code == 200
    with FakeResend(blocks_samples=True) as strict:
        assert post(strict, [a_mail("x@example.com")]).status_code == 422


def test_the_same_key_and_body_are_answered_again_and_sent_once(fake):
    first, second = post(fake, [a_mail()], key="k"), post(fake, [a_mail()], key="k")
    assert first.json() == second.json()
    assert len(fake.accepted) == 1


def test_the_same_key_with_another_body_is_a_conflict(fake):
    post(fake, [a_mail()], key="k")
    assert name_of(post(fake, [a_mail(subject="x")], key="k")) == (409, "invalid_idempotent_request")


def test_a_key_is_forgotten_after_a_day(fake, clock):
    post(fake, [a_mail()], key="k")
    clock.now += timedelta(hours=24)
    assert post(fake, [a_mail(subject="x")], key="k").status_code == 200
    assert len(fake.accepted) == 2


@pytest.mark.parametrize("key", ["", "k" * 257])
def test_a_key_has_a_length(fake, key):
    assert name_of(post(fake, [a_mail()], key=key)) == (400, "invalid_idempotency_key")


def test_a_key_whose_call_still_runs_is_in_conflict(fake):
    fake.latency = 30
    first = threading.Thread(target=lambda: post(fake, [a_mail()], key="k"))
    first.start()
    while not fake.is_running("k"):
        pass
    assert name_of(post(fake, [a_mail()], key="k")) == (409, "concurrent_idempotent_requests")
    fake.stopping.set()
    first.join()


def test_a_refused_call_does_not_use_up_its_key(fake):
    assert post(fake, [a_mail("bad")], key="k").status_code == 422
    assert post(fake, [a_mail()], key="k").status_code == 200


def test_requests_over_the_rate_wait_for_the_next_second(clock):
    with FakeResend(now=clock, limits=Limits(rate=2)) as fake:
        assert [post(fake, [a_mail()]).status_code for _ in range(2)] == [200, 200]
        refused = post(fake, [a_mail()])
        assert name_of(refused) == (429, "rate_limit_exceeded")
        assert (refused.headers["retry-after"], refused.headers["ratelimit-limit"]) == ("1", "2")
        clock.now += timedelta(seconds=1)
        assert post(fake, [a_mail()]).status_code == 200


def test_quotas_count_recipients_by_day_and_by_month(clock):
    with FakeResend(now=clock, limits=Limits(daily=2, monthly=3)) as fake:
        assert post(fake, [a_mail(), a_mail()]).status_code == 200
        assert name_of(post(fake, [a_mail()])) == (429, "daily_quota_exceeded")
        clock.now += timedelta(minutes=1)
        assert post(fake, [a_mail()]).status_code == 200
        assert name_of(post(fake, [a_mail()])) == (429, "monthly_quota_exceeded")


def test_a_mail_can_be_read_back(fake):
    mail_id = post(fake, a_mail("bounced+x@resend.dev"), "/emails").json()["id"]
    mail = get(fake, f"/emails/{mail_id}").json()
    assert (mail["to"], mail["text"], mail["last_event"]) == (["bounced+x@resend.dev"], "Hello", "bounced")
    assert name_of(get(fake, "/emails/none")) == (404, "not_found")


def test_mails_are_listed_newest_first_by_the_page(fake):
    post(fake, [a_mail(f"r{n}@example.org") for n in range(5)])
    ids = [mail.id for mail in reversed(fake.accepted)]
    first = get(fake, "/emails?limit=2").json()
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (ids[:2], True)
    last = get(fake, f"/emails?limit=4&after={ids[1]}").json()
    assert ([row["id"] for row in last["data"]], last["has_more"]) == (ids[2:], False)
    assert [row["id"] for row in get(fake, f"/emails?before={ids[2]}").json()["data"]] == ids[:2]
    assert name_of(get(fake, "/emails?limit=0")) == (422, "validation_error")


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        (Fault.ACCEPT_THEN_DROP, 1),
        (Fault.TRUNCATED_ANSWER, 1),
        (Fault.DROP_BEFORE, 0),
    ],
)
def test_a_broken_connection_says_nothing_about_what_was_accepted(fake, fault, accepted):
    fake.script.append(fault)
    with pytest.raises(httpx.HTTPError):
        post(fake, [a_mail()])
    assert len(fake.accepted) == accepted


@pytest.mark.parametrize(
    ("fault", "status", "accepted"),
    [
        (Fault.ANSWER_THEN_DROP, 200, 1),
        (Fault.EMPTY_ANSWER, 200, 1),
        (Fault.ERROR_AFTER, 500, 1),
        (Fault.ERROR_BEFORE, 500, 0),
        (Fault.RATE_LIMITED, 429, 0),
        (Fault.RATE_LIMITED_BARE, 429, 0),
        (Fault.BAD_GATEWAY, 502, 0),
    ],
)
def test_a_fault_with_an_answer_accepts_what_it_says(fake, fault, status, accepted):
    fake.script.append(fault)
    assert (post(fake, [a_mail()]).status_code, len(fake.accepted)) == (status, accepted)
    assert post(fake, [a_mail()]).status_code == 200


def test_what_was_accepted_outlives_the_fake(tmp_path):
    log = tmp_path / "accepted.jsonl"
    with FakeResend(log=log) as fake:
        first = post(fake, [a_mail(html="<p>x</p>")], key="k").json()
    with FakeResend(log=log) as again:
        assert post(again, [a_mail(html="<p>x</p>")], key="k").json() == first
        assert (
            [mail.to for mail in again.accepted]
            == [mail.to for mail in read_log(log)]
            == [("reader@example.org",)]
        )


def test_a_line_that_a_kill_cut_off_was_never_accepted(tmp_path):
    log = tmp_path / "accepted.jsonl"
    with FakeResend(log=log) as fake:
        post(fake, [a_mail()], key="k")
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:40])
    with FakeResend(log=log) as fake:
        post(fake, [a_mail()], key="another")
    assert [mail.key for mail in read_log(log)] == ["k", "another"]


def test_it_tells_a_line_for_each_call():
    told = []
    with FakeResend(told=told.append) as fake:
        post(fake, [a_mail(), a_mail("bad")], x_batch_validation="permissive")
        post(fake, [], key="k")
    assert told == [
        "POST /emails/batch -> 200 accepted 1, rejected 1",
        "POST /emails/batch -> 422 validation_error",
    ]


def test_it_stops_while_a_connection_is_kept_open():
    with FakeResend() as fake, httpx.Client() as client:
        client.post(fake.url + "/emails", json=a_mail(), headers={"Authorization": "Bearer re_any"})


@pytest.mark.process
def test_a_killed_fake_forgets_nothing_that_it_accepted(tmp_path):
    log = tmp_path / "accepted.jsonl"
    program = (
        "import sys, pathlib, newsletter.testing.fake_resend as f; f.serve(0, pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        url = running.stdout.readline().split()[3].rstrip(";")
        answer = httpx.post(
            f"{url}/emails", json=a_mail(), headers={"Authorization": "Bearer re_x"}, verify=NO_TLS
        )
        told = running.stdout.readline()
        running.kill()
    assert told == "POST /emails -> 200 accepted 1\n"
    assert [mail.id for mail in read_log(log)] == [answer.json()["id"]]


def test_a_port_that_is_taken_is_named(fake):
    port = int(fake.url.rpartition(":")[2])
    with pytest.raises(ProviderError, match=f"port {port}"):
        serve(port)
