"""The composition root: the one place that chooses real parts, reads the clock and the environment."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from newsletter.domain.clock import Clock
from newsletter.domain.provider import Provider
from newsletter.domain.tokens import TokenKeys
from newsletter.engines import Engines
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
from newsletter.routing import DEFAULT, Routing
from newsletter.storage import Storage
from newsletter.store.database import Database
from newsletter.store.schema import Deployment
from newsletter.store.sender_lock import sender_lock
from newsletter.writing import Writing, shipped

_NONE: Mapping[str, Provider] = {}


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
        providers: Mapping[str, Provider] = _NONE,
    ) -> None:
        """Take what is given: `provider` in place of the default, `providers` of those that series name."""
        super().__init__(root, clock=clock, environment=environment)
        write_plainly()
        self._is_played = clock is not None
        self._given = {**providers, **({DEFAULT: provider} if provider else {})}
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
    def routing(self) -> Routing:
        return Routing(self.root, self.settings, self.environment, self._given)

    @property
    def provider(self) -> Provider:
        """The default provider, opened; raises ProviderError where its key is missing."""
        return self.routing.provider()

    @property
    def provider_is_rehearsal(self) -> bool:
        """Tell whether nothing leaves this machine, by whichever provider."""
        return self.routing.rehearses_all

    @property
    def rehearsed(self) -> list[str]:
        """Say of what nothing leaves this machine: of everything, or of the mails of some series."""
        return self.routing.rehearsed(self.reporting.by_provider)

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
        return Planning(self.database, self.composing, self.routing.paces(self.database).of_real)

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
        default, *others = [self.routing.known(name) for name in self.routing.names]
        return Evidence(self.database, default, self.deployment.id, [one for one in others if one])

    @property
    def hearing(self) -> Hearing:
        return Hearing(self.evidence, self.routing.listeners, self.deployment.salt, self.clock)

    @cached_property
    def pages(self) -> Pages:
        # The pages alone need no key of a provider.
        dress = self.composing.renderer.dress()
        return Pages(self.storage, self.keys, self.settings, self.clock, self.routing.in_ledger, dress)

    @property
    def web_templates(self) -> tuple[Path, ...]:
        return (self.root / "templates" / "web", shipped() / "templates" / "web")

    def refuse_unready(self) -> None:
        """Raise Refused where a setting is missing that every real mail needs."""
        for provider in self.routing.every().values():
            refuse_unready(provider.capabilities, self.settings.publication, self.settings.public_url)

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
    def reporting(self) -> Reporting:
        paces = self.routing.paces(self.database)
        return Reporting(self.database, paces, self.queueing, self.belonging, self.clock)

    @property
    def engines(self) -> Engines:
        return Engines(self.settings, self.keys, self.storage)

    @cached_property
    def engine(self) -> Engine:
        return self.engines.real(self.routing, self.storage.shared_clock)

    @property
    def tests(self) -> TestCopies:
        engine, in_ledger = self.engine, self.routing.in_ledger
        by_name = {one.provider.capabilities.name: one for one in engine.deliveries}
        return TestCopies(
            self.database, self.composing, lambda name: by_name[in_ledger[name]], self.deployment.salt
        )

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Be the one sender of this database; what a sender that is gone had claimed is taken over."""
        with sender_lock(self.database.file):
            if self.storage.aside is not None:
                self.storage.aside.reserve()
            self.storage.lineage.begin()
            # What was answered is recorded before anybody takes it for a doubt.
            self.engine.replay()
            if self.database.file is not None:
                self.engine.take_over()
            yield

    def on(self, url: str | None) -> "App":
        """Return the same letter, read anew, over another database by its URL; None is its own."""
        return App(
            self.root,
            clock=self.clock if self._is_played else None,
            environment=self.environment,
            providers=self._given,
            database_url=url or self._database_url,
        )
