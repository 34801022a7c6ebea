"""The composition root: the one place that chooses real parts, reads the clock and the environment."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from newsletter.domain.clock import Clock
from newsletter.domain.provider import Capabilities, Provider
from newsletter.domain.tokens import TokenKeys
from newsletter.engines import Engines
from newsletter.errors import ProviderError
from newsletter.keys import load_keys
from newsletter.logs import write_plainly
from newsletter.pages import Pages
from newsletter.pipeline.belonging import Belonging
from newsletter.pipeline.cancelling import Cancelling
from newsletter.pipeline.enrolling import Enrolling
from newsletter.pipeline.evidence import Evidence
from newsletter.pipeline.exhibiting import gallery
from newsletter.pipeline.explaining import Explaining
from newsletter.pipeline.exporting import Exporting
from newsletter.pipeline.hearing import Hearing
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.importing import Importing
from newsletter.pipeline.leaving import Leaving
from newsletter.pipeline.pacing import Pacing
from newsletter.pipeline.pausing import Pausing
from newsletter.pipeline.planning import Planning
from newsletter.pipeline.previewing import Previewing
from newsletter.pipeline.queueing import Queueing
from newsletter.pipeline.readiness import refuse_silent_way_out, refuse_unready
from newsletter.pipeline.reporting import Reporting
from newsletter.pipeline.resolving import Resolving
from newsletter.pipeline.restoring import Restoring
from newsletter.pipeline.running import Engine
from newsletter.pipeline.splitting import Splitting
from newsletter.pipeline.starting import Starting
from newsletter.pipeline.subscribing import Pending, Subscribing
from newsletter.pipeline.summing import Summing
from newsletter.pipeline.testing import TestCopies
from newsletter.providers import listeners, open_provider
from newsletter.storage import Storage
from newsletter.store.database import Database
from newsletter.store.schema import Deployment
from newsletter.store.sender_lock import sender_lock
from newsletter.writing import Writing, shipped


class App(Writing):
    """One letter with its real parts, each made when it is first needed."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock | None = None,
        environment: Mapping[str, str] = os.environ,
        provider: Provider | None = None,
        database_url: str | None = None,
    ) -> None:
        super().__init__(root, clock=clock, environment=environment)
        write_plainly()
        self._is_played = clock is not None
        self._provider = provider
        self._database_url = database_url

    @cached_property
    def keys(self) -> TokenKeys:
        return load_keys(self.root, self.environment)

    @cached_property
    def storage(self) -> Storage:
        url = self._database_url or self.settings.database.url
        return Storage(self.root, url, self.clock, is_played=self._is_played)

    @property
    def database(self) -> Database:
        return self.storage.database

    @property
    def deployment(self) -> Deployment:
        return self.storage.deployment

    @cached_property
    def provider(self) -> Provider:
        """The provider, opened; raises ProviderError where its key is missing."""
        settings = self.settings.provider
        return self._provider or open_provider(settings.opened_with(self.root, self.environment))

    @property
    def _capabilities(self) -> Capabilities | None:
        try:
            return self.provider.capabilities
        except ProviderError:
            return None

    @property
    def provider_is_rehearsal(self) -> bool:
        # Who only looks needs no key; who sends opens the provider, and meets the error there.
        return self._capabilities is not None and self._capabilities.rehearsal

    @property
    def starting(self) -> Starting:
        return Starting(shipped())

    @property
    def importing(self) -> Importing:
        return Importing(self.root)

    @property
    def splitting(self) -> Splitting:
        return Splitting(self.root)

    def gallery(self) -> Mapping[str, str]:
        """Render every block in every layout, as pages by file name."""
        composing = self.composing
        return gallery(composing.renderer, composing.publication, self.root, shipped())

    def previewing(self, address: str | None = None) -> Previewing:
        """Preview as one of the subscribers gets it, or as nobody in particular."""
        if address is None:
            return Previewing(self.composing)
        return Previewing(self.composing, self.subscribing.find(address))

    @property
    def queueing(self) -> Queueing:
        return Queueing(self.database, self.composing)

    @property
    def cancelling(self) -> Cancelling:
        return Cancelling(self.database)

    @property
    def planning(self) -> Planning:
        return Planning(self.database, self.composing, None if self.provider_is_rehearsal else self.pacing)

    @property
    def holding(self) -> Holding:
        return Holding(self.database)

    @property
    def resolving(self) -> Resolving:
        return Resolving(self.database)

    @property
    def subscribing(self) -> Subscribing:
        return Subscribing(self.database, self.deployment.salt, self._plan_confirmations)

    def _plan_confirmations(self, tx: Connection, pending: Sequence[Pending]) -> None:
        # The keys are made where somebody is mailed, and not by whoever only looks at a list.
        self.pages.sign_ups.plan_confirmations(tx, pending)

    @property
    def enrolling(self) -> Enrolling:
        return Enrolling(self.composing, lambda: self.subscribing, self.clock, self.settings.public_url)

    @property
    def restoring(self) -> Restoring:
        return Restoring(self.database, self.deployment.salt, self.composing)

    @property
    def exporting(self) -> Exporting:
        return Exporting(self.database, self.deployment.salt)

    @property
    def pausing(self) -> Pausing:
        return Pausing(self.database, self.deployment.salt)

    @property
    def leaving(self) -> Leaving:
        return Leaving(self.database, self.deployment.salt)

    @property
    def explaining(self) -> Explaining:
        return Explaining(self.database, self.composing, self.deployment.salt)

    @property
    def summing(self) -> Summing:
        return Summing(self.database)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.database, self._capabilities, self.deployment.id)

    @property
    def hearing(self) -> Hearing:
        return Hearing(self.evidence, listeners(self.environment), self.deployment.salt, self.clock)

    @cached_property
    def pages(self) -> Pages:
        # The pages alone need no key of the provider.
        provider = self._provider.capabilities.name if self._provider else self.settings.provider.name
        dress = self.composing.renderer.dress()
        return Pages(self.storage, self.keys, self.settings, self.clock, provider, dress)

    @property
    def web_templates(self) -> tuple[Path, ...]:
        return (self.root / "templates" / "web", shipped() / "templates" / "web")

    def refuse_unready(self) -> None:
        """Raise Refused where a setting is missing that every real mail needs."""
        refuse_unready(self.provider.capabilities, self.settings.publication, self.settings.public_url)

    def refuse_silent_way_out(self) -> None:
        """Raise Refused where the unsubscribe route does not answer at the public URL."""
        if self.provider_is_rehearsal:
            return
        from newsletter.providers.probing import answers_with  # noqa: PLC0415 - httpx is slow to import

        refuse_silent_way_out(self.settings.public_url, self.keys, answers_with)

    @property
    def belonging(self) -> Belonging:
        return Belonging(self.storage.lineage, self.provider_is_rehearsal)

    @property
    def pacing(self) -> Pacing | None:
        """Tell how long sends take; None while the provider cannot be opened."""
        capabilities = self._capabilities
        if capabilities is None:
            return None
        return Pacing(self.database, capabilities, self.settings.limits(capabilities))

    @property
    def reporting(self) -> Reporting:
        return Reporting(self.database, self.pacing, self.queueing, self.belonging, self.clock)

    @property
    def engines(self) -> Engines:
        return Engines(self.settings, self.keys, self.storage)

    @cached_property
    def engine(self) -> Engine:
        return self.engines.real(self.provider, self.storage.shared_clock)

    @property
    def tests(self) -> TestCopies:
        return TestCopies(self.database, self.composing, self.engine.delivering, self.deployment.salt)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Be the one sender of this database; what a sender that is gone had claimed is taken over."""
        with sender_lock(self.database.file):
            if self.storage.aside is not None:
                self.storage.aside.reserve()
            self.storage.lineage.begin()
            # What was answered is recorded before anybody takes it for a doubt.
            self.engine.delivering.replay()
            if self.database.file is not None:
                self.engine.take_over()
            yield

    def on(self, url: str | None) -> "App":
        """Return the same letter, read anew, over another database by its URL; None is its own."""
        return App(
            self.root,
            clock=self.clock if self._is_played else None,
            environment=self.environment,
            provider=self._provider,
            database_url=url or self._database_url,
        )
