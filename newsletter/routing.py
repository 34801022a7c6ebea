"""The part of the composition root that opens providers, and knows by which of them a series goes."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.config import Settings
from newsletter.domain.event import Listener
from newsletter.domain.provider import Capabilities, Provider
from newsletter.domain.routes import Route, Routes
from newsletter.errors import ProviderError
from newsletter.pipeline.pacing import Paces, Pacing
from newsletter.provider_tables import ProviderTable
from newsletter.providers import ProviderSettings, listeners, open_named, open_provider
from newsletter.store.database import Database
from newsletter.store.picking import Beside

#: What the default is called where others have the names that series give them.
DEFAULT = ""


@dataclass(frozen=True)
class Routing:
    """The providers of a letter by what series name, the default as `DEFAULT`; `given` are open already."""

    root: Path
    settings: Settings
    environment: Mapping[str, str]
    given: Mapping[str, Provider]
    _opened: dict[str, Provider] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what there is, the default first."""
        return DEFAULT, *self.settings.providers

    def provider(self, name: str = DEFAULT) -> Provider:
        """Return a provider, opened; raises ProviderError where its key is missing."""
        if name not in self._opened:
            self._opened[name] = self.given.get(name) or self._open(name)
        return self._opened[name]

    def every(self) -> Mapping[str, Provider]:
        """Open all that there are."""
        return {name: self.provider(name) for name in self.names}

    def close(self) -> None:
        """Close those that were opened."""
        for provider in self._opened.values():
            with closing(provider):
                pass

    def known(self, name: str = DEFAULT) -> Capabilities | None:
        """Tell what a provider can do; None where it cannot be opened, or where there is none."""
        # Who only looks needs no key; who sends opens the provider, and meets the error there.
        try:
            return self.provider(name).capabilities if name in self.names else None
        except ProviderError:
            return None

    def is_rehearsal(self, name: str = DEFAULT) -> bool:
        """Tell whether nothing leaves this machine by a provider."""
        found = self.known(name)
        return found is not None and found.rehearsal

    @property
    def rehearses_all(self) -> bool:
        return all(self.is_rehearsal(name) for name in self.names)

    def routes(self) -> Routes:
        """Return what can be done by each; raises ProviderError where one cannot be opened."""
        default, *named = [self.route(name, self.provider(name).capabilities) for name in self.names]
        return Routes(default, dict(zip(self.settings.providers, named, strict=True)))

    def route(self, name: str, capabilities: Capabilities) -> Route:
        """Return what can be done by one, at the pace that its table allows."""
        return Route(capabilities, self.table(name).limits(capabilities))

    def beside(self, name: str) -> Beside:
        """Say whose mails a provider sends, and which others there are beside it in this process."""
        others = [self.provider(one).capabilities for one in self.names if one != name]
        return Beside(
            name,
            frozenset(one.name for one in others),
            frozenset(one.name for one in others if not one.rehearsal),
        )

    def table(self, name: str = DEFAULT) -> ProviderTable:
        """Return the settings of one."""
        return self.settings.provider if name == DEFAULT else self.settings.providers[name]

    def opened_with(self, name: str = DEFAULT) -> ProviderSettings:
        """Return what one is opened with."""
        return self.table(name).opened_with(self.root, self.environment)

    def paces(self, database: Database) -> Paces:
        """Return the paces of those that can be opened."""
        known = {name: can for name in self.names if (can := self.known(name)) is not None}
        by_name = {name: Pacing(database, can, self.table(name).limits(can)) for name, can in known.items()}
        return Paces(by_name, frozenset(self.names))

    @property
    def in_ledger(self) -> Mapping[str, str]:
        """Return the names by which the ledger knows them; nobody needs a key to know these."""
        own = {name: name or self.settings.provider.name for name in self.names}
        return own | {name: one.capabilities.name for name, one in self.given.items()}

    def called(self, name: str) -> str:
        """Name one for a person: what series call it and, if it is there, what it is."""
        if name not in self.settings.providers:
            return name or self.in_ledger[name]
        kind = self.table(name).name
        return name if name == kind else f"{name} ({kind})"

    def rehearsed(self, by_provider: Callable[[], Mapping[str, str]]) -> list[str]:
        """Say of what nothing leaves this machine; `by_provider` tells what each series names."""
        nothing = "nothing leaves this machine"
        if self.rehearses_all:
            return [f"{name}: {nothing}" for name in dict.fromkeys(self.in_ledger.values())]
        return [
            f"{self.called(name)}: of {', '.join(slugs)} {nothing}"
            for name in self.names
            if self.is_rehearsal(name)
            if (slugs := [slug for slug, by in by_provider().items() if by == name])
        ]

    @property
    def calls_at_once(self) -> Mapping[str, int]:
        """Return how many calls of each are made at once, by the ledger's names."""
        return {self.in_ledger[name]: self.table(name).calls_at_once for name in self.names}

    @property
    def listeners(self) -> Mapping[str, Callable[[], Listener]]:
        """Return what opens the understanding of the reports of each."""
        return listeners(self.environment, {name: self.opened_with(name) for name in self.settings.providers})

    def kind_of(self, name: str) -> str:
        """Return which service stands behind the name of a webhook's address."""
        return self.table(name).name if name in self.settings.providers else name

    def _open(self, name: str) -> Provider:
        settings = self.opened_with(name)
        return open_named(name, settings) if name else open_provider(settings)
