"""The part of the composition root that makes engines: over the database itself, or over a copy."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.caller_process import CallerProcess
from newsletter.config import Settings
from newsletter.domain.account import Limits
from newsletter.domain.clock import Clock
from newsletter.domain.delivery import lease_for
from newsletter.domain.provider import Provider
from newsletter.domain.routes import Route, Routes
from newsletter.domain.tokens import TokenKeys
from newsletter.pipeline.alerting import Alerting
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.pipeline.retaining import Retaining
from newsletter.pipeline.running import Engine
from newsletter.routing import DEFAULT, Routing
from newsletter.storage import Storage
from newsletter.store.aside import Aside
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage
from newsletter.store.picking import ALONE, Beside

_UNLIMITED = Limits()


@dataclass(frozen=True)
class Engines:
    """Put engines together: they differ in their database, providers and clock."""

    settings: Settings
    keys: TokenKeys
    storage: Storage

    def real(self, routing: Routing, clock: Clock) -> Engine:
        """Make the engine over the database itself, each provider at the pace of its account."""
        storage, routes = self.storage, routing.routes()
        default, *others = [
            self._delivering(
                storage.database,
                provider,
                clock,
                routing.table(name).limits(provider.capabilities),
                routing.beside(name),
                storage.lineage,
                storage.aside,
            )
            for name, provider in routing.every().items()
        ]
        # Of days that are only played nothing is old.
        is_now = clock is storage.shared_clock
        retention = self.settings.retention.spans
        retaining = Retaining(storage.database, clock, retention) if is_now else None
        return self._engine(storage.database, routes, default, clock, tuple(others), retaining)

    def on_copy(self, copy: Database, provider: Provider, clock: Clock) -> Engine:
        """Make one over a copy: no concern of this machine's files, and no call of it waits for the pace.

        One provider is for all, whatever a series names, if that is there.
        """
        route = Route(provider.capabilities)
        routes = Routes(route, dict.fromkeys(self.settings.providers, route))
        return self._engine(copy, routes, self._delivering(copy, provider, clock), clock)

    def composing(self, copy: Database, routing: Routing, clock: Clock) -> Engine:
        """Make one over a copy as `on_copy` does, with the provider of each series."""
        opened = routing.every()
        named = {name: Route(one.capabilities) for name, one in opened.items() if name}
        default, *others = [
            self._delivering(copy, one, clock, beside=routing.beside(name)) for name, one in opened.items()
        ]
        routes = Routes(Route(opened[DEFAULT].capabilities), named)
        return self._engine(copy, routes, default, clock, tuple(others))

    def caller_processes(self, routing: Routing) -> Mapping[str, CallerProcess]:
        """Prepare a process to call from for each provider by which something leaves, by the ledger's names.

        None where there is no second core for them.
        """
        if os.name != "posix" or (os.cpu_count() or 1) < 2:
            return {}
        environment = dict(routing.environment)
        found = {}
        for name, provider in routing.every().items():
            can, table = provider.capabilities, routing.table(name)
            if not can.rehearsal:
                accounts = {can.name: table.opened_with(self.storage.root, environment)}
                found[can.name] = CallerProcess(accounts, self.keys, table.calls_at_once, lease_for(can))
        return found

    def _engine(
        self,
        database: Database,
        routes: Routes,
        delivering: Delivering,
        clock: Clock,
        others: tuple[Delivering, ...] = (),
        retaining: Retaining | None = None,
    ) -> Engine:
        name, salt = routes.default.capabilities.name, self.storage.deployment.salt
        alerting = Alerting(database, name, tuple(self.settings.alert_to), salt)
        releasing = Releasing(database, routes.default.capabilities, routes.default.limits, routes.named)
        return Engine(database, releasing, delivering, clock, alerting, retaining, others)

    def _delivering(
        self,
        database: Database,
        provider: Provider,
        clock: Clock,
        limits: Limits = _UNLIMITED,
        beside: Beside = ALONE,
        lineage: Lineage | None = None,
        aside: Aside | None = None,
    ) -> Delivering:
        return Delivering.of(
            database,
            provider,
            clock,
            keys=self.keys,
            deployment=self.storage.deployment.id,
            public_url=self.settings.links_url,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            limits=limits,
            lineage=lineage,
            aside=aside,
            rest=time.sleep,
            beside=beside,
        )
