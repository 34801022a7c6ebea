"""Two databases, one with something in every table and in every state, and the move between them."""

import threading
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, insert, select
from store_cast import NOW

from newsletter.domain.clock import PlayedClock
from newsletter.pipeline.moving import Moving
from newsletter.store import schema
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage
from newsletter.store.tables import metadata

PAIRS = ("sqlite-postgres", "postgres-sqlite", "sqlite-sqlite", "postgres-postgres")
ACROSS = PAIRS[:2]
STATES = ("planned", "sending", "unknown", "accepted", "rejected", "cancelled")
OWN_STATES = ("planned", "waiting", "accepted", "rejected", "unknown", "suppressed", "cancelled")
#: What a copy gets wrong first.
AWKWARD = "tab\t line\nbackslash \\N \\. quote ' \" comma, Zoë 🌿 \\x00"
ODD = datetime(2026, 12, 1, 9, 0, 0, 123456, tzinfo=UTC)
PEOPLE = 7


def rows() -> dict[str, list[dict]]:
    """Give rows of every table."""
    people = range(1, PEOPLE + 1)
    return {
        "series": [{"id": 3, "slug": "back", "settings": {"b": [1, 2.5], "a": {"ü": None}},
                    "source_hash": "h", "paused_at": ODD}],
        "issue": [{"id": 5, "series_id": 3, "slug": "neck", "kind": "issue", "position": 1,
                   "cancelled_at": NOW}],
        "revision": [{"hash": hash_, "issue_id": 5, "source_hash": "s", "sender": "a", "reply_to": "b",
                      "subject": AWKWARD, "preheader": "", "html": "<p>" + AWKWARD * 50, "text": "",
                      "links": ["https://example.org/?a=1&b=2"]} for hash_ in ("b1", "B2", "_3", "a0")],
        "media": [{"name": "x.png", "content_type": "image/png", "data": bytes(range(256)) * 40}],
        "slot": [{"id": 2, "series_id": 3, "local_date": date(2026, 12, 1), "issue_id": None,
                  "tzdata": "2026a", "state": "queued"}],
        "release": [{"id": 4, "slot_id": 2, "due_at": NOW, "zones": ["Europe/London"], "state": "held",
                     "occasion": 0, "reason": "late", "excluded": {"z": 1, "a": 2}},
                    {"id": 6, "slot_id": 2, "due_at": ODD, "zones": None, "state": "sending", "occasion": 9}],
        "batch": [{"id": 10 + n, "release_id": 4, "revision": "b1", "lane": 0, "provider": "p", "seq": n,
                   "members": n, "state": state, "tainted": state == "unknown", "formed_at": NOW,
                   "lease_owner": "gone:1", "lease_until": NOW - timedelta(hours=1), "epoch": n,
                   "frozen": b"\x00\xff" * n if n % 2 else None} for n, state in enumerate(STATES)],
        "subscriber": [{"id": n, "address": None if n == 3 else f"reader{n}@example.org",
                        "address_hash": f"{n:032x}", "name": AWKWARD if n == 2 else "",
                        "zone": "Europe/London", "attributes": {"plan": n, "b": "ö", "a": True},
                        "erased_at": ODD if n == 3 else None}
                       for n in people],
        "delivery": [{"issue_id": 5, "subscriber_id": n, "occasion": 0, "release_id": 4, "batch_id": 10,
                      "pos": n, "state": state, "reason": AWKWARD, "accepted_at": ODD,
                      "provider_message_id": f"<{n}@example.org>"}
                     for n, state in zip(people, OWN_STATES, strict=True)],
        "attempt": [{"batch_id": 12, "epoch": n, "generation": 0, "started_at": NOW + timedelta(seconds=n),
                     "outcome": "unknown", "http_status": 504} for n in range(1, 4)],
        "subscription": [{"series_id": 3, "subscriber_id": n, "state": "active", "confirmed_at": ODD}
                         for n in people],
        "consent_event": [{"id": 20 + n, "series_id": 3, "subscriber_id": n, "kind": "confirmed", "at": ODD,
                           "how": "form", "text": AWKWARD} for n in people],
        "suppression": [{"address_hash": "Z" * 32, "reason": "complaint", "since": NOW},
                        {"address_hash": "a" * 32, "reason": "bounce", "since": ODD}],
        "provider_event": [{"provider": "p", "event_id": event, "kind": "bounced", "batch_id": 12, "pos": 1,
                            "raw": b'{"\x00": 1}', "received_at": ODD, "link": "0f" * 8,
                            "visitor": "", "by_program": event == "Z"} for event in ("é", "Z", "a", "_")],
        "provider_state": [{"provider": "p", "bulk_at": ODD, "slowdown": 1.1, "day": date(2026, 12, 1),
                            "used": 7, "failures": 2}],
        "alert": [{"release_id": 4, "what": "held", "at": NOW}],
        "audit": [{"id": 8, "at": ODD, "what": "adopt", "target": "database", "detail": {"why": "copy"}}],
    }  # fmt: skip


