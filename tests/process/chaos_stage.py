"""Where a run is played: a letter, and a PostgreSQL server if its plan wants one, copied from templates."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from chaos_cast import quiet_port, template_letter
from chaos_plan import Database, Plan
from postgres_server import DURABLE, PostgresServer, prepared


@dataclass(frozen=True)
class Set:
    """What a run is played with: a letter to copy, and its database server if it has one."""

    letter: Path
    server: PostgresServer | None = None

    @property
    def url(self) -> str:
        """Return the URL of the database."""
        return f"{self.server.url}/postgres" if self.server else "sqlite:///newsletter.db"


class Stage:
    """The templates, each made when it is first needed and gone when the context is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._templates: dict[Database, Set] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def set_for(self, plan: Plan) -> Iterator[Set]:
        """Give a run its own; raises Unavailable where PostgreSQL does not run."""
        with self._lock:
            template = self._template(plan.database)
        if template.server is None:
            yield template
            return
        with prepared(like=template.server, port=quiet_port(plan.number), options=DURABLE) as server:
            server.start()
            yield Set(template.letter, server)

    def _template(self, database: Database) -> Set:
        if database not in self._templates:
            made = self._letter() if database is Database.SQLITE else self._letter_on_a_server()
            self._templates[database] = made
        return self._templates[database]

    def _letter(self) -> Set:
        made = Set(self._folder / "template")
        template_letter(made.letter, made.url)
        return made

    def _letter_on_a_server(self) -> Set:
        server = self._stack.enter_context(prepared(options=DURABLE))
        server.start()
        made = Set(self._folder / "template-on-a-server", server)
        template_letter(made.letter, made.url)
        # Its data folder is copied, which must lie still.
        server.stop()
        return made
