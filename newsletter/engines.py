"""The part of the composition root that makes engines: over the database itself, or over a copy."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from newsletter.caller_process import CallerProcess
from newsletter.config import Settings
from newsletter.domain.account import Limits
from newsletter.domain.clock import Clock
from newsletter.domain.delivery import lease_for
from newsletter.domain.provider import Provider
from newsletter.domain.tokens import TokenKeys
from newsletter.pipeline.alerting import Alerting
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.retaining import Retaining
from newsletter.pipeline.running import Engine
from newsletter.storage import Storage
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage


@dataclass(frozen=True)
class Engines:
    """Put engines together: they differ in their database, provider and clock."""

    settings: Settings
    keys: TokenKeys
    storage: Storage

    def real(self, provider: Provider, clock: Clock) -> Engine:
        """Make the engine over the database itself, at the pace of the provider's account."""
        storage, limits = self.storage, self.settings.limits(provider.capabilities)
        engine = self._make(storage.database, provider, clock, limits, storage.lineage, storage.aside)
        # Of days that are only played nothing is old.
        is_now = clock is storage.shared_clock
        retention = self.settings.retention.spans
        return replace(engine, retaining=Retaining(storage.database, clock, retention) if is_now else None)

    def on_copy(self, copy: Database, provider: Provider, clock: Clock) -> Engine:
        """Make one over a copy: no concern of this machine's files, and no call of it waits for the pace."""
        return self._make(copy, provider, clock, Limits())

    def caller_process(self, provider: Provider, environment: Mapping[str, str]) -> CallerProcess | None:
        """Prepare a process to call from, where there is a second core for it and something leaves."""
        capabilities = provider.capabilities
        if capabilities.rehearsal or os.name != "posix" or (os.cpu_count() or 1) < 2:
            return None
        table = self.settings.provider
        accounts = {capabilities.name: table.opened_with(self.storage.root, dict(environment))}
        return CallerProcess(accounts, self.keys, table.calls_at_once, lease_for(capabilities))

    def _make(
        self,
        database: Database,
        provider: Provider,
        clock: Clock,
        limits: Limits,
        lineage: Lineage | None = None,
        aside: Aside | None = None,
    ) -> Engine:
        deployment, capabilities = self.storage.deployment, provider.capabilities
        delivering = Delivering.of(
            database,
            provider,
            clock,
            keys=self.keys,
            deployment=deployment.id,
            public_url=self.settings.links_url,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            limits=limits,
            lineage=lineage,
            aside=aside,
            rest=time.sleep,
        )
        alerting = Alerting(database, capabilities.name, tuple(self.settings.alert_to), deployment.salt)
        return Engine(database, Releasing(database, capabilities, limits), delivering, clock, alerting)