@dataclass
class Pair:
    """A source with rows, and a target; each call of `moving` is a new process."""

    source_url: str
    target_url: str
    folder: Path
    clock: PlayedClock = field(default_factory=lambda: PlayedClock(NOW))
    opened: list[Database] = field(default_factory=list)

    def source(self) -> Database:
        return self._open(self.source_url)

    def target(self) -> Database:
        return self._open(self.target_url)

    def _open(self, url: str) -> Database:
        self.opened.append(Database(url))
        return self.opened[-1]

    def moving(self, **values) -> Moving:
        given = {
            "source": self.source(), "target": self.target(), "source_file": self.folder / "from.last-call",
            "target_file": self.folder / "to.last-call", "clock": self.clock, "record_kept": lambda: None,
        }  # fmt: skip
        return Moving(**given | values)

    def move(self, **values):
        tell = values.pop("tell", lambda _progress: None)
        return self.moving(**values).move(tell)

    def lineage(self, database: Database, name: str) -> Lineage:
        file = self.folder / f"{name}.last-call"
        return Lineage(database, file, schema.prepare(database, NOW).id)

    def why(self, side: str) -> str | None:
        database = self.source() if side == "from" else self.target()
        return self.lineage(database, side).why_foreign()

    def fill(self) -> "Pair":
        database = self.source()
        fill(database)
        self.lineage(database, "from").lay()
        return self

    def close(self) -> None:
        for database in self.opened:
            database.close()


def fill(database: Database) -> None:
    schema.prepare(database, NOW)
    given = rows()
    with database.writing() as tx:
        for table in metadata.sorted_tables:
            for row in given.get(table.name, []):
                tx.execute(insert(table), row)
        # Somebody came and is gone, row and all: the id was given.
        subscriber = metadata.tables["subscriber"]
        if not database.is_sqlite:
            tx.exec_driver_sql("SELECT setval(pg_get_serial_sequence('subscriber', 'id'), 40)")
        else:
            tx.execute(insert(subscriber), {"id": 40, "address_hash": "gone"})
            tx.execute(delete(subscriber).where(subscriber.c.id == 40))


def everything(database: Database) -> dict[str, list[tuple]]:
    """Read every row of every table, as the program sees it."""
    found = {}
    with database.reading() as tx:
        for table in metadata.sorted_tables:
            columns = [column for column in table.c if column.name != "moved_to"]
            found[table.name] = sorted((tuple(row) for row in tx.execute(select(*columns))), key=repr)
    return found


@contextmanager
def pair_of(kind: str, request, folder: Path):
    """Give the pair of a kind such as `sqlite-postgres`."""
    with ExitStack() as stack:
        urls = []
        for end, name in zip(kind.split("-"), ("from", "to"), strict=True):
            if end == "sqlite":
                urls.append(f"sqlite:///{folder}/{name}.db")
            else:
                urls.append(stack.enter_context(request.getfixturevalue("postgres").database()))
        with closing(Pair(*urls, folder)) as pair:
            yield pair


class Meanwhile(threading.Thread):
    """Does something in a thread of its own; `error` is what it raised."""

    def __init__(self, act) -> None:
        super().__init__(daemon=True)
        self._act = act
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._act()
        except Exception as error:
            self.error = error
