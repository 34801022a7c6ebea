import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from newsletter.store.tables import provider_event


def an_old_event(office):
    at = datetime.now(UTC) - timedelta(days=100)
    row = {"provider": "p", "event_id": "e", "kind": "delivered", "received_at": at}
    with office.app().database.writing() as tx:
        tx.execute(insert(provider_event), row)


def test_a_run_removes_what_is_too_old_and_status_says_so(queued, terminal):
    an_old_event(queued)
    assert "too old" not in terminal("status").out
    assert terminal("run", "--once").code == 0
    assert "removed   1 delivered, too old to be kept; begun " in terminal("status").out
    (found,) = json.loads(terminal("status", "--json").out)["removed"]
    assert (found["records"], found["removed"]) == ("events", {"delivered": 1})


def test_what_only_looks_or_plays_removes_nothing(queued, terminal):
    an_old_event(queued)
    for words in (["run", "--once", "--dry-run"], ["simulate"], ["plan"]):
        assert terminal(*words).code == 0
    assert "too old" not in terminal("status").out
