"""The composition root: the one place that chooses real parts, reads the clock and the environment."""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.config import Settings, load_keys, load_settings
from newsletter.domain.clock import Clock, PlayedClock
from newsletter.domain.provider import Provider
from newsletter.domain.tokens import TokenKeys
from newsletter.errors import Refused
from newsletter.pipeline.answering import Desk
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.planning import Planning
from newsletter.pipeline.previewing import Previewing, Reader
from newsletter.pipeline.queueing import Queueing
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.running import Engine, on_copy
from newsletter.pipeline.splitting import Splitting
from newsletter.pipeline.starting import Starting
from newsletter.pipeline.subscribing import Subscribing
from newsletter.pipeline.testing import TestCopies
from newsletter.providers import ProviderSettings, open_provider
from newsletter.rendering.renderer import Renderer
from newsletter.store import schema
from newsletter.store.database import Database
from newsletter.store.schema import Deployment

_PACKAGE = Path(__file__).parent


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.monotonic()


class App:
    """One letter with its real parts, each made when it is first needed."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock | None = None,
        environment: Mapping[str, str] = os.environ,
        provider: Provider | None = None,
    ) -> None:
        self.root = root
        self.clock = clock or SystemClock()
        self.environment = environment
        self._provider = provider

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.root, self.environment)

    @cached_property
    def keys(self) -> TokenKeys:
        return load_keys(self.root, self.environment)

    @cached_property
    def database(self) -> Database:
        database = self.closed_database
        schema.prepare(database, self.clock.now())
        return database

    @cached_property
    def closed_database(self) -> Database:
        """The database before its schema is looked at, for `db upgrade`."""
        return Database(self.settings.database.url, folder=self.root)

    @cached_property
    def deployment(self) -> Deployment:
        return schema.prepare(self.database, self.clock.now())

    @cached_property
    def provider(self) -> Provider:
        table = self.settings.provider
        folder = self.root / table.folder
        return self._provider or open_provider(
            ProviderSettings(table.name, table.base_url, folder, self.environment)
        )

    @cached_property
    def composing(self) -> Composing:
        renderer = Renderer(self.root / "templates" / "email", shipped() / "templates" / "email")
        return Composing(self.root, self.settings.publication, renderer)

    @property
    def starting(self) -> Starting:
        return Starting(shipped())

    @property
    def splitting(self) -> Splitting:
        return Splitting(self.root)

    @property
    def queueing(self) -> Queueing:
        return Queueing(self.database, self.composing)

    @property
    def planning(self) -> Planning:
        return Planning(self.database, self.composing)

    @property
    def holding(self) -> Holding:
        return Holding(self.database)

    @property
    def subscribing(self) -> Subscribing:
        return Subscribing(self.database, self.deployment.salt)

    @property
    def desk(self) -> Desk:
        return Desk(self.database, self.keys, self.settings.publication, self.clock)

    @property
    def tests(self) -> TestCopies:
        return TestCopies(self.database, self.composing, self.engine.delivering, self.deployment.salt)

    @property
    def web_templates(self) -> tuple[Path, ...]:
        return (self.root / "templates" / "web", shipped() / "templates" / "web")

    def previewing(self, reader: Reader | None = None) -> Previewing:
        return Previewing(self.composing, reader or Reader())

    @cached_property
    def engine(self) -> Engine:
        return self._engine(self.database, self.provider, self.clock)

    def played_engine(self, clock: PlayedClock) -> Engine:
        """Give the same engine under a clock that is moved by hand; nothing real may leave by it.

        Raises Refused for any provider that is not a rehearsal.
        """
        if not self.provider.capabilities.rehearsal:
            raise Refused(
                f"the weeks can be played with the outbox only, not with {self.provider.capabilities.name}",
                mend="try: newsletter simulate",
            )
        return self._engine(self.database, self.provider, clock)

    @contextmanager
    def simulated_engine(self, clock: PlayedClock, folder: Path | None) -> Iterator[Engine]:
        """Give the engine over a copy of the database and an outbox; nothing of either stays but `folder`."""
        with TemporaryDirectory(prefix="newsletter-") as scratch, on_copy(self.database) as copy:
            outbox = ProviderSettings("outbox", folder=folder or Path(scratch))
            yield self._engine(copy, open_provider(outbox), clock)

    @contextmanager
    def rehearsed_engine(self) -> Iterator[Engine]:
        """Give the engine over a copy of the database with the real provider, to compose calls only."""
        with on_copy(self.database) as copy:
            yield self._engine(copy, self.provider, self.clock)

    def _engine(self, database: Database, provider: Provider, clock: Clock) -> Engine:
        delivering = Delivering(
            database=database,
            provider=provider,
            clock=clock,
            keys=self.keys,
            deployment=self.deployment.id,
            public_url=self.settings.links_url,
            owner=f"{socket.gethostname()}:{os.getpid()}",
        )
        return Engine(database, Releasing(database, provider.capabilities), delivering, clock)


def shipped() -> Path:
    """Return the folder of the files that come with the package: in a checkout, the checkout itself."""
    installed = _PACKAGE / "_shipped"
    return installed if installed.is_dir() else _PACKAGE.parent
